/**
 * Listens to what comes back in a call, packet by packet: is it what was sent, and which part of it? The place is known from the packet
 * before, by the timestamps; where nothing fits there, the audio matcher looks everywhere, and what it finds is taken note of afterwards.
 * Pure; memory is fixed.
 */
import type { AudioCorrelator } from '../match/audio-correlator.ts';
import { leastShare, MOST_SAMPLES, PacketJudge } from '../match/audio-packet.ts';
import { AudioMatcher } from '../match/audio.ts';
import type { AudioMatch } from '../match/audio.ts';
import type { NoiseReference } from '../match/reference.ts';
import { REFERENCE_RATE_HZ } from '../match/reference.ts';
import { extendTimestamp } from '../rtp/sequence.ts';
import { ClipMeter } from './clip-meter.ts';
import { HeardPlaces } from './heard-places.ts';
import { HeardWindow } from './heard-window.ts';
import type { HeardKind } from './heard-window.ts';

export interface EarOptions {
  readonly reference: NoiseReference;
  readonly correlator: AudioCorrelator;
  /** Of what comes, decoded. */
  readonly sampleRateHz: 8_000 | 16_000;
  /** Of the RTP timestamps. */
  readonly clockRateHz: 8_000 | 16_000;
  /** Samples of the reference in each packet that is sent. */
  readonly samplesPerPacket: number;
  /** Whether the times of arrival are the kernel's: only then is a packet late and not our reading of it. */
  readonly exact: boolean;
}

/** A packet that came, none that had come before. */
export interface ComingPiece {
  readonly atNs: number;
  readonly ssrc: number;
  readonly timestamp: number;
  /** Number of the packet of ours whose header it has; −1 when it has none of them. */
  readonly index: number;
}

/** Mean square below which nothing is there to be compared: as the audio matcher has it. */
const NOTHING = 64;
/** −50 dBm0, the level below which what is heard is the noise of a line. The noise that is sent has a root mean square of 2,540 at −16. */
const QUIET = (2_540 * 10 ** ((-50 + 16) / 20)) ** 2;
const RING = 4_096;
/** Packets that a place may be off where packets were lost or repeated on the way. */
const STEPS = 8;
const WAITING = 128;
/** Then the audio matcher would have found it. */
const WAITS_NS = 700e6;
const LEFT_KEPT = 1_024;
/** Behind the quickest of the last seconds: the longest that Asterisk's jitter buffers wait, unless told otherwise (`jbmaxsize`). */
const LATE_NS = 200e6;
const EPOCH_NS = 5e9;
/** Packets whose amplitude is compared are ours for the most part. */
const CLEAR_SHARE = 0.5;

interface Waiting {
  readonly atNs: number;
  readonly timestamp: number;
  readonly ms: number;
  readonly count: number;
}

export class Ear {
  readonly window: HeardWindow = new HeardWindow();
  readonly places: HeardPlaces = new HeardPlaces();
  readonly clip: ClipMeter = new ClipMeter();
  /** Samples of the reference that have left. */
  sentSamples = 0;
  /** Packets of ours that came under other headers than they had. */
  renumbered = 0;
  /** What came last and is sound, but none of this call, from slot 0 on; `strangeCount` samples at the reference's rate. */
  readonly strange: Int16Array = new Int16Array(2_048);
  strangeCount = 0;
  readonly #options: EarOptions;
  readonly #judge: PacketJudge;
  readonly #matcher: AudioMatcher;
  readonly #heard = new Int16Array(RING);
  readonly #sent = new Int16Array(RING);
  readonly #leftNs = new Float64Array(LEFT_KEPT);
  #packets = 0;
  #waiting: Waiting[] = [];
  #ssrc: number | undefined;
  #timestamp: number | undefined;
  /** Place in the reference less the timestamp in samples; undefined while it is not known. */
  #lead: number | undefined;
  /** The least delay of this epoch and of the one before. */
  #least = Number.POSITIVE_INFINITY;
  #leastBefore = Number.POSITIVE_INFINITY;
  #epoch = 0;

  constructor(options: EarOptions) {
    const { reference, correlator, sampleRateHz, clockRateHz } = options;
    this.#options = options;
    this.#judge = new PacketJudge(reference);
    this.#matcher = new AudioMatcher({ correlator, reference, sampleRateHz, clockRateHz, onMatch: (match) => this.#found(match) });
  }

  /** The next packet leaves. */
  sent(leftNs: number): void {
    const { samplesPerPacket } = this.#options;
    this.#leftNs[this.#packets % LEFT_KEPT] = leftNs;
    this.#packets += 1;
    this.sentSamples += samplesPerPacket;
    this.#matcher.sent(leftNs, samplesPerPacket);
  }

