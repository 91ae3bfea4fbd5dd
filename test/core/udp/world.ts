/** Sockets of one engine for a group of tests, closed after each. */
import { networkInterfaces } from 'node:os';
import { afterEach } from 'vitest';
import type { BindOptions, UdpEngine, UdpSocket } from '../../../src/core/udp/engine.ts';
import { collect, sendText } from './collector.ts';

export const LOOPBACK: BindOptions = { address: '127.0.0.1', port: 0 };

/** Whether this host has IPv6 at all. */
export const ipv6: boolean = Object.values(networkInterfaces()).some((entries) => entries?.some(({ address }) => address === '::1'));

/** The loopback addresses of this host. */
export const loopbacks: readonly string[] = ipv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];

export interface World {
  readonly engine: UdpEngine;
  readonly bound: (options: BindOptions) => Promise<UdpSocket>;
  /** Runs something inside the delivery of a datagram, where an engine may gather what is sent. */
  readonly inDelivery: (action: () => void) => Promise<void>;
  /** Settles when the event loop has looked at its sockets once more: what was pending on them has been seen. */
  readonly fence: () => Promise<void>;
}

/** Call it inside a `describe`, or at the top of a file. */
export function worldOf(engine: UdpEngine): World {
  const open: UdpSocket[] = [];

  async function bound(options: BindOptions): Promise<UdpSocket> {
    const socket = await engine.bind(options);
    open.push(socket);
    return socket;
  }

  async function inDelivery(action: () => void): Promise<void> {
    const socket = await bound(LOOPBACK);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.receive({
      packet: () => {
        try {
          action();
          resolve();
        } catch (error) {
          reject(error);
        }
      },
      error: (code) => reject(new Error(code)),
    });
    sendText(socket, 'now', socket.local);
    await promise;
  }

  async function fence(): Promise<void> {
    const socket = await bound(LOOPBACK);
    const own = collect(socket);
    // The second is sent in another turn than the first, so that between them there was a whole one.
    for (let turn = 1; turn <= 2; turn++) {
      sendText(socket, 'fence', socket.local);
      await own.received(turn);
    }
  }

  afterEach(async () => {
    await Promise.all(open.splice(0).map((socket) => socket.close()));
  });

  return { engine, bound, inDelivery, fence };
}
