/** One service: does what its policy says, and tells it what happened. */
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../service/log.ts';
import { readSecret } from '../../service/secret.ts';
import { serviceDocument } from '../documents.ts';
import type { ServiceDocument } from '../documents.ts';
import { judgeHealth, judgeHttp } from '../health-answer.ts';
import type { ServicePlan } from '../plan.ts';
import { ServicePolicy } from '../policy.ts';
import type { Effect, PolicyEvent } from '../policy-types.ts';
import { judgeUnit } from '../unit-status.ts';
import { failed, passed, worstOf } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';
import { checkHttp } from './http-check.ts';
import { PidWatch, processOfPidFile } from './pid-watch.ts';
import { portInUse } from './ports.ts';
import { ServiceProcess, startProcess } from './service-process.ts';
import type { StateFiles } from './state-files.ts';
import { restartUnit, unitStatus } from './systemctl.ts';
import { checkEcho, checkSip } from './udp-check.ts';

export interface RunnerOptions {
  readonly plan: ServicePlan;
  readonly state: StateFiles;
  readonly log: Logger;
  readonly env: NodeJS.ProcessEnv;
  /** 0 … 1 */
  readonly random: () => number;
  readonly gaveUp: (surrender: Surrender) => void;
}

/** A service was given up. */
export interface Surrender {
  readonly service: string;
  readonly reason: string;
  readonly text: string;
  readonly attempts: number;
}

/** How often it is looked whether what was told to end has ended. */
const ENDING_MS = 50;
/** setTimeout takes no more. */
const LONGEST_MS = 2 ** 31 - 1;