  /** A packet came, decoded to `count` samples from `samples[0]` on. */
  hear(piece: ComingPiece, samples: Int16Array, count: number): void {
    const ratio = this.#options.sampleRateHz / REFERENCE_RATE_HZ;
    const length = Math.floor(count / ratio);
    if (length === 0 || length > MOST_SAMPLES) return;
    const extended = this.#extend(piece);
    const heard = this.#heard;
    let energy = 0;
    for (let i = 0; i < length; i++) {
      // What was sent is within the band of the lower rate.
      const sample = samples[i * ratio] as number;
      heard[i] = sample;
      energy += sample * sample;
    }
    const { atNs, timestamp } = piece;
    const ms = (length * 1000) / REFERENCE_RATE_HZ;
    if (energy <= length * NOTHING) return this.window.add(atNs, 'silent', ms);
    const position = this.#locate(piece, extended, length, energy);
    if (position !== undefined) {
      const kind = this.#ours(position, length, atNs);
      if (kind === 'ours') this.#lead = position - extended;
      return this.window.add(atNs, kind, ms);
    }
    if (energy <= length * QUIET) return this.window.add(atNs, 'silent', ms);
    if (this.#waiting.length >= WAITING) this.#giveUp(this.#waiting.shift());
    this.#waiting.push({ atNs, timestamp, ms, count: length });
    this.window.add(atNs, 'waiting', ms);
    this.#keep(heard, length);
    this.#matcher.receive(atNs, timestamp, samples, 0, count);
    return undefined;
  }

  /** What has waited for long enough was not found. */
  settle(nowNs: number): void {
    while (this.#waiting.length > 0 && nowNs - (this.#waiting[0] as Waiting).atNs > WAITS_NS) this.#giveUp(this.#waiting.shift());
  }

  /** In samples of the reference's rate, without end. */
  #extend({ ssrc, timestamp }: ComingPiece): number {
    const ticks = this.#options.clockRateHz / REFERENCE_RATE_HZ;
    if (ssrc !== this.#ssrc) {
      this.#ssrc = ssrc;
      this.#timestamp = undefined;
      this.#lead = undefined;
      this.strangeCount = 0;
    }
    this.#timestamp = extendTimestamp(this.#timestamp ?? timestamp, timestamp);
    return this.#timestamp / ticks;
  }

  /** @returns the place in the reference that the piece begins with. */
  #locate({ index }: ComingPiece, extended: number, length: number, energy: number): number | undefined {
    const fits = (position: number): number | undefined => {
      if (position < 0 || position + length > this.sentSamples + length) return undefined;
      const { share, moved } = this.#judge.fit(this.#heard, 0, length, energy, position);
      if (share < leastShare(length)) return undefined;
      this.#compare(position + moved, length, share);
      return position + moved;
    };
    const { samplesPerPacket } = this.#options;
    if (index >= 0) {
      const position = fits(index * samplesPerPacket);
      if (position !== undefined) return position;
    }
    const lead = this.#lead;
    if (lead === undefined) return undefined;
    const expected = Math.round(extended + lead);
    let position = fits(expected);
    for (let step = 1; position === undefined && step <= STEPS; step++) {
      position = fits(expected + step * samplesPerPacket) ?? fits(expected - step * samplesPerPacket);
    }
    if (position !== undefined) this.renumbered += 1;
    return position;
  }

  #ours(position: number, length: number, atNs: number): 'ours' | 'repeated' {
    this.strangeCount = 0;
    return this.places.put(position, length, this.#isLate(position, atNs)) >= 0.5 ? 'ours' : 'repeated';
  }

  #compare(position: number, length: number, share: number): void {
    if (share < CLEAR_SHARE) return;
    this.#options.reference.read(position, length, this.#sent, 0);
    this.clip.add(this.#heard, this.#sent, 0, length);
  }

  #isLate(position: number, atNs: number): boolean {
    const packet = Math.floor(position / this.#options.samplesPerPacket);
    if (!this.#options.exact || packet < this.#packets - LEFT_KEPT || packet >= this.#packets) return false;
    const delayNs = atNs - (this.#leftNs[packet % LEFT_KEPT] as number);
    const epoch = Math.floor(atNs / EPOCH_NS);
    if (epoch !== this.#epoch) {
      this.#leastBefore = this.#least;
      this.#least = Number.POSITIVE_INFINITY;
      this.#epoch = epoch;
    }
    this.#least = Math.min(this.#least, delayNs);
    return delayNs > Math.min(this.#least, this.#leastBefore) + LATE_NS;
  }

  #found({ arrivedNs, timestamp, position }: AudioMatch): void {
    const at = this.#waiting.findIndex((piece) => piece.atNs === arrivedNs && piece.timestamp === timestamp);
    if (at < 0) return;
    const [piece] = this.#waiting.splice(at, 1) as [Waiting];
    const whole = Math.round(position);
    this.renumbered += 1;
    this.#resolve(piece, this.#ours(whole, piece.count, piece.atNs));
    if (this.#timestamp === undefined) return;
    const ticks = this.#options.clockRateHz / REFERENCE_RATE_HZ;
    this.#lead = whole - extendTimestamp(this.#timestamp, timestamp) / ticks;
  }

  #giveUp(piece: Waiting | undefined): void {
    if (piece !== undefined) this.#resolve(piece, 'other');
  }

  #resolve({ atNs, ms }: Waiting, kind: HeardKind): void {
    this.window.add(atNs, 'waiting', -ms);
    this.window.add(atNs, kind, ms);
  }

  /** Keeps the last quarter of a second of strange sound in a row. */
  #keep(heard: Int16Array, length: number): void {
    const { strange } = this;
    const kept = Math.min(this.strangeCount, Math.max(0, strange.length - length));
    const count = Math.min(length, strange.length);
    strange.copyWithin(0, this.strangeCount - kept, this.strangeCount);
    strange.set(heard.subarray(0, count), kept);
    this.strangeCount = kept + count;
  }
}
