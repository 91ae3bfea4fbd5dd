/** One run of `ari-serve` as far as calls go: the real session, fleet, allocator and keeper of the connection, and nothing else real. */
import { AriConnection } from '../../src/core/ari/connection.ts';
import type { AriLink } from '../../src/core/ari/connection.ts';
import type { AriApi, Disconnect } from '../../src/core/ari/api.ts';
import { AriSession } from '../../src/core/ari/session.ts';
import { RelayFleet } from '../../src/core/relay/fleet.ts';
import type { RelayMedia } from '../../src/core/relay/media.ts';
import { CallMemoryPool } from '../../src/core/relay/numbers.ts';
import type { CallMemory } from '../../src/core/relay/numbers.ts';
import type { Logger } from '../../src/core/service/log.ts';
import type { ModelAsterisk } from './asterisk.ts';
import { ModelPorts } from './ports.ts';
import { collectTimers } from './timers.ts';
import type { ModelTimer } from './timers.ts';
import { callsOf, spareMemory } from './inside.ts';

/**
 * Every program counts its calls in the same memory, since nobody measures: to make it anew for each of a million programs would be most
 * of the work.
 */
const MOST_CALLS = 8;
const MEMORY: readonly CallMemory[] = allOf(new CallMemoryPool());

function allOf(pool: CallMemoryPool): readonly CallMemory[] {
  return Array.from({ length: MOST_CALLS }, () => pool.take());
}

const quiet = (): void => {};
const LOG: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, scoped: () => LOG };

/** The way to Asterisk: being made, made, or none. */
interface Attempt {
  stage: 'asked' | 'registered' | 'open';
  readonly connected: (link: AriLink) => void;
  readonly failed: (error: Error) => void;
  readonly ended: PromiseWithResolvers<Disconnect>;
}

export class Program {
  /** Which run it is, from 1. */
  readonly number: number;
  readonly ports: ModelPorts = new ModelPorts();
  readonly timers: ModelTimer[] = [];
  readonly fleet: RelayFleet;
  readonly session: AriSession;
  readonly connection: AriConnection;
  attempt: Attempt | undefined;
  /** Of a program that was asked to end: whether every call has ended. */
  ending: 'no' | 'asked' | 'done' = 'no';
  nowNs = 0;
  /** Channels of the last listing that it knew nothing of. */
  strange: readonly string[] = [];
  readonly #asterisk: ModelAsterisk;

  constructor(number: number, asterisk: ModelAsterisk, ports: number) {
    this.number = number;
    this.#asterisk = asterisk;
    collectTimers(this.timers);
    this.fleet = new RelayFleet({
      media: this.ports as unknown as RelayMedia,
      range: { first: 10_000, last: 9_999 + ports },
      echo: () => ({ address: '192.0.2.9', port: 9 }),
      nowNs: () => this.nowNs,
      log: LOG,
    });
    spareMemory(this.fleet).push(...MEMORY);
    const { fleet } = this;
    this.session = new AriSession({
      app: 'a',
      instance: String(number),
      format: 'ulaw',
      advertise: () => '192.0.2.2',
      fleet,
      log: LOG,
      nowNs: () => this.nowNs,
    });
    this.connection = new AriConnection({
      connect: async () => this.#connect(),
      connected: (api) => this.session.connected(api),
      disconnected: () => this.session.disconnected(),
      replaced: () => this.session.abandon('another program took the application over'),
      log: LOG,
      // No wait of the backoff is as long as one of the session's.
      random: () => 0.3,
    });
  }

  /** Begins: the first attempt to connect is out. */
  start(): void {
    void this.connection.start();
  }

  async #connect(): Promise<AriLink> {
    const { promise, resolve, reject } = Promise.withResolvers<AriLink>();
    const ended = Promise.withResolvers<Disconnect>();
    this.attempt = { stage: 'asked', connected: resolve, failed: reject, ended };
    return promise;
  }

  /** The attempt to connect has come so far that Asterisk keeps events for it. */
  register(): void {
    this.#asterisk.registered = true;
    if (this.attempt !== undefined) this.attempt.stage = 'registered';
  }

  /** The connection stands. */
  connected(): void {
    const { attempt } = this;
    if (attempt === undefined) return;
    attempt.stage = 'open';
    const api: AriApi = this.#asterisk.api(this.number, () => this.#known());
    attempt.connected({ api, version: '22', closed: attempt.ended.promise, close: quiet });
  }

  /** The program is told which channels there are. */
  listed(ids: readonly string[]): void {
    const known = this.#known();
    this.strange = ids.filter((id) => !known.includes(id));
  }

  #known(): string {
    return callsOf(this.session)
      .map(({ callerId, ids, machine }) => `${callerId} ${ids.externalId} ${machine.phase}`)
      .join(', ');
  }

  /** The connection, or the attempt, has ended. */
  disconnected(end: Disconnect): void {
    const { attempt } = this;
    if (attempt === undefined) return;
    this.#asterisk.unregister();
    this.attempt = undefined;
    if (attempt.stage === 'open') attempt.ended.resolve(end);
    else attempt.failed(new Error(end.message));
  }

  /** What SIGTERM does: calls are ended. */
  end(): void {
    this.ending = 'asked';
    void this.#end();
  }

  async #end(): Promise<void> {
    await this.session.shutdown();
    this.ending = 'done';
  }
}
