/** `reply` and `port`: an answer to whoever is heard, without asking who it is. */
import { describe, expect, it } from 'vitest';
import type { Arrival, PacketReceiver, UdpSocket } from '../../../../src/core/udp/engine.ts';
import { collect, Collector, sendText, textOf } from '../collector.ts';
import { loopbacks } from '../world.ts';
import type { World } from '../world.ts';

const PEERS = 12;
const EACH = 30;

/** Answers everything, in pieces of text that say what was done. */
class Answering extends Collector implements PacketReceiver {
  readonly ports: number[] = [];
  readonly numbers: number[] = [];
  readonly #socket: UdpSocket;

  constructor(socket: UdpSocket) {
    super();
    this.#socket = socket;
  }

  override packet(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    this.ports.push(arrival.port);
    const late = new TextEncoder().encode('and again');
    this.numbers.push(this.#socket.reply(buffer, offset, length), this.#socket.reply(late, 4, 5));
    super.packet(buffer, offset, length, arrival);
  }
}

export function replies({ bound }: World): void {
  describe.each(loopbacks)('replies on %s', (address) => {
    it.each([{ trains: false }, { trains: true }])('go to whom each datagram came from, in order (trains: $trains)', async ({ trains }) => {
      const server = await bound({ address, port: 0, trains });
      const atServer = new Answering(server);
      server.receive(atServer);
      const clients = await Promise.all(Array.from({ length: PEERS }, () => bound({ address, port: 0, trains })));
      const collectors = clients.map(collect);
      for (let n = 0; n < EACH; n++) {
        for (const [i, client] of clients.entries()) {
          // Some alone, some in a row, so that neighbours of one peer meet, of equal and of other lengths.
          sendText(client, `${n} of ${i}`, server.local);
          if (i % 3 === 0) sendText(client, `${n} of ${i}`, server.local);
          if (i % 4 === 0) sendText(client, `${n} of ${i} is longer`, server.local);
        }
      }
      for (const [i, atClient] of collectors.entries()) {
        const texts = Array.from({ length: EACH }, (_, n) => [
          `${n} of ${i}`,
          ...(i % 3 === 0 ? [`${n} of ${i}`] : []),
          ...(i % 4 === 0 ? [`${n} of ${i} is longer`] : []),
        ]);
        const expected = texts.flat().flatMap((text) => [text, 'again']);
        await atClient.received(expected.length);
        expect(atClient.packets.map(textOf)).toEqual(expected);
        expect(atClient.packets.every(({ from }) => from.port === server.local.port)).toBe(true);
      }
      expect(atServer.ports).toEqual(atServer.packets.map(({ from }) => from.port));
      expect(new Set(atServer.ports)).toEqual(new Set(clients.map(({ local }) => local.port)));
      expect(atServer.numbers).toEqual(atServer.numbers.map((_, i) => i));
      expect(server.sendErrors).toBe(0);
    });

    it('of a train are the train', async () => {
      const server = await bound({ address, port: 0, trains: true });
      const client = await bound({ address, port: 0, trains: true });
      const atClient = collect(client);
      server.receive({
        packet: (buffer, offset, length) => void server.reply(buffer, offset, length),
        train: (buffer, offset, length, segment) => void server.reply(buffer, offset, length, segment),
        error: (code) => expect.unreachable(code),
      });
      // More than one message holds, and a shorter last.
      const bytes = Uint8Array.from({ length: 150 * 172 + 11 }, (_, i) => i * 31);
      client.send(bytes, 0, bytes.length, server.local, 172);
      await atClient.received(151);
      expect(Buffer.concat(atClient.packets.map((arrival) => arrival.bytes)).equals(bytes)).toBe(true);
      expect(atClient.packets.at(-1)?.bytes).toHaveLength(11);
    });

    it('leave a connected socket to its peer', async () => {
      const peer = await bound({ address, port: 0 });
      const socket = await bound({ address, port: 0, connect: peer.local });
      const atPeer = collect(peer);
      const atSocket = new Answering(socket);
      socket.receive(atSocket);
      sendText(peer, 'hello', socket.local);
      await atPeer.received(2);
      expect(atPeer.packets.map(textOf)).toEqual(['hello', 'again']);
      expect(atSocket.ports).toEqual([peer.local.port]);
    });

    it('of a closed socket are refused', async () => {
      const server = await bound({ address, port: 0 });
      const client = await bound({ address, port: 0 });
      const { promise, resolve } = Promise.withResolvers<number>();
      server.receive({
        packet: (buffer, offset, length) => {
          void server.close();
          server.reply(buffer, offset, length);
          resolve(server.sendErrors);
        },
        error: () => undefined,
      });
      sendText(client, 'too late', server.local);
      expect(await promise).toBe(1);
    });
  });
}
