/** Where a message ends: in a datagram, and in a stream (RFC 3261 §18.3, RFC 5626 §3.5.1). */
import { isBlank } from './scanner.ts';

/** What one message may have. */
export interface SipLimits {
  /** Bytes of all of it. */
  readonly messageBytes: number;
  /** Bytes of the start line and the headers. */
  readonly headerBytes: number;
  readonly headerCount: number;
  /** Characters of a line, with the lines folded into it. */
  readonly lineLength: number;
}

export const DEFAULT_SIP_LIMITS: SipLimits = { messageBytes: 65_536, headerBytes: 16_384, headerCount: 128, lineLength: 8_192 };

/**
 * `message`: the bytes of one, in memory of its own · `ping`: a double CRLF, to be answered by one · `pong`: a CRLF, which is the
 * answer to a ping, or nothing at all · `error`: the stream cannot be understood from here on and is to be closed.
 */
export type StreamItem =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  | { readonly kind: 'ping' }
  | { readonly kind: 'pong' }
  | { readonly kind: 'error'; readonly problem: string };

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
/** Below this no growing buffer is made. */
const SMALLEST_BUFFER = 2_048;
const NOTHING = new Uint8Array(0);

/** @returns the index behind the empty line that ends the headers; −1 when there is none before `end`. */
export function findHeaderEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let at = bytes.indexOf(CR, from); at !== -1 && at + 4 <= end; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at + 4;
  }
  return -1;
}

/**
 * Cuts a stream into messages, by their Content-Length. The same bytes give the same messages and pings however they are chopped;
 * a CRLF that comes alone is a pong at once, as nobody knows whether another one follows.
 */
export class SipStream {
  readonly #limits: SipLimits;
  /** What has come and is not yet a message: `#buffer[0 … #length)`. */
  #buffer: Uint8Array = NOTHING;
  #length = 0;
  /** Before here no header ends. */
  #searched = 0;
  /** Bytes of the message that is coming; 0 while its headers are not complete. */
  #expected = 0;
  /** The last thing was a CRLF: with the next one it is a ping. */
  #halfPing = false;
  #failed = false;

  constructor(limits: SipLimits = DEFAULT_SIP_LIMITS) {
    this.#limits = limits;
  }

  /** Whether a part of a message has come. */
  get holds(): boolean {
    return this.#length > 0;
  }

  /** What the next bytes complete, in order. Nothing after an error. `chunk` may be used again when this returns. */
  push(chunk: Uint8Array): readonly StreamItem[] {
    if (this.#failed) return [];
    // With nothing left over, messages are cut out of the chunk itself.
    const leftOver = this.#length > 0;
    if (leftOver) this.#append(chunk);
    const bytes = leftOver ? this.#buffer.subarray(0, this.#length) : chunk;
    const end = bytes.length;
    const items: StreamItem[] = [];
    let at = 0;
    while (at < end) {
      const taken = this.#take(bytes, at, end, items);
      if (taken === 0) break;
      at += taken;
    }
    if (this.#failed || at === end) this.#release();
    else if (leftOver) this.#keepFrom(at);
    else this.#append(bytes.subarray(at));
    return items;
  }

  /** Reads one item from `at`. @returns the bytes it took; 0 when it is not complete. */
  #take(bytes: Uint8Array, at: number, end: number, items: StreamItem[]): number {
    const first = bytes[at];
    if (first === CR || first === LF) return this.#takeLineEnd(bytes, at, end, items);
    this.#halfPing = false;
    if (this.#expected === 0) {
      const headerEnd = findHeaderEnd(bytes, at + this.#searched, end);
      const headerBytes = (headerEnd === -1 ? end : headerEnd) - at;
      if (headerBytes > this.#limits.headerBytes) return this.#fail(items, `headers of more than ${this.#limits.headerBytes} bytes`);
      if (headerEnd === -1) {
        // The empty line may have begun with the last three bytes.
        this.#searched = Math.max(0, headerBytes - 3);
        return 0;
      }
      const length = readContentLength(bytes, at, headerEnd);
      if (typeof length === 'string') return this.#fail(items, length);
      this.#expected = headerBytes + length;
      if (this.#expected > this.#limits.messageBytes) return this.#fail(items, `a message of more than ${this.#limits.messageBytes} bytes`);
    }
    const size = this.#expected;
    if (end - at < size) return 0;
    this.#searched = 0;
    this.#expected = 0;
    // A copy: what came may be a buffer that is used again, and so is ours.
    items.push({ kind: 'message', bytes: new Uint8Array(bytes.subarray(at, at + size)) });
    return size;
  }

  /** CRLFs between messages. */
  #takeLineEnd(bytes: Uint8Array, at: number, end: number, items: StreamItem[]): number {
    if (bytes[at] === LF) return this.#fail(items, 'a line feed without a carriage return');
    if (at + 1 === end) return 0;
    if (bytes[at + 1] !== LF) return this.#fail(items, 'a carriage return without a line feed');
    if (this.#halfPing) {
      this.#halfPing = false;
      items.push({ kind: 'ping' });
      return 2;
    }
    if (bytes[at + 2] === CR && at + 2 < end) {
      if (at + 3 === end) return 0;
      if (bytes[at + 3] === LF) {
        items.push({ kind: 'ping' });
        return 4;
      }
    }
    this.#halfPing = at + 2 === end;
    items.push({ kind: 'pong' });
    return 2;
  }

  #fail(items: StreamItem[], problem: string): 0 {
    this.#failed = true;
    items.push({ kind: 'error', problem });
    return 0;
  }

  /** Puts the chunk behind what is left over. Grows by doubling, so that a message in single bytes costs no more than its size. */
  #append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length, SMALLEST_BUFFER));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }

  /** Drops what was taken. */
  #keepFrom(at: number): void {
    if (at === 0) return;
    this.#buffer.copyWithin(0, at, this.#length);
    this.#length -= at;
  }

  /** No memory while nothing is left over: most connections are idle most of the time. */
  #release(): void {
    this.#buffer = NOTHING;
    this.#length = 0;
  }
}

