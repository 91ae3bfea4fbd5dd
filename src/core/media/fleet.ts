/**
 * The media of all calls of a process, as signalling sees them. The packets are handled in a thread of their own ({@link MediaPlane});
 * here calls are opened and ended, tones are encoded, recordings written, and numbers read from the memory that the thread fills.
 */
import type { AudioCodec } from '../audio/codec.ts';
import { DEFAULT_LATE_THRESHOLD_NS } from '../stats/late.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import type { EngineChoice } from '../udp/choices.ts';
import type { EngineSelection } from '../udp/select.ts';
import { FleetCall } from './fleet-call.ts';
import type { FleetCallHost, Prepared } from './fleet-call.ts';
import { checkPtime, knownCodec } from './limits.ts';
import { MediaLink } from './link.ts';
import type { MediaTold } from './link.ts';
import { MEDIA_TOTALS_BYTES, MediaMemoryPool, MediaSum, MediaTotals } from './numbers.ts';
import type { MediaSums } from './numbers.ts';
import { errorOf } from '../values/failure.ts';
import { Recorder, Recording } from './recorder.ts';
import { ToneLoops } from './tone-loops.ts';
import type { MediaAction, MediaCall, MediaEvents, MediaSpec } from './types.ts';

export type { MediaCall } from './types.ts';

export interface MediaFleetOptions {
  readonly engine: EngineChoice;
  readonly events: MediaEvents;
  /** How long no RTP comes before that is told; null (the default) when it is not. */
  readonly mediaTimeoutMs?: number | null;
  readonly lateThresholdNs?: number;
  /** Echoes write times into the packets that ask for them. */
  readonly stamp?: boolean;
  /** A fleet whose thread has ended: its sums go on. Its calls are their owners' to end. */
  readonly before?: MediaFleet;
}

/** Of all calls since the start. */
export interface MediaFleetTotals extends MediaSums {
  readonly activeCalls: number;
  /** How far behind its time each packet was handed to the kernel. */
  readonly pacing: LatencyHistogram;
  /** Round trips by the RTCP reports of peers. */
  readonly roundTrip: LatencyHistogram;
}

export class MediaFleet {
  /** Settles with what ended the media, should they end before {@link close}. */
  readonly failed: Promise<Error>;
  readonly selection: EngineSelection;
  readonly #link: MediaLink;
  readonly #totals: MediaTotals;
  readonly #events: MediaEvents;
  readonly #pool = new MediaMemoryPool();
  readonly #loops = new ToneLoops();
  readonly #recorder = new Recorder();
  /** By the numbers that the thread knows them by. */
  readonly #calls: Map<number, FleetCall>;
  readonly #recordings: Map<number, Recording>;
  readonly #ended = new MediaSum();
  readonly #host: FleetCallHost;
  #nextId = 0;
  #nextRecording = 0;

