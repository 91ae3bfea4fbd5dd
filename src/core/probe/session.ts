/**
 * Runs a probe: one connected socket a stream, packets at their deadlines, echoes matched as they come.
 *
 * A thread of its own keeps the deadlines. With the batch engine it also sends, and T0 and T1 are the kernel's stamps where
 * those are to be had: then the latency is that of the path, whatever keeps this thread or that one busy. Else T0 is the instant
 * at which a packet was due, so that a sender that falls behind shows as latency and is not hidden.
 */
import { constants, getPriority, setPriority } from 'node:os';
import { TokenKey } from '../echo/token.ts';
import { RtplatError } from '../errors.ts';
import { DROPPED, SrtpReceiver } from '../srtp/receiver.ts';
import { SrtpSender } from '../srtp/sender.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import type { BatchSocket } from '../udp/batch/socket.ts';
import { errnoName } from '../udp/batch/layout.ts';
import type { Arrival, Endpoint, UdpEngine, UdpSocket } from '../udp/engine.ts';
import { formatHostPort } from '../values/address.ts';
import { PacerMemory } from './pacer-memory.ts';
import { Pacer } from './pacer.ts';
import type { PacerOptions, Pacing } from './pacer.ts';
import type { ProbeCounts, ProbeOptions, ProbeProgress, ProbeResult } from './result.ts';
import { Schedule } from './schedule.ts';
import { SecondSeries } from '../report/series.ts';
import { silentPacket, streamSources } from './source.ts';
import type { StreamSource } from './source.ts';
import { ProbeStream } from './stream.ts';
import type { EchoStream, StreamSample } from './stream.ts';

export interface ProbeSessionOptions {
  readonly engine: UdpEngine;
  /** Numeric. Stream i goes to the one at i modulo their number. */
  readonly targets: readonly [Endpoint, ...Endpoint[]];
  readonly options: ProbeOptions;
  /** Address and port that the socket of each stream is bound to; without it any port, and the address that the way asks for. */
  readonly locals?: readonly Endpoint[];
  /** What keeps the deadlines; a thread of its own without it. */
  readonly pacing?: (options: PacerOptions) => Pacing;
  /** Told what the rows of a series are made of, for who has several sessions. */
  readonly tally?: ProbeTally;
  /** Told the local ends of the streams, in order, once they are bound; the first packet is due after it has settled. */
  readonly opened?: (locals: readonly Endpoint[]) => Promise<void>;
  /** Makes the stream, for one stream: without it, packets are matched by their headers. Samples are handed over in any order. */
  readonly stream?: (source: StreamSource, sample: StreamSample) => EchoStream;
  /** Told each latency sample: the stream from 0, the packet's number in it from 0, and the latency. */
  readonly observe?: (stream: number, index: number, latencyNs: number) => void;
  readonly companion?: SessionCompanion;
  /**
   * Where a thread sends and the kernel tells the times, nothing depends on when the calling thread reads: with this it gives way
   * to the one that sends, by a lower priority for the rest of its life. For a process that does nothing else.
   */
  readonly givesWay?: boolean;
}

/** What goes along with the one stream of a session. Times are on the engine's clock. */
export interface SessionCompanion {
  /** A datagram came, whatever it is. Valid only during the call. */
  arrived(buffer: Uint8Array, offset: number, length: number, atNs: number): void;
  /** Its turn, some times a second. @param startNs when the first packet is due. @param sent packets so far. */
  turn(nowNs: number, startNs: number, sent: number): void;
}

/** Times are on the engine's clock. */
export interface ProbeTally {
  sent(dueNs: number): void;
  received(dueNs: number, latencyNs: number, late: boolean): void;
}

/** Steps of nice(2) that the reading thread gives way by: a third of the sending thread's weight. */
const GIVEN_WAY = 5;

