/**
 * The RTP streams among the datagrams of a capture, and which of them are echoes of others. A stream is what one SSRC sends from one
 * address and port to another. Memory is bounded whatever the datagrams are: candidates that nothing is heard of are forgotten,
 * and streams beyond {@link MAX_STREAMS} are counted only.
 */
import { createRtpPacket, parseCutRtp, parseRtp } from '../rtp/packet.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import { Candidate, candidateMemory } from './candidate.ts';
import { clockRateIn } from './clock-rate.ts';
import { ENDPOINT_WORDS } from './datagram.ts';
import type { Datagram } from './datagram.ts';
import { EchoPair, isEchoOf } from './echo-pair.ts';
import { hashOf, KeyTable } from './key-table.ts';
import { RecentPool } from './recent.ts';
import { StreamMeter } from './stream-meter.ts';

export const MAX_STREAMS = 8_192;
/** In each of two generations: those of the older one are forgotten when the younger one is full. A capture may begin in all its calls. */
const MAX_CANDIDATES = 8_192;
/** A candidate has so long to prove itself before it makes room for others. */
const PROOF_NS = 1_000_000_000;
const MAX_PAIRS = 2_048;
/** A histogram is 74 kB. Round trips of pairs beyond are in the histogram of all. */
const MAX_PAIR_HISTOGRAMS = 128;
const KEY_WORDS = ENDPOINT_WORDS + 1;
const SSRC_WORD = ENDPOINT_WORDS;

/** A stream, with what it is to another. */
export interface Stream {
  /** As in a `Datagram`, and the SSRC behind it. */
  readonly key: Uint32Array;
  readonly clockRateHz: number | null;
  readonly meter: StreamMeter;
  pair: PairOfStreams | undefined;
}

export interface PairOfStreams {
  readonly outgoing: Stream;
  readonly echo: Stream;
  readonly measured: EchoPair;
  /** undefined beyond {@link MAX_PAIR_HISTOGRAMS}. */
  readonly histogram: LatencyHistogram | undefined;
}

/** UDP datagrams by what they are. */
export interface DatagramCounts {
  /** Packets of the streams. */
  rtp: number;
  rtcp: number;
  /** Of streams beyond {@link MAX_STREAMS}. */
  untracked: number;
  /** Neither, among them what looks like RTP but does not go on in sequence. */
  other: number;
}

export class StreamTable {
  readonly streams: Stream[] = [];
  readonly pairs: PairOfStreams[] = [];
  /** All round trips. */
  readonly histogram: LatencyHistogram = new LatencyHistogram();
  readonly counts: DatagramCounts = { rtp: 0, rtcp: 0, untracked: 0, other: 0 };
  /** Datagrams that may be RTP, of more candidates at once than there is room for. */
  unfollowed = 0;
  /** Pairs beyond {@link MAX_PAIRS}. */
  unpaired = 0;
  readonly #packet = createRtpPacket();
  readonly #key = new Uint32Array(KEY_WORDS);
  readonly #table = new KeyTable(KEY_WORDS, MAX_STREAMS);
  readonly #recent = new RecentPool();
  #young = new Generation();
  #old = new Generation();
  /** When the young ones became the old ones. */
  #agedNs = 0;

  /** A datagram of `bytes`, captured at `atNs`. */
  take(bytes: Uint8Array, datagram: Datagram, atNs: number): void {
    const packet = this.#packet;
    const parse = datagram.length < datagram.sentLength ? parseCutRtp : parseRtp;
    const rejection = parse(bytes, datagram.offset, datagram.length, packet);
    if (rejection !== undefined) {
      if (rejection === 'rtcp') this.counts.rtcp += 1;
      else this.counts.other += 1;
      return;
    }
    const key = this.#key;
    key.set(datagram.endpoints);
    key[SSRC_WORD] = packet.ssrc;
    const hash = hashOf(key);
    const index = this.#table.find(key, hash);
    if (index >= 0) {
      this.counts.rtp += 1;
      const type = packet.payloadType | (packet.marker ? 0x80 : 0);
      receive(this.streams[index] as Stream, atNs, packet.sequence, packet.timestamp | 0, type);
      return;
    }
    // Until it is proven it is counted as nothing known.
    this.counts.other += 1;
    const candidate = this.#candidate(hash, atNs);
    if (candidate === undefined) this.unfollowed += 1;
    else if (candidate.take(atNs, packet)) this.#prove(candidate, hash);
  }

