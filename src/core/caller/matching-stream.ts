/**
 * The stream of a call whose packets may come back changed. All the ways that may be its own are tried until one is chosen, which then
 * hands over what it found so far, and goes on alone. What none of them finds has no number, but a reason.
 */
import type { CallRow } from '../report/run.ts';
import { createRtpPacket, parseRtp } from '../rtp/packet.ts';
import { idOf, NOT_A_SAMPLE, ProbeStream, streamRow } from '../probe/stream.ts';
import type { EchoCounters, EchoStream, StreamSample } from '../probe/stream.ts';
import type { ProbeOptions } from '../probe/result.ts';
import { noiseOf } from '../probe/source.ts';
import type { ProbeAudio, StreamSource } from '../probe/source.ts';
import type { AudioCorrelator } from '../match/audio-correlator.ts';
import type { NoisePayload } from '../match/noise-payload.ts';
import { NoiseReference, REFERENCE_RATE_HZ } from '../match/reference.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import type { ClockName } from '../udp/engine.ts';
import { AudioEchoes } from './audio-echoes.ts';
import { ComingStream, HostDelays } from './echoes.ts';
import type { ArrivalTimes, ChangedEchoes, EchoNumbers } from './echoes.ts';
import { choose } from './match-choice.ts';
import type { MatchKind, MatchMode } from './match-choice.ts';
import { PayloadEchoes } from './payload-echoes.ts';

export interface MatchingStreamOptions {
  readonly mode: Exclude<MatchMode, 'header'>;
  readonly options: ProbeOptions;
  /** With a seed of noise. */
  readonly audio: ProbeAudio & { readonly noiseSeed: number };
  readonly source: StreamSource;
  /** It may serve all calls. */
  readonly correlator: AudioCorrelator;
  readonly clock: ClockName;
  /** Told of each packet that has come back, some of them seconds later. */
  readonly sample: StreamSample;
}

/** Payloads and audio of the last so many seconds are kept, whatever the time-out is. */
const LONGEST_NS = 10e9;

type Sample = Parameters<StreamSample>;

export class MatchingStream implements EchoStream {
  readonly lastIndex = 0;
  readonly lastLate = false;
  readonly lastHostDelayNs: number = Number.NaN;
  unstamped = 0;
  readonly #parts: MatchingStreamOptions;
  readonly #noise: NoisePayload;
  readonly #payload: Uint8Array;
  readonly #hostDelays: HostDelays | undefined;
  readonly #coming: ComingStream;
  readonly #histogram = new LatencyHistogram();
  readonly #packet = createRtpPacket();
  #header: ProbeStream | undefined;
  #bytes: PayloadEchoes | undefined;
  #audio: AudioEchoes | undefined;
  #kind: MatchKind | undefined;
  /** What was found before the choice, by way. */
  #found: Record<MatchKind, Sample[]> = { header: [], payload: [], audio: [] };
  #headerMatched = 0;
  #sent = 0;
  #came = 0;
  #firstNs: number | undefined;
  #otherSsrc = 0;
  #malformed = 0;
  #late = 0;

