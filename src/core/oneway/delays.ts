/**
 * The delay of each direction by itself, from the times of both ends: when a packet left and came back here, when it came and left again
 * there. That is a number only as long as both clocks are known to be right, or are one clock; else there is a reason and no number.
 * Pure: times are handed in, ns.
 */
import { createRtpPacket, parseRtp } from '../rtp/packet.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import { SignedHistogram } from './signed-histogram.ts';
import { createStamp, readStamp } from './stamp.ts';
import type { StampProblem } from './stamp.ts';
import { CLOCK_SYNCHRONISED, CLOCK_UNSYNCHRONISED, CLOCK_WITHOUT_BOUND } from './wall.ts';
import type { ClockState, WallTime } from './wall.ts';

export interface OneWayResult {
  /** Packets that came back with times of the far end and with both of ours: what the numbers are of. */
  readonly packets: number;
  /** From leaving here until arriving there, and from leaving there until arriving here; null with a {@link reason}. */
  readonly there: SignedHistogram | null;
  readonly back: SignedHistogram | null;
  /** No delay of the two is farther off than this, ns. */
  readonly errorNs: number | null;
  /** How long packets were at the far end, by its clock alone; null when it told no times, or clocks were set. */
  readonly turnaround: LatencyHistogram | null;
  /** Both ends read one clock; null when the far end told nothing. */
  readonly sameClock: boolean | null;
  /** Who took the time at which packets came there: the kernel when they came, or the program when it read them. */
  readonly receivedBy: 'kernel' | 'user' | 'both' | null;
  /** Why there are no delays; null when there are. */
  readonly reason: string | null;
}

/** Clocks run alike to this part, at the worst: 500 ppm of adjustment, and as much of a bad crystal, at both ends. */
const MOST_SKEW = 2e-3;
/** Beyond it a clock counts as not synchronised, whatever it says (MAXDISP of RFC 5905 §7.2). */
const MOST_ERROR_NS = 16e9;

export class OneWayDelays {
  readonly #wall: WallTime | undefined;
  readonly #stepsAtStart: number;
  readonly #stamp = createStamp();
  readonly #there = new SignedHistogram();
  readonly #back = new SignedHistogram();
  readonly #turnaround = new LatencyHistogram();
  readonly #problems: Record<StampProblem, number> = { asked: 0, changed: 0, short: 0, damaged: 0 };
  /** By stream, each of which has one thread of the far end. */
  readonly #farSteps = new WeakMap<object, number>();
  readonly #packet = createRtpPacket();
  #returned = 0;
  #unstampedHere = 0;
  #packets = 0;
  #byKernel = 0;
  #farStepped = false;
  #identity: { readonly high: number; readonly low: number } | undefined;
  #severalClocks = false;
  #nearState: ClockState = CLOCK_SYNCHRONISED;
  #farState: ClockState = CLOCK_SYNCHRONISED;
  #errorNs = 0;
  #contradictions = 0;
  #mostExcessNs = 0;

  /** @param wall of this end; undefined where there is none, or packets are not stamped by it. */
  constructor(wall: WallTime | undefined, nowNs: number) {
    this.#wall = wall;
    wall?.look(nowNs);
    this.#stepsAtStart = wall?.steps ?? 0;
  }

  /**
   * The RTP packet `buffer[offset … offset+length)` came back, the first time.
   *
   * @param stream whatever stands for the stream that it is of.
   * @param leftNs monotonic, as `cameNs`: by the kernel's stamps; NaN where one of the two is missing.
   */
  returned(stream: object, buffer: Uint8Array, offset: number, length: number, leftNs: number, cameNs: number): void {
    this.#returned += 1;
    const wall = this.#wall;
    const packet = this.#packet;
    if (wall === undefined || parseRtp(buffer, offset, length, packet) !== undefined) return;
    const { payloadOffset, payloadLength } = packet;
    const problem = readStamp(buffer, offset + payloadOffset, payloadLength, wall.epochSeconds, this.#stamp);
    if (problem !== undefined) {
      this.#problems[problem] += 1;
      return;
    }
    this.#watchFarClock(stream);
    if (Number.isNaN(leftNs) || Number.isNaN(cameNs)) {
      this.#unstampedHere += 1;
      return;
    }
    wall.look(cameNs);
    this.#packets += 1;
    if (this.#stamp.byKernel) this.#byKernel += 1;
    this.#measure(wall, leftNs, cameNs);
  }

  #watchFarClock(stream: object): void {
    const { steps, identityHigh: high, identityLow: low } = this.#stamp;
    const before = this.#farSteps.get(stream);
    if (before === undefined) this.#farSteps.set(stream, steps);
    else if (before !== steps) this.#farStepped = true;
    this.#identity ??= { high, low };
    if (this.#identity.high !== high || this.#identity.low !== low) this.#severalClocks = true;
  }

  #measure(wall: WallTime, leftNs: number, cameNs: number): void {
    const { receivedNs, transmittedNs, readingErrorNs, clockErrorNs, state } = this.#stamp;
    let errorNs = wall.readingErrorNs + readingErrorNs;
    if (this.#sameClock !== true) {
      const far = state === CLOCK_SYNCHRONISED && clockErrorNs >= MOST_ERROR_NS ? CLOCK_UNSYNCHRONISED : state;
      this.#farState = least(this.#farState, far);
      this.#nearState = least(this.#nearState, wall.state);
      errorNs += wall.maxErrorNs + clockErrorNs;
    }
    const turnaroundNs = transmittedNs - receivedNs;
    const thereNs = receivedNs - (leftNs + wall.offsetNs);
    const backNs = cameNs + wall.offsetNs - transmittedNs;
    const readingNs = wall.readingErrorNs + readingErrorNs;
    const roundTripNs = cameNs - leftNs;
    // Of the far end's own times nothing is asked but that it kept the packet for no longer than it was away.
    const held = Math.max(-turnaroundNs - readingNs, turnaroundNs - roundTripNs * (1 + MOST_SKEW) - 2 * readingNs);
    if (held > 0) return this.#contradict(held);
    this.#turnaround.record(Math.max(0, turnaroundNs));
    const known = this.#sameClock === true || (this.#farState === CLOCK_SYNCHRONISED && this.#nearState === CLOCK_SYNCHRONISED);
    if (!known) return undefined;
    const excess = Math.max(-thereNs, -backNs) - errorNs;
    if (excess > 0) return this.#contradict(excess);
    this.#errorNs = Math.max(this.#errorNs, errorNs);
    this.#there.record(thereNs);
    this.#back.record(backNs);
    return undefined;
  }

  #contradict(excessNs: number): void {
    this.#contradictions += 1;
    this.#mostExcessNs = Math.max(this.#mostExcessNs, excessNs);
  }