  /** undefined when all room is taken by candidates that may still be proven. */
  #candidate(hash: number, atNs: number): Candidate | undefined {
    const key = this.#key;
    const known = this.#young.find(key, hash);
    if (known !== undefined) return known;
    const older = this.#old.find(key, hash);
    if (this.#young.isFull) {
      if (older !== undefined) return older;
      if (!this.#old.isEmpty && atNs - this.#agedNs < PROOF_NS) return undefined;
      this.#agedNs = atNs;
      const forgotten = this.#old;
      this.unfollowed += forgotten.clear();
      this.#old = this.#young;
      this.#young = forgotten;
    }
    const added = this.#young.add(key, hash);
    if (older !== undefined) added.takeOver(older);
    return added;
  }

  #prove(candidate: Candidate, hash: number): void {
    const key = this.#key.slice();
    this.counts.other -= candidate.count;
    if (this.#table.add(key, hash) < 0) {
      this.counts.untracked += candidate.count;
      candidate.clear();
      return;
    }
    this.counts.rtp += candidate.count;
    const clockRateHz = clockRateIn(candidate);
    const stream: Stream = { key, clockRateHz, meter: new StreamMeter(clockRateHz, this.#recent.take()), pair: undefined };
    this.streams.push(stream);
    const { atNs, sequences, timestamps, types } = candidate.memory;
    for (let i = candidate.start; i < candidate.end; i++) {
      stream.meter.receive(atNs[i] as number, sequences[i] as number, timestamps[i] as number, types[i] as number);
    }
    this.#pair(stream);
    candidate.clear();
  }

  /** Looks for the stream that goes the other way, and begins to measure what of the two is known already. */
  #pair(stream: Stream): void {
    const back = reversed(stream.key);
    const index = this.#table.find(back, hashOf(back));
    const other = index < 0 ? undefined : this.streams[index];
    // A datagram from an address to itself is its own reverse.
    if (other === undefined || other === stream) return;
    if (this.pairs.length === MAX_PAIRS) {
      this.unpaired += 1;
      return;
    }
    const [outgoing, echo] = isEchoOf(stream.meter, other.meter) ? [other, stream] : [stream, other];
    const histogram = this.pairs.length < MAX_PAIR_HISTOGRAMS ? new LatencyHistogram() : undefined;
    const measured = new EchoPair(outgoing.clockRateHz, histogram === undefined ? [this.histogram] : [this.histogram, histogram]);
    const pair = { outgoing, echo, measured, histogram };
    this.pairs.push(pair);
    outgoing.pair = pair;
    echo.pair = pair;
    measured.catchUp(outgoing.meter, echo.meter);
    for (const { meter } of [outgoing, echo]) {
      const recent = meter.forgetRecent();
      if (recent !== undefined) this.#recent.giveBack(recent);
    }
  }
}

function receive(stream: Stream, atNs: number, sequence: number, timestamp: number, type: number): void {
  stream.meter.receive(atNs, sequence, timestamp, type);
  const { pair } = stream;
  if (pair === undefined) return;
  if (pair.outgoing === stream) pair.measured.sent(atNs, sequence);
  else pair.measured.returned(atNs, sequence, timestamp, type >= 0x80);
}

/** The key of what the destination sends to the source with the same SSRC. */
function reversed(key: Uint32Array): Uint32Array {
  const back = key.slice();
  back.set(key.subarray(0, 4), 4);
  back.set(key.subarray(4, 8), 0);
  const ports = key[8] as number;
  back[8] = (ports << 16) | (ports >>> 16);
  return back;
}

/** Candidates, found by their keys. */
class Generation {
  readonly #table = new KeyTable(KEY_WORDS, MAX_CANDIDATES);
  readonly #memory = candidateMemory(MAX_CANDIDATES);
  /** Made when they are needed first, and used again. */
  readonly #candidates: Candidate[] = [];
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count === MAX_CANDIDATES;
  }

  find(key: Uint32Array, hash: number): Candidate | undefined {
    const index = this.#table.find(key, hash);
    return index < 0 ? undefined : this.#candidates[index];
  }

  /** Needs to have room. */
  add(key: Uint32Array, hash: number): Candidate {
    const index = this.#table.add(key, hash);
    const candidate = (this.#candidates[index] ??= new Candidate(this.#memory, index));
    candidate.clear();
    this.#count = index + 1;
    return candidate;
  }

  /** @returns how many packets are forgotten of those that went on in sequence. */
  clear(): number {
    let packets = 0;
    for (let i = 0; i < this.#count; i++) {
      const candidate = this.#candidates[i];
      if (candidate?.isHopeful === true) packets += candidate.count;
    }
    this.#table.clear();
    this.#count = 0;
    return packets;
  }
}
