/**
 * Finds the reference noise in audio that a call brings back, whatever became of packets and codecs on the way, and tells each packet's
 * place in what was sent and its delay.
 *
 * Windows of 256 ms are correlated with the reference, around the last known delay first and everywhere if it is not there. The peaks of
 * a window, of its neighbours too, are only candidates: each packet is held against the reference by itself at each of them. So a
 * concealed packet, a slip of a jitter buffer or somebody's voice is not given a delay that it does not have.
 *
 * Delay of a packet: from when the sample that it begins with was due to leave (its packet left, plus the sample's place in it, but no later
 * than the next packet) to when the packet came. A codec's and a filter's own delay is in it. Times in nanoseconds, of one clock.
 */
import { extendTimestamp, timestampDelta } from '../rtp/sequence.ts';
import { thresholdOf, WINDOW } from './audio-correlator.ts';
import type { AudioCorrelator } from './audio-correlator.ts';
import { isTorn, leastShare, MOST_SAMPLES, PacketJudge, piecesOf } from './audio-packet.ts';
import type { Fit, Piece } from './audio-packet.ts';
import { WindowSearch } from './audio-search.ts';
import type { Candidate } from './audio-search.ts';
import { JUMP, SLACK, Timeline } from './audio-timeline.ts';
import { REFERENCE_RATE_HZ } from './reference.ts';
import type { NoiseReference } from './reference.ts';
import { SentTimes } from './sent-times.ts';

export interface AudioMatch {
  readonly arrivedNs: number;
  /** The packet's RTP timestamp, as it came. */
  readonly timestamp: number;
  /** Where the packet begins in the reference, in samples; not whole. */
  readonly position: number;
  /** Samples of the reference's rate that were found: the whole packet, or its end or beginning alone. */
  readonly piece: Piece;
  readonly delayNs: number;
  /** The delay is this far off at the most. */
  readonly errorNs: number;
  /** How much of the packet's audio is the reference, 0 … 1: the square root of its share of the energy. */
  readonly score: number;
}

/** Every packet that was received is in one of these, or waits: {@link AudioMatcher.end} settles what waits. */
export interface AudioCounters {
  readonly received: number;
  /** Whole, or in a half or third of it that begins or ends it. */
  readonly matched: number;
  /** Audio, but not of the reference: other sound, concealment, or a delay above the longest. */
  readonly unmatched: number;
  /** Audio of the reference that had come before: concealment, or a jitter buffer that made time. */
  readonly repeated: number;
  /** Of two delays at once: a jitter buffer moved within it, or two copies came. */
  readonly torn: number;
  /** Nothing to hear. */
  readonly silent: number;
  /** Its place in the stream was taken already. */
  readonly duplicates: number;
  /** Came so long after its neighbours, 0.8 s or more, that they are forgotten; or the first one after a jump. */
  readonly late: number;
  /** More packets at once than are followed. */
  readonly untracked: number;
  /** Windows with enough audio to tell, and of those, how many had the reference in them. */
  readonly windows: number;
  readonly found: number;
  /** Jumps of the timestamps by more than a second. */
  readonly restarts: number;
}

export interface AudioMatcherOptions {
  readonly correlator: AudioCorrelator;
  readonly reference: NoiseReference;
  /** Of the samples handed to {@link AudioMatcher.receive}: 8000 or 16000. */
  readonly sampleRateHz: 8_000 | 16_000;
  /** Of the RTP timestamps; 8000 for G.722. */
  readonly clockRateHz: 8_000 | 16_000;
  /** The longest delay that is looked for. Default 4 s. */
  readonly longestNs?: number;
  readonly onMatch: (match: AudioMatch) => void;
}

const DEFAULT_LONGEST_NS = 4_000_000_000;
const NS_PER_SAMPLE = 1e9 / REFERENCE_RATE_HZ;
/** Packets waiting for their windows: 356 to 900 ms of them. */
const MOST_WAITING = 512;
const PACKETS_REMEMBERED = 2048;
/** Root mean square of what counts as silence: below the steps of A-law, −66 dBm0. */
const SILENCE = 8;
/** Of the first packet that came, which need not be the first one of the stream. */
const FIRST_PLACE = SLACK;
/** Packets whose places are kept, to know what comes again. */
const PLACES_REMEMBERED = 64;
/** A piece is what there is of a packet when it fits so much better than the whole: what is mixed all over it fits both alike. */
const PIECE_FITS_BETTER = 2;
/** Where a packet is not quite where its window says, the place is a whole number. */
const MOVED_ERROR = 0.5;

interface Waiting {
  readonly arrivedNs: number;
  readonly timestamp: number;
  readonly index: number;
  readonly count: number;
}

