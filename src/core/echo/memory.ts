/** What an echo counts, in memory that another thread may read. Only the echo writes. */
import { REFUSALS } from '../guard/guard.ts';
import type { Refusal } from '../guard/guard.ts';
import { ADDRESS_WORDS, formatAddressWords } from '../values/networks.ts';
import { HISTOGRAM_BYTES, histogramStorage, LatencyHistogram } from '../stats/histogram.ts';

export interface EchoCounters {
  /** Datagrams received. */
  readonly packets: number;
  /** Bytes received, UDP payload. */
  readonly bytes: number;
  /** Datagrams handed back to the kernel, those it then refused included. */
  readonly sent: number;
  /** Datagrams the kernel refused to send. */
  readonly sendErrors: number;
  /** Datagrams not answered. */
  readonly refused: number;
  /** The same by why: what they sum up to. */
  readonly refusals: Readonly<Record<Refusal, number>>;
  /** Whose packet was refused last for a rate, without its port; null when none was. */
  readonly lastOverRate: string | null;
  /** Datagrams the kernel dropped because the receive buffer was full; null where the system does not tell. */
  readonly socketDrops: number | null;
  /** Datagrams received without the kernel's stamp, where it gives stamps. */
  readonly unstamped: number;
}

/** Of an echo that has refused nothing. */
export const NONE_REFUSED: EchoCounters['refusals'] = Object.fromEntries(REFUSALS.map((name) => [name, 0])) as Record<Refusal, number>;

/** Indexes into the numbers. */
export const PACKETS = 0;
export const BYTES = 1;
export const SENT = 2;
export const SEND_ERRORS = 3;
export const REFUSED = 4;
/** NaN while unknown. */
export const SOCKET_DROPS = 5;
export const UNSTAMPED = 6;
/** The first of {@link REFUSALS}. */
export const REFUSED_FOR = 7;
/** The first word of the address that was refused last for a rate; no address at all is `::`. */
export const OVER_RATE: number = REFUSED_FOR + REFUSALS.length;
const NUMBERS = OVER_RATE + ADDRESS_WORDS;

/** Whole cache lines. */
const NUMBER_BYTES = Math.ceil(NUMBERS / 8) * 64;

export class EchoMemory {
  readonly buffer: SharedArrayBuffer;
  readonly numbers: Float64Array;
  /** From the kernel's receive stamp of a datagram, or train, until it was read: how late the host was. Nanoseconds. */
  readonly hostDelay: LatencyHistogram;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.numbers = new Float64Array(buffer, 0, NUMBERS);
    this.hostDelay = new LatencyHistogram(histogramStorage(buffer, NUMBER_BYTES));
  }

  static create(): EchoMemory {
    const memory = new EchoMemory(new SharedArrayBuffer(NUMBER_BYTES + HISTOGRAM_BYTES));
    memory.numbers[SOCKET_DROPS] = Number.NaN;
    memory.hostDelay.reset();
    return memory;
  }

  /** The memory of an echo in another thread. */
  static over(buffer: SharedArrayBuffer): EchoMemory {
    return new EchoMemory(buffer);
  }

  counters(): EchoCounters {
    const at = (index: number): number => this.numbers[index] as number;
    return {
      packets: at(PACKETS),
      bytes: at(BYTES),
      sent: at(SENT),
      sendErrors: at(SEND_ERRORS),
      refused: at(REFUSED),
      refusals: Object.fromEntries(REFUSALS.map((name, i) => [name, at(REFUSED_FOR + i)])) as Record<Refusal, number>,
      lastOverRate: this.#lastOverRate(),
      socketDrops: Number.isNaN(at(SOCKET_DROPS)) ? null : at(SOCKET_DROPS),
      unstamped: at(UNSTAMPED),
    };
  }
  #lastOverRate(): string | null {
    const words = Int32Array.from({ length: ADDRESS_WORDS }, (_, i) => this.numbers[OVER_RATE + i] as number);
    return words.every((word) => word === 0) ? null : formatAddressWords(words);
  }
}
