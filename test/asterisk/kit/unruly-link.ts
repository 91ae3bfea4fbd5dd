/** A way to an echo that can be made worse while it is used: datagrams are lost, held up, and overtake each other, as a seed has it. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { SeededRandom } from '../../../src/core/probe/random.ts';

export interface LinkManners {
  /** Share of the datagrams that are lost, 0 … 1. */
  readonly loss: number;
  /** Each is held up for so long, and for a random part of so much more: what is less than 20 ms apart overtakes. */
  readonly delayMs: number;
  readonly jitterMs: number;
}

export const GOOD: LinkManners = { loss: 0, delayMs: 0, jitterMs: 0 };

export interface UnrulyLink {
  behave(manners: LinkManners): void;
  close(): void;
}

/** @param port where callers of the echo send to. @param echoPort of the echo on 127.0.0.1. */
export async function unrulyLink(port: number, echoPort: number, seed: number): Promise<UnrulyLink> {
  const random = new SeededRandom(seed);
  const share = (): number => random.uint32() / 2 ** 32;
  let manners = GOOD;
  let closed = false;
  /** To the echo, one for each caller. */
  const ways = new Map<string, Socket>();
  const open = (): Socket => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
    // An echo that is away answers by ICMP; nothing is to be done about it.
    socket.on('error', () => undefined);
    return socket;
  };
  const carry = (send: () => void): void => {
    if (share() < manners.loss) return;
    const heldMs = manners.delayMs + manners.jitterMs * share();
    if (heldMs === 0) send();
    else setTimeout(() => closed || send(), heldMs);
  };
  const front = open();
  front.on('message', (bytes, from) => {
    const caller = `${from.address}:${from.port}`;
    let way = ways.get(caller);
    if (way === undefined) {
      way = open();
      way.on('message', (answer) => carry(() => front.send(answer, from.port, from.address)));
      ways.set(caller, way);
    }
    const socket = way;
    carry(() => socket.send(bytes, echoPort, '127.0.0.1'));
  });
  front.bind(port, '127.0.0.1');
  await once(front, 'listening');
  return {
    behave: (next) => {
      manners = next;
    },
    close: () => {
      closed = true;
      for (const socket of [front, ...ways.values()]) socket.close();
    },
  };
}
