/**
 * What a receiver can say about one SSRC from sequence numbers, timestamps and arrival times: counts and loss (RFC 3550 A.1, A.3),
 * interarrival jitter (§6.4.1, A.8), duplicates, and reordered packets (RFC 4737 §3.3). Memory is fixed and nothing is allocated
 * per packet.
 *
 * Two choices differ from the code in the RFC, because here a packet that arrived must never be hidden from the count:
 * - Probation is a state, {@link ReceiverStatistics.validated}; its packets are counted like all others. The RFC drops them.
 * - A restart of the sequence adds a new stretch to the old counts, beginning at the first packet after the jump. The RFC starts
 *   all counts anew at the second.
 */
import { timestampDelta } from './sequence.ts';

/** Packets in sequence that prove a source (RFC 3550 A.1). */
const MIN_SEQUENTIAL = 2;
/** A jump ahead of this many or more is a restart, not loss. */
const MAX_DROPOUT = 3_000;
/** A step back of this many or more is a restart, not reordering. */
const MAX_MISORDER = 100;

const SEQUENCE_MODULUS = 65_536;
const SEQUENCE_MASK = 0xffff;
/** Sequence numbers remembered to know duplicates by: a power of two above {@link MAX_MISORDER}, beyond which it is a restart. */
const WINDOW = 128;
const NO_BAD_SEQUENCE = -1;
/** The limits of the 24-bit signed loss field of RTCP (§6.4.1). */
const LOST_MAXIMUM = 0x7f_ffff;
const LOST_MINIMUM = -0x80_0000;

/**
 * What a packet turned out to be. `probation`: the source is not yet proven · `ok`: in order, perhaps after a loss · `duplicate` ·
 * `reordered`: behind one that came before it · `invalid`: far out of sequence, counted apart until the next packet confirms it ·
 * `resync`: that confirmation; both packets count, in a new stretch of the sequence.
 */
export type ReceiveOutcome = 'probation' | 'ok' | 'duplicate' | 'reordered' | 'invalid' | 'resync';

export class ReceiverStatistics {
  readonly #clockRateHz: number;
  /** One bit for each of the last {@link WINDOW} sequence numbers up to #highest. */
  readonly #seen: Uint32Array = new Uint32Array(WINDOW / 32);
  /** Extended sequence numbers of the present stretch. */
  #lowest = 0;
  #highest = 0;
  /** What the stretches before a resync expected. */
  #expectedBefore = 0;
  #probation = MIN_SEQUENTIAL - 1;
  #badSequence = NO_BAD_SEQUENCE;

  #received = 0;
  #duplicates = 0;
  #reordered = 0;
  #invalid = 0;
  #resyncs = 0;

  #expectedPrior = 0;
  #receivedPrior = 0;

  #lastAtNs = 0;
  #lastTimestamp = 0;
  #jitterTicks = 0;
  #intervals = 0;

  /** @param options.clockRateHz rate of the RTP timestamps, 8000 for PCMU and PCMA. */
  constructor(options: { readonly clockRateHz: number }) {
    this.#clockRateHz = options.clockRateHz;
  }

