/** One call of a {@link MediaFleet}, as signalling holds it. */
import type { AudioCodec } from '../audio/codec.ts';
import { checkPtime, knownCodec } from './limits.ts';
import type { MediaAnswer } from './link.ts';
import { numbersOf, readCounters } from './numbers.ts';
import type { MediaBlock, MediaCounters } from './numbers.ts';
import type { MediaRequest, PlaneAction, PlaneUpdate } from './orders.ts';
import type { Recording } from './recorder.ts';
import type { MediaAction, MediaCall, MediaReport, MediaUpdate, RecordingReport } from './types.ts';

/** An action as the thread carries it out, and what it needs on this side. */
export interface Prepared {
  readonly action: PlaneAction;
  readonly recording?: Recording;
}

export interface FleetCallParts {
  readonly id: number;
  readonly port: number;
  readonly block: MediaBlock;
  readonly codec: AudioCodec;
  readonly action: MediaAction;
  readonly prepared: Prepared;
  readonly prepare: (action: MediaAction, codec: AudioCodec) => Prepared;
  readonly ask: (request: MediaRequest) => Promise<MediaAnswer>;
  /** The numbers are final. */
  readonly ended: (counters: MediaCounters) => void;
  /** The memory may be used again. */
  readonly released: () => void;
}

export class FleetCall implements MediaCall {
  readonly id: number;
  readonly port: number;
  readonly released: Promise<void>;
  readonly #parts: FleetCallParts;
  readonly #numbers: Float64Array;
  readonly #release = Promise.withResolvers<void>();
  #codec: AudioCodec;
  #action: MediaAction;
  #prepared: Prepared;
  /** Recordings that have ended or are about to. */
  readonly #recordings: Promise<RecordingReport>[] = [];
  #final: MediaCounters | undefined;
  #stopped: Promise<MediaReport> | undefined;

  constructor(parts: FleetCallParts) {
    this.id = parts.id;
    this.port = parts.port;
    this.released = this.#release.promise;
    this.#parts = parts;
    this.#numbers = numbersOf(parts.block);
    this.#codec = parts.codec;
    this.#action = parts.action;
    this.#prepared = parts.prepared;
    parts.prepared.recording?.begin();
  }

  start(): void {
    if (this.#stopped === undefined) void this.#parts.ask({ kind: 'start', id: this.id });
  }

  update(change: MediaUpdate): void {
    if (this.#stopped !== undefined) return;
    if (change.ptimeMs !== undefined) checkPtime(change.ptimeMs);
    const codec = change.codec === undefined ? this.#codec : knownCodec(change.codec);
    const before = this.#prepared;
    const { action, ...others } = change;
    let update: PlaneUpdate = others;
    if (action !== undefined) {
      this.#prepared = this.#parts.prepare(action, codec);
      this.#action = action;
      update = { ...others, action: this.#prepared.action };
    } else if (codec !== this.#codec && this.#action.kind === 'tone') {
      this.#prepared = this.#parts.prepare(this.#action, codec);
      update = { ...others, ...reencoding(before.action, this.#prepared.action) };
    }
    this.#codec = codec;
    const asked = this.#parts.ask({ kind: 'update', id: this.id, change: update });
    if (action === undefined) return;
    this.#endRecording(before, asked);
    this.#prepared.recording?.begin();
  }

  counters(): MediaCounters {
    return this.#final ?? readCounters(this.#numbers);
  }

  async stop(): Promise<MediaReport> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<MediaReport> {
    const asked = this.#parts.ask({ kind: 'stop', id: this.id });
    this.#endRecording(this.#prepared, asked);
    await asked;
    const counters = readCounters(this.#numbers);
    this.#final = counters;
    this.#parts.ended(counters);
    void this.#awaitRelease();
    return { counters, recordings: await Promise.all(this.#recordings) };
  }

  async #awaitRelease(): Promise<void> {
    await this.#parts.ask({ kind: 'release', id: this.id });
    this.#parts.released();
    this.#release.resolve();
  }

  /** @param asked settles when all of its samples have come. */
  #endRecording({ recording }: Prepared, asked: Promise<unknown>): void {
    if (recording !== undefined) this.#recordings.push(endAfter(asked, recording));
  }
}

async function endAfter(asked: Promise<unknown>, recording: Recording): Promise<RecordingReport> {
  await asked;
  return recording.end();
}

/** A tone goes on in another codec; where it is made in another way there, it begins anew. */
function reencoding(before: PlaneAction, after: PlaneAction): PlaneUpdate {
  if (after.kind === 'loop' && before.kind === 'loop') return { reencoded: after.loop };
  return before.kind === after.kind ? {} : { action: after };
}