/** Packets that the main thread sends in one turn of the event loop when it is behind: echoes must get their turn too. */
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
  readonly #locals: readonly Endpoint[] | undefined;
  readonly #pacing: (options: PacerOptions) => Pacing;
  readonly #tally: ProbeTally | undefined;
  readonly #opened: ((locals: readonly Endpoint[]) => Promise<void>) | undefined;
  readonly #observe: ((stream: number, index: number, latencyNs: number) => void) | undefined;
  readonly #companion: SessionCompanion | undefined;
  readonly #givesWay: boolean;
  readonly #options: ProbeOptions;
  readonly #schedule: Schedule;
  readonly #sources: readonly StreamSource[];
  readonly #streams: readonly EchoStream[];
  readonly #sockets: UdpSocket[] = [];
  readonly #packet: Uint8Array;
  readonly #token: TokenKey | undefined;
  readonly #srtpSender: SrtpSender | undefined;
  readonly #srtpReceiver: SrtpReceiver | undefined;
  readonly #latency: LatencyHistogram = new LatencyHistogram();
  readonly #sendError: LatencyHistogram = new LatencyHistogram();
  /** Only with the kernel's clock. */
  readonly #hostDelay: LatencyHistogram | null;
  readonly #series: SecondSeries;
  /** Shared with the thread that keeps the deadlines. */
  readonly #memory: PacerMemory;
  /** Whether that thread sends, and the kernel says when. */
  readonly #sendsItself: boolean;
  readonly #ended = Promise.withResolvers<void>();
  #startNs = 0;
  /** Next packet to take note of, through all streams: the number of those sent. */
  #next = 0;
  /** Of the thread's reports, those that have been passed on. */
  #refusedTold = 0;
  #unreachablesTold = 0;
  #sendAgain: NodeJS.Immediate | undefined;
  #refusals = 0;
  #lastError: string | null = null;
  #abortedNs: number | undefined;
  #lookedNs = 0;

  constructor({ engine, targets, options, locals, pacing, tally, opened, observe, companion, givesWay, stream }: ProbeSessionOptions) {
    this.#engine = engine;
    this.#targets = targets;
    this.#locals = locals;
    this.#pacing = pacing ?? ((each) => new Pacer(each));
    this.#tally = tally;
    this.#opened = opened;
    this.#observe = observe;
    this.#companion = companion;
    this.#givesWay = givesWay === true && engine.name === 'batch' && engine.clock === 'kernel';
    this.#options = options;
    this.#schedule = new Schedule(options);
    this.#packet = silentPacket(options.ptimeNs, options.audio);
    this.#token = options.tokenKey === undefined ? undefined : new TokenKey(options.tokenKey);
    this.#srtpSender = options.srtp && new SrtpSender(options.srtp.send, this.#packet.length);
    this.#srtpReceiver = options.srtp && new SrtpReceiver(options.srtp.receive);
    this.#series = new SecondSeries(options.timeoutNs);
    this.#memory = new PacerMemory(options);
    this.#sendsItself = engine.name === 'batch';
    this.#hostDelay = engine.clock === 'kernel' ? new LatencyHistogram() : null;
    const percentiles = options.streams <= STREAMS_WITH_PERCENTILES;
    this.#sources = streamSources(options);
    this.#streams = this.#sources.map(
      (source, i) =>
        stream?.(source, (index, latencyNs, late, hostDelayNs) => this.#returned(i, index, latencyNs, late, hostDelayNs)) ??
        new ProbeStream(options, source, engine.clock, percentiles ? new LatencyHistogram() : undefined),
    );
  }

  /**
   * Runs to the end: all sent, and each packet back or lost; or to what {@link abort} leaves of it. Once only.
   *
   * @throws RtplatError `bind` when a socket cannot be had, `network` when nothing listens on the target.
   */
  async run(): Promise<ProbeResult> {
    const memory = this.#memory;
    const pacer = this.#pacing({ options: this.#options, memory, ...(this.#sendsItself ? {} : { due: () => this.#sendDue() }) });
    void pacer.ended.then((error) => error !== undefined && this.#ended.reject(error));
    // It may fail before anybody waits for it.
    this.#ended.promise.catch(() => undefined);
    let housekeeping: NodeJS.Timeout | undefined;
    try {
      await this.#open();
      await pacer.up();
      // Not before: a thread starts with the priority of the one that makes it.
      if (this.#givesWay) giveWay();
      await this.#opened?.(this.#sockets.map(({ local }) => local));
      this.#startNs = this.#engine.nowNs() + LEAD_NS;
      this.#lookedNs = this.#startNs;
      housekeeping = setInterval(() => this.#housekeep(), HOUSEKEEPING_MS);
      pacer.start(this.#startNs);
      await this.#ended.promise;
      await pacer.stop();
      return this.#result();
    } finally {
      clearInterval(housekeeping);
      clearImmediate(this.#sendAgain);
      // Before the sockets: the thread may be sending through them.
      await pacer.stop();
      await Promise.all(this.#sockets.map((socket) => socket.close()));
    }
  }

  /** Sends no more, and ends in good order: {@link run} settles with what there is, within a fraction of a second. */
  abort(): void {
    this.#abortedNs ??= this.#engine.nowNs();
    this.#memory.stop();
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
      const local = this.#locals?.[i] ?? { address: connect.address.includes(':') ? '::' : '0.0.0.0', port: 0 };
      const socket = await this.#engine.bind({
        ...local,
        connect,
        bufferBytes: this.#options.bufferBytes,
        ...(this.#sendsItself ? { departures: 'external' } : {}),
      });
      this.#sockets.push(socket);
      if (this.#sendsItself) this.#memory.fds[i] = (socket as BatchSocket).fd;
      socket.receive({
        packet: (buffer, offset, length, arrival) => this.#arrived(i, stream, buffer, offset, length, arrival),
        departed: (index, _count, atNs) => this.#departed(i, stream, index, atNs),
        error: (code, message) => this.#failed(code, message),
      });
    }
  }

  /** Takes note of what the thread has sent. First in everything that asks what was sent. */
  #catchUp(): void {
    if (!this.#sendsItself) return;
    const memory = this.#memory;
    const announced = memory.announcedBeyond(this.#next);
    if (announced === 0) return;
    for (let left = announced; left > 0; left--) this.#sent(this.#next, memory.sentNs(this.#next));
    memory.take(this.#next);
  }

  /** Sends what is due, where the thread does not. */
  #sendDue(): void {
    const memory = this.#memory;
    this.#sendAgain = undefined;
    for (let left = BURST; left > 0 && this.#abortedNs === undefined && memory.announcedBeyond(this.#next) > 0; left--) {
      const n = this.#next;
      const i = this.#schedule.streamOf(n);
      const source = this.#sources[i] as StreamSource;
      const index = this.#schedule.indexOf(n);
      source.write(this.#packet, index);
      this.#token?.sign(this.#packet);
      this.#srtpSender?.protect(this.#packet, source.ssrc, source.countedSequenceOf(index));
      const wire = this.#srtpSender?.packet ?? this.#packet;
      this.#sent(n, this.#engine.nowNs());
      (this.#sockets[i] as UdpSocket).send(wire, 0, wire.length);
    }
    memory.take(this.#next);
    if (this.#abortedNs === undefined && memory.announcedBeyond(this.#next) > 0) this.#sendAgain ??= setImmediate(() => this.#sendDue());
  }

  /** Packet `n`, the next one, was or is being sent. */
  #sent(n: number, sentNs: number): void {
    const elapsedNs = this.#schedule.dueNs(n);
    const dueNs = this.#startNs + elapsedNs;
    this.#next = n + 1;
    this.#series.sent(elapsedNs);
    this.#tally?.sent(dueNs);
    this.#sendError.record(sentNs - dueNs);
    (this.#streams[this.#schedule.streamOf(n)] as EchoStream).sent(this.#schedule.indexOf(n), dueNs, sentNs);
  }

  /** The kernel counts the sends of a socket, and each stream has one: its number is the packet's, as long as none was refused. */
  #departed(i: number, stream: EchoStream, index: number, atNs: number): void {
    this.#catchUp();
    if (this.#memory.isNumbered(i, index)) stream.departed(index, atNs);
  }

  #arrived(i: number, stream: EchoStream, buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    this.#catchUp();
    const plainLength = this.#srtpReceiver?.open(buffer, offset, length) ?? length;
    if (plainLength === DROPPED) return;
    this.#companion?.arrived(buffer, offset, plainLength, arrival.atNs);
    const latencyNs = stream.arrived(buffer, offset, plainLength, arrival);
    if (latencyNs >= 0) this.#returned(i, stream.lastIndex, latencyNs, stream.lastLate, stream.lastHostDelayNs);
  }

  #returned(i: number, index: number, latencyNs: number, late: boolean, hostDelayNs: number): void {
    this.#latency.record(latencyNs);
    if (!Number.isNaN(hostDelayNs)) this.#hostDelay?.record(hostDelayNs);
    const dueNs = this.#schedule.dueNs(index * this.#schedule.streams + i);
    this.#series.received(dueNs, latencyNs, late);
    this.#tally?.received(this.#startNs + dueNs, latencyNs, late);
    this.#observe?.(i, index, latencyNs);
    if (this.#allSent() && this.#latency.count === this.#next) this.#ended.resolve();
  }

  /** Passes on what the kernel told the thread. */
  #hearThread(): void {
    const { unreachables, refused, lastErrno } = this.#memory;
    for (; this.#unreachablesTold < unreachables; this.#unreachablesTold++) this.#failed('ECONNREFUSED', 'nobody listens there');
    if (this.#refusedTold < refused) this.#failed(errnoName(lastErrno), 'the kernel refused a packet');
    this.#refusedTold = refused;
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
    this.#catchUp();
    this.#hearThread();
    // As of the last time: what came since then may not have been read yet.
    for (const stream of this.#streams) stream.expire(this.#lookedNs);
    this.#series.settle(this.#lookedNs - this.#startNs);
    this.#lookedNs = nowNs;
    this.#companion?.turn(nowNs, this.#startNs, this.#next);
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
    this.#catchUp();
    this.#hearThread();
    for (const stream of this.#streams) stream.finish(nowNs);
    const counts = this.#counts();
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
      hostDelay: this.#hostDelay,
      unstamped: this.#hostDelay === null ? null : this.#streams.reduce((sum, { unstamped }) => sum + unstamped, 0),
      jitterMs: jitters.length === 0 ? null : jitters.reduce((a, b) => a + b, 0) / jitters.length,
      socketDrops: drops.includes(null) ? null : drops.reduce<number>((sum, one) => sum + (one ?? 0), 0),
      receiveBufferBytes: Math.min(...this.#sockets.map((socket) => socket.receiveBufferBytes)),
      sendBufferBytes: Math.min(...this.#sockets.map((socket) => socket.sendBufferBytes)),
      refusals: this.#refusals,
      lastError: this.#lastError,
      ...(this.#srtpReceiver === undefined ? {} : { srtp: this.#srtpReceiver.facts() }),
      series: this.#series.finish(nowNs - this.#startNs, counts.lost),
      streams: this.#streams.map((stream, i) => {
        const socket = this.#sockets[i] as UdpSocket;
        return stream.row(socket.local.port, socket.sendErrors + this.#memory.refusedOf(i));
      }),
    };
  }

  #counts(): ProbeCounts {
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
      otherSsrc: 0,
      malformed: 0,
      sendErrors: 0,
    };
    for (const stream of this.#streams) {
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
      sum.otherSsrc += counters.otherSsrc;
      sum.malformed += counters.malformed;
    }
    for (const socket of this.#sockets) sum.sendErrors += socket.sendErrors;
    sum.sendErrors += this.#memory.refused;
    return sum;
  }
}

/** Lowers the priority of the calling thread: Linux has one for each. */
function giveWay(): void {
  setPriority(0, Math.min(constants.priority.PRIORITY_LOW, getPriority(0) + GIVEN_WAY));
}
