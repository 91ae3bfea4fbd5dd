/** Several sockets on one port (SO_REUSEPORT). */
import { describe, expect, it } from 'vitest';
import type { Endpoint, UdpSocket } from '../../../../src/core/udp/engine.ts';
import { sendText } from '../collector.ts';
import { loopbacks } from '../world.ts';
import type { World } from '../world.ts';

const CLIENTS = 40;

export function sharedPorts({ engine, bound }: World): void {
  describe.each(loopbacks)('a shared port of %s', (address) => {
    it('hands every datagram to exactly one of its sockets, those of one peer to the same', async () => {
      const one = await bound({ address, port: 0, reusePort: true });
      const two = await bound({ address, port: one.local.port, reusePort: true });
      expect(two.local).toEqual(one.local);
      const came: string[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      const takes = (socket: UdpSocket, name: string): void =>
        socket.receive({
          packet: (buffer, offset, length, { from }) => {
            came.push(`${from.port} ${name} ${new TextDecoder().decode(buffer.subarray(offset, offset + length))}`);
            if (came.length === 2 * CLIENTS) resolve();
          },
          error: (code) => expect.fail(code),
        });
      takes(one, 'one');
      takes(two, 'two');
      const clients: Endpoint[] = [];
      for (let i = 0; i < CLIENTS; i++) {
        const client = await bound({ address, port: 0 });
        clients.push(client.local);
        sendText(client, 'first', one.local);
        sendText(client, 'second', one.local);
      }
      await promise;
      const texts = new Set(came.map((line) => line.split(' ').toSpliced(1, 1).join(' ')));
      expect(texts).toEqual(new Set(clients.flatMap(({ port }) => [`${port} first`, `${port} second`])));
      expect(new Set(came.map((line) => line.split(' ').slice(0, 2).join(' '))).size).toBe(CLIENTS);
    });

    it.each([
      { holds: true, asks: false },
      { holds: false, asks: true },
    ])('is refused unless both ask for it ($holds, $asks)', async ({ holds, asks }) => {
      const holder = await bound({ address, port: 0, reusePort: holds });
      await expect(engine.bind({ address, port: holder.local.port, reusePort: asks })).rejects.toThrow('EADDRINUSE');
    });
  });
}
