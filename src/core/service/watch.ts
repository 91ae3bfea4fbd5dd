/** Checks now and then whether things answer. One miss may be a busy moment; after two in a row a thing does not answer. */
import { messageOf } from '../errors.ts';
import type { HealthCheck } from './health.ts';
import type { Logger } from './log.ts';

export interface Watched {
  /** Of the check in `/health`: `udp 127.0.0.1:5060`. */
  readonly name: string;
  /** Settles soon. @returns why it does not answer; undefined when it does. */
  readonly check: () => Promise<string | undefined>;
}

const MISSES = 2;
/** After a miss the next check comes this soon. */
const AGAIN_MS = 2_000;

export class Watch {
  readonly #things: readonly { readonly watched: Watched; misses: number; reason: string | undefined }[];
  readonly #intervalMs: number;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #round: Promise<void> = Promise.resolve();

  constructor(things: readonly Watched[], intervalMs: number, log: Logger) {
    this.#things = things.map((watched) => ({ watched, misses: 0, reason: undefined }));
    this.#intervalMs = intervalMs;
    this.#log = log;
  }

  /** Checks at once, and from then on. */
  start(): void {
    if (!this.#stopped) this.#round = this.#check();
  }

  async #check(): Promise<void> {
    await Promise.all(this.#things.map((thing) => this.#checkOne(thing)));
    if (this.#stopped) return;
    const missed = this.#things.some(({ misses }) => misses > 0);
    this.#timer = setTimeout(() => this.start(), missed ? Math.min(AGAIN_MS, this.#intervalMs) : this.#intervalMs);
  }

  async #checkOne(thing: { readonly watched: Watched; misses: number; reason: string | undefined }): Promise<void> {
    const { watched } = thing;
    let problem: string | undefined;
    try {
      problem = await watched.check();
    } catch (error) {
      problem = messageOf(error);
    }
    if (this.#stopped) return;
    if (problem === undefined) {
      if (thing.misses >= MISSES) this.#log.info(`Self-check: ${watched.name} answers again`);
      thing.misses = 0;
      return;
    }
    thing.misses += 1;
    thing.reason = problem;
    if (thing.misses === MISSES) this.#log.error(`Self-check: ${watched.name} does not answer: ${problem}`);
  }

  checks(): readonly HealthCheck[] {
    return this.#things.map(({ watched: { name }, misses, reason }) => {
      const ok = misses < MISSES;
      return { name, ok, reason: ok ? null : `${name} does not answer: ${reason ?? 'unknown'}` };
    });
  }

  /** Settles when no check is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
  }
}
