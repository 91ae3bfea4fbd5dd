/**
 * Packets that come round again. Two echoes, or an echo and anything else that returns what it gets, send one forged packet to and fro
 * for ever (CVE-2024-2169). What goes back must be what came, so nothing can be written into it; but a packet that goes round is the
 * same each time, which those of a stream never are: it is known by a keyed hash of its source and its bytes.
 *
 * Memory of a fixed size, two places for a packet. What was seen twice is not pushed out by what was seen once, so a flood of others
 * does not keep a loop alive.
 */
import { ADDRESS_WORDS } from '../values/networks.ts';
import { RTP_HEADER_BYTES } from '../rtp/packet.ts';
import { finish, mix } from './mix.ts';

/** How often the same packet of the same source is answered: networks do double packets now and then. */
export const MOST_COPIES = 3;
/** What was not seen for so long is forgotten. No round trip takes longer. */
const FORGET_MS = 10_000;
const PLACES = 32_768;
const NS_PER_MS = 1e6;

export class LoopMarks {
  readonly #key: Int32Array;
  /** 32 more bits of the hash; 0 where nothing is. */
  readonly #tags = new Uint32Array(PLACES);
  readonly #copies = new Uint8Array(PLACES);
  /** Of the engine's clock, modulo 2³². */
  readonly #seenMs = new Uint32Array(PLACES);

  /** @param key of `KEY_WORDS` words. */
  constructor(key: Int32Array) {
    this.#key = key;
  }

  /**
   * Takes note of a packet.
   *
   * @param whole take all of it, not only the header that no two packets of an RTP stream have in common.
   * @returns whether it is to be answered.
   */
  fresh(source: Int32Array, port: number, buffer: Uint8Array, offset: number, length: number, whole: boolean, nowNs: number): boolean {
    const key = this.#key;
    let hash = mix(key[0] as number, (port << 16) | length);
    for (let i = 0; i < ADDRESS_WORDS; i++) hash = mix(hash, source[i] as number);
    const end = offset + (whole ? length : Math.min(length, RTP_HEADER_BYTES));
    let at = offset;
    let other = key[1] as number;
    for (; at + 4 <= end; at += 4) {
      const word = wordAt(buffer, at);
      hash = mix(hash, word);
      other = Math.imul(other ^ word, 0x9e37_79b1);
    }
    for (; at < end; at++) hash = mix(hash, buffer[at] as number);
    const tag = (finish(hash ^ other, key[3] as number) | 1) >>> 0;
    return this.#note(finish(hash, key[2] as number) & (PLACES - 1), tag, Math.trunc(nowNs / NS_PER_MS) >>> 0);
  }

  #note(place: number, tag: number, nowMs: number): boolean {
    const neighbour = place ^ 1;
    const found = this.#tags[place] === tag ? place : neighbour;
    if (this.#tags[found] !== tag || this.#age(found, nowMs) > FORGET_MS) {
      const free = this.#tags[found] === tag ? found : this.#lesser(place, neighbour, nowMs);
      this.#tags[free] = tag;
      this.#copies[free] = 1;
      this.#seenMs[free] = nowMs;
      return true;
    }
    this.#seenMs[found] = nowMs;
    if ((this.#copies[found] as number) >= MOST_COPIES) return false;
    this.#copies[found] = (this.#copies[found] as number) + 1;
    return true;
  }

  #age(place: number, nowMs: number): number {
    return (nowMs - (this.#seenMs[place] as number)) >>> 0;
  }

  /** Which of two places is given away. */
  #lesser(a: number, b: number, nowMs: number): number {
    const worth = (place: number): number =>
      this.#tags[place] === 0 || this.#age(place, nowMs) > FORGET_MS ? 0 : (this.#copies[place] as number);
    const difference = worth(a) - worth(b);
    if (difference !== 0) return difference < 0 ? a : b;
    return this.#age(a, nowMs) >= this.#age(b, nowMs) ? a : b;
  }
}

function wordAt(buffer: Uint8Array, at: number): number {
  return (
    ((buffer[at] as number) << 24) | ((buffer[at + 1] as number) << 16) | ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number)
  );
}