  get #sameClock(): boolean | null {
    const identity = this.#identity;
    if (identity === undefined || this.#wall === undefined) return null;
    const { identityHigh, identityLow } = this.#wall;
    return (identityHigh !== 0 || identityLow !== 0) && identity.high === identityHigh && identity.low === identityLow;
  }

  result(nowNs: number): OneWayResult {
    this.#wall?.look(nowNs);
    const reason = this.#reason();
    const told = this.#packets > 0;
    const trusted = told && !this.#farStepped && this.#contradictions === 0;
    const measured = reason === null;
    return {
      packets: this.#packets,
      there: measured ? this.#there : null,
      back: measured ? this.#back : null,
      errorNs: measured ? this.#errorNs : null,
      turnaround: trusted ? this.#turnaround : null,
      sameClock: this.#severalClocks ? false : this.#sameClock,
      receivedBy: told ? by(this.#byKernel, this.#packets) : null,
      reason,
    };
  }

  #reason(): string | null {
    const wall = this.#wall;
    if (wall === undefined) return 'this end has no wall-clock times of the kernel for its packets: that takes Linux and the batch engine';
    if (this.#returned === 0) return 'no packet came back';
    if (this.#packets === 0) return this.#unstampedHere > 0 ? 'no packet has both of the kernel’s times of this end' : this.#unstamped();
    if (wall.steps !== this.#stepsAtStart) return 'the clock of this end was set during the run';
    if (this.#farStepped) return 'the clock of the far end was set during the run';
    if (this.#severalClocks) return 'the packets were stamped by more than one clock';
    if (this.#sameClock !== true) {
      if (this.#nearState !== CLOCK_SYNCHRONISED) return clockReason('this end', this.#nearState);
      if (this.#farState !== CLOCK_SYNCHRONISED) return clockReason('the far end', this.#farState);
    }
    if (this.#contradictions === 0) return null;
    const share = `${this.#contradictions} of ${this.#packets} packets`;
    return `the clocks disagree: the times of ${share} contradict each other, by up to ${(this.#mostExcessNs / 1e6).toFixed(3)} ms beyond their error`;
  }

  /** Why no packet had times of the far end: what was so with most of them. */
  #unstamped(): string {
    const { asked, changed, short, damaged } = this.#problems;
    const most = Math.max(asked, changed, short, damaged);
    if (most === asked) return 'the far end writes no times into the packets, as rtplat echo --stamp does';
    if (most === changed) return 'payloads came back changed, so that there is no place for times in them';
    return most === short ? 'payloads came back cut short' : 'the times of the far end came back damaged';
  }
}

function least(a: ClockState, b: ClockState): ClockState {
  return a < b ? a : b;
}

function by(kernel: number, all: number): 'kernel' | 'user' | 'both' {
  if (kernel === all) return 'kernel';
  return kernel === 0 ? 'user' : 'both';
}

function clockReason(whose: string, state: ClockState): string {
  if (state === CLOCK_UNSYNCHRONISED) return `the clock of ${whose} is not synchronised`;
  if (state === CLOCK_WITHOUT_BOUND) {
    return `what synchronises the clock of ${whose} tells the system no error (systemd-timesyncd and phc2sys do not, chrony and ntpd do)`;
  }
  return `the system of ${whose} does not tell whether its clock is synchronised`;
}
