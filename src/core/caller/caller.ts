/** Places calls, so many at once and so many in a second, and lets each come to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AudioCorrelator } from '../match/audio-correlator.ts';
import { PacerPool } from '../probe/pacer-pool.ts';
import type { ProbeOptions } from '../probe/result.ts';
import { SecondSeries } from '../report/series.ts';
import type { UdpEngine } from '../udp/engine.ts';
import { openOneWay } from '../udp/wall-clock.ts';
import { MarkerBoard } from '../verdict/marker-board.ts';
import type { CallState } from '../verdict/verdict.ts';
import type { MediaHost } from './call-media.ts';
import type { CallLine, OngoingCall } from './line.ts';
import type { PlacingOptions } from './options.ts';
import { CallerTotals } from './totals.ts';
import type { CallerResult } from './totals.ts';

export interface CallerParts {
  readonly engine: UdpEngine;
  readonly options: PlacingOptions;
  /** How calls are placed; rejects with an RtplatError where none can be. */
  readonly open: () => Promise<CallLine>;
}

export interface CallerProgress {
  /** Calls in all, null where time ends them; so many were placed, are up, and have ended. */
  readonly total: number | null;
  readonly placed: number;
  readonly up: number;
  readonly ended: number;
  readonly failed: number;
  /** Packets of the calls that are up. */
  readonly sent: number;
  readonly received: number;
  /** Calls that are up, by what they are like; none of those that have no verdict yet. */
  readonly states: ReadonlyMap<CallState, number>;
}

const NS_PER_MS = 1e6;
/** After a stop, for BYE, CANCEL and their answers; a far end that says nothing is not waited for longer. */
const STOP_PATIENCE_MS = 6_000;
const HOUSEKEEPING_MS = 250;
/** What is matched by more than its header is known so much later. */
const MATCHED_AFTER_NS = 3e9;

export class Caller {
  readonly #parts: CallerParts;
  readonly #totals: CallerTotals;
  readonly #calls = new Set<OngoingCall>();
  readonly #series: SecondSeries;
  readonly #stop = new AbortController();
  readonly #stopped = Promise.withResolvers<void>();
  #startNs = 0;
  #placed = 0;
  #ended = 0;
  #failed = 0;
  /** No call will get through any more. */
  #lost = false;
  /** Resolved when a call has ended. */
  #vacancy = Promise.withResolvers<void>();

  constructor(parts: CallerParts) {
    const { engine, options } = parts;
    this.#parts = parts;
    this.#series = new SecondSeries(options.media.timeoutNs + (options.match === 'header' ? 0 : MATCHED_AFTER_NS));
    const ptimeNs = options.ptimeMs * NS_PER_MS;
    const probe: ProbeOptions = { ...options.media, streams: options.count ?? options.concurrency, intervalNs: ptimeNs, ptimeNs };
    this.#totals = new CallerTotals({ options: probe, engine: engine.name, clock: engine.clock });
  }

  /**
   * Places all calls. Once only; to what {@link stop} leaves of it.
   *
   * @throws RtplatError `network` when the far end has no address, or takes no connection; `bind`.
   */
  async run(): Promise<CallerResult> {
    const { engine, options, open } = this.#parts;
    const line = await open();
    const pool = new PacerPool();
    const oneWay = options.media.oneWay === true ? openOneWay(engine) : undefined;
    let housekeeping: NodeJS.Timeout | undefined;
    try {
      await pool.up();
      this.#startNs = engine.nowNs();
      housekeeping = setInterval(() => this.#series.settle(engine.nowNs() - this.#startNs), HOUSEKEEPING_MS);
      line.onRefused((why, forGood) => {
        this.#lost ||= forGood;
        for (const call of this.#calls) call.refused(why);
      });
      const correlator = new AudioCorrelator();
      const host: MediaHost = {
        ...{ engine, options, bindAddress: line.bindAddress, correlator, board: new MarkerBoard(correlator), oneWay },
        pacing: (task) => pool.add(task),
        tally: {
          sent: (dueNs) => this.#series.sent(dueNs - this.#startNs),
          received: (dueNs, latencyNs, late) => this.#series.received(dueNs - this.#startNs, latencyNs, late),
        },
      };
      const ends = await this.#place(line, host);
      await Promise.race([Promise.all(ends), this.#patience()]);
      for (const call of this.#calls) call.abandon();
      await Promise.all(ends);
      const elapsedNs = engine.nowNs() - this.#startNs;
      const result = this.#totals.result(elapsedNs, this.#stop.signal.aborted, (lost) => this.#series.finish(elapsedNs, lost));
      return oneWay === undefined ? result : { ...result, media: { ...result.media, oneWay: oneWay.result(engine.nowNs()) } };
    } finally {
      clearInterval(housekeeping);
      await pool.close();
      await line.close();
    }
  }

  /** Places no more, and hangs up what there is: {@link run} settles within some seconds. */
  stop(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    for (const call of this.#calls) call.stop();
    this.#stopped.resolve();
    this.#vacancy.resolve();
  }

  progress(): CallerProgress {
    let up = 0;
    let sent = 0;
    let received = 0;
    const states = new Map<CallState, number>();
    for (const call of this.#calls) {
      if (call.up) up += 1;
      const media = call.measured();
      sent += media?.sent ?? 0;
      received += media?.received ?? 0;
      const state = call.up ? call.state() : undefined;
      if (state !== undefined) states.set(state, (states.get(state) ?? 0) + 1);
    }
    const { count } = this.#parts.options;
    return { total: count, placed: this.#placed, up, ended: this.#ended, failed: this.#failed, sent, received, states };
  }

  /** @returns the ends of all calls that were placed. */
  async #place(line: CallLine, host: MediaHost): Promise<readonly Promise<void>[]> {
    const { count, forNs, concurrency, cps } = this.#parts.options;
    const intervalMs = 1000 / cps;
    let dueMs = performance.now();
    const ends: Promise<void>[] = [];
    const { signal } = this.#stop;
    const untilMs = forNs === null ? Infinity : dueMs + forNs / NS_PER_MS;
    for (let number = 1; number <= (count ?? Infinity); number++) {
      if (dueMs >= untilMs) break;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      while (this.#calls.size >= concurrency && !signal.aborted) await this.#vacancy.promise;
      if (signal.aborted || this.#lost || performance.now() >= untilMs) break;
      this.#placed += 1;
      const call = this.#one(line.call(host, number));
      // It may fail before anybody waits for it.
      call.catch(() => undefined);
      ends.push(call);
      // A timer that was late is made up for; calls that had to wait for others are not.
      dueMs = Math.max(dueMs + intervalMs, performance.now());
    }
    return ends;
  }

  async #one(call: OngoingCall): Promise<void> {
    this.#calls.add(call);
    this.#totals.up(this.#calls.size);
    try {
      const outcome = await call.run();
      this.#totals.add(outcome);
      if (outcome.problem !== null) this.#failed += 1;
    } finally {
      this.#ended += 1;
      this.#calls.delete(call);
      const { resolve } = this.#vacancy;
      this.#vacancy = Promise.withResolvers();
      resolve();
    }
  }

  /** Settles when the run was stopped a while ago. */
  async #patience(): Promise<void> {
    await this.#stopped.promise;
    await sleep(STOP_PATIENCE_MS, undefined, { ref: false });
  }
}
