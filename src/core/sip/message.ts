/** SIP requests and responses (RFC 3261 §7): made, read and written out. */
import { parseCSeq, parseNameAddr, parseVia, type CSeq, type NameAddr, type Via } from './headers-values.ts';
import { SipHeaders } from './headers.ts';
import { reasonPhrase } from './message-reasons.ts';
import { hasForbiddenControl, isToken, isUriText } from './scanner.ts';

export { SipHeaders } from './headers.ts';
export { parseNameAddr, type Via } from './headers-values.ts';

export type SipMessage = SipRequest | SipResponse;

export const EMPTY_BODY: Uint8Array = new Uint8Array(0);

const encoder = new TextEncoder();

/**
 * What both kinds have. The structured headers are read when first asked for and kept until the headers change; each is
 * undefined when the header is missing or malformed. What `parseMessage` lets through has via, from, to, cseq and callId.
 */
abstract class Message {
  readonly headers: SipHeaders;
  body: Uint8Array;
  /** Revision of the headers that the members below were read from. */
  #readAt = -1;
  #via: Via | undefined | null = null;
  #from: NameAddr | undefined | null = null;
  #to: NameAddr | undefined | null = null;
  #cseq: CSeq | undefined | null = null;

  constructor(headers: SipHeaders, body: Uint8Array) {
    this.headers = headers;
    this.body = body;
  }

  /** The topmost. */
  get via(): Via | undefined {
    this.#forgetChanged();
    if (this.#via === null) this.#via = this.#read('Via', parseVia);
    return this.#via;
  }

  get from(): NameAddr | undefined {
    this.#forgetChanged();
    if (this.#from === null) this.#from = this.#read('From', parseNameAddr);
    return this.#from;
  }

  get to(): NameAddr | undefined {
    this.#forgetChanged();
    if (this.#to === null) this.#to = this.#read('To', parseNameAddr);
    return this.#to;
  }

  get cseq(): CSeq | undefined {
    this.#forgetChanged();
    if (this.#cseq === null) this.#cseq = this.#read('CSeq', parseCSeq);
    return this.#cseq;
  }

  get callId(): string | undefined {
    const callId = this.headers.get('Call-ID');
    return callId === undefined || callId === '' || callId.includes(' ') || callId.includes('\t') ? undefined : callId;
  }

  get fromTag(): string | undefined {
    return this.from?.params.get('tag');
  }

  get toTag(): string | undefined {
    return this.to?.params.get('tag');
  }

  /** Of the topmost Via. */
  get branch(): string | undefined {
    return this.via?.params.get('branch');
  }

  #forgetChanged(): void {
    if (this.#readAt === this.headers.revision) return;
    this.#readAt = this.headers.revision;
    this.#via = null;
    this.#from = null;
    this.#to = null;
    this.#cseq = null;
  }

  #read<T>(name: string, parse: (text: string) => T | undefined): T | undefined {
    const text = this.headers.get(name);
    return text === undefined ? undefined : parse(text);
  }
}

export class SipRequest extends Message {
  readonly kind = 'request';
  readonly method: string;
  /** The Request-URI as written. */
  uri: string;

  constructor(method: string, uri: string, headers: SipHeaders, body: Uint8Array) {
    super(headers, body);
    this.method = method;
    this.uri = uri;
  }
}

export class SipResponse extends Message {
  readonly kind = 'response';
  /** 100 to 699. */
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, headers: SipHeaders, body: Uint8Array) {
    super(headers, body);
    this.status = status;
    this.reason = reason;
  }
}

/** @throws RangeError when it could not be written out: a broken method or header. */
export function createRequest(
  method: string,
  uri: string,
  headers: Iterable<readonly [name: string, value: string]>,
  body: Uint8Array = EMPTY_BODY,
): SipRequest {
  if (!isToken(method)) throw new RangeError(`not a method: ${JSON.stringify(method)}`);
  return new SipRequest(method, uri, withHeaders(new SipHeaders(), headers), body);
}

/** What a response has besides the fields that it takes from its request. */
export interface ResponseOptions {
  /** The usual phrase of the status when left out. */
  readonly reason?: string;
  /** Put on the To when it has no tag. */
  readonly toTag?: string;
  /** Appended behind what comes from the request. */
  readonly headers?: Iterable<readonly [name: string, value: string]>;
  readonly body?: Uint8Array;
}

/**
 * The response of a UAS (§8.2.6): every Via, From, To, Call-ID and CSeq of the request; the Timestamp of what is answered by 100;
 * the Record-Route of an INVITE when the answer makes a dialog (§12.1.1). Copies what is there, so that a malformed request can
 * be refused.
 *
 * @throws RangeError when it could not be written out: a status outside of 100 to 699, a broken reason, tag or header.
 */
export function createResponse(request: SipRequest, status: number, options: ResponseOptions = {}): SipResponse {
  const { reason = reasonPhrase(status), toTag, body = EMPTY_BODY } = options;
  if (!Number.isInteger(status) || status < 100 || status > 699) throw new RangeError(`not a status: ${status}`);
  if (hasForbiddenControl(reason)) throw new RangeError(`a line break or NUL in the reason ${JSON.stringify(reason)}`);
  const headers = new SipHeaders();
  headers.copy('Via', request.headers);
  if (request.method === 'INVITE' && status > 100 && status < 300) headers.copy('Record-Route', request.headers);
  headers.copy('From', request.headers);
  headers.copy('To', request.headers);
  headers.copy('Call-ID', request.headers);
  headers.copy('CSeq', request.headers);
  if (status === 100) headers.copy('Timestamp', request.headers);
  if (toTag !== undefined && request.to !== undefined && request.toTag === undefined) {
    if (!isToken(toTag)) throw new RangeError(`not a tag: ${JSON.stringify(toTag)}`);
    headers.set('To', `${request.headers.get('To') ?? ''};tag=${toTag}`);
  }
  return new SipResponse(status, reason, withHeaders(headers, options.headers ?? []), body);
}

/**
 * The bytes on the wire. Content-Length is that of the body, whatever the headers say; it stands where they have it, else last.
 *
 * @throws RangeError when the Request-URI has a blank or control character.
 */
export function serialize(message: SipMessage): Uint8Array {
  let text: string;
  if (message.kind === 'request') {
    if (!isUriText(message.uri)) throw new RangeError(`not a Request-URI: ${JSON.stringify(message.uri)}`);
    text = `${message.method} ${message.uri} SIP/2.0\r\n`;
  } else {
    text = `SIP/2.0 ${message.status} ${message.reason}\r\n`;
  }
  const { body } = message;
  let hasLength = false;
  for (const [name, value] of message.headers.entries()) {
    if (name !== 'Content-Length') text += `${name}: ${value}\r\n`;
    else if (!hasLength) {
      text += `Content-Length: ${body.length}\r\n`;
      hasLength = true;
    }
  }
  text += hasLength ? '\r\n' : `Content-Length: ${body.length}\r\n\r\n`;

  const bytes = new Uint8Array(text.length + body.length);
  const { read, written } = encoder.encodeInto(text, bytes);
  if (read === text.length && written === text.length) {
    bytes.set(body, text.length);
    return bytes;
  }
  // Not all ASCII: the head takes more bytes than it has characters.
  const head = encoder.encode(text);
  const longer = new Uint8Array(head.length + body.length);
  longer.set(head);
  longer.set(body, head.length);
  return longer;
}

function withHeaders(headers: SipHeaders, added: Iterable<readonly [name: string, value: string]>): SipHeaders {
  for (const [name, value] of added) headers.add(name, value);
  return headers;
}