/** The one Content-Length among the headers in `bytes[from … end)`, or what is wrong with it: on a stream there must be one (§18.3). */
function readContentLength(bytes: Uint8Array, from: number, end: number): number | string {
  let length: number | undefined;
  // From line to line, the start line and the empty line at the end left out.
  for (let line = bytes.indexOf(LF, from) + 1; line < end - 2; line = bytes.indexOf(LF, line) + 1) {
    const value = contentLengthValue(bytes, line, end);
    if (value === -1) continue;
    if (length !== undefined) return 'Content-Length twice';
    length = readDecimal(bytes, value, end);
    if (length === undefined) return 'Content-Length is no number';
  }
  return length ?? 'no Content-Length';
}

const CONTENT_LENGTH = 'content-length';

/** @returns the index behind the colon when the line at `line` is a Content-Length in its long or compact form, else −1. */
function contentLengthValue(bytes: Uint8Array, line: number, end: number): number {
  let at = line;
  if (lower(bytes[at]) === 0x6c) at += 1;
  else {
    for (let i = 0; i < CONTENT_LENGTH.length; i += 1) if (lower(bytes[at + i]) !== CONTENT_LENGTH.charCodeAt(i)) return -1;
    at += CONTENT_LENGTH.length;
  }
  while (at < end && isBlank(bytes[at] ?? 0)) at += 1;
  return bytes[at] === COLON ? at + 1 : -1;
}

/** The digits of a value that ends with its line, blanks and folds around them left out; undefined when there is anything else. */
function readDecimal(bytes: Uint8Array, from: number, end: number): number | undefined {
  let at = skipFolds(bytes, from, end);
  let value = 0;
  const start = at;
  for (let digit = (bytes[at] ?? 0) - 0x30; digit >= 0 && digit <= 9; digit = (bytes[at] ?? 0) - 0x30) {
    // Past this it is too large whatever follows, and must not lose its last digits.
    if (value < 2 ** 32) value = value * 10 + digit;
    at += 1;
  }
  if (at === start) return undefined;
  at = skipFolds(bytes, at, end);
  return bytes[at] === CR && bytes[at + 1] === LF ? value : undefined;
}

/** Steps over blanks, and over line ends that a blank follows. */
function skipFolds(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  for (; at < end; at += 1) {
    if (isBlank(bytes[at] ?? 0)) continue;
    if (bytes[at] === CR && bytes[at + 1] === LF && isBlank(bytes[at + 2] ?? 0)) at += 2;
    else break;
  }
  return at;
}

function lower(byte: number | undefined): number {
  return (byte ?? 0) | 0x20;
}
