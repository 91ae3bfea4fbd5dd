/** An echo in threads of its own: one, or several that share a port and among which the kernel spreads the senders. */
import { LatencyHistogram } from '../stats/histogram.ts';
import type { EngineChoice } from '../udp/choices.ts';
import type { Endpoint } from '../udp/engine.ts';
import { PacketThread } from '../udp/packet-thread.ts';
import { createPortableEngine } from '../udp/portable.ts';
import type { EngineSelection } from '../udp/select.ts';
import { REFUSALS } from '../guard/guard.ts';
import { DEFAULT_RULES } from '../guard/rules.ts';
import type { GuardRules } from '../guard/rules.ts';
import { createGuardShare, EchoService } from './echo.ts';
import type { GuardShare } from './echo.ts';
import type { EchoThreadData, EchoThreadMessage } from './echo-thread.ts';
import { RtplatError } from '../errors.ts';
import { WallClock } from '../udp/wall-clock.ts';
import { EchoMemory } from './memory.ts';
import type { EchoCounters } from './memory.ts';

const NO_WALL_CLOCK = '--stamp needs Linux on x64 or arm64: elsewhere no clock can be read to the microsecond';

export interface EchoGroupOptions {
  readonly engine: EngineChoice;
  readonly busyPoll: boolean;
  /** Threads, at least 1. */
  readonly workers: number;
  /** As {@link EchoService} takes them. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly bufferBytes: number;
  /** Of all threads together; see {@link EchoService}. */
  readonly rules?: GuardRules;
  /** Write times into the packets that ask for them. */
  readonly stamp?: boolean;
}

export interface Listening {
  readonly local: Endpoint;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly selection: EngineSelection;
}

export class EchoGroup {
  readonly #members: readonly Member[];
  #lastError: string | null = null;

  private constructor(members: readonly Member[]) {
    this.#members = members;
    for (const member of members) member.trouble = (message) => (this.#lastError = message);
  }

  /** @throws RtplatError `bind`, or `usage` when the engine that was asked for, or a clock to stamp by, cannot be had. */
  static async start(options: EchoGroupOptions): Promise<{ readonly group: EchoGroup; readonly listening: Listening }> {
    const { workers } = options;
    if (options.stamp === true && WallClock.open() === undefined) throw new RtplatError('usage', NO_WALL_CLOCK);
    const shared = workers > 1 ? await sharedPort(options) : { addresses: options.addresses, port: options.port };
    const share = createGuardShare();
    const members = Array.from({ length: workers }, () => new Member({ ...options, ...shared }, share));
    const group = new EchoGroup(members);
    try {
      const [first] = await Promise.all(members.map((member) => member.listening()));
      return { group, listening: first as Listening };
    } catch (error) {
      await group.stop();
      throw error;
    }
  }

  /** What ends it, should it end before {@link stop}. */
  get failed(): Promise<Error> {
    return Promise.race(this.#members.map(({ failed }) => failed));
  }

  /** What the kernel complained about last, or null. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** Of all threads together. Readable after {@link stop} too. */
  counters(): EchoCounters {
    return this.#members.map(({ memory }) => memory.counters()).reduce(add);
  }

  /** Packets of each thread. */
  shares(): readonly number[] {
    return this.#members.map(({ memory }) => memory.counters().packets);
  }

  hostDelay(): LatencyHistogram {
    const sum = new LatencyHistogram();
    for (const { memory } of this.#members) sum.merge(memory.hostDelay.snapshot());
    return sum;
  }

  /** Gives the port back. May be called twice. */
  async stop(): Promise<EchoCounters> {
    await Promise.all(this.#members.map((member) => member.stop()));
    return this.counters();
  }
}

/**
 * Finds out which address and port the threads are to share, by having it alone for a moment: sockets that share a port would
 * otherwise share it with another program's, and each get half of the packets.
 */
async function sharedPort({ addresses, port, bufferBytes }: EchoGroupOptions): Promise<{ addresses: readonly string[]; port: number }> {
  const trial = new EchoService({ engine: createPortableEngine(), addresses, port, bufferBytes });
  const { local } = await trial.start();
  await trial.stop();
  return { addresses: [local.address], port: local.port };
}

class Member {
  readonly memory = EchoMemory.create();
  readonly failed: Promise<Error>;
  trouble: (message: string) => void = () => undefined;
  readonly #thread: PacketThread<never, EchoThreadMessage>;
  readonly #listening = Promise.withResolvers<Omit<Listening, 'selection'>>();

  constructor(options: EchoGroupOptions, share: GuardShare) {
    const { engine, busyPoll, workers, addresses, port, bufferBytes, rules = DEFAULT_RULES, stamp = false } = options;
    const memory = this.memory.buffer;
    const data: EchoThreadData = { addresses, port, bufferBytes, reusePort: workers > 1, memory, rules, share, stamp };
    this.#thread = new PacketThread<never, EchoThreadMessage>({
      module: 'echo-thread',
      base: import.meta.url,
      engine,
      busyPoll,
      data,
      answer: (message) => {
        if (message.kind === 'trouble') this.trouble(message.message);
        else this.#listening.resolve(message);
      },
    });
    this.#listening.promise.catch(() => undefined);
    this.failed = this.#thread.failed;
    void this.#forget();
  }

  async #forget(): Promise<void> {
    this.#listening.reject(await this.#thread.ended);
  }

  async listening(): Promise<Listening> {
    const { local, receiveBufferBytes, sendBufferBytes } = await this.#listening.promise;
    return { local, receiveBufferBytes, sendBufferBytes, selection: await this.#thread.up };
  }

  async stop(): Promise<void> {
    await this.#thread.stop();
  }
}

function add(a: EchoCounters, b: EchoCounters): EchoCounters {
  return {
    packets: a.packets + b.packets,
    bytes: a.bytes + b.bytes,
    sent: a.sent + b.sent,
    sendErrors: a.sendErrors + b.sendErrors,
    refused: a.refused + b.refused,
    refusals: Object.fromEntries(REFUSALS.map((name) => [name, a.refusals[name] + b.refusals[name]])) as EchoCounters['refusals'],
    lastOverRate: b.lastOverRate ?? a.lastOverRate,
    socketDrops: a.socketDrops === null || b.socketDrops === null ? null : a.socketDrops + b.socketDrops,
    unstamped: a.unstamped + b.unstamped,
  };
}
