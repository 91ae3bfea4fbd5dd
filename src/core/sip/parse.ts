/**
 * From bytes to a message (RFC 3261 §7, §18.3). Nothing that comes from the wire throws: what is wrong is named, with the status
 * that answers it.
 */
import { DEFAULT_SIP_LIMITS, findHeaderEnd, type SipLimits } from './framing.ts';
import { headerName } from './headers-names.ts';
import { SipHeaders } from './headers.ts';
import { EMPTY_BODY, SipRequest, SipResponse, type SipMessage } from './message.ts';
import { readStartLine, type Fault } from './parse-start-line.ts';
import { hasForbiddenControl, isBlank, isToken, MAXIMUM_PARAMETERS, parseDecimal, sliceTrimmed } from './scanner.ts';

/**
 * A message, or why there is none. `problem` can be a reason phrase and `status` goes with it (400, 505, 513); `request` is what
 * could be read of the request, with its Via, and undefined for all that must not be answered: responses, ACKs, noise.
 */
export type Parsed =
  | { readonly message: SipMessage }
  | { readonly problem: string; readonly status: number; readonly request: SipRequest | undefined };

const CR = 0x0d;
const LF = 0x0a;

/** Methods whose CSeq must say the same. With any other method the answer is 501, which tells more than 400 (RFC 4475 §3.1.2.18). */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'ACK',
  'BYE',
  'CANCEL',
  'INFO',
  'INVITE',
  'MESSAGE',
  'NOTIFY',
  'OPTIONS',
  'PRACK',
  'PUBLISH',
  'REFER',
  'REGISTER',
  'SUBSCRIBE',
  'UPDATE',
]);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses one datagram, or one message of a stream. Without Content-Length the body is all that follows; what follows a body of
 * that length is dropped. CRLFs before the message are skipped. Does not keep `bytes`.
 *
 * A message that comes out has one readable From, To, Call-ID and CSeq, a readable topmost Via, and, when it is a request, a
 * Request-URI that is a good SIP URI without headers or a URI of another scheme.
 */
export function parseMessage(bytes: Uint8Array, limits: SipLimits = DEFAULT_SIP_LIMITS): Parsed {
  let start = 0;
  while (bytes[start] === CR && bytes[start + 1] === LF) start += 2;
  if (start === bytes.length) return nothing('Empty Message');

  let fault: Fault | undefined;
  if (bytes.length - start > limits.messageBytes) fault = tooLarge('Message Too Large');
  let headerEnd = findHeaderEnd(bytes, start, bytes.length);
  if (headerEnd === -1) {
    fault ??= malformed('No Empty Line After Headers');
    headerEnd = bytes.length;
  }
  if (headerEnd - start > limits.headerBytes) {
    fault ??= tooLarge('Headers Too Large');
    headerEnd = start + limits.headerBytes;
  }

  const head = decode(bytes.subarray(start, headerEnd));
  const firstEnd = lineEnd(head, 0);
  const startLine = firstEnd === -1 ? undefined : readStartLine(head.slice(0, firstEnd));
  if (startLine === undefined) return nothing('Not SIP');
  if (firstEnd > limits.lineLength) fault ??= tooLarge('Start Line Too Long');
  fault ??= startLine.fault;

  const headers = new SipHeaders();
  const headerFault = readHeaders(head, firstEnd + 2, limits, headers);
  fault ??= headerFault;
  const body = readBody(bytes, headerEnd, headers);
  const message =
    startLine.kind === 'request'
      ? new SipRequest(startLine.method, startLine.uri, headers, body ?? EMPTY_BODY)
      : new SipResponse(startLine.status, startLine.reason, headers, body ?? EMPTY_BODY);
  if (body === undefined) fault ??= malformed('Malformed Content-Length');
  fault ??= checkHeaders(message);
  if (fault === undefined) return { message };
  const answerable = message.kind === 'request' && message.method !== 'ACK' && headers.has('Via');
  return { ...fault, request: answerable ? message : undefined };
}

function nothing(problem: string): Parsed {
  return { problem, status: 400, request: undefined };
}

function malformed(problem: string): Fault {
  return { problem, status: 400 };
}

function tooLarge(problem: string): Fault {
  return { problem, status: 513 };
}

/** SIP is UTF-8. What is not is taken as Latin-1, so that an old phone's display name does not cost its call. */
function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
  }
}

