/** The ports of the machine, and the thread that relays, as a fleet sees them: binds and closes are out until the model settles them. */
import { Violation } from './violation.ts';
import type { RelayMedia } from '../../src/core/relay/media.ts';
import type { CallBlock } from '../../src/core/relay/numbers.ts';

export interface PortRequest {
  readonly what: 'open' | 'close';
  readonly id: number;
  readonly port: number;
  readonly settle: (how: 'done' | 'in-use' | 'fails') => void;
}

/** As much of it as a fleet uses while calls come and go. */
export class ModelPorts implements Pick<RelayMedia, 'open' | 'pin' | 'close' | 'observe'> {
  /** Who has each port: from the moment it is asked for to the moment it is closed. */
  readonly held: Map<number, number> = new Map();
  requests: PortRequest[] = [];
  readonly #blocks = new Map<number, CallBlock>();

  async open(id: number, port: number, _echo: unknown, block: CallBlock): Promise<number | 'in-use'> {
    const holder = this.held.get(port);
    if (holder !== undefined) throw new Violation(`port ${port} was asked for by ${id} while ${holder} has it`);
    for (const [other, { buffer, offset }] of this.#blocks) {
      if (buffer === block.buffer && offset === block.offset) throw new Violation(`${id} and ${other} are counted in the same memory`);
    }
    this.held.set(port, id);
    this.#blocks.set(id, block);
    const how = await this.#asked('open', id, port);
    if (how === 'done') return port;
    this.#free(id, port);
    if (how === 'fails') throw new Error('EACCES');
    return 'in-use';
  }

  async close(id: number): Promise<void> {
    const port = [...this.held].find(([, holder]) => holder === id)?.[0];
    if (port === undefined) throw new Violation(`${id} was closed and has no port`);
    if (this.requests.some((other) => other.what === 'close' && other.id === id)) throw new Violation(`${id} was closed twice`);
    const how = await this.#asked('close', id, port);
    this.#free(id, port);
    if (how === 'fails') throw new Error('the relay thread has ended');
  }

  async pin(id: number): Promise<void> {
    if (![...this.held.values()].includes(id)) throw new Error(`${id} has no port`);
    return Promise.resolve();
  }

  observe(): void {}

  async #asked(what: 'open' | 'close', id: number, port: number): Promise<'done' | 'in-use' | 'fails'> {
    const { promise, resolve } = Promise.withResolvers<'done' | 'in-use' | 'fails'>();
    const request: PortRequest = {
      what,
      id,
      port,
      settle: (how) => {
        this.requests = this.requests.filter((other) => other !== request);
        resolve(how);
      },
    };
    this.requests.push(request);
    return promise;
  }

  #free(id: number, port: number): void {
    this.held.delete(port);
    this.#blocks.delete(id);
  }
}
