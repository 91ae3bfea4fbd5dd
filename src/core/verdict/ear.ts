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
  /** undefined where silence is sent: then the headers alone tell what is ours. */
  readonly reference: NoiseReference | undefined;
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
  readonly piece: ComingPiece;
  readonly extended: number;
  readonly samples: Int16Array;
  readonly energy: number;
  /** What it counts as meanwhile. */
  readonly first: 'silent' | 'waiting';
}

export class Ear {
  readonly window: HeardWindow = new HeardWindow();
  readonly places: HeardPlaces = new HeardPlaces();
  readonly clip: ClipMeter = new ClipMeter();
  /** Samples of the reference that have left. */
  sentSamples = 0;
  /** When something of ours came last; undefined when nothing has. */
  lastOursNs: number | undefined;
  /** Packets of ours that came under other headers than they had. */
  renumbered = 0;
  /** What came last and is sound, but none of this call, from slot 0 on; `strangeCount` samples at the reference's rate. */
  readonly strange: Int16Array = new Int16Array(2_048);
  strangeCount = 0;
  readonly #options: EarOptions;
  readonly #judge: PacketJudge | undefined;
  readonly #matcher: AudioMatcher | undefined;
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
    if (reference === undefined) return;
    this.#judge = new PacketJudge(reference);
    this.#matcher = new AudioMatcher({ correlator, reference, sampleRateHz, clockRateHz, onMatch: (match) => this.#found(match) });
  }

  /** The next packet leaves. */
  sent(leftNs: number): void {
    const { samplesPerPacket } = this.#options;
    this.#leftNs[this.#packets % LEFT_KEPT] = leftNs;
    this.#packets += 1;
    this.sentSamples += samplesPerPacket;
    this.#matcher?.sent(leftNs, samplesPerPacket);
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
    const ms = msOf(length);
    if (this.#matcher === undefined) return this.window.add(atNs, this.#byHeader(piece, length, energy), ms);
    if (energy <= length * NOTHING) return this.window.add(atNs, 'silent', ms);
    const position = this.#locate(piece, extended, length, energy);
    if (position !== undefined) return this.window.add(atNs, this.#follow(position, extended, length, piece), ms);
    if (this.#waiting.length >= WAITING) this.#giveUp(this.#waiting.shift());
    // Ours may be as soft as the noise of a line.
    const first = energy <= length * QUIET ? 'silent' : 'waiting';
    this.#waiting.push({ piece, extended, energy, samples: heard.slice(0, length), first });
    this.window.add(atNs, first, ms);
    if (first === 'waiting') this.#keep(heard, length);
    this.#matcher.receive(atNs, timestamp, samples, 0, count);
    return undefined;
  }

  /** What has waited for long enough was not found. */
  settle(nowNs: number): void {
    while (this.#waiting.length > 0 && nowNs - (this.#waiting[0] as Waiting).piece.atNs > WAITS_NS) this.#giveUp(this.#waiting.shift());
  }

  #byHeader({ index, atNs }: ComingPiece, length: number, energy: number): HeardKind {
    if (index >= 0) return this.#ours(index * this.#options.samplesPerPacket, length, atNs);
    return energy <= length * QUIET ? 'silent' : 'other';
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
    const judge = this.#judge;
    const fits = (position: number): number | undefined => {
      if (judge === undefined || position < 0 || position > this.sentSamples) return undefined;
      const { share, moved } = judge.fit(this.#heard, 0, length, energy, position);
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
    if (position !== undefined && index < 0) this.renumbered += 1;
    return position;
  }

  #ours(position: number, length: number, atNs: number): 'ours' | 'repeated' {
    this.strangeCount = 0;
    this.lastOursNs = Math.max(this.lastOursNs ?? atNs, atNs);
    return this.places.put(position, length, this.#isLate(position, atNs)) >= 0.5 ? 'ours' : 'repeated';
  }

  #compare(position: number, length: number, share: number): void {
    if (share < CLEAR_SHARE) return;
    this.#options.reference?.read(position, length, this.#sent, 0);
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

  /** @returns what it is, and goes on from there. */
  #follow(position: number, extended: number, length: number, { atNs, ssrc }: ComingPiece): 'ours' | 'repeated' {
    const kind = this.#ours(position, length, atNs);
    if (kind === 'ours' && ssrc === this.#ssrc) this.#lead = position - extended;
    return kind;
  }

  #found({ arrivedNs, timestamp, position }: AudioMatch): void {
    const at = this.#waiting.findIndex(({ piece }) => piece.atNs === arrivedNs && piece.timestamp === timestamp);
    if (at < 0) return;
    const [found] = this.#waiting.splice(at, 1) as [Waiting];
    if (found.piece.index < 0) this.renumbered += 1;
    this.#resolve(found, this.#follow(Math.round(position), found.extended, found.samples.length, found.piece));
    // What waits beside it can be placed now.
    const still: Waiting[] = [];
    for (const waiting of this.#waiting) {
      const { piece, extended, samples, energy } = waiting;
      this.#heard.set(samples);
      const place = piece.ssrc === this.#ssrc ? this.#locate(piece, extended, samples.length, energy) : undefined;
      if (place === undefined) still.push(waiting);
      else this.#resolve(waiting, this.#follow(place, extended, samples.length, piece));
    }
    this.#waiting = still;
  }

  #giveUp(waiting: Waiting | undefined): void {
    if (waiting !== undefined) this.#resolve(waiting, waiting.first === 'silent' ? 'silent' : 'other');
  }

  #resolve({ piece, samples, first }: Waiting, kind: HeardKind): void {
    if (kind === first) return;
    this.window.add(piece.atNs, first, -msOf(samples.length));
    this.window.add(piece.atNs, kind, msOf(samples.length));
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

function msOf(samples: number): number {
  return (samples * 1000) / REFERENCE_RATE_HZ;
}
