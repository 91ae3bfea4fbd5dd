/**
 * The packets of a call, matched by what is heard in those that come. A packet has come back when half of its audio has been found; its
 * round trip is that of the audio: from when a sample was due to leave until the packet came that it is in.
 */
import { AudioMatcher } from '../match/audio.ts';
import type { AudioMatch } from '../match/audio.ts';
import type { AudioCorrelator } from '../match/audio-correlator.ts';
import type { NoiseReference } from '../match/reference.ts';
import { REFERENCE_RATE_HZ } from '../match/reference.ts';
import type { ProbeAudio } from '../probe/source.ts';
import type { StreamSample } from '../probe/stream.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { ComingAudio } from './coming-audio.ts';
import { DelayCourse } from './delay-course.ts';
import type { DelayFacts } from './delay-course.ts';
import type { ArrivalTimes, ChangedEchoes, EchoNumbers, HostDelays } from './echoes.ts';

export interface AudioEchoesOptions {
  readonly correlator: AudioCorrelator;
  readonly reference: NoiseReference;
  readonly audio: ProbeAudio;
  /** Samples of the reference in each packet. */
  readonly samplesPerPacket: number;
  readonly timeoutNs: number;
  /** undefined with the user's clock. */
  readonly hostDelays: HostDelays | undefined;
  readonly sample: StreamSample;
}

/** Between the arrival of a packet and its judgement: two windows, and what is waited for of reordered packets. */
const JUDGED_NS = 700e6;
/** When nothing has been sent or come for so long, what waits for more is judged without it: a call need not last longer for that. */
const QUIET_NS = 300e6;
/** Packets, sent or come, that are kept: more than all that may still be judged. */
const REMEMBERED = 4_096;
const ARRIVALS_REMEMBERED = 1_024;

interface Came extends ArrivalTimes {
  readonly late: boolean;
}

export class AudioEchoes implements ChangedEchoes {
  readonly #options: AudioEchoesOptions;
  readonly #matcher: AudioMatcher;
  readonly #audio: ComingAudio;
  readonly #course = new DelayCourse();
  /** By timestamp; the oldest first. */
  readonly #arrivals = new Map<number, Came>();
  readonly #leftNs = new Float64Array(REMEMBERED);
  /** Samples of each packet that were found. */
  readonly #found = new Uint16Array(REMEMBERED);
  #sent = 0;
  #lastNs = Number.POSITIVE_INFINITY;
  #returned = 0;
  /** Packets whose time is over, and how many of them have come back. */
  #settled = 0;
  #settledReturned = 0;
  #undecoded = 0;
  #scores = 0;
  #errorNs = 0;

