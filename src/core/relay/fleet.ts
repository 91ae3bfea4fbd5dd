/**
 * All relayed calls of a process: the port range, the calls' numbers, the totals. Signalling fronts (`ari-serve`,
 * `sip-serve`) open a call here, tell it who the peer is, and close it. The packets are handled elsewhere ({@link RelayMedia}).
 */
import { messageOf, RtplatError } from '../errors.ts';
import { PortAllocator } from '../ports/allocator.ts';
import type { BoundSocket, PortLease } from '../ports/allocator.ts';
import { spread, summarize } from '../report/latency-summary.ts';
import type { CallDocument, MetricsDocument } from '../report/metrics.ts';
import type { SeriesRow } from '../report/run.ts';
import type { Logger } from '../service/log.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import type { Endpoint } from '../udp/engine.ts';
import { formatHostPort } from '../values/address.ts';
import { formatPortRange } from '../values/ports.ts';
import type { PortRange } from '../values/ports.ts';
import type { RelayMedia } from './media.ts';
import { CallMemoryPool, ECHO_DROPS, ECHO_SEND_ERRORS, ECHO_UNSTAMPED, STRAY_ECHOES } from './numbers.ts';
import type { CallMemory } from './numbers.ts';
import { CallRegister } from './register.ts';
import type { CallOutcome, CallRecord } from './register.ts';

export interface FleetOptions {
  readonly media: RelayMedia;
  readonly range: PortRange;
  /** Where packets are echoed; undefined while its name does not resolve. */
  readonly echo: () => Endpoint | undefined;
  /** Monotonic, as that of the media's engine. */
  readonly nowNs: () => number;
  readonly log: Logger;
}

/** A call's place in the fleet. */
export interface RelayCall {
  readonly record: CallRecord;
  /** Its port once it has one. */
  readonly port: number | undefined;
  /** Finds a port and starts to relay on it. @throws RtplatError `no-ports` or `network`. */
  bind(): Promise<number>;
  /** Settles when the relay knows where the peer sends from. */
  pin(peer: Endpoint): Promise<void>;
  /** Drains and releases the port, if there is one; settles when it is free. Packets still on their way are relayed and counted. */
  release(): Promise<void>;
  /** Takes the call off the register. */
  close(outcome: CallOutcome, reason: string): void;
}

/** A port that the media has bound for a call, and the memory that the call is counted in. */
interface MediaPort extends BoundSocket {
  readonly id: number;
  readonly memory: CallMemory;
}

