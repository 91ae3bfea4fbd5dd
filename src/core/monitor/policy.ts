/**
 * When a service is looked at, ended, started again and given up. Pure: what happened and the time come in, what is to be done goes out.
 *
 *   begin ─▶ starting ──▶ confirming ──▶ up ◀──▶ down (where nothing may be restarted)
 *               ▲   └──────────┐ │        │
 *            waiting ◀── ending◀─┴────────┘   no attempt left: given_up, which an answer leaves for up
 *
 * Between a start and the next one there is always an end: `starting` is reached from `waiting` and `begin` only, and `waiting` only when
 * nothing is left of the process.
 */
import { backoffMs } from '../ari/backoff.ts';
import { REASONS } from './verdict.ts';
import type { Effect, Phase, PolicyEvent, PolicySettings, PolicyState } from './policy-types.ts';
import type { Failed, Passed, Reason, Verdict } from './verdict.ts';

/** How often a service that was just started is looked at: it is to be known to be back soon. */
const CONFIRM_MS = 250;

export class ServicePolicy {
  readonly #settings: PolicySettings;
  /** 0 … 1 */
  readonly #random: () => number;
  #phase: Phase = 'new';
  #effects: Effect[] = [];
  #pid: number | null = null;
  /** Whether there may be a process of ours. */
  #alive = false;
  #stopping = false;
  #check = 0;
  #checking = false;
  #nextCheckMs = Number.POSITIVE_INFINITY;
  #startedMs = 0;
  /** Of the phase: the start that waits, the end of the patience with a start, SIGKILL. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  #killed = false;
  /** Since the last failure. */
  #healthyMs: number | null = null;
  #upMs: number | null = null;
  #up: boolean | null = null;
  #notReady: string | null = null;
  #failures = 0;
  #failure: { readonly reason: Reason; readonly text: string } | null = null;
  #lastProbeMs: number | null = null;
  #passed = 0;
  #failed = 0;
  /** Restarts since the last stable time: the exponent of the delay. */
  #level = 0;
  #delayMs = 0;
  #attempts: number[] = [];
  readonly #restarts = new Map<Reason, number>(REASONS.map((reason) => [reason, 0]));

  constructor(settings: PolicySettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether it is looked at. */
  get #watched(): boolean {
    return this.#phase === 'confirming' || this.#phase === 'up' || this.#phase === 'down' || this.#phase === 'given_up';
  }

