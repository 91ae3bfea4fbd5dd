/** What the service that takes our calls has to say of them: read before, during and after a run. */
import { messageOf } from '../errors.ts';
import type { ServiceCall, ServiceMetrics } from '../report/read-metrics.ts';
import { readService } from '../report/service-source.ts';
import { Pause } from '../service/pause.ts';

/** What a service told of a run. */
export interface ServiceFacts {
  readonly url: string;
  readonly before: ServiceMetrics;
  readonly after: ServiceMetrics;
  /** Those that it took meanwhile, whoever placed them, by their ids there, as they were last seen. */
  readonly calls: ReadonlyMap<string, ServiceCall>;
  /** Why it could not be read at the end; null when it could. */
  readonly trouble: string | null;
}

const ANSWER_LIMIT_MS = 5_000;
/** A service keeps the last 200 calls that have ended: read this often, none is missed below 100 a second. */
const LOOK_MS = 2_000;
/** More are not kept. */
const MOST_CALLS = 20_000;
/** For the calls to end there, too. */
const LAST_LOOKS = 20;
const LAST_LOOK_MS = 200;

export class ServiceWatch {
  readonly #url: string;
  /** Calls that were there before. */
  readonly #old: ReadonlySet<string>;
  readonly #before: ServiceMetrics;
  readonly #calls = new Map<string, ServiceCall>();
  readonly #pause = new Pause();
  readonly #watching: Promise<void>;
  #after: ServiceMetrics;
  #trouble: string | null = null;
  #done = false;

  private constructor(url: string, before: ServiceMetrics, old: ReadonlySet<string>) {
    this.#url = url;
    this.#old = old;
    this.#before = before;
    this.#after = before;
    this.#watching = this.#watch();
  }

  /** @throws RtplatError as {@link readService} does: a service that was asked for has to be there. */
  static async start(url: string): Promise<ServiceWatch> {
    const { metrics, calls } = await readService(url, ANSWER_LIMIT_MS);
    return new ServiceWatch(url, metrics, new Set(calls.map(({ id }) => id)));
  }

  /** Looks until all of our calls that it has seen have ended, for some seconds at most. @param isOurs which those may be. */
  async finish(isOurs: (call: ServiceCall) => boolean): Promise<ServiceFacts> {
    await this.stop();
    for (let looks = LAST_LOOKS; looks > 0; looks--) {
      await this.#look();
      if (this.#trouble !== null || [...this.#calls.values()].every((call) => call.ended_at !== null || !isOurs(call))) break;
      await new Pause().wait(LAST_LOOK_MS);
    }
    return { url: this.#url, before: this.#before, after: this.#after, calls: this.#calls, trouble: this.#trouble };
  }

  async stop(): Promise<void> {
    this.#done = true;
    this.#pause.end();
    await this.#watching;
  }

  #isNew({ id }: ServiceCall): boolean {
    return !this.#old.has(id) && (this.#calls.size < MOST_CALLS || this.#calls.has(id));
  }

  async #watch(): Promise<void> {
    while (!this.#done) {
      await this.#pause.wait(LOOK_MS);
      if (!this.#done) await this.#look();
    }
  }

  async #look(): Promise<void> {
    try {
      const { metrics, calls } = await readService(this.#url, ANSWER_LIMIT_MS);
      this.#after = metrics;
      for (const call of calls) if (this.#isNew(call)) this.#calls.set(call.id, call);
      this.#trouble = null;
    } catch (error) {
      this.#trouble = messageOf(error);
    }
  }
}
