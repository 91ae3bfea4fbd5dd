/** Follows a service until it is told to stop: connects anew when a connection ends, and shows what came. */
import { backoffMs } from '../core/ari/backoff.ts';
import { RtplatError } from '../core/errors.ts';
import { Pause } from '../core/service/pause.ts';
import { serviceToken } from './http-options.ts';
import { statusOfSignal } from './io.ts';
import type { CommandIo } from './io.ts';
import { readSnapshots, watchTarget } from './watch-source.ts';
import type { SourceSettings, WatchTarget } from './watch-source.ts';
import { watchView } from './watch-view.ts';
import type { WatchView } from './watch-view.ts';
import type { WatchOptions } from './watch.ts';

const BACKOFF = { firstMs: 500, capMs: 5_000 } as const;

export async function runWatch(io: CommandIo, name: string, options: WatchOptions): Promise<void> {
  const target = watchTarget(name);
  const token = await serviceToken(options, io.env);
  const stop = new AbortController();
  let signalled: 'SIGINT' | 'SIGTERM' | undefined;
  const end = (signal?: 'SIGINT' | 'SIGTERM'): void => {
    signalled ??= signal;
    stop.abort();
  };
  const view = await watchView(io, target.shown, options, end);
  const forget = io.onStop(end);
  const limit = options.duration === undefined ? undefined : setTimeout(() => stop.abort(), options.duration / 1e6);
  const following = new Following(target, { timeoutMs: options.timeout / 1e6, token, signal: stop.signal }, view);
  try {
    await following.run(options.once === true ? 1 : (options.count ?? Number.POSITIVE_INFINITY));
  } finally {
    clearTimeout(limit);
    forget();
    stop.abort();
    view.close();
  }
  if (signalled !== undefined) {
    if (following.shown === 0) io.exit(statusOfSignal(signalled));
  } else following.complain();
}

/** The connections to a service, one after the other. */
class Following {
  readonly #target: WatchTarget;
  readonly #settings: SourceSettings;
  readonly #view: WatchView;
  /** Snapshots so far. */
  shown = 0;
  /** Why there is no connection now. */
  #problem: RtplatError | undefined;

  constructor(target: WatchTarget, settings: SourceSettings, view: WatchView) {
    this.#target = target;
    this.#settings = settings;
    this.#view = view;
  }

  /** Until `most` snapshots were shown, or the signal aborts. @throws RtplatError when the service cannot be watched to begin with. */
  async run(most: number): Promise<void> {
    const { signal } = this.#settings;
    const pause = new Pause();
    signal.addEventListener('abort', () => pause.end());
    let failures = 0;
    while (!signal.aborted) {
      try {
        for await (const snapshot of readSnapshots(this.#target, this.#settings)) {
          failures = 0;
          this.#problem = undefined;
          this.shown += 1;
          this.#view.snapshot(snapshot);
          if (this.shown >= most) return;
        }
      } catch (error) {
        if (!(error instanceof RtplatError) || this.shown === 0) throw error;
        failures += 1;
        this.#problem = error;
        this.#view.lost(error.message);
        await pause.wait(backoffMs(failures, Math.random(), BACKOFF));
      }
    }
  }

  /** @throws RtplatError when it ended of itself without a connection: what was to be shown was not. */
  complain(): void {
    if (this.#problem !== undefined) throw this.#problem;
    if (this.shown === 0) throw new RtplatError('timeout', `${this.#target.shown} told nothing in the time that --duration gives`);
  }
}
