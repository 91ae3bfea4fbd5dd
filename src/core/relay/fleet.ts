/**
 * All relayed calls of a process: the port range, a worker for each call, the totals. Signalling fronts (`ari-serve`, later
 * `sip-serve`) open a call here, tell it who the peer is, and close it; they touch no packet.
 */
import { RtplatError } from '../errors.ts';
import { PortAllocator } from '../ports/allocator.ts';
import type { PortLease } from '../ports/allocator.ts';
import { SecondSeries } from '../report/series.ts';
import { summarize } from '../report/latency-summary.ts';
import type { CallDocument, MetricsDocument } from '../report/metrics.ts';
import type { SeriesRow } from '../report/run.ts';
import type { Logger } from '../service/log.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import { errnoOf } from '../udp/bind-error.ts';
import type { Endpoint, UdpEngine, UdpSocket } from '../udp/engine.ts';
import { formatHostPort } from '../values/address.ts';
import { formatPortRange } from '../values/ports.ts';
import type { PortRange } from '../values/ports.ts';
import { CallRegister } from './register.ts';
import type { CallOutcome, CallRecord } from './register.ts';
import { RelayWorker } from './worker.ts';

export interface FleetOptions {
  readonly engine: UdpEngine;
  readonly range: PortRange;
  /** Local address of the ports. */
  readonly bindAddress: string;
  /** Where packets are echoed; undefined while its name does not resolve. */
  readonly echo: () => Endpoint | undefined;
  readonly bufferBytes?: number;
  readonly lossTimeoutNs: number;
  readonly lateThresholdNs: number;
  readonly log: Logger;
}

/** A port is released when the fate of every packet is known and it has been silent for this long after its call … */
const DRAIN_QUIET_NS = 250_000_000;
/** … or, when somebody keeps sending to it, this long after the loss time-out. */
const DRAIN_LIMIT_NS = 3_000_000_000;
/** Housekeeping: time-outs, drains, the second's row. No measurement depends on it. */
const TICK_MS = 50;
/** The rows that a run file of a service holds: the last day. */
const SERIES_SECONDS = 86_400;

/** A call's place in the fleet. */
export interface RelayCall {
  readonly record: CallRecord;
  /** Its port once it has one. */
  readonly port: number | undefined;
  /** Finds a port and starts the worker on it. @throws RtplatError `no-ports` or `network`. */
  bind(): Promise<number>;
  /** Tells the worker where the peer sends from. */
  pin(peer: Endpoint): void;
  /** Drains and releases the port, if there is one; settles when it is free. Packets still on their way are relayed and counted. */
  release(): Promise<void>;
  /** Takes the call off the register. */
  close(outcome: CallOutcome, reason: string): void;
}

interface Drain {
  readonly worker: RelayWorker;
  readonly sinceNs: number;
  readonly done: () => void;
}