  private constructor(
    link: MediaLink,
    totals: MediaTotals,
    events: MediaEvents,
    calls: Map<number, FleetCall>,
    recordings: Map<number, Recording>,
  ) {
    this.#link = link;
    this.#totals = totals;
    this.#events = events;
    this.#calls = calls;
    this.#recordings = recordings;
    this.selection = link.selection;
    this.failed = link.failed;
    this.#host = {
      prepare: (id, action, codec) => this.#prepare(id, action, codec),
      ask: (request) => link.ask(request),
      tell: (request) => link.tell(request),
      ended: (id, counters) => {
        this.#ended.add(counters);
        this.#calls.delete(id);
      },
      released: (block) => this.#pool.giveBack(block),
    };
  }

  /** @throws RtplatError `usage` when the engine that was asked for cannot be had. */
  static async start(options: MediaFleetOptions): Promise<MediaFleet> {
    const { engine, events, mediaTimeoutMs = null, lateThresholdNs = DEFAULT_LATE_THRESHOLD_NS, stamp = false, before } = options;
    const totals = new SharedArrayBuffer(MEDIA_TOTALS_BYTES);
    const numbers = new MediaTotals(totals);
    if (before !== undefined) {
      numbers.pacing.merge(before.#totals.pacing);
      numbers.roundTrip.merge(before.#totals.roundTrip);
    }
    const settings = { silenceNs: mediaTimeoutMs === null ? null : mediaTimeoutMs * 1e6, lateThresholdNs };
    const calls = new Map<number, FleetCall>();
    const recordings = new Map<number, Recording>();
    const told = (message: MediaTold): void => hear(message, events, calls, recordings);
    const link = await MediaLink.start(engine, { settings, totals, stamp }, told);
    const fleet = new MediaFleet(link, numbers, events, calls, recordings);
    if (before !== undefined) {
      fleet.#ended.add(before.totals());
      fleet.#nextId = before.#nextId;
    }
    return fleet;
  }

  /** Settles when the thread answers. @throws Error when it has ended. */
  async ping(): Promise<void> {
    const answer = await this.#link.ask({ kind: 'ping' });
    if (!answer.ok) throw errorOf(answer.failure);
  }

  /**
   * Takes the ports. The peer is heard from now on.
   *
   * @returns `in-use` when somebody else has one of the ports. @throws RtplatError `usage`, `bind` or `network`.
   */
  async open(spec: MediaSpec): Promise<MediaCall | 'in-use'> {
    checkPtime(spec.ptimeMs);
    const codec = knownCodec(spec.codec);
    const id = this.#nextId++;
    const prepared = this.#prepare(id, spec.action, codec);
    const block = this.#pool.take();
    const answer = await this.#link.ask({ kind: 'open', id, spec: { ...spec, action: prepared.action }, block });
    if (!answer.ok) {
      this.#pool.giveBack(block);
      prepared.recording?.discard();
      if (answer.failure.errno === 'EADDRINUSE') return 'in-use';
      throw errorOf(answer.failure);
    }
    const call = new FleetCall(this.#host, { id, port: answer.port ?? spec.port, block, codec, action: spec.action, prepared });
    this.#calls.set(id, call);
    return call;
  }

  /** What the thread is to do for an action. */
  #prepare(id: number, action: MediaAction, codec: AudioCodec): Prepared {
    switch (action.kind) {
      case 'tone': {
        const loop = this.#loops.get(action.tone, codec);
        return { action: loop === undefined ? action : { kind: 'loop', loop, durationMs: action.durationMs } };
      }
      case 'play':
        return { action: { ...action, samples: onSharedMemory(action.samples) } };
      case 'record': {
        const number = this.#nextRecording++;
        const recording = new Recording({
          recorder: this.#recorder,
          file: action.file,
          rateHz: codec.clockRateHz,
          settled: (bytes) => this.#totals.addPending(-bytes),
          failed: (problem) => this.#events.recordingFailed(id, problem),
          ended: () => this.#recordings.delete(number),
        });
        this.#recordings.set(number, recording);
        return { action: { kind: 'record', recording: number, maxBytes: action.maxBytes }, recording };
      }
      case 'echo':
      case 'silence':
        return { action };
    }
  }

  totals(): MediaFleetTotals {
    const live = [...this.#calls.values()].map((call) => call.counters());
    const { pacing, roundTrip } = this.#totals;
    return { ...this.#ended.with(live), activeCalls: live.length, pacing: pacing.snapshot(), roundTrip: roundTrip.snapshot() };
  }

  /** Ends all calls and the thread. */
  async close(): Promise<void> {
    await Promise.all([...this.#calls.values()].map((call) => call.stop()));
    await this.#link.stop();
  }
}

function hear(
  message: MediaTold,
  events: MediaEvents,
  calls: ReadonlyMap<number, FleetCall>,
  recordings: ReadonlyMap<number, Recording>,
): void {
  switch (message.kind) {
    case 'recorded':
      return recordings.get(message.recording)?.write(message.at, message.samples);
    case 'recording-behind':
      return recordings.get(message.recording)?.behind(message.bytes);
    default:
  }
  // A call that has ended has nothing more to say.
  if (!calls.has(message.id)) return undefined;
  switch (message.kind) {
    case 'first-packet':
      return events.firstPacket(message.id, message.atNs, message.from);
    case 'refused-source':
      return events.refusedSource(message.id, message.from);
    case 'dtmf':
      return events.dtmf(message.id, message.digit, message.how, message.durationMs, message.atNs);
    case 'finished':
      return events.finished(message.id);
    case 'silent':
      return events.silent(message.id);
  }
}

function onSharedMemory(samples: Int16Array): Int16Array {
  if (samples.buffer instanceof SharedArrayBuffer) return samples;
  const shared = new Int16Array(new SharedArrayBuffer(samples.byteLength));
  shared.set(samples);
  return shared;
}
