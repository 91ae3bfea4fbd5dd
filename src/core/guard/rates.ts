/**
 * How many packets a second are answered: to one source, and to all of them. In memory of a fixed size, whoever sends: sources fall on
 * cells by keyed hashes, two cells each, and one that shares a cell with a flood is held by its other cell (a count–min sketch with
 * conservative update). A source is an IPv4 address, or the /64 of an IPv6 address, since a host has a whole one.
 *
 * A cell is a leaky bucket kept as one number, the time at which it is empty again (the theoretical arrival time of ITU-T I.371's GCRA).
 */
import { isIpv4Words } from '../values/networks.ts';
import { finish, mix } from './mix.ts';

export interface RateCaps {
  /** Packets a second to one source; 0 for no cap. */
  readonly perSource: number;
  /** To all sources together; 0 for no cap. */
  readonly total: number;
}

export type RateVerdict = 'within' | 'source' | 'total';

const ROWS = 2;
const CELLS = 16_384;
/** What may come at once: so much time of the rate, and at least so many packets. */
const SOURCE_BURST_NS = 200e6;
const TOTAL_BURST_NS = 100e6;
const LEAST_BURST = 16;
/** When all of them want more than the total, the cap of each source sinks until those that want least have what they want. */
const SINK = 0.8;
const RISE = 1.1;
const SINK_EVERY_NS = 10e6;
const RISE_EVERY_NS = 50e6;
/** Packets a second that the cap of a source does not sink below: two calls. */
const LEAST_SHARE_PPS = 100;

const TOTAL_CELL = ROWS * CELLS;
const SHARE = TOTAL_CELL + 1;
const ADJUSTED = TOTAL_CELL + 2;

/** Of the memory of one {@link RateLimiter}, or of several that keep the same caps together. */
export const RATE_MEMORY_BYTES: number = (TOTAL_CELL + 3) * Float64Array.BYTES_PER_ELEMENT;

export class RateLimiter {
  readonly #cells: Float64Array;
  readonly #key: Int32Array;
  readonly #sourceCap: number;
  readonly #sourceNs: number;
  readonly #sourceBurstNs: number;
  readonly #totalNs: number;
  readonly #totalBurstNs: number;
  readonly #leastShare: number;

  /**
   * @param memory of {@link RATE_MEMORY_BYTES}, zeros at first. Threads may share it: what they count at the same instant may be counted
   * once, so that the caps are then nearly kept.
   * @param key of `KEY_WORDS` words, the same for all that share the memory.
   */
  constructor({ perSource, total }: RateCaps, key: Int32Array, memory: ArrayBufferLike = new ArrayBuffer(RATE_MEMORY_BYTES)) {
    this.#cells = new Float64Array(memory, 0, ADJUSTED + 1);
    this.#key = key;
    this.#sourceCap = perSource;
    this.#sourceNs = perSource === 0 ? 0 : 1e9 / perSource;
    this.#sourceBurstNs = Math.max(SOURCE_BURST_NS, LEAST_BURST * this.#sourceNs);
    this.#totalNs = total === 0 ? 0 : 1e9 / total;
    this.#totalBurstNs = Math.max(TOTAL_BURST_NS, LEAST_BURST * this.#totalNs);
    this.#leastShare = perSource === 0 ? 1 : Math.min(1, LEAST_SHARE_PPS / perSource);
    if (this.#cells[SHARE] === 0) this.#cells[SHARE] = 1;
  }

  /** The cap of a source now, packets a second: less than was asked for while all of them want more than the total. */
  get sourceCap(): number {
    return this.#sourceCap * (this.#cells[SHARE] as number);
  }

  /** Counts one packet, when it is within both caps. @param source as `parseAddressWords` has it. */
  take(source: Int32Array, nowNs: number): RateVerdict {
    const cells = this.#cells;
    let first = 0;
    let second = 0;
    let untilNs = 0;
    if (this.#sourceNs > 0) {
      first = this.#cellOf(source, 0);
      second = this.#cellOf(source, 1);
      const least = Math.min(cells[first] as number, cells[second] as number);
      const stepNs = this.#sourceNs / (cells[SHARE] as number);
      untilNs = Math.max(least, nowNs) + stepNs;
      if (untilNs - nowNs > Math.max(this.#sourceBurstNs, LEAST_BURST * stepNs)) return 'source';
    }
    if (this.#totalNs > 0) {
      const totalNs = Math.max(cells[TOTAL_CELL] as number, nowNs) + this.#totalNs;
      const fullNs = totalNs - nowNs;
      if (fullNs > this.#totalBurstNs) {
        this.#adjust(nowNs, SINK, SINK_EVERY_NS);
        return 'total';
      }
      if ((cells[SHARE] as number) < 1 && fullNs < this.#totalBurstNs / 2) this.#adjust(nowNs, RISE, RISE_EVERY_NS);
      cells[TOTAL_CELL] = totalNs;
    }
    if (this.#sourceNs > 0) {
      if (untilNs > (cells[first] as number)) cells[first] = untilNs;
      if (untilNs > (cells[second] as number)) cells[second] = untilNs;
    }
    return 'within';
  }

  #adjust(nowNs: number, factor: number, everyNs: number): void {
    const cells = this.#cells;
    if (nowNs - (cells[ADJUSTED] as number) < everyNs) return;
    cells[ADJUSTED] = nowNs;
    cells[SHARE] = Math.min(1, Math.max(this.#leastShare, (cells[SHARE] as number) * factor));
  }

  #cellOf(source: Int32Array, row: 0 | 1): number {
    const key = this.#key;
    let hash = key[row] as number;
    if (isIpv4Words(source)) hash = mix(hash, source[3] as number);
    else hash = mix(mix(hash, source[0] as number), source[1] as number);
    return row * CELLS + (finish(hash, key[2 + row] as number) & (CELLS - 1));
  }
}
