/** Far ends for a probe: they answer as a test wants, on loopback. */
import type { Endpoint, UdpEngine, UdpSocket } from '../../../src/core/udp/engine.ts';

/** @returns what to send back for the n-th datagram, in order. */
export type Behaviour = (bytes: Uint8Array, n: number) => readonly Uint8Array[];

export async function reflector(engine: UdpEngine, behaviour: Behaviour): Promise<{ at: Endpoint; close: () => Promise<void> }> {
  const socket: UdpSocket = await engine.bind({ address: '127.0.0.1', port: 0 });
  let n = 0;
  socket.receive({
    packet: (buffer, offset, length, { from }) => {
      for (const answer of behaviour(Uint8Array.from(buffer.subarray(offset, offset + length)), n))
        socket.send(answer, 0, answer.length, from);
      n += 1;
    },
    error: () => undefined,
  });
  return { at: socket.local, close: () => socket.close() };
}

export const faithful: Behaviour = (bytes) => [bytes];
