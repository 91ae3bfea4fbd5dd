/**
 * Handles the packets of all calls of a process: one loop, one socket a call, and the way to the echo. It runs in a thread of its
 * own or on the event loop of whoever made it; what it counts lies in memory that others may read ({@link CallMemory}).
 *
 * Nothing here waits for a promise between two packets: in a thread that blocks in the kernel no promise ever continues. So what
 * binds a socket may answer at once or later, and the rest follows suit.
 */
import { SecondSeries } from '../report/series.ts';
import type { SeriesRow } from '../report/run.ts';
import type { BindOptions, Endpoint, UdpSocket } from '../udp/engine.ts';
import { formatHostPort } from '../values/address.ts';
import { andThen } from '../values/soon.ts';
import { OwnEcho, SharedEcho } from './echo-side.ts';
import type { EchoSide } from './echo-side.ts';
import { CallMemory, ECHO_DROPS, ECHO_SEND_ERRORS, ECHO_UNSTAMPED, STRAY_ECHOES } from './numbers.ts';
import type { CallBlock, TotalsMemory } from './numbers.ts';
import { RelayWorker } from './worker.ts';
import type { RelayObserver } from './worker.ts';

/** One socket to the echo for all calls, or each call's own port. */
export type EchoSocket = 'shared' | 'per-call';

export interface PlaneSettings {
  /** Local address of the ports. */
  readonly bindAddress: string;
  readonly bufferBytes: number | null;
  readonly echoSocket: EchoSocket;
  readonly lossTimeoutNs: number;
  readonly lateThresholdNs: number;
}

export interface PlaneEvents {
  firstPacket(id: number, atNs: number): void;
  stranger(id: number, from: Endpoint): void;
}

export interface PlaneParts {
  readonly settings: PlaneSettings;
  readonly totals: TotalsMemory;
  readonly bind: (options: BindOptions) => UdpSocket | Promise<UdpSocket>;
  readonly nowNs: () => number;
  readonly events: PlaneEvents;
}

/** A port is released when the fate of every packet is known and it has been silent for this long after its call … */
const DRAIN_QUIET_NS = 250_000_000;
/** … or, when somebody keeps sending to it, this long after the loss time-out. */
const DRAIN_LIMIT_NS = 3_000_000_000;
/** Time-outs, drains, the second's row. No measurement depends on it. */
const TICK_NS = 50e6;
/** Asking the kernel for drops is a system call a socket, and the histograms of all calls are megabytes. */
const NOTE_EVERY_TICKS = 10;
/** The socket to the echo carries all calls: what is asked for each of them would overflow in a moment's delay. */
const LINK_BUFFER_BYTES = 16 * 1024 * 1024;
/** The rows that a run file of a service holds: the last day. */
const SERIES_SECONDS = 86_400;

interface PlaneCall {
  readonly id: number;
  readonly worker: RelayWorker;
  /** The shared way to the echo that it uses, if it does. */
  readonly link: Link | undefined;
  /** Since when its port is being drained. */
  drainingNs: number | undefined;
  drained: () => void;
}

interface Link {
  readonly name: string;
  readonly echo: SharedEcho;
  users: number;
}

export class RelayPlane implements RelayObserver {
  readonly #parts: PlaneParts;
  readonly #calls = new Map<number, PlaneCall>();
  readonly #ids = new Map<RelayWorker, number>();
  readonly #links = new Map<string, Link>();
  readonly #series: SecondSeries;
  readonly #startedNs: number;
  /** Of links that are closed, those of a plane before this one among them. */
  readonly #ended: { sendErrors: number; drops: number; unstamped: number; strays: number };
  #tickNs = 0;
  #ticks = 0;

  constructor(parts: PlaneParts) {
    this.#parts = parts;
    this.#startedNs = parts.nowNs();
    const { numbers } = parts.totals;
    this.#ended = {
      sendErrors: numbers[ECHO_SEND_ERRORS] as number,
      drops: numbers[ECHO_DROPS] as number,
      unstamped: numbers[ECHO_UNSTAMPED] as number,
      strays: numbers[STRAY_ECHOES] as number,
    };
    const { recent } = parts.totals;
    // Whole seconds: those of a plane before this one lie in the same memory, and two of one second would be one.
    const startedSecond = Math.round(this.#startedNs / 1e9);
    this.#series = new SecondSeries(parts.settings.lossTimeoutNs, SERIES_SECONDS, (row) => recent.add(startedSecond + row.t, row));
  }

  /**
   * Takes a port and starts to relay on it, once it knows its peer.
   *
   * @param id not in use.
   * @returns the port. @throws RtplatError `bind`.
   */
  open(id: number, port: number, echo: Endpoint, block: CallBlock): number | Promise<number> {
    const { bindAddress: address, bufferBytes, echoSocket } = this.#parts.settings;
    const shared = echoSocket === 'shared';
    const options = { address, port, ...(bufferBytes === null ? {} : { bufferBytes }), departures: !shared };
    return andThen(this.#parts.bind(options), (socket) => {
      if (!shared) return this.#start(id, socket, new OwnEcho(socket, echo), undefined, block);
      let link: Link | Promise<Link>;
      try {
        link = this.#linkTo(echo);
      } catch (error) {
        void socket.close();
        throw error;
      }
      return andThen(link, (found) => this.#start(id, socket, found.echo, found, block));
    });
  }

