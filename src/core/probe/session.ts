/**
 * Runs a probe: one connected socket a stream, packets at their deadlines, echoes matched as they come. T0 is the instant at
 * which a packet was due, so that a sender that falls behind shows as latency and is not hidden.
 */
import { RtplatError } from '../errors.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import type { Endpoint, UdpEngine, UdpSocket } from '../udp/engine.ts';
import { formatHostPort } from '../values/address.ts';
import { Pacer } from './pacer.ts';
import { SeededRandom } from './random.ts';
import type { ProbeCounts, ProbeOptions, ProbeProgress, ProbeResult } from './result.ts';
import { Schedule } from './schedule.ts';
import { SecondSeries } from '../report/series.ts';
import { ProbeStream, silentPacket } from './stream.ts';

export interface ProbeSessionOptions {
  readonly engine: UdpEngine;
  /** Numeric. Stream i goes to the one at i modulo their number. */
  readonly targets: readonly [Endpoint, ...Endpoint[]];
  readonly options: ProbeOptions;
  /** Told the local ends of the streams, in order, once they are bound; the first packet is due after it has settled. */
  readonly opened?: (locals: readonly Endpoint[]) => Promise<void>;
}

/** Packets sent in one turn of the event loop when the sender is behind: echoes must get their turn too. */
const BURST = 64;
/** Between opening the sockets and the first packet, so that opening them does not delay it. */
const LEAD_NS = 20e6;
const HOUSEKEEPING_MS = 50;
/** Refusals, with nothing ever returned, that end a run. */
const REFUSALS = 3;
/** What is on its way when a run is ended early gets this long to come back. */
const ABORT_GRACE_NS = 250e6;
/** Streams up to which each has percentiles of its own: about 75 kB a stream. */
const STREAMS_WITH_PERCENTILES = 500;

export class ProbeSession {
  readonly #engine: UdpEngine;
  readonly #targets: readonly [Endpoint, ...Endpoint[]];
  readonly #opened: ((locals: readonly Endpoint[]) => Promise<void>) | undefined;
  readonly #options: ProbeOptions;
  readonly #schedule: Schedule;
  readonly #streams: ProbeStream[];
  readonly #sockets: UdpSocket[] = [];
  readonly #packet: Uint8Array;
  readonly #latency: LatencyHistogram = new LatencyHistogram();
  readonly #sendError: LatencyHistogram = new LatencyHistogram();
  readonly #series: SecondSeries;
  readonly #pacer: Pacer;
  readonly #ended = Promise.withResolvers<void>();
  #startNs = 0;
  /** Next packet to send, through all streams. */
  #next = 0;
  #refusals = 0;
  #lastError: string | null = null;
  #abortedNs: number | undefined;

