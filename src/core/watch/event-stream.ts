/**
 * Server-sent events (WHATWG HTML §9.2.5 and §9.2.6) out of the bytes of a stream, cut anywhere. `id` and `retry` are read past: who
 * watches wants what is now, not what was missed, and has delays of its own.
 */
import { RtplatError } from '../errors.ts';

export interface StreamEvent {
  /** `message` when the stream names none. */
  readonly name: string;
  readonly data: string;
}

const LF = 0x0a;
const CR = 0x0d;
/** A longer event is no event of a service of ours, characters. */
const MAX_EVENT_CHARS = 16 * 2 ** 20;

export class EventStreamParser {
  /** It drops the byte order mark that a stream may begin with, and puts characters together that were cut. */
  readonly #decoder = new TextDecoder();
  readonly #where: string;
  readonly #maxChars: number;
  /** Of the line that has not ended. */
  #line = '';
  /** The last character was a CR: a LF after it belongs to the same line end. */
  #afterCr = false;
  #name = '';
  #data: string[] = [];
  #chars = 0;

  /** @param where its URL, for messages. */
  constructor(where: string, maxChars: number = MAX_EVENT_CHARS) {
    this.#where = where;
    this.#maxChars = maxChars;
  }

  /** @returns the events that `bytes` complete. @throws RtplatError `format` for one without an end. */
  push(bytes: Uint8Array): readonly StreamEvent[] {
    const text = this.#decoder.decode(bytes, { stream: true });
    const events: StreamEvent[] = [];
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c !== LF && c !== CR) {
        this.#afterCr = false;
        continue;
      }
      if (c === LF && this.#afterCr) {
        this.#afterCr = false;
        from = i + 1;
        continue;
      }
      this.#afterCr = c === CR;
      this.#take(text.slice(from, i));
      from = i + 1;
      const event = this.#endLine();
      if (event !== undefined) events.push(event);
    }
    this.#take(text.slice(from));
    return events;
  }

  #take(text: string): void {
    this.#chars += text.length;
    if (this.#chars > this.#maxChars)
      throw new RtplatError('format', `${this.#where} sent an event of more than ${this.#maxChars} characters`);
    this.#line += text;
  }

  #endLine(): StreamEvent | undefined {
    const line = this.#line;
    this.#line = '';
    if (line === '') return this.#endEvent();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line.charAt(colon + 1) === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') this.#name = value;
    else if (field === 'data') this.#data.push(value);
    // Comments keep a connection alive for as long as they like; they are of no event.
    else this.#chars -= line.length;
    return undefined;
  }

  #endEvent(): StreamEvent | undefined {
    const [name, data] = [this.#name, this.#data];
    this.#name = '';
    this.#data = [];
    this.#chars = 0;
    return data.length === 0 ? undefined : { name: name === '' ? 'message' : name, data: data.join('\n') };
  }
}