  /** A packet with this 16-bit sequence number and 32-bit timestamp arrived at `atNs` on a monotonic clock. */
  receive(atNs: number, sequence: number, timestamp: number): ReceiveOutcome {
    this.#received += 1;
    if (this.#received === 1) {
      // One cycle up, so that packets from before the first one do not extend below 0.
      this.#begin(SEQUENCE_MODULUS + sequence);
      this.#anchor(atNs, timestamp);
      return 'probation';
    }

    const ahead = (sequence - this.#highest) & SEQUENCE_MASK;
    if (ahead < MAX_DROPOUT) {
      if (ahead === 0) return this.#duplicate();
      this.#advance(ahead);
      this.#time(atNs, timestamp);
      if (this.#probation === 0) return 'ok';
      this.#probation = ahead === 1 ? this.#probation - 1 : MIN_SEQUENTIAL - 1;
      return this.#probation === 0 ? 'ok' : 'probation';
    }
    if (ahead <= SEQUENCE_MODULUS - MAX_MISORDER) return this.#jump(atNs, sequence, timestamp);

    const extended = this.#highest + ahead - SEQUENCE_MODULUS;
    if (this.#isSeen(extended)) return this.#duplicate();
    this.#see(extended);
    // The very first packet may itself have overtaken others: the stretch then begins with them.
    if (extended < this.#lowest) this.#lowest = extended;
    this.#reordered += 1;
    this.#time(atNs, timestamp);
    return 'reordered';
  }

  /** All packets, whatever they turned out to be. */
  get received(): number {
    return this.#received;
  }

  /** Packets whose sequence number had arrived before, up to {@link MAX_MISORDER} back. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** RFC 4737 Type-P-Reordered: below the next expected number, and not a duplicate. */
  get reordered(): number {
    return this.#reordered;
  }

  /** Packets far out of sequence that no next packet confirmed. They are in none of the loss numbers. */
  get invalid(): number {
    return this.#invalid;
  }

  /** How often the sequence started over. */
  get resyncs(): number {
    return this.#resyncs;
  }

  /** Whether {@link MIN_SEQUENTIAL} packets in sequence have proven the source. */
  get validated(): boolean {
    return this.#probation === 0;
  }

  /** Packets that the sequence numbers say were sent, from the lowest to the highest that arrived (RFC 3550 A.3). */
  get expected(): number {
    return this.#received === 0 ? 0 : this.#expectedBefore + this.#highest - this.#lowest + 1;
  }

  /** The highest sequence number that arrived, with its cycles in the upper 16 bits (RFC 3550 §6.4.1); 32 bits, unsigned. */
  get extendedHighestSequence(): number {
    return this.#received === 0 ? 0 : (this.#highest - SEQUENCE_MODULUS) >>> 0;
  }

  /** Sequence numbers that never arrived, as of now: a reordered packet takes its own back. */
  get lost(): number {
    return this.expected - (this.#inSequence() - this.#duplicates);
  }

  /** The cumulative loss of RTCP (RFC 3550 A.3): duplicates count as received, so it may be negative; clamped to 24 bits. */
  get cumulativeLost(): number {
    return Math.max(LOST_MINIMUM, Math.min(LOST_MAXIMUM, this.expected - this.#inSequence()));
  }

  /** The fraction lost of RTCP since the last call, in 1/256 (RFC 3550 A.3): 0 … 255. */
  takeFractionLost(): number {
    const expected = this.expected - this.#expectedPrior;
    const lost = expected - (this.#inSequence() - this.#receivedPrior);
    this.#expectedPrior = this.expected;
    this.#receivedPrior = this.#inSequence();
    return expected <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / expected));
  }

  /** Interarrival jitter (RFC 3550 §6.4.1) in timestamp units, unrounded; null before there are two packets to compare. */
  get jitterTicks(): number | null {
    return this.#intervals === 0 ? null : this.#jitterTicks;
  }

  /** The same in milliseconds of the clock rate. */
  get jitterMs(): number | null {
    return this.#intervals === 0 ? null : (this.#jitterTicks * 1_000) / this.#clockRateHz;
  }

  #inSequence(): number {
    return this.#received - this.#invalid;
  }

  #duplicate(): ReceiveOutcome {
    this.#duplicates += 1;
    return 'duplicate';
  }

  /** Two packets in sequence after a jump are taken for a sender that started over (A.1); one alone is a stray. */
  #jump(atNs: number, sequence: number, timestamp: number): ReceiveOutcome {
    if (sequence !== this.#badSequence) {
      this.#badSequence = (sequence + 1) & SEQUENCE_MASK;
      this.#invalid += 1;
      return 'invalid';
    }
    this.#expectedBefore = this.expected;
    this.#begin(SEQUENCE_MODULUS + ((sequence - 1) & SEQUENCE_MASK));
    this.#advance(1);
    this.#invalid -= 1;
    this.#resyncs += 1;
    this.#probation = 0;
    this.#badSequence = NO_BAD_SEQUENCE;
    // A sender that starts over also picks a new timestamp: the step between the two is not jitter.
    this.#anchor(atNs, timestamp);
    return 'resync';
  }

  #begin(extended: number): void {
    this.#lowest = extended;
    this.#highest = extended;
    this.#seen.fill(0);
    this.#see(extended);
  }

  #advance(ahead: number): void {
    if (ahead >= WINDOW) this.#seen.fill(0);
    else for (let skipped = 1; skipped < ahead; skipped++) this.#forget(this.#highest + skipped);
    this.#highest += ahead;
    this.#see(this.#highest);
  }

  #isSeen(extended: number): boolean {
    return ((this.#seen[wordOf(extended)] as number) & bitOf(extended)) !== 0;
  }

  #see(extended: number): void {
    const word = wordOf(extended);
    this.#seen[word] = (this.#seen[word] as number) | bitOf(extended);
  }

  #forget(extended: number): void {
    const word = wordOf(extended);
    this.#seen[word] = (this.#seen[word] as number) & ~bitOf(extended);
  }

  #anchor(atNs: number, timestamp: number): void {
    this.#lastAtNs = atNs;
    this.#lastTimestamp = timestamp;
  }

  /**
   * A.8: J += (|D| − J) / 16, in the order of arrival, where D is how much the spacing changed on the way. Both spacings are
   * differences of neighbours, the timestamps' on the 32-bit circle, so that no wrap shows in them.
   */
  #time(atNs: number, timestamp: number): void {
    const arrivalTicks = ((atNs - this.#lastAtNs) * this.#clockRateHz) / 1e9;
    const change = Math.abs(arrivalTicks - timestampDelta(timestamp, this.#lastTimestamp));
    this.#jitterTicks += (change - this.#jitterTicks) / 16;
    this.#intervals += 1;
    this.#anchor(atNs, timestamp);
  }
}

function wordOf(extended: number): number {
  return (extended & (WINDOW - 1)) >>> 5;
}

function bitOf(extended: number): number {
  return 1 << (extended & 31);
}
