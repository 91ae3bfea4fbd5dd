/**
 * The wall clock of this host, as Linux tells it: CLOCK_REALTIME beside the monotonic clock, how far it may be off (adjtimex(2)), and
 * which clock it is. The two clocks are slewed alike and so keep their distance, unless somebody sets the one: a step.
 */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { OneWayDelays } from '../oneway/delays.ts';
import { CLOCK_SYNCHRONISED, CLOCK_UNKNOWN, CLOCK_UNSYNCHRONISED, CLOCK_WITHOUT_BOUND } from '../oneway/wall.ts';
import type { ClockState, WallTime } from '../oneway/wall.ts';
import { CLOCK_REALTIME } from './batch/layout.ts';
import { BatchUnavailable, loadLibc } from './batch/libc.ts';
import type { Libc } from './batch/libc.ts';
import { nowNs as monotonicNs } from './clock.ts';
import type { UdpEngine } from './engine.ts';

/** struct timex of adjtimex(2), LP64: 208 bytes, and the offsets in it. */
const TIMEX_BYTES = 208;
const MAX_ERROR = 24;
const ESTIMATED_ERROR = 32;
const STATUS = 40;
const STA_UNSYNC = 0x40;
/** What adjtimex answers for a clock that is wrong, or was never set. */
const TIME_ERROR = 5;

const NS_PER_SECOND = 1e9;
const NS_PER_US = 1e3;
/** Between two looks at the distance of the clocks, and at their error. */
const READ_EVERY_NS = 100e6;
const ASK_EVERY_NS = NS_PER_SECOND;
/** The kernel raises the error by 500 ppm, once a second: until it does, and until we ask again. */
const GROWTH_NS = 1_000;
/** Readings this close around the other clock are good enough; else the closest of so many. */
const TIGHT_NS = 1_000;
const TRIES = 20;
/** The same of whoever brings the kernel's stamps onto the monotonic clock. */
const STAMP_ERROR_NS = 1_500;
/** Any step is larger than what two readings are off together. */
const NOISE_NS = 5_000;

export interface WallClockParts {
  readonly libc: Libc;
  readonly nowNs: () => number;
  /** 8 bytes; undefined when it is not known which clock this is. */
  readonly identity: Uint8Array | undefined;
}

export class WallClock implements WallTime {
  readonly epochSeconds: number;
  offsetNs: number;
  readingErrorNs: number;
  state: ClockState = CLOCK_UNKNOWN;
  maxErrorNs: number = Number.NaN;
  steps = 0;
  readonly identityHigh: number;
  readonly identityLow: number;
  readonly #libc: Libc;
  readonly #nowNs: () => number;
  readonly #timespec = new Uint32Array(4);
  readonly #timespecAddress: number;
  readonly #timex = new DataView(new ArrayBuffer(TIMEX_BYTES));
  readonly #timexAddress: number;
  #readAtNs: number;
  #askedAtNs: number;

  constructor({ libc, nowNs, identity }: WallClockParts) {
    this.#libc = libc;
    this.#nowNs = nowNs;
    this.#timespecAddress = libc.addressOf(new Uint8Array(this.#timespec.buffer));
    this.#timexAddress = libc.addressOf(new Uint8Array(this.#timex.buffer));
    const view = identity === undefined ? undefined : new DataView(identity.buffer, identity.byteOffset, identity.byteLength);
    this.identityHigh = view?.getUint32(0) ?? 0;
    this.identityLow = view?.getUint32(4) ?? 0;
    libc.clock_gettime(CLOCK_REALTIME, this.#timespecAddress);
    this.epochSeconds = this.#seconds();
    const { offsetNs, spreadNs } = this.#read();
    this.offsetNs = offsetNs;
    this.readingErrorNs = STAMP_ERROR_NS + spreadNs / 2;
    this.#ask();
    this.#readAtNs = nowNs();
    this.#askedAtNs = this.#readAtNs;
  }

  /** undefined where the system has no such calls: anything but Linux on x64 and arm64. */
  static open(): WallClock | undefined {
    try {
      return new WallClock({ libc: loadLibc(), nowNs: monotonicNs, identity: clockIdentity() });
    } catch (error) {
      if (error instanceof BatchUnavailable) return undefined;
      throw error;
    }
  }

  look(nowNs: number): void {
    if (nowNs - this.#readAtNs >= READ_EVERY_NS) {
      this.#readAtNs = nowNs;
      this.#compare();
    }
    if (nowNs - this.#askedAtNs >= ASK_EVERY_NS) {
      this.#askedAtNs = nowNs;
      this.#ask();
    }
  }

  #compare(): void {
    const { offsetNs, spreadNs } = this.#read();
    const errorNs = STAMP_ERROR_NS + spreadNs / 2;
    const isStep = Math.abs(offsetNs - this.offsetNs) > NOISE_NS + errorNs + this.readingErrorNs;
    if (isStep) this.steps += 1;
    // The distance is what it was: a reading that was held up says no more about it than the one before.
    else if (errorNs >= this.readingErrorNs) return;
    this.offsetNs = offsetNs;
    this.readingErrorNs = errorNs;
  }

