/**
 * What is wrong with a request before anybody looks at what it asks for (RFC 3261 §8.2.1 to §8.2.3). Pure.
 */
import type { NameAddr } from './headers-values.ts';
import { parseNameAddr } from './message.ts';
import type { SipRequest } from './message.ts';
import { asRequestUri, parseUri } from './uri.ts';

export interface Refusal {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: readonly (readonly [string, string])[];
}

/** What this user agent serves. ACK and CANCEL are not answered by it but named. */
export const ALLOW = 'INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE, INFO, PRACK';
const SERVED: ReadonlySet<string> = new Set(['INVITE', 'OPTIONS', 'BYE', 'UPDATE', 'INFO', 'PRACK', 'REFER']);
/** Known, and not served: 405 where an unknown one is 501 (§8.2.1, §21.5.2). */
const KNOWN: ReadonlySet<string> = new Set(['REGISTER', 'SUBSCRIBE', 'NOTIFY', 'MESSAGE', 'PUBLISH']);
/** Extensions that a caller may require. */
export const SUPPORTED: readonly string[] = ['100rel', 'timer'];
export const ACCEPT = 'application/sdp';
/** Methods whose Contact is where our requests go. */
const TARGETED: ReadonlySet<string> = new Set(['INVITE', 'UPDATE']);
/** Methods whose body is a session description. */
const DESCRIBED: ReadonlySet<string> = new Set(['INVITE', 'UPDATE', 'PRACK']);

/**
 * @param overTls whether it came by TLS.
 * @returns why the request cannot be served, or undefined. Not for ACK and CANCEL.
 */
export function refusalOf(request: SipRequest, overTls: boolean): Refusal | undefined {
  return (
    incomplete(request) ??
    wrongMethod(request) ??
    wrongUri(request, overTls) ??
    missingExtension(request) ??
    wrongWay(request, overTls) ??
    wrongContent(request) ??
    notAccepted(request)
  );
}

function incomplete(request: SipRequest): Refusal | undefined {
  const { headers, cseq } = request;
  for (const name of ['From', 'To', 'Call-ID', 'CSeq', 'Via']) if (!headers.has(name)) return bad(`Missing ${name}`);
  for (const name of ['From', 'To', 'Call-ID', 'CSeq']) if (headers.all(name).length > 1) return bad(`More Than One ${name}`);
  if (request.from === undefined) return bad('Malformed From');
  if (request.to === undefined) return bad('Malformed To');
  if (request.callId === undefined) return bad('Malformed Call-ID');
  if (request.via === undefined) return bad('Malformed Via');
  if (cseq === undefined) return bad('Malformed CSeq');
  if (cseq.method !== request.method) return bad('CSeq Method Mismatch');
  return undefined;
}

function bad(reason: string): Refusal {
  return { status: 400, reason };
}

function wrongMethod({ method }: SipRequest): Refusal | undefined {
  if (SERVED.has(method)) return undefined;
  return { status: KNOWN.has(method) ? 405 : 501, headers: [['Allow', ALLOW]] };
}

function wrongUri({ uri }: SipRequest, overTls: boolean): Refusal | undefined {
  const scheme = schemeOf(uri);
  if (scheme !== 'sip' && scheme !== 'sips') return { status: 416 };
  if (parseUri(uri) === undefined) return bad('Malformed Request-URI');
  return isSecure(uri) && !overTls ? insecure() : undefined;
}

function schemeOf(uri: string): string {
  return uri.slice(0, Math.max(uri.indexOf(':'), 0)).toLowerCase();
}

/** Whether only TLS may carry what is for this URI (§26.2.2). */
export function isSecure(uri: string): boolean {
  return schemeOf(uri) === 'sips';
}

/** Who wants TLS all the way would be deceived by an answer. */
function insecure(): Refusal {
  return bad('SIPS Without TLS');
}

function missingExtension({ headers }: SipRequest): Refusal | undefined {
  const missing = headers.values('Require').filter((tag) => !SUPPORTED.includes(tag.toLowerCase()));
  return missing.length === 0 ? undefined : { status: 420, headers: [['Unsupported', missing.join(', ')]] };
}

/**
 * What a dialog would be built of (§12.1.1): a request of ours could not be written out with a URI that is none, nor sent to a
 * `sips:` URI the way that this one came.
 */
function wrongWay(request: SipRequest, overTls: boolean): Refusal | undefined {
  const { method, headers } = request;
  if (!TARGETED.has(method)) return undefined;
  const [value] = headers.values('Contact');
  const contact = value === undefined ? undefined : parseNameAddr(value);
  if (value !== undefined && !isTarget(contact)) return bad('Malformed Contact');
  // Then the From stands in for it.
  if (value === undefined && request.toTag === undefined && !isTarget(request.from)) return bad('Missing Contact');
  const routes = headers.values('Record-Route').map(parseNameAddr);
  if (!routes.every(isTarget)) return bad('Malformed Record-Route');
  const next = routes[0] ?? contact;
  return next !== undefined && isSecure(next.uri) && !overTls ? insecure() : undefined;
}

function isTarget(address: NameAddr | undefined): boolean {
  return address !== undefined && asRequestUri(address.uri) !== undefined;
}

/** Whoever takes no session description cannot be answered by one (§20.1, §21.4.7). */
function notAccepted({ method, headers }: SipRequest): Refusal | undefined {
  if (method !== 'INVITE') return undefined;
  const accepted = headers
    .values('Accept')
    .map(mediaTypeOf)
    .filter((type) => type !== '');
  if (accepted.length === 0 || accepted.some((type) => type === ACCEPT || type === 'application/*' || type === '*/*')) return undefined;
  return { status: 406 };
}

/** §8.2.3. A body that may be ignored is. */
function wrongContent(request: SipRequest): Refusal | undefined {
  if (request.body.length === 0 || !DESCRIBED.has(request.method)) return undefined;
  const { headers } = request;
  const encoding = headers.get('Content-Encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') return { status: 415, headers: [['Accept-Encoding', 'identity']] };
  const type = mediaTypeOf(headers.get('Content-Type') ?? '');
  if (type === ACCEPT) return undefined;
  const disposition = (headers.get('Content-Disposition') ?? '').toLowerCase();
  if (disposition.includes('handling=optional')) {
    request.body = new Uint8Array(0);
    return undefined;
  }
  return { status: 415, headers: [['Accept', ACCEPT]] };
}

/** Without parameters, in lower case. */
export function mediaTypeOf(value: string): string {
  const end = value.indexOf(';');
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase();
}