  constructor(options: AudioEchoesOptions) {
    const { correlator, reference, audio, timeoutNs } = options;
    this.#options = options;
    this.#audio = new ComingAudio(audio);
    this.#matcher = new AudioMatcher({
      ...{ correlator, reference, sampleRateHz: this.#audio.sampleRateHz, longestNs: timeoutNs },
      clockRateHz: audio.clockRateHz === 2 * REFERENCE_RATE_HZ ? 16_000 : 8_000,
      onMatch: (match) => this.#heard(match),
    });
  }

  sent(index: number, leftNs: number): void {
    const slot = index & (REMEMBERED - 1);
    this.#leftNs[slot] = leftNs;
    this.#found[slot] = 0;
    this.#sent = index + 1;
    this.#lastNs = leftNs;
    this.#matcher.sent(leftNs, this.#options.samplesPerPacket);
  }

  departed(index: number, atNs: number): void {
    this.#matcher.correct(index, atNs);
  }

  arrived(packet: RtpPacket, buffer: Uint8Array, at: number, { atNs, readNs }: ArrivalTimes, late: boolean): void {
    const { payloadType, payloadLength, timestamp } = packet;
    const samples = this.#audio.decode(payloadType, buffer, at, payloadLength);
    if (samples === 0) {
      this.#undecoded += 1;
      return;
    }
    if (!this.#arrivals.has(timestamp)) {
      if (this.#arrivals.size >= ARRIVALS_REMEMBERED) this.#arrivals.delete(this.#arrivals.keys().next().value as number);
      this.#arrivals.set(timestamp, { atNs, readNs, late });
    }
    this.#lastNs = atNs;
    this.#matcher.receive(atNs, timestamp, this.#audio.samples, 0, samples);
  }

  expire(nowNs: number): void {
    if (nowNs - this.#lastNs > QUIET_NS) {
      this.#matcher.end();
      this.#lastNs = Number.POSITIVE_INFINITY;
    }
    const overNs = nowNs - this.#options.timeoutNs - JUDGED_NS;
    while (this.#settled < this.#sent && (this.#leftNs[this.#settled & (REMEMBERED - 1)] as number) < overNs) {
      if (this.#isBack(this.#settled)) this.#settledReturned += 1;
      this.#settled += 1;
    }
  }

  finish(nowNs: number): void {
    this.#matcher.end();
    // Whatever had come has been judged.
    this.expire(nowNs + JUDGED_NS);
  }

  get matched(): number {
    return this.#returned === 0 ? 0 : this.#matcher.counters().matched;
  }

  get inFlight(): number {
    return this.#sent - this.#settled - (this.#returned - this.#settledReturned);
  }

  /** Mean score of the packets that were matched; null without any. */
  get score(): number | null {
    const { matched } = this;
    return matched === 0 ? null : this.#scores / matched;
  }

  /** The largest of all delays' errors; null without any. */
  get errorMs(): number | null {
    return this.matched === 0 ? null : this.#errorNs / 1e6;
  }

  delays(): DelayFacts {
    return this.#course.facts();
  }

  /** What the packets are that were not matched, in words: `12 silent, 3 other sound`; empty when there are none. */
  others(): string {
    const { silent, unmatched, repeated, torn, duplicates, late, untracked } = this.#matcher.counters();
    const named: readonly (readonly [number, string])[] = [
      [unmatched, 'other sound'],
      [silent, 'silent'],
      [this.#undecoded, 'of another codec'],
      [repeated, 'sound that had come before'],
      [torn, 'of two delays'],
      [duplicates + late + untracked, 'out of time'],
    ];
    return named.flatMap(([count, name]) => (count === 0 ? [] : [`${count} ${name}`])).join(', ');
  }

  counters(): EchoNumbers {
    const { received, matched, duplicates } = this.#matcher.counters();
    return {
      sent: this.#sent,
      returned: this.#returned,
      lost: this.#settled - this.#settledReturned,
      inFlight: this.inFlight,
      unmatched: received - matched - duplicates + this.#undecoded,
      duplicates,
      // Of sound no number tells whose place was before whose, nor what came too late.
      ...{ reordered: 0, lateAfterLoss: 0 },
    };
  }

  #heard({ arrivedNs, timestamp, position, piece, delayNs, errorNs, score }: AudioMatch): void {
    this.#scores += score;
    this.#errorNs = Math.max(this.#errorNs, errorNs);
    this.#course.add(arrivedNs, delayNs);
    const came = this.#arrivals.get(timestamp);
    // A timestamp that a new stream has again belongs to another packet.
    if (came?.atNs !== arrivedNs) return;
    const { samplesPerPacket: size } = this.#options;
    const found = Math.round(position + piece.from);
    const start = Math.max(0, found);
    const end = found + piece.count;
    for (let index = Math.floor(start / size); index * size < end && index < this.#sent; index++) {
      const slot = index & (REMEMBERED - 1);
      const wasBack = this.#isBack(index);
      this.#found[slot] = (this.#found[slot] as number) + Math.min(end, (index + 1) * size) - Math.max(start, index * size);
      if (wasBack || !this.#isBack(index)) continue;
      this.#returned += 1;
      if (index < this.#settled) this.#settledReturned += 1;
      const { hostDelays, sample } = this.#options;
      sample(index, Math.max(0, delayNs), came.late, hostDelays?.of(index, came) ?? Number.NaN);
    }
  }

  #isBack(index: number): boolean {
    return (this.#found[index & (REMEMBERED - 1)] as number) >= this.#options.samplesPerPacket / 2;
  }
}
