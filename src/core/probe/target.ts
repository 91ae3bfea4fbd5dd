/** What a probe without calls is pointed at, as a user writes it. */
import { RtplatError } from '../errors.ts';
import { parseHostPort } from '../values/address.ts';

export interface ProbeTarget {
  readonly kind: 'udp';
  /** Numeric address or host name, without brackets. */
  readonly host: string;
  readonly port: number;
}

const EXAMPLE = 'write udp://HOST:PORT, such as udp://127.0.0.1:4000, or sip:USER@HOST for a call';

/**
 * `udp://host:port`, `udp://[::1]:4000`, or either without `udp://`.
 *
 * @throws RtplatError `usage`.
 */
export function parseTarget(text: string): ProbeTarget {
  const trimmed = text.trim();
  if (trimmed.toLowerCase().startsWith('ari:')) {
    throw new RtplatError('usage', `cannot probe ${trimmed}: ari: targets are not in this version`, { hint: EXAMPLE });
  }
  const separator = trimmed.indexOf('://');
  const scheme = separator < 0 ? 'udp' : trimmed.slice(0, separator).toLowerCase();
  if (scheme !== 'udp') throw new RtplatError('usage', `cannot probe ${trimmed}: ${scheme}:// is not a kind of target`, { hint: EXAMPLE });
  const rest = separator < 0 ? trimmed : trimmed.slice(separator + 3);
  const hostPort = parseHostPort(rest.endsWith('/') ? rest.slice(0, -1) : rest);
  if (hostPort === undefined) throw new RtplatError('usage', `cannot probe ${trimmed}: it names no host and port`, { hint: EXAMPLE });
  return { kind: 'udp', ...hostPort };
}
