/**
 * Starts a part of a service again when it has failed: what depends on it is ended, after a while it is started, and after too many
 * attempts in a row the service is given up. Pure: waiting, time and chance come in.
 *
 *     up ─── failed ──▶ waiting ─── started ──▶ up
 *                        ▲  │  └─ too many attempts ─▶ given up
 *                        └──┘ did not start
 */
import { backoffMs } from '../ari/backoff.ts';
import { messageOf, RtplatError } from '../errors.ts';
import type { Logger } from './log.ts';

export interface KeptPart {
  /** For lines and reasons: `the media thread`. */
  readonly title: string;
  /** Settles with what ended the part, as it is now. */
  readonly failed: () => Promise<Error>;
  /** Ends what cannot go on without it. */
  readonly lost: (reason: string) => void;
  readonly start: () => Promise<void>;
}

export interface KeeperOptions {
  /** In a row; 0: never again. */
  readonly mostAttempts: number;
  /** No more attempts: the service is to end with this. */
  readonly giveUp: (error: RtplatError) => void;
  readonly nowMs: () => number;
  /** Settles after so long, or at {@link Keeper.stop}. */
  readonly wait: (ms: number) => Promise<void>;
  /** From 0 up to, and without, 1. */
  readonly random: () => number;
  readonly log: Logger;
}

const BACKOFF = { firstMs: 500, capMs: 30_000 };
/** A part that was up for so long has its attempts again. */
const STABLE_MS = 60_000;

export class Keeper {
  readonly #part: KeptPart;
  readonly #options: KeeperOptions;
  /** Why it is down; undefined while it is up. */
  #down: string | undefined;
  #attempts = 0;
  #restarts = 0;
  #stopped = false;
  #starting: Promise<void> | undefined;

  constructor(part: KeptPart, options: KeeperOptions) {
    this.#part = part;
    this.#options = options;
  }

  /** How often the part has been started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Why the part is down; undefined while it is up. */
  get down(): string | undefined {
    return this.#down;
  }

  /** Keeps the part up from now on. Settles after {@link stop}, or when it has given up. */
  async keep(): Promise<void> {
    const { nowMs } = this.#options;
    while (!this.#stopped) {
      const sinceMs = nowMs();
      const error = await this.#part.failed();
      if (this.#stopped) return;
      if (nowMs() - sinceMs >= STABLE_MS) this.#attempts = 0;
      const reason = `${this.#part.title} has failed: ${messageOf(error)}`;
      this.#options.log.error(sentence(reason));
      this.#down = reason;
      this.#part.lost(reason);
      if (!(await this.#startAgain(reason))) return;
      this.#down = undefined;
    }
  }

  /** @returns whether it is up again. */
  async #startAgain(first: string): Promise<boolean> {
    const { mostAttempts, wait, random, log, giveUp } = this.#options;
    for (let reason = first; ;) {
      if (this.#attempts >= mostAttempts) {
        giveUp(new RtplatError('network', `${reason}, ${afterAttempts(this.#attempts, mostAttempts)}`));
        return false;
      }
      this.#attempts += 1;
      const ms = backoffMs(this.#attempts, random(), BACKOFF);
      this.#down = `${reason}; attempt ${this.#attempts} of ${mostAttempts} to start it again`;
      log.info(
        `${sentence(this.#part.title)} is started again in ${(ms / 1000).toFixed(1)} s (attempt ${this.#attempts} of ${mostAttempts})`,
      );
      await wait(ms);
      if (this.#stopped) return false;
      try {
        this.#starting = this.#part.start();
        await this.#starting;
        this.#restarts += 1;
        log.info(`${sentence(this.#part.title)} is up again`);
        return true;
      } catch (error) {
        reason = `${this.#part.title} could not be started again: ${messageOf(error)}`;
        log.error(sentence(reason));
      }
    }
  }

  /** The service ends: whatever fails from now on is nobody's business. Settles when nothing is being started any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    try {
      await this.#starting;
    } catch {
      // Told where it was waited for.
    }
  }
}

function afterAttempts(made: number, most: number): string {
  return most === 0 ? 'and is not started again' : `after ${made} of ${most} attempts in a row to start it again`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
