/** A service, simulated: a clock that jumps to the next thing that happens, and a process that does what a script says. */
import { ServicePolicy } from '../../../src/core/monitor/policy.ts';
import type { Effect, PolicyEvent, PolicySettings } from '../../../src/core/monitor/policy-types.ts';
import { failed, passed } from '../../../src/core/monitor/verdict.ts';
import type { Verdict } from '../../../src/core/monitor/verdict.ts';

export const SETTINGS: PolicySettings = {
  control: 'process',
  intervalMs: 1_000,
  failures: 3,
  startupMs: 5_000,
  graceMs: 2_000,
  delayMs: 1_000,
  delayMaxMs: 8_000,
  maxAttempts: 3,
  windowMs: 100_000,
  stableMs: 20_000,
  keepRunning: false,
};

/** What one process does, from its start on; times in ms after it. */
export interface Life {
  /** The start itself fails. */
  readonly unstartable?: boolean;
  /** It answers from then on. */
  readonly answersMs: number;
  /** It answers no more from then on. */
  readonly hangsMs?: number;
  /** It ends by itself. */
  readonly exitsMs?: number;
  /** What it has started is left then, until it gets a signal. */
  readonly leavesRest?: boolean;
  /** After SIGTERM; undefined when only SIGKILL ends it. */
  readonly endsMs?: number;
  /** How long an answer takes. */
  readonly tookMs?: number;
}

export interface Happening {
  readonly atMs: number;
  readonly effect: Effect;
}

interface Pending {
  readonly atMs: number;
  readonly run: () => void;
}

export const TIMEOUT_MS = 500;
/** Of one {@link PolicyWorld.until}; the longest of the tests takes a hundredth of it. */
const MOST_STEPS = 100_000;

export class PolicyWorld {
  readonly policy: ServicePolicy;
  readonly happened: Happening[] = [];
  nowMs = 0;
  /** Processes that are there, or something of them; never more than one. */
  alive = 0;
  mostAlive = 0;
  readonly #lives: readonly Life[];
  #started = 0;
  #startedMs = 0;
  #life: Life | undefined;
  #leaderGone = false;
  #queue: Pending[] = [];

  /** @param lives of its processes in turn; the last one again and again. */
  constructor(settings: Partial<PolicySettings>, lives: readonly Life[], random: () => number = () => 1) {
    this.policy = new ServicePolicy({ ...SETTINGS, ...settings }, random);
    this.#lives = lives;
  }

  begin(pid: number | null = null): void {
    if (pid !== null) this.#born();
    this.tell({ kind: 'begin', pid });
  }

  tell(event: PolicyEvent): void {
    for (const effect of this.policy.on(event, this.nowMs)) {
      this.happened.push({ atMs: this.nowMs, effect });
      this.#perform(effect);
    }
  }

  /** Lets time pass. @throws when time does not pass, for so many things happen: a test that never ended could not be ended from outside. */
  until(endMs: number): void {
    for (let steps = 0; ; steps++) {
      if (steps > MOST_STEPS)
        throw new Error(`${MOST_STEPS} steps, and it is ${this.nowMs} ms: ${JSON.stringify(this.happened.slice(-5))}`);
      const next = this.#queue.toSorted((a, b) => a.atMs - b.atMs)[0];
      const dueMs = Math.max(this.nowMs, Math.min(this.policy.dueMs, next?.atMs ?? Number.POSITIVE_INFINITY));
      // Not `dueMs > endMs`: that never holds of NaN.
      if (!(dueMs <= endMs)) break;
      this.nowMs = dueMs;
      if (next !== undefined && next.atMs <= dueMs) {
        this.#queue = this.#queue.filter((one) => one !== next);
        next.run();
      } else this.tell({ kind: 'tick' });
    }
    this.nowMs = endMs;
  }

  times(kind: Effect['kind']): readonly number[] {
    return this.happened.filter(({ effect }) => effect.kind === kind).map(({ atMs }) => atMs);
  }

  /** `WARN unhealthy: …`, without those of level debug. */
  lines(): readonly string[] {
    return this.happened.flatMap(({ effect }) =>
      effect.kind === 'log' && effect.level !== 'debug' ? [`${effect.level.toUpperCase()} ${effect.text}`] : [],
    );
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'start':
        return this.#later(1, () => this.#start());
      case 'check':
        return this.#look(effect.check);
      case 'signal':
        return this.#signal(effect.signal);
      default:
        return undefined;
    }
  }

  #later(ms: number, run: () => void): void {
    this.#queue.push({ atMs: this.nowMs + ms, run });
  }

  #start(): void {
    const life = this.#lives[Math.min(this.#started, this.#lives.length - 1)];
    if (life?.unstartable === true) {
      this.#started += 1;
      return this.tell({ kind: 'startFailed', text: 'no such program' });
    }
    this.#born();
    return this.tell({ kind: 'started', pid: this.#started });
  }

  #born(): void {
    const life = this.#lives[Math.min(this.#started, this.#lives.length - 1)];
    this.#life = life;
    this.#started += 1;
    this.#startedMs = this.nowMs;
    this.#leaderGone = false;
    this.alive += 1;
    this.mostAlive = Math.max(this.mostAlive, this.alive);
    if (life?.exitsMs !== undefined) this.#later(life.exitsMs, () => this.#exit(life));
  }

  #exit(life: Life): void {
    if (this.#life !== life || this.#leaderGone) return;
    this.#leaderGone = true;
    const rest = life.leavesRest === true;
    if (!rest) this.#gone();
    this.tell({ kind: 'exited', text: 'it ended', rest });
  }

  #gone(): void {
    this.#life = undefined;
    this.alive -= 1;
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const life = this.#life;
    const ms = signal === 'SIGKILL' ? 10 : life?.endsMs;
    if (life === undefined || ms === undefined) return;
    this.#later(ms, () => {
      if (this.#life !== life) return;
      this.#gone();
      this.tell({ kind: 'ended' });
    });
  }

  #look(check: number): void {
    const life = this.#life;
    const age = this.nowMs - this.#startedMs;
    const answers = life !== undefined && age >= life.answersMs && age < (life.hangsMs ?? Number.POSITIVE_INFINITY);
    const took = life?.tookMs ?? 1;
    const answer = (verdict: Verdict): void => this.tell({ kind: 'checked', check, verdict });
    if (life === undefined) this.#later(0, () => answer(failed('exited', 'there is no process', 'gone')));
    else if (answers && took < TIMEOUT_MS) this.#later(took, () => answer(passed(took)));
    else this.#later(TIMEOUT_MS, () => answer(failed('timeout', 'no answer')));
  }
}