/** @returns the index of the CRLF that ends the line at `from`; −1 when none does, or a CR or LF stands alone before it. */
function lineEnd(text: string, from: number): number {
  const cr = text.indexOf('\r', from);
  return cr !== -1 && text.indexOf('\n', from) === cr + 1 ? cr : -1;
}

/** Reads all fields up to the empty line. Goes on behind a broken one, so that the request can still be answered. */
function readHeaders(head: string, from: number, limits: SipLimits, headers: SipHeaders): Fault | undefined {
  let fault: Fault | undefined;
  let count = 0;
  const mayHaveNul = head.includes('\0');
  let colon = 0;
  for (let at = from; at < head.length;) {
    let end = lineEnd(head, at);
    if (end === -1) return fault ?? malformed('Line Without CRLF');
    if (end === at) break;
    // Searched for only when the last one is behind us, so that lines without one cost no more than others.
    if (colon !== -1 && colon < at) colon = head.indexOf(':', at);
    const hasColon = colon !== -1 && colon < end;
    let value = hasColon ? sliceTrimmed(head, colon + 1, end) : '';

    // Lines that begin with a blank go on with the one before (§7.3.1); the fold is as good as one space.
    let next = end + 2;
    while (isBlank(head.charCodeAt(next))) {
      end = lineEnd(head, next);
      if (end === -1) return fault ?? malformed('Line Without CRLF');
      const more = sliceTrimmed(head, next, end);
      if (more !== '') value = value === '' ? more : `${value} ${more}`;
      next = end + 2;
    }
    count += 1;
    if (count > limits.headerCount) return fault ?? tooLarge('Too Many Headers');
    let found: Fault | undefined;
    if (end - at > limits.lineLength) found = tooLarge('Header Too Long');
    else if (!hasColon || isBlank(head.charCodeAt(at))) found = malformed('Header Without a Name');
    else found = readHeader(sliceTrimmed(head, at, colon), value, mayHaveNul, headers);
    fault ??= found;
    at = next;
  }
  return fault;
}

function readHeader(written: string, value: string, mayHaveNul: boolean, headers: SipHeaders): Fault | undefined {
  const name = headerName(written);
  if (name.name === written && !isToken(written)) return malformed('Malformed Header Name');
  if (mayHaveNul && hasForbiddenControl(value)) return malformed(`NUL in ${name.name}`);
  if (name.single && headers.has(name.name)) return malformed(`More Than One ${name.name}`);
  headers.push(name, value);
  return undefined;
}

/** The body, in memory of its own; undefined when Content-Length says more than there is, or nothing that can be understood. */
function readBody(bytes: Uint8Array, from: number, headers: SipHeaders): Uint8Array | undefined {
  const available = bytes.length - from;
  const field = headers.get('Content-Length');
  const length = field === undefined ? available : parseDecimal(field, available);
  if (length === undefined) return undefined;
  return length === 0 ? EMPTY_BODY : new Uint8Array(bytes.subarray(from, from + length));
}

/** What every message must have (§8.1.1, §8.2.6.2), but for Max-Forwards and tags, which RFC 2543 did not know. */
function checkHeaders(message: SipMessage): Fault | undefined {
  if (message.via === undefined) return unreadable(message, 'Via');
  if (message.from === undefined) return unreadable(message, 'From');
  if (message.to === undefined) return unreadable(message, 'To');
  if (message.callId === undefined) return unreadable(message, 'Call-ID');
  const { cseq } = message;
  if (cseq === undefined) return unreadable(message, 'CSeq');
  if (message.kind === 'request' && cseq.method !== message.method && KNOWN_METHODS.has(message.method)) {
    return malformed('CSeq Method Mismatch');
  }
  return undefined;
}

function unreadable(message: SipMessage, name: string): Fault {
  const text = message.headers.get(name);
  if (text === undefined) return malformed(`Missing ${name}`);
  // Counted only now: it is one of the reasons why a field could not be read.
  let semicolons = 0;
  for (let at = text.indexOf(';'); at !== -1; at = text.indexOf(';', at + 1)) semicolons += 1;
  return semicolons > MAXIMUM_PARAMETERS ? tooLarge(`Too Many Parameters in ${name}`) : malformed(`Malformed ${name}`);
}
