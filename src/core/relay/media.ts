/** Where a fleet's packets are handled, as the fleet sees it: a {@link RelayPlane} on this event loop, or one in a thread of its own. */
import type { SeriesRow } from '../report/run.ts';
import { RtplatError } from '../errors.ts';
import type { Endpoint, UdpEngine } from '../udp/engine.ts';
import { PacketThread } from '../udp/packet-thread.ts';
import type { EngineChoice } from '../udp/choices.ts';
import type { EngineSelection } from '../udp/select.ts';
import { TOTALS_BYTES, TotalsMemory } from './numbers.ts';
import type { CallBlock } from './numbers.ts';
import { RelayPlane } from './plane.ts';
import type { PlaneEvents, PlaneSettings } from './plane.ts';
import { errorOf } from '../values/failure.ts';
import { carryOut } from './plane-protocol.ts';
import type { PlaneAnswer, PlaneMessage, PlaneOrder, PlaneRequest, PlaneValue } from './plane-protocol.ts';
import type { PlaneThreadData } from './plane-thread.ts';

export interface RelayMedia {
  readonly selection: EngineSelection;
  /** What it counts for all calls together. */
  readonly totals: TotalsMemory;
  /** Takes a port. @returns its number, or `in-use`. @throws RtplatError. */
  open(id: number, port: number, echo: Endpoint, block: CallBlock): Promise<number | 'in-use'>;
  /** Settles when the call takes no other source than this for its peer. */
  pin(id: number, peer: Endpoint): Promise<void>;
  /** Drains and releases the port; settles when it is free. */
  close(id: number): Promise<void>;
  series(lost: number): Promise<readonly SeriesRow[]>;
  /** Settles when the next turn of its loop has come. @throws Error when there will be none. */
  ping(): Promise<void>;
  /** Who is told what happens in the calls: once, before the first. */
  observe(events: PlaneEvents): void;
  /** Settles with what ended it, should it end before {@link stop}. */
  readonly failed: Promise<Error>;
  stop(): Promise<void>;
}

const TICK_MS = 50;

abstract class Media {
  readonly totals: TotalsMemory;
  protected readonly totalsBuffer: SharedArrayBuffer;
  protected events: PlaneEvents = { firstPacket: () => undefined, stranger: () => undefined };

  /** @param before whose totals go on; it has ended. */
  constructor(before?: Media) {
    this.totalsBuffer = before?.totalsBuffer ?? new SharedArrayBuffer(TOTALS_BYTES);
    this.totals = new TotalsMemory(this.totalsBuffer);
    if (before === undefined) this.totals.reset();
  }

  protected abstract ask(request: PlaneRequest): Promise<PlaneAnswer>;

  observe(events: PlaneEvents): void {
    this.events = events;
  }

  async open(id: number, port: number, echo: Endpoint, block: CallBlock): Promise<number | 'in-use'> {
    const answer = await this.ask({ kind: 'open', id, port, echo: { address: echo.address, port: echo.port }, block });
    if (!answer.ok && answer.failure.errno === 'EADDRINUSE') return 'in-use';
    return valueOf(answer) as number;
  }

  async pin(id: number, peer: Endpoint): Promise<void> {
    valueOf(await this.ask({ kind: 'pin', id, peer: { address: peer.address, port: peer.port } }));
  }

  async close(id: number): Promise<void> {
    valueOf(await this.ask({ kind: 'close', id }));
  }

  async series(lost: number): Promise<readonly SeriesRow[]> {
    return valueOf(await this.ask({ kind: 'series', lost })) as readonly SeriesRow[];
  }

  async ping(): Promise<void> {
    valueOf(await this.ask({ kind: 'ping' }));
  }
}

function valueOf(answer: PlaneAnswer): PlaneValue {
  if (!answer.ok) throw errorOf(answer.failure);
  return answer.value;
}