  constructor({ engine, targets, options, opened }: ProbeSessionOptions) {
    this.#engine = engine;
    this.#targets = targets;
    this.#opened = opened;
    this.#options = options;
    this.#schedule = new Schedule(options);
    this.#packet = silentPacket(options.ptimeNs);
    this.#series = new SecondSeries(options.timeoutNs);
    const random = new SeededRandom(options.seed);
    const percentiles = options.streams <= STREAMS_WITH_PERCENTILES;
    this.#streams = Array.from(
      { length: options.streams },
      () => new ProbeStream(options, random, percentiles ? new LatencyHistogram() : undefined),
    );
    this.#pacer = new Pacer({ nowNs: () => engine.nowNs(), due: (nowNs) => this.#sendDue(nowNs) });
  }

  /**
   * Runs to the end: all sent, and each packet back or lost; or to what {@link abort} leaves of it. Once only.
   *
   * @throws RtplatError `bind` when a socket cannot be had, `network` when nothing listens on the target.
   */
  async run(): Promise<ProbeResult> {
    let housekeeping: NodeJS.Timeout | undefined;
    try {
      await this.#open();
      await this.#opened?.(this.#sockets.map(({ local }) => local));
      this.#startNs = this.#engine.nowNs() + LEAD_NS;
      housekeeping = setInterval(() => this.#housekeep(), HOUSEKEEPING_MS);
      this.#pacer.start(this.#startNs);
      await this.#ended.promise;
      return this.#result();
    } finally {
      this.#pacer.stop();
      clearInterval(housekeeping);
      await Promise.all(this.#sockets.map((socket) => socket.close()));
    }
  }

  /** Sends no more, and ends in good order: {@link run} settles with what there is, within a fraction of a second. */
  abort(): void {
    this.#abortedNs ??= this.#engine.nowNs();
  }

  progress(): ProbeProgress {
    return {
      elapsedNs: this.#startNs === 0 ? 0 : Math.max(0, this.#engine.nowNs() - this.#startNs),
      sent: this.#next,
      total: this.#schedule.total,
      received: this.#latency.count,
      lost: this.#next - this.#latency.count - this.#inFlight(),
      p50Ns: this.#latency.quantileNs(0.5),
      p99Ns: this.#latency.quantileNs(0.99),
    };
  }

  async #open(): Promise<void> {
    for (const [i, stream] of this.#streams.entries()) {
      const connect = this.#targets[i % this.#targets.length] ?? this.#targets[0];
      const address = connect.address.includes(':') ? '::' : '0.0.0.0';
      const socket = await this.#engine.bind({ address, port: 0, connect, bufferBytes: this.#options.bufferBytes });
      this.#sockets.push(socket);
      socket.receive({
        packet: (buffer, offset, length, { atNs }) => this.#arrived(stream, buffer, offset, length, atNs),
        error: (code, message) => this.#failed(code, message),
      });
    }
  }

  /** @returns when the next packet is due, or null when there is none to send. */
  #sendDue(nowNs: number): number | null {
    if (this.#abortedNs !== undefined) return null;
    const schedule = this.#schedule;
    let actualNs = nowNs;
    for (let sent = 0; sent < BURST && this.#next < schedule.total; sent++) {
      const n = this.#next;
      const elapsedNs = schedule.dueNs(n);
      const dueNs = this.#startNs + elapsedNs;
      if (dueNs > actualNs) return dueNs;
      const index = schedule.streamOf(n);
      this.#next += 1;
      this.#series.sent(elapsedNs);
      (this.#streams[index] as ProbeStream).write(this.#packet, schedule.indexOf(n), dueNs);
      actualNs = this.#engine.nowNs();
      this.#sendError.record(actualNs - dueNs);
      (this.#sockets[index] as UdpSocket).send(this.#packet, 0, this.#packet.length);
    }
    return this.#next < schedule.total ? this.#startNs + schedule.dueNs(this.#next) : null;
  }

  #arrived(stream: ProbeStream, buffer: Uint8Array, offset: number, length: number, atNs: number): void {
    const latencyNs = stream.arrived(buffer, offset, length, atNs);
    if (latencyNs < 0) return;
    this.#latency.record(latencyNs);
    this.#series.received(atNs - latencyNs - this.#startNs, latencyNs, stream.lastLate);
    if (this.#allSent() && this.#latency.count === this.#next) this.#ended.resolve();
  }

  #failed(code: string, message: string): void {
    this.#lastError = message.includes(code) ? message : `${code}: ${message}`;
    if (code !== 'ECONNREFUSED') return;
    this.#refusals += 1;
    if (this.#refusals >= REFUSALS && this.#latency.count === 0) this.#ended.reject(this.#nobodyListens());
  }

  #nobodyListens(): RtplatError {
    const { address, port } = this.#targets[0];
    const where = formatHostPort(address, port);
    return new RtplatError('network', `nothing listens on ${where}: ECONNREFUSED (ICMP port unreachable)`, {
      hint: `start one with: rtplat echo --port ${port}`,
    });
  }

  #housekeep(): void {
    const nowNs = this.#engine.nowNs();
    for (const stream of this.#streams) stream.expire(nowNs);
    this.#series.settle(nowNs - this.#startNs);
    if (!this.#allSent()) return;
    const graceOver = this.#abortedNs !== undefined && nowNs - this.#abortedNs > ABORT_GRACE_NS;
    if (!graceOver && this.#inFlight() > 0) return;
    if (this.#latency.count === 0 && this.#refusals > 0) this.#ended.reject(this.#nobodyListens());
    else this.#ended.resolve();
  }

  #allSent(): boolean {
    return this.#abortedNs !== undefined || this.#next === this.#schedule.total;
  }

  #inFlight(): number {
    let sum = 0;
    for (const stream of this.#streams) sum += stream.inFlight;
    return sum;
  }

  #result(): ProbeResult {
    const nowNs = this.#engine.nowNs();
    const counts = this.#counts(nowNs);
    const jitters = this.#streams.flatMap(({ jitterMs }) => (jitterMs === null ? [] : [jitterMs]));
    const drops = this.#sockets.map((socket) => socket.socketDrops());
    return {
      ...counts,
      targets: this.#targets,
      options: this.#options,
      engine: this.#engine.name,
      clock: this.#engine.clock,
      durationNs: Math.max(0, nowNs - this.#startNs),
      aborted: this.#abortedNs !== undefined && this.#next < this.#schedule.total,
      latency: this.#latency,
      sendError: this.#sendError,
      jitterMs: jitters.length === 0 ? null : jitters.reduce((a, b) => a + b, 0) / jitters.length,
      socketDrops: drops.includes(null) ? null : drops.reduce<number>((sum, one) => sum + (one ?? 0), 0),
      receiveBufferBytes: Math.min(...this.#sockets.map((socket) => socket.receiveBufferBytes)),
      sendBufferBytes: Math.min(...this.#sockets.map((socket) => socket.sendBufferBytes)),
      refusals: this.#refusals,
      lastError: this.#lastError,
      series: this.#series.finish(nowNs - this.#startNs, counts.lost),
      streams: this.#streams.map((stream, i) => {
        const socket = this.#sockets[i] as UdpSocket;
        return stream.row(socket.local.port, socket.sendErrors);
      }),
    };
  }

  #counts(nowNs: number): ProbeCounts {
    const sum = {
      sent: 0,
      received: 0,
      lost: 0,
      inFlight: 0,
      late: 0,
      lateAfterLoss: 0,
      duplicates: 0,
      reordered: 0,
      unmatched: 0,
      malformed: 0,
      sendErrors: 0,
    };
    for (const stream of this.#streams) {
      stream.expire(nowNs);
      const counters = stream.counters();
      sum.sent += counters.sent;
      sum.received += counters.returned;
      sum.lost += counters.lost;
      sum.inFlight += counters.inFlight;
      sum.late += counters.late;
      sum.lateAfterLoss += counters.lateAfterLoss;
      sum.duplicates += counters.duplicates;
      sum.reordered += counters.reordered;
      sum.unmatched += counters.unmatched;
      sum.malformed += counters.malformed;
    }
    for (const socket of this.#sockets) sum.sendErrors += socket.sendErrors;
    return sum;
  }
}
