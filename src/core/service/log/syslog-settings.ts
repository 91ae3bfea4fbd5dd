/** Where syslog is, and what our lines say of themselves there. */
import { parseHostPort } from '../../values/address.ts';
import type { HostPort } from '../../values/address.ts';

export type SyslogDestination =
  | { readonly kind: 'local' }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'udp' | 'tcp'; readonly at: HostPort };

/** What a daemon of ours could be (RFC 5424 table 1), by the names of syslog.conf(5). */
export const SYSLOG_FACILITIES = [
  'daemon',
  'user',
  'local0',
  'local1',
  'local2',
  'local3',
  'local4',
  'local5',
  'local6',
  'local7',
] as const;

export type SyslogFacility = (typeof SYSLOG_FACILITIES)[number];

export interface SyslogSettings {
  readonly destination: SyslogDestination;
  readonly facility: SyslogFacility;
}

/** IANA's for syslog over UDP; what receivers have for TCP too, which has none of its own. */
const DEFAULT_PORT = 514;

/** @returns undefined for what is neither `local`, `unix:///PATH`, `udp://HOST:PORT` nor `tcp://HOST:PORT`; a port may be left away. */
export function parseSyslogDestination(text: string): SyslogDestination | undefined {
  if (text === 'local') return { kind: 'local' };
  // The kernel has 108 bytes for the path, one of them for the end.
  if (text.startsWith('unix:///')) {
    const path = text.slice('unix://'.length);
    return Buffer.byteLength(path) < 108 ? { kind: 'unix', path } : undefined;
  }
  for (const kind of ['udp', 'tcp'] as const) {
    const prefix = `${kind}://`;
    if (!text.startsWith(prefix)) continue;
    const rest = text.slice(prefix.length);
    const at = parseHostPort(rest) ?? parseHostPort(`${rest}:${DEFAULT_PORT}`);
    if (at !== undefined && at.port > 0 && isHost(at.host)) return { kind, at };
  }
  return undefined;
}

/** Letters, digits, and what stands in names and numeric addresses besides. */
function isHost(text: string): boolean {
  for (const c of text) {
    const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && !'.-_:%'.includes(c)) return false;
  }
  return true;
}
