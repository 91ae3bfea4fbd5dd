/**
 * The media of all calls of a process: one loop, a socket or two for each call, and the wheel that says whose packet is due. It runs
 * in a thread of its own; what it counts lies in memory that others may read.
 *
 * Nothing here waits for a promise between two packets: in a thread that blocks in the kernel no promise ever continues. So what binds
 * a socket may answer at once or later, and the rest follows suit.
 */
import { RtplatError } from '../errors.ts';
import type { BindOptions, Endpoint, UdpSocket } from '../udp/engine.ts';
import { failureOf } from '../values/failure.ts';
import { andThen, settle } from '../values/soon.ts';
import { CallMedia } from './call.ts';
import type { CallHost } from './call.ts';
import type { MediaTotals } from './numbers.ts';
import type { MediaMessage, MediaOrder, MediaRequest, PlaneUpdate } from './orders.ts';
import type { DtmfWay } from './types.ts';
import type { Stamper } from '../oneway/stamper.ts';
import { PacingWheel } from './wheel.ts';

export interface MediaSettings {
  /** How long no RTP comes before that is told; null when it is not. */
  readonly silenceNs: number | null;
  readonly lateThresholdNs: number;
}

export interface MediaPlaneParts {
  readonly settings: MediaSettings;
  readonly totals: MediaTotals;
  readonly bind: (options: BindOptions) => UdpSocket | Promise<UdpSocket>;
  readonly nowNs: () => number;
  /** Nanoseconds since 1970 at an instant of that clock. */
  readonly unixNs: (nowNs: number) => number;
  /** From 0 up to, and without, 1. */
  readonly random: () => number;
  readonly tell: (message: MediaMessage) => void;
  /** Of echoes that write times into the packets that ask for them. */
  readonly stamper?: Stamper | undefined;
}

/** A port is released when it has been silent for this long after its call … */
const DRAIN_QUIET_NS = 250e6;
/** … or, when somebody keeps sending to it, after this long. */
const DRAIN_LIMIT_NS = 1e9;
/** Reports, time-outs, drains, numbers that are not counted packet by packet. */
const TICK_NS = 50e6;
/** Asking the kernel for drops is a system call a socket: each call has its turn once in so many ticks. */
const DROPS_EVERY_TICKS = 20;
/** Five seconds of a call, in the kernel's reckoning. */
const BUFFER_BYTES = 256 * 1024;
/** Samples on their way to the disk, of all recordings: beyond that the disk is too slow, and they are left out. */
const MOST_PENDING_BYTES = 32 * 1024 * 1024;

interface PlaneCall {
  readonly media: CallMedia;
  /** Since when its ports are being drained, and who waits for it. */
  drainingNs: number | undefined;
  drained: () => void;
}

export class MediaPlane implements CallHost {
  readonly #parts: MediaPlaneParts;
  readonly #calls = new Map<number, PlaneCall>();
  readonly #wheel: PacingWheel;
  #tickNs: number;
  #ticks = 0;

  constructor(parts: MediaPlaneParts) {
    this.#parts = parts;
    this.#tickNs = parts.nowNs();
    this.#wheel = new PacingWheel(this.#tickNs);
  }

  /** Carries an order out. It is answered during the call, or later. */
  take({ serial, request }: MediaOrder): void {
    const done = (port: number | null): void => {
      if (serial !== null) this.#parts.tell({ kind: 'done', serial, port });
    };
    const failed = (error: unknown): void => {
      if (serial !== null) this.#parts.tell({ kind: 'failed', serial, failure: failureOf(error) });
    };
    try {
      const port = this.#carryOut(request, () => done(null));
      if (port instanceof Promise) void settle(port, done, failed);
      else if (port !== undefined) done(port);
    } catch (error) {
      // Anything else is a fault of this program, and ends the thread.
      if (!(error instanceof RtplatError)) throw error;
      failed(error);
    }
  }

