/**
 * Keeps one registered connection to Asterisk: connects, watches, and after any loss starts over, for ever, with capped and
 * jittered backoff. One log line says that it is away and why, one that it is back.
 */
import { messageOf, RtplatError } from '../errors.ts';
import type { Logger } from '../service/log.ts';
import { Pause } from '../service/pause.ts';
import type { AriApi, Disconnect } from './api.ts';
import { backoffMs } from './backoff.ts';

/** A connection that stands: events flow, requests are answered. */
export interface AriLink {
  readonly api: AriApi;
  /** As Asterisk says it, such as `22.10.1`. */
  readonly version: string;
  /** Settles when the connection has ended, for whatever reason; never rejects. */
  readonly closed: Promise<Disconnect>;
  close(): void;
}

export interface AriConnectionOptions {
  /** One attempt; settles in bounded time. Rejects with RtplatError, `credentials` when they were refused. */
  readonly connect: () => Promise<AriLink>;
  readonly connected: (api: AriApi) => void;
  readonly disconnected: () => void;
  /** Another program took the application over: no event comes any more, and no further attempt is made. */
  readonly replaced?: () => void;
  readonly log: Logger;
  /** 0 … 1; seeded in tests. */
  readonly random?: () => number;
}

export interface ConnectionStatus {
  readonly connected: boolean;
  /** Version of Asterisk, once one was seen. */
  readonly asterisk: string | null;
  /** Why there is no connection; null while there is one. */
  readonly reason: string | null;
}

const BACKOFF = { firstMs: 250, capMs: 4_000 } as const;
/** A connection that stood for this long was a good one. */
const STEADY_MS = 5_000;

export class AriConnection {
  readonly #options: AriConnectionOptions;
  #link: AriLink | undefined;
  #reason: string | null = 'not connected yet';
  /** What was logged of the present time away. */
  #said: 'away' | 'refused' | undefined;
  #version: string | null = null;
  #stopped = false;
  readonly #pause = new Pause();
  #running: Promise<void> | undefined;

  constructor(options: AriConnectionOptions) {
    this.#options = options;
  }

  status(): ConnectionStatus {
    return { connected: this.#link !== undefined, asterisk: this.#version, reason: this.#reason };
  }

  /**
   * Makes the first attempt and goes on in the background.
   *
   * @throws RtplatError `credentials`, when Asterisk is there and refuses them: trying again would not help. Every other
   *   failure is only reported.
   */
  async start(): Promise<void> {
    const first = await this.#attempt();
    if (first instanceof RtplatError && first.code === 'credentials') throw first;
    this.#running = this.#run(first);
  }

  /** Ends the connection and the attempts. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause.end();
    this.#link?.close();
    await this.#running;
  }

  async #run(first: AriLink | Error): Promise<void> {
    let outcome = first;
    let failures = 0;
    while (!this.#stopped) {
      if (outcome instanceof Error) {
        this.#away(messageOf(outcome), outcome);
        failures += 1;
      } else {
        const sinceMs = performance.now();
        const ended = await this.#serve(outcome);
        if (this.#stopped) return;
        this.#away(ended.message);
        if (ended.why === 'replaced') {
          // To register again would take it back from the other, and so on for ever.
          this.#options.replaced?.();
          return;
        }
        // After one that stood, the next attempt is made at once; one that fell at once is a failure like any other.
        failures = performance.now() - sinceMs < STEADY_MS ? failures + 1 : 0;
      }
      if (failures > 0) await this.#pause.wait(backoffMs(failures, (this.#options.random ?? Math.random)(), BACKOFF));
      if (this.#stopped) return;
      outcome = await this.#attempt();
    }
    if (!(outcome instanceof Error)) outcome.close();
  }

  async #attempt(): Promise<AriLink | Error> {
    try {
      return await this.#options.connect();
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }

  async #serve(link: AriLink): Promise<Disconnect> {
    this.#link = link;
    this.#reason = null;
    this.#said = undefined;
    this.#version = link.version;
    this.#options.log.info(`Connected to Asterisk ${link.version}`);
    this.#options.connected(link.api);
    const ended = await link.closed;
    this.#link = undefined;
    this.#options.disconnected();
    link.close();
    return ended;
  }

  /** Says it once for each time away, and once more when it turns out that the credentials are refused: that needs somebody. */
  #away(reason: string, error?: Error): void {
    const refused = error instanceof RtplatError && error.code === 'credentials';
    if (this.#said === undefined || (refused && this.#said !== 'refused')) {
      const hint = error instanceof RtplatError && error.hint !== '' ? `; ${error.hint}` : '';
      this.#options.log.error(`No connection to Asterisk: ${reason}${hint}`);
      this.#said = refused ? 'refused' : 'away';
    } else if (reason !== this.#reason) {
      this.#options.log.debug(`Still no connection to Asterisk: ${reason}`);
    }
    this.#reason = reason;
  }
}