  #start(id: number, socket: UdpSocket, echo: EchoSide, link: Link | undefined, block: CallBlock): number {
    const { settings, nowNs } = this.#parts;
    const { lossTimeoutNs, lateThresholdNs } = settings;
    const memory = new CallMemory(block);
    const worker = new RelayWorker({ memory, socket, echo, nowNs: nowNs(), lossTimeoutNs, lateThresholdNs, told: this });
    if (link !== undefined) link.users += 1;
    this.#calls.set(id, { id, worker, link, drainingNs: undefined, drained: () => undefined });
    this.#ids.set(worker, id);
    return socket.local.port;
  }

  /** Tells a call where its peer sends from. */
  pin(id: number, peer: Endpoint): void {
    this.#calls.get(id)?.worker.pin(peer);
  }

  /** Drains the port of a call and releases it. Packets still on their way are relayed and counted. */
  close(id: number, drained: () => void): void {
    const call = this.#calls.get(id);
    if (call === undefined) return drained();
    call.drainingNs = this.#parts.nowNs();
    call.drained = drained;
    return undefined;
  }

  /** Housekeeping, when its time has come. To be called often: this is what time-outs and drains wait for. */
  tick(): void {
    const nowNs = this.#parts.nowNs();
    if (nowNs - this.#tickNs < TICK_NS) return;
    this.#tickNs = nowNs;
    const notes = this.#ticks % NOTE_EVERY_TICKS === 0;
    this.#ticks += 1;
    for (const call of this.#calls.values()) {
      call.worker.tick(nowNs);
      if (notes) call.worker.note();
      if (call.drainingNs !== undefined && this.#isDrained(call.worker, call.drainingNs, nowNs)) this.#end(call, nowNs);
    }
    this.#series.settle(nowNs - this.#startedNs);
    this.#noteLinks(notes);
  }

  #isDrained(worker: RelayWorker, sinceNs: number, nowNs: number): boolean {
    const quietNs = nowNs - Math.max(sinceNs, worker.lastActivityNs);
    if (quietNs >= DRAIN_QUIET_NS && worker.inFlight === 0) return true;
    return nowNs - sinceNs >= this.#parts.settings.lossTimeoutNs + DRAIN_LIMIT_NS;
  }

  #end(call: PlaneCall, nowNs: number): void {
    this.#calls.delete(call.id);
    this.#ids.delete(call.worker);
    const closed = call.worker.close(nowNs);
    const { link } = call;
    if (link !== undefined) {
      link.users -= 1;
      if (link.users === 0) this.#closeLink(link);
    }
    call.drained();
    void closed;
  }

  /** A row a second, up to now. @param lost packets of all calls. */
  series(lost: number): readonly SeriesRow[] {
    return this.#series.finish(this.#parts.nowNs() - this.#startedNs, lost);
  }

  /** Closes every port at once. */
  stop(): void {
    const nowNs = this.#parts.nowNs();
    for (const call of this.#calls.values()) this.#end(call, nowNs);
  }

  sent(sentNs: number): void {
    this.#series.sent(sentNs - this.#startedNs);
  }

  sample(call: CallMemory, sentNs: number, latencyNs: number, late: boolean, hostDelayNs: number): void {
    const { totals } = this.#parts;
    call.record(latencyNs);
    totals.histogram.record(latencyNs);
    totals.hostDelay.record(hostDelayNs);
    this.#series.received(sentNs - this.#startedNs, latencyNs, late);
  }

  firstPacket(worker: RelayWorker, atNs: number): void {
    const id = this.#ids.get(worker);
    if (id !== undefined) this.#parts.events.firstPacket(id, atNs);
  }

  stranger(worker: RelayWorker, from: Endpoint): void {
    const id = this.#ids.get(worker);
    if (id !== undefined) this.#parts.events.stranger(id, from);
  }

  #linkTo(echo: Endpoint): Link | Promise<Link> {
    const name = formatHostPort(echo.address, echo.port);
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const { bindAddress } = this.#parts.settings;
    const wildcard = echo.address.includes(':') ? '::' : '0.0.0.0';
    const address = bindAddress.includes(':') === echo.address.includes(':') ? bindAddress : wildcard;
    const options = { bufferBytes: LINK_BUFFER_BYTES, trains: true, departures: true };
    const socket = this.#parts.bind({ address, port: 0, connect: echo, ...options });
    return andThen(socket, (bound) => {
      const link = this.#links.get(name) ?? { name, echo: new SharedEcho(bound), users: 0 };
      if (link.echo.socket !== bound) void bound.close();
      this.#links.set(name, link);
      return link;
    });
  }

  #closeLink(link: Link): void {
    this.#links.delete(link.name);
    const { socket, strays } = link.echo;
    this.#ended.sendErrors += socket.sendErrors;
    this.#ended.unstamped += socket.unstamped;
    this.#ended.drops += socket.socketDrops() ?? Number.NaN;
    this.#ended.strays += strays;
    void socket.close();
    this.#noteLinks(true);
  }

  #noteLinks(asksDrops: boolean): void {
    const { numbers } = this.#parts.totals;
    const sum = { ...this.#ended };
    for (const { echo } of this.#links.values()) {
      sum.sendErrors += echo.socket.sendErrors;
      sum.unstamped += echo.socket.unstamped;
      sum.strays += echo.strays;
      if (asksDrops) sum.drops += echo.socket.socketDrops() ?? Number.NaN;
    }
    numbers[ECHO_SEND_ERRORS] = sum.sendErrors;
    numbers[ECHO_UNSTAMPED] = sum.unstamped;
    numbers[STRAY_ECHOES] = sum.strays;
    if (asksDrops) numbers[ECHO_DROPS] = sum.drops;
  }
}