  constructor(parts: MatchingStreamOptions) {
    const { mode, options, audio, source, correlator, clock } = parts;
    const { ptimeNs, lateThresholdNs } = options;
    this.#parts = parts;
    this.#noise = noiseOf(ptimeNs, audio) as NoisePayload;
    this.#payload = new Uint8Array(Math.round((ptimeNs * audio.bytesPerSecond) / 1e9));
    this.#hostDelays = clock === 'kernel' ? new HostDelays(options) : undefined;
    this.#coming = new ComingStream({ clockRateHz: audio.clockRateHz, thresholdNs: lateThresholdNs });
    const timeoutNs = Math.min(options.timeoutNs, LONGEST_NS);
    const hostDelays = this.#hostDelays;
    if (mode === 'auto') this.#header = new ProbeStream(options, source, clock, undefined);
    if (mode !== 'audio') {
      this.#bytes = new PayloadEchoes({
        ...{ bytesPerSecond: audio.bytesPerSecond, timeoutNs, hostDelays },
        sample: (...sample) => this.#take('payload', sample),
      });
    }
    if (mode !== 'payload') {
      this.#audio = new AudioEchoes({
        ...{ correlator, reference: new NoiseReference(audio.noiseSeed), audio, timeoutNs, hostDelays },
        samplesPerPacket: (ptimeNs * REFERENCE_RATE_HZ) / 1e9,
        sample: (...sample) => this.#take('audio', sample),
      });
    }
  }

  sent(index: number, dueNs: number, sentNs: number): void {
    this.#sent = index + 1;
    this.#header?.sent(index, dueNs, sentNs);
    if (this.#bytes === undefined && this.#audio === undefined) return;
    this.#hostDelays?.sent(index, sentNs);
    const leftNs = this.#parts.clock === 'kernel' ? sentNs : dueNs;
    if (this.#bytes !== undefined) this.#noise.write(this.#payload, 0, index);
    this.#bytes?.sent(index, leftNs, this.#payload);
    this.#audio?.sent(index, leftNs);
  }

  departed(index: number, atNs: number): void {
    this.#header?.departed(index, atNs);
    if (Number.isNaN(atNs)) return;
    this.#hostDelays?.departed(index, atNs);
    this.#bytes?.departed(index, atNs);
    this.#audio?.departed(index, atNs);
  }

  /** The samples are handed over by themselves. */
  arrived(buffer: Uint8Array, offset: number, length: number, times: ArrivalTimes): number {
    const packet = this.#packet;
    this.#firstNs ??= times.atNs;
    this.#came += 1;
    const header = this.#header;
    if (header !== undefined) {
      const latencyNs = header.arrived(buffer, offset, length, times);
      if (latencyNs >= 0) {
        this.#headerMatched += 1;
        this.#take('header', [header.lastIndex, latencyNs, header.lastLate, header.lastHostDelayNs]);
      }
    }
    if (parseRtp(buffer, offset, length, packet) !== undefined) {
      this.#malformed += 1;
      return NOT_A_SAMPLE;
    }
    if (packet.ssrc !== this.#parts.source.ssrc) this.#otherSsrc += 1;
    const late = this.#coming.receive(times.atNs, packet);
    const at = offset + packet.payloadOffset;
    this.#bytes?.arrived(packet, buffer, at, times, late);
    this.#audio?.arrived(packet, buffer, at, times, late);
    this.#choose(times.atNs, false);
    return NOT_A_SAMPLE;
  }

  expire(nowNs: number): void {
    this.#header?.expire(nowNs);
    this.#bytes?.expire(nowNs);
    this.#audio?.expire(nowNs);
  }

  finish(nowNs: number): void {
    this.#header?.finish(nowNs);
    this.#bytes?.finish(nowNs);
    this.#audio?.finish(nowNs);
    this.#choose(nowNs, true);
  }

  /** Of a stream whose way is not known, all that may still come back in any way; where the headers are untouched, that one will be chosen. */
  get inFlight(): number {
    const header = this.#header?.inFlight ?? 0;
    if (this.#headerMatched > 0 && this.#headerMatched === this.#came) return header;
    return Math.max(header, this.#bytes?.inFlight ?? 0, this.#audio?.inFlight ?? 0);
  }

  get jitterMs(): number | null {
    return this.#kind === undefined ? null : this.#coming.jitterMs;
  }

  counters(): EchoCounters {
    const marks = { malformed: this.#malformed, otherSsrc: this.#otherSsrc };
    if (this.#header !== undefined && (this.#kind === 'header' || this.#came === 0)) return this.#header.counters();
    const numbers = this.#kind === undefined && this.#came > 0 ? undefined : this.#changed()?.counters();
    return { ...(numbers ?? this.#nothingKnown()), ...marks, late: this.#late };
  }

  row(port: number, sendErrors: number): CallRow {
    const row = streamRow(
      { id: idOf(this.#parts.source.ssrc), port, sendErrors, jitterMs: this.jitterMs },
      this.counters(),
      this.#histogram,
    );
    const share = this.#kind === undefined ? null : this.#matched(this.#kind) / this.#came;
    const match = { match: this.#kind ?? null, match_share: share };
    if (this.#kind === undefined) return { ...row, ...match, match_reason: this.#reason() };
    if (this.#kind === 'payload') return { ...row, ...match, lost_audio_ms: this.#bytes?.lostMs ?? null };
    const audio = this.#audio;
    if (audio === undefined) return { ...row, ...match };
    const { moves, skewPpm, skewErrorPpm } = audio.delays();
    // What was not found need not be lost: it may have been concealed, or cut by a jitter buffer.
    const { lost: notFound, ...counters } = row.counters ?? {};
    return {
      ...row,
      ...match,
      counters,
      packet_loss_ratio: null,
      not_found: notFound ?? null,
      not_found_ratio: row.packet_loss_ratio ?? null,
      match_score: audio.score,
      match_error_ms: audio.errorMs,
      delay_moves: moves,
      clock_skew_ppm: skewPpm,
      clock_skew_error_ppm: skewErrorPpm,
    };
  }

  #take(kind: MatchKind, sample: Sample): void {
    if (this.#kind === undefined) this.#found[kind].push(sample);
    else if (this.#kind === kind) this.#tell(sample);
  }

  #tell([index, latencyNs, late, hostDelayNs]: Sample): void {
    this.#histogram.record(latencyNs);
    if (late) this.#late += 1;
    if (this.#hostDelays !== undefined && Number.isNaN(hostDelayNs)) this.unstamped += 1;
    this.#parts.sample(index, latencyNs, late, hostDelayNs);
  }

  #choose(nowNs: number, over: boolean): void {
    if (this.#kind !== undefined || this.#firstNs === undefined) return;
    const by = { header: this.#headerMatched, payload: this.#matched('payload'), audio: this.#matched('audio') };
    const kind = choose(by, this.#came, nowNs - this.#firstNs, over);
    if (kind === undefined) return;
    this.#kind = kind;
    const found = this.#found[kind];
    this.#found = { header: [], payload: [], audio: [] };
    if (kind !== 'header') this.#header = undefined;
    if (kind !== 'payload') this.#bytes = undefined;
    if (kind !== 'audio') this.#audio = undefined;
    for (const sample of found) this.#tell(sample);
  }

  #matched(kind: MatchKind): number {
    if (kind === 'header') return this.#headerMatched;
    return (kind === 'payload' ? this.#bytes?.matched : this.#audio?.matched) ?? 0;
  }

  #changed(): ChangedEchoes | undefined {
    return this.#bytes ?? this.#audio;
  }

  #nothingKnown(): EchoNumbers {
    const none = { returned: 0, lateAfterLoss: 0, duplicates: 0, reordered: 0 };
    return {
      ...none,
      sent: this.#sent,
      lost: this.#sent - this.inFlight,
      inFlight: this.inFlight,
      unmatched: this.#came - this.#malformed,
    };
  }

  /** Why nothing was matched; null where nothing came, either. */
  #reason(): string | null {
    if (this.#came === 0) return null;
    const others = this.#audio?.others() ?? '';
    const ways = [
      ...(this.#header === undefined ? [] : [`by header (${this.#otherSsrc} have another SSRC)`]),
      ...(this.#bytes === undefined ? [] : [`by payload (${this.#bytes.matched} hold the bytes that were sent)`]),
      ...(this.#audio === undefined ? [] : [`by audio (it is heard in ${this.#audio.matched}${others === '' ? '' : `; ${others}`})`]),
    ];
    return `${this.#came} packets came back and cannot be matched, not ${ways.join(', not ')}`;
  }
}