  /** The distance of the two clocks, and how far apart the readings around it were. */
  #read(): { readonly offsetNs: number; readonly spreadNs: number } {
    let best = { offsetNs: 0, spreadNs: Number.POSITIVE_INFINITY };
    for (let i = 0; i < TRIES && best.spreadNs > TIGHT_NS; i++) {
      const before = this.#nowNs();
      this.#libc.clock_gettime(CLOCK_REALTIME, this.#timespecAddress);
      const after = this.#nowNs();
      const spreadNs = after - before;
      if (spreadNs >= best.spreadNs) continue;
      const sinceEpochNs = (this.#seconds() - this.epochSeconds) * NS_PER_SECOND + (this.#timespec[2] as number);
      best = { offsetNs: sinceEpochNs - (before + after) / 2, spreadNs };
    }
    return best;
  }

  #seconds(): number {
    return (this.#timespec[0] as number) + (this.#timespec[1] as number) * 2 ** 32;
  }

  /** Asks how good the clock is. It takes no right to ask; a sandbox may refuse all the same. */
  #ask(): void {
    // Modes: 0, change nothing.
    this.#timex.setInt32(0, 0, true);
    const answer = this.#libc.adjtimex(this.#timexAddress);
    const maxErrorUs = this.#timex.getBigInt64(MAX_ERROR, true);
    const estimatedErrorUs = this.#timex.getBigInt64(ESTIMATED_ERROR, true);
    this.maxErrorNs = Number.NaN;
    if (answer < 0) this.state = CLOCK_UNKNOWN;
    else if (answer === TIME_ERROR || (this.#timex.getInt32(STATUS, true) & STA_UNSYNC) !== 0) this.state = CLOCK_UNSYNCHRONISED;
    // Who knows the error tells both. systemd-timesyncd sets both to 0, phc2sys the maximum alone: the estimate is then left at 16 s.
    else if (estimatedErrorUs === 0n || estimatedErrorUs > maxErrorUs) this.state = CLOCK_WITHOUT_BOUND;
    else {
      this.state = CLOCK_SYNCHRONISED;
      this.maxErrorNs = Number(maxErrorUs) * NS_PER_US + GROWTH_NS;
    }
  }
}

/** One-way delays of packets that this engine sends: only the kernel's clock tells when they left, to an error that is known. */
export function openOneWay(engine: UdpEngine): OneWayDelays {
  return new OneWayDelays(engine.clock === 'kernel' ? WallClock.open() : undefined, engine.nowNs());
}

/** Of rtplat's clock identities, so that they are nobody else's (machine-id(5), sd_id128_get_boot_app_specific). */
const PURPOSE = 'rtplat clock identity 1';

/** What all programs on one running kernel have in common, and with it its wall clock. The boot ID itself is confidential: a hash of it is not. */
function clockIdentity(): Uint8Array | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return boot === '' ? undefined : Uint8Array.from(createHmac('sha256', boot).update(PURPOSE).digest().subarray(0, 8));
  } catch {
    return undefined;
  }
}
