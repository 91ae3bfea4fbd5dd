/** A link of UDP on loopback that delays what goes in one direction, and nothing that goes in the other. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Endpoint } from '../../../src/core/udp/engine.ts';

export interface OneWayLink {
  readonly at: Endpoint;
  readonly close: () => Promise<void>;
}

/** @param slow which way: there is to `to`. */
export async function oneWayLink(options: { to: Endpoint; delayMs: number; slow: 'there' | 'back' }): Promise<OneWayLink> {
  const { to, delayMs, slow } = options;
  const front = createSocket('udp4');
  const timers = new Set<NodeJS.Timeout>();
  /** A socket of its own for each who sends. */
  const backs = new Map<string, ReturnType<typeof createSocket>>();
  const pass = (direction: 'there' | 'back', send: () => void): void => {
    if (direction !== slow) return send();
    const timer = setTimeout(() => {
      timers.delete(timer);
      send();
    }, delayMs);
    timers.add(timer);
  };
  front.on('message', (bytes, { address, port }) => {
    const from = `${address}:${port}`;
    let back = backs.get(from);
    if (back === undefined) {
      back = createSocket('udp4');
      back.on('message', (echo) => pass('back', () => front.send(echo, port, address)));
      backs.set(from, back);
    }
    const out = back;
    pass('there', () => out.send(bytes, to.port, to.address));
  });
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    at: { address: '127.0.0.1', port: front.address().port },
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      for (const back of backs.values()) back.close();
      front.close();
      await once(front, 'close');
    },
  };
}