export class AudioMatcher {
  readonly #search: WindowSearch;
  readonly #judge: PacketJudge;
  readonly #sent = new SentTimes(PACKETS_REMEMBERED);
  readonly #longestNs: number;
  readonly #ticksPerSample: number;
  readonly #ratio: number;
  readonly #onMatch: (match: AudioMatch) => void;
  readonly #sampleRateHz: number;
  readonly #window = new Int16Array(WINDOW);
  #timeline: Timeline;
  #first: number | undefined;
  /** Extended. */
  #lastTimestamp: number | undefined;
  #strayed: number | undefined;
  #waiting: Waiting[] = [];
  /** Where the packets were that matched last. */
  readonly #places: number[] = [];
  readonly #counts = {
    received: 0,
    matched: 0,
    unmatched: 0,
    repeated: 0,
    torn: 0,
    silent: 0,
    duplicates: 0,
    late: 0,
    untracked: 0,
    windows: 0,
    found: 0,
    restarts: 0,
  };

  constructor(options: AudioMatcherOptions) {
    const { correlator, reference, sampleRateHz, clockRateHz, longestNs = DEFAULT_LONGEST_NS, onMatch } = options;
    this.#search = new WindowSearch(correlator, reference, longestNs / NS_PER_SAMPLE);
    this.#judge = new PacketJudge(reference);
    this.#longestNs = longestNs;
    this.#ticksPerSample = clockRateHz / REFERENCE_RATE_HZ;
    this.#ratio = sampleRateHz / REFERENCE_RATE_HZ;
    this.#sampleRateHz = sampleRateHz;
    this.#onMatch = onMatch;
    this.#timeline = new Timeline(sampleRateHz);
  }

  /** The next `count` samples of the reference leave, at 8,000 a second whatever the codec is. */
  sent(leftNs: number, count: number): void {
    this.#sent.sent(leftNs, count);
  }

  /** Replaces the time that packet `number` (the first is 0) left at. It must be known before the echo's window is whole, some 100 ms. */
  correct(number: number, leftNs: number): boolean {
    return this.#sent.correct(number, leftNs);
  }

  /** A packet came, decoded to `count` samples, half a second of them at the most, that begin at `samples[at]`. */
  receive(arrivedNs: number, timestamp: number, samples: Int16Array, at: number, count: number): void {
    this.#counts.received += 1;
    const length = count / this.#ratio;
    if (length > MOST_SAMPLES || count === 0) {
      this.#counts.untracked += 1;
      return;
    }
    const index = this.#place(timestamp);
    if (index === undefined || index < this.#timeline.start) {
      this.#counts.late += 1;
      return;
    }
    if (this.#timeline.has(index)) {
      this.#counts.duplicates += 1;
      return;
    }
    this.#timeline.put(index, samples, at, count);
    if (this.#waiting.length >= MOST_WAITING) this.#counts.untracked += 1;
    else this.#waiting.push({ arrivedNs, timestamp, index, count: length });
    while (this.#timeline.end >= this.#timeline.cut + WINDOW + SLACK) this.#takeWindow();
  }

  /** The stream is over: settles every packet that waits. */
  end(): void {
    while (this.#timeline.cut < this.#timeline.end) this.#takeWindow();
    this.#settle(Number.POSITIVE_INFINITY);
  }

  counters(): AudioCounters {
    return { ...this.#counts };
  }

  /**
   * On the timeline, in samples of the reference's rate; undefined for a packet that is far from all others. When the next one is near it,
   * they begin another timeline.
   */
  #place(timestamp: number): number | undefined {
    this.#first ??= timestamp;
    const extended = extendTimestamp(this.#lastTimestamp ?? timestamp, timestamp);
    const index = FIRST_PLACE + (extended - this.#first) / this.#ticksPerSample;
    if (this.#lastTimestamp !== undefined && Math.abs(index - this.#timeline.end) > JUMP) {
      const strayed = this.#strayed;
      this.#strayed = timestamp;
      if (strayed === undefined || Math.abs(timestampDelta(timestamp, strayed)) > JUMP * this.#ticksPerSample) return undefined;
      this.#restart(timestamp);
      return FIRST_PLACE;
    }
    this.#strayed = undefined;
    this.#lastTimestamp = extended;
    return index;
  }

  #restart(timestamp: number): void {
    this.end();
    this.#timeline = new Timeline(this.#sampleRateHz);
    this.#search.restart();
    this.#first = timestamp;
    this.#lastTimestamp = timestamp;
    this.#strayed = undefined;
    this.#counts.restarts += 1;
  }

  #takeWindow(): void {
    const timeline = this.#timeline;
    const number = timeline.windows;
    timeline.cutWindow(this.#window);
    const { present, energy } = timeline;
    // With fewer samples nothing can be told.
    if (thresholdOf(present) < 1 && energy > present * SILENCE * SILENCE) {
      this.#counts.windows += 1;
      if (this.#search.search(number, this.#window, present, energy, this.#sent.end)) this.#counts.found += 1;
    }
    this.#settle(number);
  }

  /** Judges the packets of which the windows around are known up to `window`. */
  #settle(window: number): void {
    const still: Waiting[] = [];
    for (const packet of this.#waiting) {
      const last = Math.floor((packet.index + packet.count - 1) / WINDOW);
      if (last >= window) still.push(packet);
      else this.#counts[this.#judgePacket(packet, last)] += 1;
    }
    this.#waiting = still;
  }

  #judgePacket(packet: Waiting, lastWindow: number): 'matched' | 'unmatched' | 'repeated' | 'torn' | 'silent' {
    const { heard } = this.#timeline;
    const first = Math.ceil(packet.index);
    const count = Math.floor(packet.index + packet.count) - first;
    const at = this.#timeline.heardSlot(first);
    const energy = energyOf(heard, at, count);
    if (energy <= count * SILENCE * SILENCE) return 'silent';

    const candidates = this.#search.candidatesOf(Math.floor(packet.index / WINDOW), lastWindow);
    const fits = candidates
      .map((candidate) => ({ candidate, fit: this.#judge.fit(heard, at, count, energy, Math.round(first - candidate.lag)) }))
      .toSorted((a, b) => b.fit.share - a.fit.share);
    const [best, ...others] = fits;
    if (best === undefined) return 'unmatched';
    const { share } = best.fit;
    const fitting = share >= leastShare(count);
    const { lag } = best.candidate;
    if (fitting && others.some(({ candidate, fit }) => isTorn(share, fit.share, candidate.lag - lag, count))) return 'torn';
    const byPiece = this.#judgePieces(packet, first, candidates, PIECE_FITS_BETTER * share);
    if (byPiece !== undefined) return byPiece;
    return fitting ? this.#tell(packet, best.candidate, best.fit, { from: 0, count: packet.count }) : 'unmatched';
  }

  /** A packet that is not the reference as a whole: its delay is that of the piece which is. @param least share that the piece must have. */
  #judgePieces(
    packet: Waiting,
    first: number,
    candidates: readonly Candidate[],
    least: number,
  ): 'matched' | 'unmatched' | 'repeated' | undefined {
    if (least >= 1) return undefined;
    const { heard } = this.#timeline;
    for (const piece of piecesOf(Math.floor(packet.index + packet.count) - first)) {
      const at = this.#timeline.heardSlot(first + piece.from);
      const energy = energyOf(heard, at, piece.count);
      if (energy <= piece.count * SILENCE * SILENCE) continue;
      for (const candidate of candidates) {
        const fit = this.#judge.fit(heard, at, piece.count, energy, Math.round(first + piece.from - candidate.lag));
        if (fit.share >= Math.max(least, leastShare(piece.count))) return this.#tell(packet, candidate, fit, piece);
      }
    }
    return undefined;
  }

  #tell(heard: Waiting, { lag, error }: Candidate, { share, moved }: Fit, piece: Piece): 'matched' | 'unmatched' | 'repeated' {
    const { arrivedNs, timestamp, index, count } = heard;
    const position = moved === 0 ? index - lag : Math.round(index - lag) + moved;
    // Rounded: between two packets, a place that is a hair too early belongs to the later one.
    const packet = this.#sent.packetAt(Math.round(position));
    if (packet < 0) return 'unmatched';
    // Behind a packet that left late, what was due in it is due before the next one leaves.
    const nextNs = packet + 1 < this.#sent.packets ? this.#sent.leftNsOf(packet + 1) : Number.POSITIVE_INFINITY;
    const dueNs = Math.min(this.#sent.leftNsOf(packet) + (position - this.#sent.startOf(packet)) * NS_PER_SAMPLE, nextNs);
    const delayNs = arrivedNs - dueNs;
    const errorNs = (error + (moved === 0 ? 0 : MOVED_ERROR)) * NS_PER_SAMPLE;
    if (delayNs < -errorNs || delayNs > this.#longestNs) return 'unmatched';
    if (this.#places.some((place) => Math.abs(place - position) < count / 2)) return 'repeated';
    this.#places[this.#counts.matched % PLACES_REMEMBERED] = position;
    this.#onMatch({ arrivedNs, timestamp, position, piece, delayNs, errorNs, score: Math.sqrt((share * piece.count) / count) });
    return 'matched';
  }
}

function energyOf(ring: Int16Array, at: number, count: number): number {
  let energy = 0;
  for (let i = 0; i < count; i++) energy += (ring[(at + i) & (ring.length - 1)] as number) ** 2;
  return energy;
}
