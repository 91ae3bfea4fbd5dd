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

const NONE: readonly Promise<RecordingReport>[] = [];

/** What a call needs of its fleet. */
export interface FleetCallHost {
  prepare(id: number, action: MediaAction, codec: AudioCodec): Prepared;
  ask(request: MediaRequest): Promise<MediaAnswer>;
  tell(request: MediaRequest): void;
  /** The numbers are final. */
  ended(id: number, counters: MediaCounters): void;
  /** The memory may be used again. */
  released(block: MediaBlock): void;
}

export interface FleetCallParts {
  readonly id: number;
  readonly port: number;
  readonly block: MediaBlock;
  readonly codec: AudioCodec;
  readonly action: MediaAction;
  readonly prepared: Prepared;
}

/** There may be many thousands: what a call does not need yet it does not have. */
export class FleetCall implements MediaCall {
  readonly id: number;
  readonly port: number;
  readonly #host: FleetCallHost;
  readonly #block: MediaBlock;
  #codec: AudioCodec;
  #action: MediaAction;
  #prepared: Prepared;
  /** Recordings that have ended or are about to. */
  #recordings: readonly Promise<RecordingReport>[] = NONE;
  #final: MediaCounters | undefined;
  #stopped: Promise<MediaReport> | undefined;
  #release: PromiseWithResolvers<void> | undefined;

  constructor(host: FleetCallHost, { id, port, block, codec, action, prepared }: FleetCallParts) {
    this.id = id;
    this.port = port;
    this.#host = host;
    this.#block = block;
    this.#codec = codec;
    this.#action = action;
    this.#prepared = prepared;
    prepared.recording?.begin();
  }

  get released(): Promise<void> {
    this.#release ??= Promise.withResolvers<void>();
    return this.#release.promise;
  }

  start(): void {
    if (this.#stopped === undefined) this.#host.tell({ kind: 'start', id: this.id });
  }

  update(change: MediaUpdate): void {
    if (this.#stopped !== undefined) return;
    if (change.ptimeMs !== undefined) checkPtime(change.ptimeMs);
    const codec = change.codec === undefined ? this.#codec : knownCodec(change.codec);
    const before = this.#prepared;
    const { action, ...others } = change;
    let update: PlaneUpdate = others;
    if (action !== undefined) {
      this.#prepared = this.#host.prepare(this.id, action, codec);
      this.#action = action;
      update = { ...others, action: this.#prepared.action };
    } else if (codec !== this.#codec && this.#action.kind === 'tone') {
      this.#prepared = this.#host.prepare(this.id, this.#action, codec);
      update = { ...others, ...reencoding(before.action, this.#prepared.action) };
    }
    this.#codec = codec;
    const request: MediaRequest = { kind: 'update', id: this.id, change: update };
    if (action === undefined || before.recording === undefined) this.#host.tell(request);
    else this.#endRecording(before.recording, this.#host.ask(request));
    if (action !== undefined) this.#prepared.recording?.begin();
  }

  counters(): MediaCounters {
    return this.#final ?? readCounters(numbersOf(this.#block));
  }

  async stop(): Promise<MediaReport> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<MediaReport> {
    const asked = this.#host.ask({ kind: 'stop', id: this.id });
    const released = this.#host.ask({ kind: 'release', id: this.id });
    const { recording } = this.#prepared;
    if (recording !== undefined) this.#endRecording(recording, asked);
    await asked;
    const counters = readCounters(numbersOf(this.#block));
    this.#final = counters;
    this.#host.ended(this.id, counters);
    void this.#awaitRelease(released);
    return { counters, recordings: await Promise.all(this.#recordings) };
  }

  async #awaitRelease(released: Promise<unknown>): Promise<void> {
    await released;
    this.#host.released(this.#block);
    this.#release ??= Promise.withResolvers<void>();
    this.#release.resolve();
  }

  /** @param asked settles when all of its samples have come. */
  #endRecording(recording: Recording, asked: Promise<unknown>): void {
    this.#recordings = [...this.#recordings, endAfter(asked, recording)];
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