export class ServiceRunner {
  readonly #options: RunnerOptions;
  readonly #policy: ServicePolicy;
  readonly #pidWatch: PidWatch | undefined;
  readonly #stopped = Promise.withResolvers<void>();
  /** Aborts when no answer is wanted any more. */
  readonly #over = new AbortController();
  #process: ServiceProcess | undefined;
  #unitPid: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #ending: NodeJS.Timeout | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { plan, random } = options;
    this.#policy = new ServicePolicy(plan.policy, random);
    // Of a command it is only asked before a start: afterwards its process is known better.
    this.#pidWatch = plan.pidFile === null || plan.command !== null ? undefined : new PidWatch(plan.pidFile);
  }

  get givenUp(): boolean {
    return this.#policy.phase === 'given_up';
  }

  document(): ServiceDocument {
    const state = this.#policy.state(performance.now());
    return serviceDocument(this.#options.plan.name, { ...state, pid: state.pid ?? this.#unitPid ?? this.#pidWatch?.pid ?? null });
  }

  begin(): void {
    if (this.#options.plan.command === null) return this.#happened({ kind: 'begin', pid: null });
    this.#adopt();
    return this.#happened({ kind: 'begin', pid: this.#process?.pid ?? null });
  }

  /** Settles when nothing more will be done; what was started has ended then, unless it is to be kept. */
  async stop(): Promise<void> {
    this.#happened({ kind: 'stop' });
    await this.#stopped.promise;
  }

  #happened(event: PolicyEvent): void {
    const effects = this.#policy.on(event, performance.now());
    for (const effect of effects) this.#perform(effect);
    clearTimeout(this.#timer);
    const { dueMs } = this.#policy;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#happened({ kind: 'tick' }), Math.min(LONGEST_MS, Math.max(0, dueMs - performance.now())));
  }

  #perform(effect: Effect): void {
    const { log, gaveUp, plan } = this.#options;
    switch (effect.kind) {
      case 'log':
        return log[effect.level](effect.text);
      case 'check':
        return void this.#check(effect.check);
      case 'start':
        return void this.#start();
      case 'signal':
        return this.#signal(effect.signal);
      case 'gaveUp':
        return gaveUp({ service: plan.name, reason: effect.reason, text: effect.text, attempts: effect.attempts });
      case 'stopped':
        this.#over.abort();
        return this.#stopped.resolve();
    }
  }

  async #check(check: number): Promise<void> {
    let verdict: Verdict;
    try {
      verdict = await this.#look();
    } catch (error) {
      verdict = failed('wrong_answer', `it cannot be looked at: ${messageOf(error)}`);
    }
    this.#happened({ kind: 'checked', check, verdict });
  }

  async #look(): Promise<Verdict> {
    const { plan } = this.#options;
    const { timeoutMs, health, probe, tokenFile } = plan;
    const { signal } = this.#over;
    const there = plan.command === null ? await this.#lookAtOther() : this.#lookAtProcess();
    if (!there.ok) return there;
    const asked: Promise<Verdict>[] = [];
    // Each time: it may have been changed.
    const token = tokenFile === null ? undefined : readSecret(tokenFile, 'token_file', this.#options.env);
    const asking = { timeoutMs, token, ended: signal };
    if (health !== null) asked.push(checkHttp({ url: health.url, ...asking }, (reply) => judgeHealth(health, reply)));
    if (probe?.kind === 'http') asked.push(checkHttp({ url: probe.url, ...asking }, (reply) => judgeHttp(probe.url, reply)));
    if (probe?.kind === 'echo') asked.push(checkEcho(probe, timeoutMs, signal));
    if (probe?.kind === 'sip') asked.push(checkSip(probe, timeoutMs, signal));
    return worstOf(await Promise.all(asked));
  }

  #lookAtProcess(): Verdict {
    const process = this.#process;
    if (process === undefined) return failed('exited', 'there is no process', 'gone');
    if (process.isRunning()) return passed(null);
    // Nobody tells of the end of one that another monitor has started.
    this.#exited(process);
    return failed('exited', `process ${process.pid} is gone`, 'gone');
  }

  async #lookAtOther(): Promise<Verdict> {
    const { unit, timeoutMs } = this.#options.plan;
    const byFile = this.#pidWatch?.look() ?? passed(null);
    if (unit === null || !byFile.ok) return byFile;
    const status = await unitStatus(unit, timeoutMs, this.#over.signal);
    this.#unitPid = status.pid;
    return judgeUnit(unit.name, status);
  }

  async #start(): Promise<void> {
    try {
      this.#happened({ kind: 'started', pid: await this.#bringUp() });
    } catch (error) {
      this.#happened({ kind: 'startFailed', text: messageOf(error) });
    }
  }

  /** @returns the process id, where it is ours to know. */
  async #bringUp(): Promise<number | null> {
    const { plan, env } = this.#options;
    const { command, unit, policy } = plan;
    if (command === null) {
      if (unit !== null) await restartUnit(unit, policy.graceMs + policy.startupMs, this.#over.signal);
      return null;
    }
    this.#adopt();
    if (this.#process !== undefined) return this.#process.pid;
    const taken = await portInUse(plan.ports);
    if (taken !== undefined) throw new Error(taken);
    const process = await startProcess({
      plan,
      command,
      env,
      began: (began) => {
        this.#process = began;
        this.#note(began, command);
      },
      ended: (ended) => this.#exited(ended),
    });
    return process.pid;
  }

  /** Takes over what is up already: two of a service would share its port, or its pid file, in bad ways. */
  #adopt(): void {
    const { plan, state, log } = this.#options;
    const known = state.read(plan.name);
    const process = known === undefined ? undefined : new ServiceProcess(known, true);
    if (process !== undefined && known !== undefined && process.isLeft()) {
      this.#process = process;
      log.info(`found as process ${process.pid}, which an earlier monitor has started`);
      if (JSON.stringify(known.command) !== JSON.stringify(plan.command)) {
        log.warn(`process ${process.pid} was started with another command: ${known.command.join(' ')}`);
      }
      return;
    }
    const named = plan.pidFile === null ? undefined : processOfPidFile(plan.pidFile);
    if (named === undefined) return;
    this.#process = new ServiceProcess(named, false);
    log.info(`found as process ${named.pid}, which ${plan.pidFile} names`);
  }

  #note(process: ServiceProcess, command: readonly string[]): void {
    const { state, plan, log } = this.#options;
    try {
      state.write(plan.name, { ...process.identity, command });
    } catch (error) {
      log.warn(`process ${process.pid} is not noted, and will not be found if the monitor is killed: ${messageOf(error)}`);
    }
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#process?.signal(signal);
    clearInterval(this.#ending);
    this.#ending = setInterval(() => {
      if (this.#process?.isLeft() === true) return;
      this.#forget();
      this.#happened({ kind: 'ended' });
    }, ENDING_MS);
  }

  #exited(process: ServiceProcess): void {
    if (this.#process !== process) return;
    const rest = process.isLeft();
    if (!rest) this.#forget();
    this.#happened({ kind: 'exited', text: process.ending ?? `process ${process.pid} is gone`, rest });
  }

  #forget(): void {
    const { state, plan } = this.#options;
    clearInterval(this.#ending);
    this.#process = undefined;
    try {
      state.forget(plan.name);
    } catch {
      // It names a process that is no more, which is seen when it is read.
    }
  }
}
