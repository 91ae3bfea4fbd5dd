/** Whom to call, and by what way, as a user writes it. Pure. */
import { RtplatError } from '../errors.ts';
import { formatUri, parseUri } from '../sip/uri.ts';
import type { SipUri } from '../sip/uri.ts';

export type CallTransport = 'udp' | 'tcp' | 'tls';

export interface CallTarget {
  /** Request-URI. */
  readonly uri: string;
  /** What is resolved, and sent to first: the target, or the outbound proxy. */
  readonly nextHop: SipUri;
  readonly transport: CallTransport;
  /** Values of Route. */
  readonly routes: readonly string[];
  /** URI of From; undefined where it is made of our address. */
  readonly from: string | undefined;
}

export interface TargetChoices {
  readonly transport?: CallTransport | undefined;
  readonly proxy?: string | undefined;
  readonly from?: string | undefined;
  readonly user?: string | undefined;
}

const EXAMPLE = 'write sip:USER@HOST or sip:USER@HOST:PORT, such as sip:600@192.0.2.10:5060';

/** Whether the text is for a call. */
export function isCallTarget(text: string): boolean {
  const scheme = text.trim().slice(0, 5).toLowerCase();
  return scheme.startsWith('sip:') || scheme === 'sips:';
}

/** @throws RtplatError `usage`. */
export function parseCallTarget(text: string, choices: TargetChoices): CallTarget {
  const target = uriOf(text, 'cannot call');
  const proxy = choices.proxy === undefined ? undefined : uriOf(choices.proxy, 'cannot use --proxy');
  const nextHop = proxy ?? target;
  const secure = target.scheme === 'sips';
  const transport = choices.transport ?? transportOf(nextHop, secure);
  if (secure && transport !== 'tls') {
    throw new RtplatError('usage', `cannot call ${text.trim()} by ${transport}: sips: is TLS all the way`, {
      hint: 'leave --transport out, or call sip:',
    });
  }
  return {
    uri: formatUri({ ...target, password: undefined }),
    nextHop,
    transport,
    routes: proxy === undefined ? [] : [`<${formatUri({ ...proxy, params: new Map([...proxy.params, ['lr', undefined]]) })}>`],
    from: fromOf(choices, target),
  };
}

/** The same number or name as whom the PBX knows us by; else none. */
function fromOf({ from, user }: TargetChoices, target: SipUri): string | undefined {
  if (from !== undefined) return formatUri(uriOf(from, 'cannot use --from'));
  if (user === undefined) return undefined;
  return formatUri({ ...target, user, password: undefined, port: undefined, params: new Map() });
}

function uriOf(text: string, doing: string): SipUri {
  const trimmed = text.trim();
  const uri = parseUri(trimmed);
  if (uri === undefined) throw new RtplatError('usage', `${doing} ${trimmed}: it is no SIP URI`, { hint: EXAMPLE });
  if (uri.password !== undefined) {
    throw new RtplatError('usage', `${doing} sip:${uri.user ?? ''}:…@${uri.host}: a password does not belong into a URI`, {
      hint: 'use --user with RTPLAT_SIP_PASSWORD or --password-file',
    });
  }
  if (uri.headers.size > 0) throw new RtplatError('usage', `${doing} ${trimmed}: header fields in a URI are not sent`, { hint: EXAMPLE });
  return uri;
}

/** RFC 3263 §4.1, without NAPTR: what the URI says, else UDP. @throws RtplatError `usage`. */
function transportOf(hop: SipUri, secure: boolean): CallTransport {
  if (secure || hop.scheme === 'sips') return 'tls';
  const named = hop.params.get('transport')?.toLowerCase() ?? 'udp';
  if (named === 'udp' || named === 'tcp' || named === 'tls') return named;
  throw new RtplatError('usage', `the transport ${named} is not supported`, { hint: 'write ;transport=udp, tcp or tls' });
}