export class RelayFleet {
  readonly register: CallRegister = new CallRegister();
  readonly #options: FleetOptions;
  readonly #allocator: PortAllocator<MediaPort>;
  readonly #portLog: Logger;
  readonly #pool = new CallMemoryPool();
  /** By the number that the media knows a call by. */
  readonly #calls = new Map<number, CallRecord>();
  readonly #startedNs: number;
  #media: RelayMedia;
  #interruptions = 0;
  #nextId = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#media = options.media;
    this.#portLog = options.log.scoped('PortManager');
    this.#startedNs = options.nowNs();
    this.#allocator = new PortAllocator<MediaPort>({ range: options.range, bind: (port) => this.#bindPort(port) });
    this.#observe();
  }

  #observe(): void {
    this.#media.observe({
      firstPacket: (id, atNs) => this.#firstPacket(id, atNs),
      stranger: (id, from) => this.#stranger(id, from),
    });
  }

  /** Goes on with other media, which has the totals of the one before, after that has failed. The calls of that one are their owners' to end. */
  resume(media: RelayMedia): void {
    this.#media = media;
    this.#interruptions += 1;
    this.#observe();
  }

  /** How often {@link resume} was called: the rows of the time before are lost then. */
  get interruptions(): number {
    return this.#interruptions;
  }

  /** Every latency sample since the start. */
  get histogram(): LatencyHistogram {
    return this.#media.totals.histogram.snapshot();
  }

  /** What a clock in user space would have added to each sample; null where there is no other clock. */
  get hostDelay(): LatencyHistogram | null {
    const { selection, totals } = this.#media;
    return selection.clock === 'kernel' ? totals.hostDelay.snapshot() : null;
  }

  /** @param name as the signalling knows the caller. */
  open(id: string, name: string): RelayCall {
    const { nowNs } = this.#options;
    const record = this.register.open(id, name, nowNs(), new Date().toISOString());
    let lease: PortLease<MediaPort> | undefined;
    /** Whether the register has let go of it, and whether the media has: after both its memory is free for another call. */
    let closed = false;
    let released: CallMemory | undefined;
    const recycle = (): void => {
      if (closed && released !== undefined) this.#pool.giveBack(released);
    };
    return {
      record,
      get port() {
        return lease?.port;
      },
      bind: async () => {
        lease = await this.#allocate();
        this.#started(record, lease);
        return lease.port;
      },
      pin: async (peer) => {
        record.peer = formatHostPort(peer.address, peer.port);
        if (lease !== undefined) await this.#media.pin(lease.socket.id, peer);
      },
      release: async () => {
        if (lease === undefined) return;
        const leaving = lease;
        lease = undefined;
        await this.#release(leaving, id);
        released = leaving.socket.memory;
        recycle();
      },
      close: (outcome, reason) => {
        this.register.close(record, outcome, reason, nowNs(), new Date().toISOString());
        closed = true;
        recycle();
      },
    };
  }

  async #allocate(): Promise<PortLease<MediaPort>> {
    if (this.#options.echo() === undefined) {
      throw new RtplatError('network', 'the echo server has no address yet', { hint: 'check --echo-host' });
    }
    const lease = await this.#allocator.allocate(this.#options.nowNs());
    if (lease === 'exhausted') {
      this.#portLog.error(`No ports available in range ${formatPortRange(this.#options.range)}`);
      throw new RtplatError('no-ports', 'no ports available', { hint: 'widen --range' });
    }
    if (lease === 'stopped') throw new RtplatError('no-ports', 'the service is stopping');
    this.#portLog.info(`Allocated port ${lease.port}`);
    return lease;
  }

  async #bindPort(port: number): Promise<MediaPort | 'in-use'> {
    const { echo } = this.#options;
    const media = this.#media;
    const id = this.#nextId++;
    const memory = this.#pool.take();
    let bound: number | 'in-use' = 'in-use';
    try {
      bound = await media.open(id, port, echo() as Endpoint, memory.block);
    } finally {
      if (bound === 'in-use') this.#pool.giveBack(memory);
    }
    if (bound === 'in-use') {
      this.#portLog.warn(`Port ${port} is in use by another process; passed over`);
      return 'in-use';
    }
    return { id, memory, close: () => this.#close(media, id) };
  }

  /** Media that has failed has no port any more, and nothing to drain. */
  async #close(media: RelayMedia, id: number): Promise<void> {
    try {
      await media.close(id);
    } catch (error) {
      this.#options.log.debug(`The port of a call was not drained: ${messageOf(error)}`);
    }
  }

  #started(record: CallRecord, { port, socket }: PortLease<MediaPort>): void {
    this.#options.log.scoped(record.id).info(`Creating new RTP worker on port ${port}`);
    this.#calls.set(socket.id, record);
    this.register.taken(record, port, socket.memory);
  }

  #firstPacket(id: number, atNs: number): void {
    const record = this.#calls.get(id);
    if (record !== undefined) record.firstPacketNs = atNs;
  }

  #stranger(id: number, from: Endpoint): void {
    const record = this.#calls.get(id);
    if (record === undefined) return;
    const source = formatHostPort(from.address, from.port);
    // This is told from another thread: meanwhile they may have become the peer's.
    const why = record.peer === source ? 'they came before the call was up' : `the peer is ${record.peer ?? 'nobody yet'}`;
    this.#options.log.scoped(record.id).warn(`Datagrams from ${source} are not relayed: ${why}`);
  }

  async #release(lease: PortLease<MediaPort>, id: string): Promise<void> {
    this.#allocator.drain(lease);
    await this.#allocator.release(lease);
    this.#calls.delete(lease.socket.id);
    this.#options.log.scoped(id).info('RTP worker stopped');
    this.#portLog.info(`Released port ${lease.port}`);
  }

  ports(): MetricsDocument['ports'] {
    return this.#allocator.counts();
  }

  metrics(): MetricsDocument {
    const { nowNs } = this.#options;
    const media = this.#media;
    const shared = media.totals.numbers;
    const sums = this.register.counters();
    const counters = { ...sums, send_errors: sums.send_errors + (shared[ECHO_SEND_ERRORS] as number) };
    const totals = this.register.totals();
    return {
      total_channels: totals.taken,
      active_channels: this.register.active,
      peak_channels: this.register.peak,
      ...summarize(this.histogram, { lateCount: counters.late, returned: counters.returned, lost: counters.lost }),
      counters,
      calls_refused: totals.refused,
      calls_failed: totals.failed,
      ports: this.ports(),
      socket_drops: this.#drops(shared[ECHO_DROPS] as number),
      uptime_seconds: (nowNs() - this.#startedNs) / 1e9,
      clock: media.selection.clock,
      engine: media.selection.name,
      engine_reason: media.selection.reason,
      host_delay_ms: spread(this.hostDelay),
      unstamped: media.selection.clock === 'kernel' ? this.register.unstamped() + (shared[ECHO_UNSTAMPED] as number) : null,
      stray_echoes: shared[STRAY_ECHOES] as number,
    };
  }

  /** Of the calls' sockets and of the one to the echo; null when none of them can tell. */
  #drops(echoDrops: number): number | null {
    const drops = this.register.socketDrops();
    if (Number.isNaN(echoDrops)) return drops;
    return drops === null ? null : drops + echoDrops;
  }

  /** Live calls first, then the ended ones, newest first. */
  calls(): readonly CallDocument[] {
    return this.register.documents(this.#options.nowNs());
  }

  /** A live call, or one that ended not too long ago. */
  call(id: string): CallDocument | undefined {
    return this.register.document(id, this.#options.nowNs());
  }

  /** A row a second, once the service has ended; none after an interruption, since those of the time before it are lost. */
  async series(): Promise<readonly SeriesRow[]> {
    return this.#interruptions > 0 ? [] : this.#media.series(this.register.counters().lost);
  }

  /** The last seconds of which every packet's fate is known, oldest first; `t` counts from now, in whole seconds below 0. */
  recent(): readonly SeriesRow[] {
    return this.#media.totals.recent.rows(Math.ceil(this.#options.nowNs() / 1e9));
  }

  /** No more ports are handed out. The calls are their owners' to end. */
  refuseNew(): void {
    this.#allocator.stop();
  }
}
