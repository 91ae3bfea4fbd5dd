/**
 * A real engine whose numbered ports are the kernel's choice underneath, so that a test can speak of port 10000 while another
 * process of the machine has it.
 */
import { RtplatError } from '../../src/core/errors.ts';
import type { BindOptions, Endpoint, UdpEngine, UdpSocket } from '../../src/core/udp/engine.ts';

export class MappedEngine implements UdpEngine {
  readonly name: UdpEngine['name'];
  readonly clock: UdpEngine['clock'];
  /** Ports that another process "has". */
  readonly foreign: Set<number> = new Set();
  readonly #inner: UdpEngine;
  readonly #real = new Map<number, Endpoint>();

  constructor(inner: UdpEngine) {
    this.#inner = inner;
    this.name = inner.name;
    this.clock = inner.clock;
  }

  readonly nowNs = (): number => this.#inner.nowNs();

  async bind(options: BindOptions): Promise<UdpSocket> {
    if (this.foreign.has(options.port)) {
      const cause = Object.assign(new Error('in use'), { code: 'EADDRINUSE' });
      throw new RtplatError('bind', `cannot bind port ${options.port}: EADDRINUSE`, { cause });
    }
    const socket = await this.#inner.bind({ ...options, port: 0 });
    if (options.port !== 0) this.#real.set(options.port, socket.local);
    return socket;
  }

  /** Where the socket that was bound to `port` last really is. */
  at(port: number): Endpoint {
    const real = this.#real.get(port);
    if (real === undefined) throw new Error(`nothing was bound to ${port}`);
    return real;
  }
}