  /** @returns what to answer; undefined when `later` will be called. */
  #carryOut(request: MediaRequest, later: () => void): number | null | Promise<number> | undefined {
    if (request.kind === 'open') return this.#open(request);
    if (request.kind === 'ping') return null;
    const call = this.#calls.get(request.id);
    if (call === undefined) return null;
    switch (request.kind) {
      case 'start':
        call.media.start(this.#parts.nowNs());
        this.#seat(call.media);
        return null;
      case 'update':
        this.#update(call.media, request.change);
        return null;
      case 'stop':
        this.#wheel.leave(call.media);
        call.media.stop(this.#parts.nowNs());
        return null;
      case 'release':
        call.drainingNs = this.#parts.nowNs();
        call.drained = later;
        return undefined;
    }
  }

  /** Takes the ports. @returns that of RTP. @throws RtplatError `bind`. */
  #open({ id, spec, block }: Extract<MediaRequest, { readonly kind: 'open' }>): number | Promise<number> {
    const options = { address: spec.bindAddress, bufferBytes: BUFFER_BYTES };
    return andThen(this.#parts.bind({ ...options, port: spec.port }), (rtp) => {
      const begin = (rtcp: UdpSocket | undefined): number => {
        try {
          this.#calls.set(id, {
            media: new CallMedia({ id, spec, block, rtp, rtcp, host: this }),
            drainingNs: undefined,
            drained: () => undefined,
          });
        } catch (error) {
          void rtp.close();
          void rtcp?.close();
          throw error;
        }
        return rtp.local.port;
      };
      if (spec.rtcp !== 'next-port') return begin(undefined);
      const port = rtp.local.port + 1;
      if (port > 65_535) {
        void rtp.close();
        throw new RtplatError('bind', `no port after ${rtp.local.port} for RTCP`, { hint: 'RTP takes even ports' });
      }
      return andThen(this.#bindOr(rtp, { ...options, port }), begin);
    });
  }

  /** Closes `rtp` when the other one cannot be had. */
  #bindOr(rtp: UdpSocket, options: BindOptions): UdpSocket | Promise<UdpSocket> {
    let bound: UdpSocket | Promise<UdpSocket>;
    try {
      bound = this.#parts.bind(options);
    } catch (error) {
      void rtp.close();
      throw error;
    }
    return bound instanceof Promise ? orClose(bound, rtp) : bound;
  }

  #update(media: CallMedia, change: PlaneUpdate): void {
    media.update(change);
    this.#seat(media);
  }

  /** On the wheel, or off it. One that is on it keeps its place. */
  #seat(media: CallMedia): void {
    if (!media.paces) this.#wheel.leave(media);
    else if (media.seat.slot < 0) this.#wheel.join(media, this.#parts.nowNs());
  }

  /** Sends what is due, and keeps house when its time has come. To be called often, and at {@link dueNs}. */
  tick(): void {
    const nowNs = this.#parts.nowNs();
    this.#wheel.turn(nowNs);
    if (nowNs - this.#tickNs < TICK_NS) return;
    this.#tickNs = nowNs;
    this.#ticks += 1;
    for (const call of this.#calls.values()) {
      const { media, drainingNs } = call;
      media.tick(nowNs, (media.id + this.#ticks) % DROPS_EVERY_TICKS === 0);
      if (drainingNs !== undefined && isDrained(media, drainingNs, nowNs)) this.#end(call);
    }
  }

  /** When {@link tick} has packets to send; Infinity when there are none. */
  get dueNs(): number {
    return this.#wheel.dueNs;
  }

  #end(call: PlaneCall): void {
    this.#calls.delete(call.media.id);
    call.media.close();
    call.drained();
  }

  /** Says goodbye in all calls and closes every port at once. */
  stop(): void {
    for (const call of this.#calls.values()) {
      this.#wheel.leave(call.media);
      call.media.stop(this.#parts.nowNs());
      this.#end(call);
    }
  }

  get silenceNs(): number | null {
    return this.#parts.settings.silenceNs;
  }

  get lateThresholdNs(): number {
    return this.#parts.settings.lateThresholdNs;
  }

  nowNs(): number {
    return this.#parts.nowNs();
  }

  get stamper(): Stamper | undefined {
    return this.#parts.stamper;
  }

  unixNs(nowNs: number): number {
    return this.#parts.unixNs(nowNs);
  }

  random(): number {
    return this.#parts.random();
  }

  paced(lateNs: number): void {
    this.#parts.totals.pacing.record(lateNs);
  }

  roundTrip(ms: number): void {
    this.#parts.totals.roundTrip.record(ms * 1e6);
  }

  firstPacket(id: number, atNs: number, from: Endpoint): void {
    this.#parts.tell({ kind: 'first-packet', id, atNs, from });
  }

  refusedSource(id: number, from: Endpoint): void {
    this.#parts.tell({ kind: 'refused-source', id, from });
  }

  dtmf(id: number, digit: string, how: DtmfWay, durationMs: number, atNs: number): void {
    this.#parts.tell({ kind: 'dtmf', id, digit, how, durationMs, atNs });
  }

  finished(id: number): void {
    this.#parts.tell({ kind: 'finished', id });
  }

  silent(id: number): void {
    this.#parts.tell({ kind: 'silent', id });
  }

  recorded(recording: number, at: number, samples: Int16Array): boolean {
    const { totals, tell } = this.#parts;
    if (totals.pendingBytes + samples.byteLength > MOST_PENDING_BYTES) {
      tell({ kind: 'recording-behind', recording, bytes: samples.byteLength });
      return false;
    }
    totals.addPending(samples.byteLength);
    tell({ kind: 'recorded', recording, at, samples: samples.slice() });
    return true;
  }
}

function isDrained(media: CallMedia, sinceNs: number, nowNs: number): boolean {
  return nowNs - Math.max(sinceNs, media.lastActivityNs) >= DRAIN_QUIET_NS || nowNs - sinceNs >= DRAIN_LIMIT_NS;
}

async function orClose(bound: Promise<UdpSocket>, rtp: UdpSocket): Promise<UdpSocket> {
  try {
    return await bound;
  } catch (error) {
    void rtp.close();
    throw error;
  }
}