  /** When a `tick` is needed next; Infinity when never. */
  get dueMs(): number {
    switch (this.#phase) {
      case 'waiting':
      case 'ending':
        return this.#deadlineMs;
      case 'confirming':
        return Math.min(this.#deadlineMs, this.#checking ? Number.POSITIVE_INFINITY : this.#nextCheckMs);
      case 'up':
      case 'down':
      case 'given_up':
        return this.#checking ? Number.POSITIVE_INFINITY : this.#nextCheckMs;
      case 'new':
      case 'starting':
      case 'stopped':
        return Number.POSITIVE_INFINITY;
    }
  }

  /** @returns what is to be done now, in this order. */
  on(event: PolicyEvent, nowMs: number): readonly Effect[] {
    this.#effects = [];
    if (this.#phase !== 'stopped') this.#take(event, nowMs);
    return this.#effects;
  }

  state(nowMs: number): PolicyState {
    const { windowMs } = this.#settings;
    return {
      phase: this.#phase,
      up: this.#up,
      notReady: this.#notReady,
      pid: this.#pid,
      upForMs: this.#up !== true || this.#upMs === null ? null : nowMs - this.#upMs,
      failures: this.#failures,
      lastFailure: this.#failure,
      lastProbeMs: this.#lastProbeMs,
      checks: { passed: this.#passed, failed: this.#failed },
      attempts: this.#attempts.filter((atMs) => atMs > nowMs - windowMs).length,
      restarts: new Map(this.#restarts),
      restartInMs: this.#phase === 'waiting' ? Math.max(0, this.#deadlineMs - nowMs) : null,
    };
  }

  #take(event: PolicyEvent, nowMs: number): void {
    switch (event.kind) {
      case 'begin':
        return this.#begin(event.pid, nowMs);
      case 'started':
        return this.#started(event.pid, nowMs);
      case 'startFailed':
        if (this.#phase === 'starting') this.#broken(nowMs, 'not_started', event.text);
        return undefined;
      case 'checked':
        return this.#checked(event.check, event.verdict, nowMs);
      case 'exited':
        return this.#exited(event.text, event.rest, nowMs);
      case 'ended':
        return this.#ended(nowMs);
      case 'tick':
        return this.#tick(nowMs);
      case 'stop':
        return this.#stop(nowMs);
    }
  }

  #begin(pid: number | null, nowMs: number): void {
    if (this.#phase !== 'new') return;
    if (this.#settings.control === 'process' && pid === null) {
      this.#phase = 'starting';
      this.#do({ kind: 'start' });
      return;
    }
    this.#pid = pid;
    this.#alive = pid !== null;
    this.#phase = 'up';
    this.#nextCheckMs = nowMs;
    this.#look(nowMs);
  }

  #started(pid: number | null, nowMs: number): void {
    if (this.#phase !== 'starting') return;
    this.#pid = pid;
    this.#alive = pid !== null;
    this.#log('info', pid === null ? 'started' : `started as process ${pid}`);
    if (this.#stopping) return this.#end(nowMs);
    this.#phase = 'confirming';
    this.#startedMs = nowMs;
    this.#deadlineMs = nowMs + this.#settings.startupMs;
    this.#checking = false;
    this.#nextCheckMs = nowMs;
    return this.#look(nowMs);
  }

  #tick(nowMs: number): void {
    const due = nowMs >= this.#deadlineMs;
    if (this.#phase === 'waiting' && due) this.#restart(nowMs);
    else if (this.#phase === 'ending' && due) this.#kill(nowMs);
    else if (this.#phase === 'confirming' && due) this.#notConfirmed(nowMs);
    else this.#look(nowMs);
  }

  #look(nowMs: number): void {
    if (!this.#watched || this.#checking || nowMs < this.#nextCheckMs) return;
    const { intervalMs } = this.#settings;
    this.#nextCheckMs = nowMs + (this.#phase === 'confirming' ? Math.min(intervalMs, CONFIRM_MS) : intervalMs);
    this.#checking = true;
    this.#check += 1;
    this.#do({ kind: 'check', check: this.#check });
  }

  #checked(check: number, verdict: Verdict, nowMs: number): void {
    // Of a process before this one.
    if (check !== this.#check || !this.#checking || !this.#watched) return;
    this.#checking = false;
    if (verdict.ok) this.#answered(verdict, nowMs);
    else this.#unanswered(verdict, nowMs);
    this.#look(nowMs);
  }

  #answered(verdict: Passed, nowMs: number): void {
    const { tookMs, notReady } = verdict;
    this.#passed += 1;
    this.#lastProbeMs = tookMs;
    const before = this.#phase;
    const how = tookMs === null ? '' : `: answered in ${milliseconds(tookMs)}`;
    if (before === 'confirming') this.#log('info', `up after ${seconds(nowMs - this.#startedMs)}${how}`);
    else if (before === 'given_up') this.#log('warn', `answers again, watched as before${how}`);
    else if (before === 'down' || this.#failures > 0) this.#log('info', `answers again${how}`);
    else if (this.#up === null) this.#log('info', `up${how}`);
    this.#phase = 'up';
    if (before === 'confirming') this.#nextCheckMs = nowMs + this.#settings.intervalMs;
    this.#up = true;
    this.#failures = 0;
    this.#failure = null;
    this.#upMs ??= nowMs;
    this.#healthyMs ??= nowMs;
    if (nowMs - this.#healthyMs >= this.#settings.stableMs) this.#level = 0;
    if (notReady !== null && this.#notReady === null) this.#log('warn', `up, but says that it cannot work: ${notReady}`);
    if (notReady === null && this.#notReady !== null) this.#log('info', 'can work again');
    this.#notReady = notReady;
  }

  #unanswered(verdict: Failed, nowMs: number): void {
    const { reason, text, gone } = verdict;
    this.#failure = { reason, text };
    if (this.#phase === 'confirming') {
      if (gone) this.#broken(nowMs, reason, text);
      else this.#log('debug', `not up yet: ${text}`);
      return;
    }
    this.#failed += 1;
    if (this.#phase !== 'up') return;
    const { failures: most } = this.#settings;
    this.#up = false;
    this.#healthyMs = null;
    this.#failures += 1;
    const said = `unhealthy: ${text} (${this.#failures} of ${most})`;
    if (gone) this.#broken(nowMs, reason, text);
    else if (this.#failures < most) this.#log('warn', said);
    else this.#broken(nowMs, reason, text, said);
  }

  #notConfirmed(nowMs: number): void {
    const { startupMs } = this.#settings;
    const last = this.#failure;
    const text = `not up ${seconds(startupMs)} after its start${last === null ? '' : `: ${last.text}`}`;
    this.#broken(nowMs, last?.reason ?? 'timeout', text);
  }

  #exited(text: string, rest: boolean, nowMs: number): void {
    const before = this.#phase;
    if (before === 'ending') {
      if (!rest) this.#ended(nowMs);
      return;
    }
    this.#alive = rest;
    if (!rest) this.#pid = null;
    this.#failure = { reason: 'exited', text };
    if (before === 'confirming' || before === 'up') this.#broken(nowMs, 'exited', text);
    else this.#up = false;
  }

  /** It has to be started again, or be given up. @param said of it in the log. */
  #broken(nowMs: number, reason: Reason, text: string, said = reason === 'not_started' ? `not started: ${text}` : text): void {
    const { control, maxAttempts, windowMs, delayMs, delayMaxMs } = this.#settings;
    this.#failure = { reason, text };
    this.#up = false;
    this.#upMs = null;
    this.#healthyMs = null;
    this.#notReady = null;
    this.#failures = 0;
    // What is on its way speaks of what was.
    this.#checking = false;
    this.#check += 1;
    if (control === 'none') {
      this.#phase = 'down';
      return this.#log('error', `down: ${said}`);
    }
    if (this.#stopping) return this.#end(nowMs);
    this.#log('error', said);
    this.#delayMs = backoffMs(this.#level + 1, this.#random(), { firstMs: delayMs, capMs: delayMaxMs });
    const startMs = nowMs + this.#delayMs;
    this.#attempts = this.#attempts.filter((atMs) => atMs > startMs - windowMs);
    if (this.#attempts.length >= maxAttempts) return this.#giveUp(nowMs, reason, text);
    this.#level += 1;
    if (this.#alive) return this.#end(nowMs);
    return this.#wait(nowMs);
  }

  #giveUp(nowMs: number, reason: Reason, text: string): void {
    const { windowMs, intervalMs } = this.#settings;
    const attempts = this.#attempts.length;
    this.#phase = 'given_up';
    this.#nextCheckMs = nowMs + intervalMs;
    this.#log('error', `given up after ${attempts} ${attempts === 1 ? 'restart' : 'restarts'} in ${seconds(windowMs)}: ${text}`);
    this.#do({ kind: 'gaveUp', reason, text, attempts });
  }

  #wait(nowMs: number): void {
    const { maxAttempts } = this.#settings;
    this.#phase = 'waiting';
    this.#deadlineMs = nowMs + this.#delayMs;
    this.#log('info', `restarting in ${seconds(this.#delayMs)} (attempt ${this.#attempts.length + 1} of ${maxAttempts})`);
  }

  #restart(nowMs: number): void {
    const reason = this.#failure?.reason ?? 'exited';
    this.#attempts.push(nowMs);
    this.#restarts.set(reason, (this.#restarts.get(reason) ?? 0) + 1);
    this.#phase = 'starting';
    this.#do({ kind: 'start' });
  }

  /** Whatever is there is to end; where nothing is ours to end, that has happened. */
  #end(nowMs: number): void {
    const { graceMs, control, keepRunning } = this.#settings;
    const ours = control === 'process' && this.#alive;
    if (!ours || (this.#stopping && keepRunning)) {
      if (this.#stopping) this.#stopped();
      return;
    }
    this.#phase = 'ending';
    this.#killed = false;
    this.#up = false;
    this.#upMs = null;
    this.#deadlineMs = nowMs + graceMs;
    this.#log('info', `ending process ${this.#pid ?? 'unknown'}`);
    this.#do({ kind: 'signal', signal: 'SIGTERM' });
  }

  #kill(nowMs: number): void {
    const { graceMs } = this.#settings;
    const [level, after] = this.#killed ? (['error', 'SIGKILL'] as const) : (['warn', 'SIGTERM'] as const);
    this.#killed = true;
    this.#deadlineMs = nowMs + graceMs;
    this.#log(level, `process ${this.#pid ?? 'unknown'} is there ${seconds(graceMs)} after ${after}: SIGKILL`);
    this.#do({ kind: 'signal', signal: 'SIGKILL' });
  }

  #ended(nowMs: number): void {
    this.#alive = false;
    if (this.#phase !== 'ending') return;
    this.#log('info', `process ${this.#pid ?? 'unknown'} has ended`);
    this.#pid = null;
    if (this.#stopping) this.#stopped();
    else this.#wait(nowMs);
  }

  #stop(nowMs: number): void {
    if (this.#stopping) return;
    this.#stopping = true;
    // A start of ours that is on its way says how it went; what is ending, that it has ended.
    const starts = this.#phase === 'starting' && this.#settings.control === 'process';
    if (!starts && this.#phase !== 'ending') this.#end(nowMs);
  }

  #stopped(): void {
    this.#phase = 'stopped';
    this.#do({ kind: 'stopped' });
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', text: string): void {
    this.#do({ kind: 'log', level, text });
  }

  #do(effect: Effect): void {
    this.#effects.push(effect);
  }
}

/** `1.2 s`; whole seconds without a fraction. */
function seconds(ms: number): string {
  return `${Number((ms / 1e3).toFixed(ms < 1_000 ? 2 : 1))} s`;
}

function milliseconds(ms: number): string {
  return `${Number(ms.toFixed(ms < 10 ? 2 : 0))} ms`;
}
