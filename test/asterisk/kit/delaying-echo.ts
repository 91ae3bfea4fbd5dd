/** An echo of RTP that delays, jitters and loses, by a generator that a seed repeats; and says when each packet came and left. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { fraction, normal } from '../../core/match/kit/path.ts';

export interface DelayingEchoOptions {
  readonly port: number;
  readonly delayMs: number;
  /** Standard deviation of a normal distribution. */
  readonly jitterMs: number;
  /** Share of the packets that are lost, 0 … 1. */
  readonly loss: number;
  readonly seed: number;
}

export interface DelayingEcho {
  readonly lost: number;
  close(): void;
}

export async function delayingEcho({ port, delayMs, jitterMs, loss, seed }: DelayingEchoOptions): Promise<DelayingEcho> {
  const random = new SeededRandom(seed);
  const socket = createSocket('udp4');
  const waiting = new Set<NodeJS.Timeout>();
  let lost = 0;
  socket.on('message', (bytes, from) => {
    if (fraction(random) < loss) {
      lost += 1;
      return;
    }
    const timer = setTimeout(
      () => {
        waiting.delete(timer);
        socket.send(bytes, from.port, from.address);
      },
      Math.max(0, delayMs + jitterMs * normal(random)),
    );
    waiting.add(timer);
  });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return {
    get lost() {
      return lost;
    },
    close: () => {
      for (const timer of waiting) clearTimeout(timer);
      socket.close();
    },
  };
}