export class RelayFleet {
  readonly register: CallRegister = new CallRegister();
  /** Every latency sample since the start. */
  readonly histogram: LatencyHistogram = new LatencyHistogram();
  readonly #options: FleetOptions;
  readonly #allocator: PortAllocator<UdpSocket>;
  readonly #portLog: Logger;
  readonly #workers = new Set<RelayWorker>();
  /** Histograms of ended calls, emptied: 75 kB each that the next calls need not ask for. */
  readonly #spareHistograms: LatencyHistogram[] = [];
  readonly #drains = new Set<Drain>();
  readonly #series: SecondSeries;
  readonly #startedNs: number;
  readonly #timer: NodeJS.Timeout;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#portLog = options.log.scoped('PortManager');
    this.#startedNs = options.engine.nowNs();
    this.#series = new SecondSeries(options.lossTimeoutNs, SERIES_SECONDS);
    this.#allocator = new PortAllocator<UdpSocket>({ range: options.range, bind: (port) => this.#bindPort(port) });
    this.#timer = setInterval(() => this.#tick(options.engine.nowNs()), TICK_MS);
  }

  /** @param name as the signalling knows the caller. */
  open(id: string, name: string): RelayCall {
    const { engine } = this.#options;
    const record = this.register.open(id, name, engine.nowNs(), new Date().toISOString());
    let lease: PortLease<UdpSocket> | undefined;
    let worker: RelayWorker | undefined;
    return {
      record,
      get port() {
        return lease?.port;
      },
      bind: async () => {
        lease = await this.#allocate();
        worker = this.#start(record, lease);
        return lease.port;
      },
      pin: (peer) => {
        record.peer = formatHostPort(peer.address, peer.port);
        worker?.pin(peer);
      },
      release: async () => {
        if (lease === undefined || worker === undefined) return;
        const [leaving, drained] = [lease, worker];
        lease = undefined;
        await this.#drain(leaving, drained, id);
      },
      close: (outcome, reason) => {
        this.register.close(record, outcome, reason, engine.nowNs(), new Date().toISOString());
        if (worker === undefined) return;
        this.#workers.delete(worker);
        worker.histogram.reset();
        this.#spareHistograms.push(worker.histogram);
      },
    };
  }

  async #allocate(): Promise<PortLease<UdpSocket>> {
    if (this.#options.echo() === undefined) {
      throw new RtplatError('network', 'the echo server has no address yet', { hint: 'check --echo-host' });
    }
    const lease = await this.#allocator.allocate(this.#options.engine.nowNs());
    if (lease === 'exhausted') {
      this.#portLog.error(`No ports available in range ${formatPortRange(this.#options.range)}`);
      throw new RtplatError('no-ports', 'no ports available', { hint: 'widen --range' });
    }
    if (lease === 'stopped') throw new RtplatError('no-ports', 'the service is stopping');
    this.#portLog.info(`Allocated port ${lease.port}`);
    return lease;
  }

  async #bindPort(port: number): Promise<UdpSocket | 'in-use'> {
    const { engine, bindAddress, bufferBytes } = this.#options;
    try {
      return await engine.bind({ address: bindAddress, port, ...(bufferBytes === undefined ? {} : { bufferBytes }) });
    } catch (error) {
      if (!(error instanceof RtplatError) || errnoOf(error.cause) !== 'EADDRINUSE') throw error;
      this.#portLog.warn(`Port ${port} is in use by another process; passed over`);
      return 'in-use';
    }
  }

  #start(record: CallRecord, lease: PortLease<UdpSocket>): RelayWorker {
    const { engine, lossTimeoutNs, lateThresholdNs, log } = this.#options;
    const callLog = log.scoped(record.id);
    callLog.info(`Creating new RTP worker on port ${lease.port}`);
    const worker = new RelayWorker({
      histogram: this.#spareHistograms.pop() ?? new LatencyHistogram(),
      socket: lease.socket,
      echo: this.#options.echo() as Endpoint,
      nowNs: () => engine.nowNs(),
      lossTimeoutNs,
      lateThresholdNs,
      sent: (sentNs) => this.#series.sent(sentNs - this.#startedNs),
      sample: (sentNs, latencyNs, late) => {
        this.histogram.record(latencyNs);
        this.#series.received(sentNs - this.#startedNs, latencyNs, late);
      },
      firstPacket: (atNs) => {
        record.firstPacketNs = atNs;
      },
      stranger: (from) => {
        const pinned = record.peer === null ? 'nobody yet' : record.peer;
        callLog.warn(`Datagrams from ${formatHostPort(from.address, from.port)} are not relayed: the peer is ${pinned}`);
      },
    });
    this.#workers.add(worker);
    this.register.taken(record, lease.port, worker);
    return worker;
  }

  async #drain(lease: PortLease<UdpSocket>, worker: RelayWorker, id: string): Promise<void> {
    this.#allocator.drain(lease);
    await new Promise<void>((resolve) => {
      this.#drains.add({ worker, sinceNs: this.#options.engine.nowNs(), done: resolve });
    });
    worker.retire();
    await this.#allocator.release(lease);
    this.#options.log.scoped(id).info('RTP worker stopped');
    this.#portLog.info(`Released port ${lease.port}`);
  }

  #tick(nowNs: number): void {
    for (const worker of this.#workers) worker.expire(nowNs);
    this.#series.settle(nowNs - this.#startedNs);
    for (const drain of this.#drains) {
      const quietNs = nowNs - Math.max(drain.sinceNs, drain.worker.lastActivityNs);
      const drained = quietNs >= DRAIN_QUIET_NS && drain.worker.inFlight === 0;
      if (!drained && nowNs - drain.sinceNs < this.#options.lossTimeoutNs + DRAIN_LIMIT_NS) continue;
      this.#drains.delete(drain);
      drain.done();
    }
  }

  ports(): MetricsDocument['ports'] {
    return this.#allocator.counts();
  }

  metrics(): MetricsDocument {
    const { engine } = this.#options;
    const nowNs = engine.nowNs();
    for (const worker of this.#workers) worker.expire(nowNs);
    const counters = this.register.counters();
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
      socket_drops: this.register.socketDrops(),
      uptime_seconds: (nowNs - this.#startedNs) / 1e9,
      clock: engine.clock,
      engine: engine.name,
    };
  }

  /** Live calls first, then the ended ones, newest first. */
  calls(): readonly CallDocument[] {
    return this.register.documents(this.#options.engine.nowNs());
  }

  /** A live call, or one that ended not too long ago. */
  call(id: string): CallDocument | undefined {
    return this.register.document(id, this.#options.engine.nowNs());
  }

  /** A row a second, once the service has ended. */
  series(): readonly SeriesRow[] {
    return this.#series.finish(this.#options.engine.nowNs() - this.#startedNs, this.register.counters().lost);
  }

  /** No more ports are handed out. The calls are their owners' to end. */
  refuseNew(): void {
    this.#allocator.stop();
  }

  /** Stops the housekeeping, once every call is closed. */
  stop(): void {
    clearInterval(this.#timer);
    for (const drain of this.#drains) drain.done();
    this.#drains.clear();
  }
}