/** Packets on the event loop of whoever calls this, by an engine that is there already. */
export class LocalMedia extends Media implements RelayMedia {
  readonly selection: EngineSelection;
  readonly failed: Promise<Error> = new Promise(() => undefined);
  readonly #plane: RelayPlane;
  readonly #timer: NodeJS.Timeout;

  constructor(engine: UdpEngine, settings: PlaneSettings) {
    super();
    this.selection = { name: engine.name, clock: engine.clock, reason: 'given' };
    this.#plane = new RelayPlane({
      settings,
      totals: this.totals,
      bind: async (options) => engine.bind(options),
      nowNs: () => engine.nowNs(),
      events: {
        firstPacket: (id, atNs) => this.events.firstPacket(id, atNs),
        stranger: (id, from) => this.events.stranger(id, from),
      },
    });
    this.#timer = setInterval(() => this.#plane.tick(), TICK_MS);
  }

  protected async ask(request: PlaneRequest): Promise<PlaneAnswer> {
    return new Promise((resolve) => {
      carryOut(this.#plane, request, resolve);
    });
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#plane.stop();
    return Promise.resolve();
  }
}

export interface ThreadMediaOptions {
  readonly engine: EngineChoice;
  readonly busyPoll?: boolean;
  /** Whose totals go on, after its thread has ended. */
  readonly before?: ThreadMedia;
}

/** Packets in a thread of their own. */
export class ThreadMedia extends Media implements RelayMedia {
  readonly failed: Promise<Error>;
  readonly #thread: PacketThread<PlaneOrder, PlaneMessage>;
  readonly #waiting = new Map<number, (answer: PlaneAnswer) => void>();
  #selection: EngineSelection | undefined;
  #serial = 0;
  #gone: Error | undefined;

  private constructor(settings: PlaneSettings, { engine, busyPoll = false, before }: ThreadMediaOptions) {
    super(before);
    const data: PlaneThreadData = { settings, totals: this.totalsBuffer };
    this.#thread = new PacketThread<PlaneOrder, PlaneMessage>({
      module: 'plane-thread',
      base: import.meta.url,
      engine,
      busyPoll,
      data,
      answer: (message) => this.#heard(message),
    });
    this.failed = this.#thread.failed;
    void this.#forget();
  }

  /** @throws RtplatError `usage` when the engine that was asked for cannot be had. */
  static async start(settings: PlaneSettings, options: ThreadMediaOptions): Promise<ThreadMedia> {
    const media = new ThreadMedia(settings, options);
    media.#selection = await media.#thread.up;
    return media;
  }

  get selection(): EngineSelection {
    if (this.#selection === undefined) throw new Error('the relay thread is not up yet');
    return this.#selection;
  }

  protected async ask(request: PlaneRequest): Promise<PlaneAnswer> {
    if (this.#gone !== undefined) throw this.#gone;
    const serial = this.#serial++;
    const { promise, resolve } = Promise.withResolvers<PlaneAnswer>();
    this.#waiting.set(serial, resolve);
    this.#thread.tell({ serial, request });
    return promise;
  }

  async stop(): Promise<void> {
    await this.#thread.stop();
  }

  #heard(message: PlaneMessage): void {
    switch (message.kind) {
      case 'first-packet':
        return this.events.firstPacket(message.id, message.atNs);
      case 'stranger':
        return this.events.stranger(message.id, message.from);
      case 'answer': {
        const resolve = this.#waiting.get(message.serial);
        this.#waiting.delete(message.serial);
        return resolve?.(message.answer);
      }
    }
  }

  /** Once the thread has ended nobody answers any more. */
  async #forget(): Promise<void> {
    const error = (await this.#thread.ended) ?? new RtplatError('network', 'the relay has stopped');
    this.#gone = error;
    const failure = error instanceof RtplatError ? error : undefined;
    for (const resolve of this.#waiting.values()) {
      resolve({ ok: false, failure: { code: failure?.code ?? null, message: error.message, hint: failure?.hint ?? '', errno: null } });
    }
    this.#waiting.clear();
  }
}
