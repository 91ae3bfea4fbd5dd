/** `trains`: datagrams that travel together and arrive as themselves. */
import { describe, expect, it } from 'vitest';
import { collect, Collector, collectTrains, sendText, textOf } from '../collector.ts';
import { loopbacks, LOOPBACK } from '../world.ts';
import type { World } from '../world.ts';

/** What a train of `length` bytes is made of. */
function numbered(length: number, segment: number): { readonly bytes: Uint8Array; readonly datagrams: readonly Uint8Array[] } {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + Math.trunc(i / segment)) & 0xff);
  const datagrams = Array.from({ length: Math.ceil(length / segment) }, (_, i) => bytes.slice(i * segment, (i + 1) * segment));
  return { bytes, datagrams };
}

const SHAPES = [
  { name: 'of equal datagrams', length: 1720, segment: 172 },
  { name: 'with a shorter last', length: 1757, segment: 172 },
  { name: 'of one shorter datagram', length: 100, segment: 172 },
  { name: 'of two', length: 2, segment: 1 },
  { name: 'of more datagrams than the kernel cuts at once', length: 200 * 60 + 7, segment: 60 },
  { name: 'of more bytes than one message holds', length: 130 * 1200 + 1, segment: 1200 },
  { name: 'of datagrams that only fit alone', length: 100_000, segment: 40_000 },
];

export function trains({ bound, inDelivery }: World): void {
  describe.each(loopbacks)('trains over %s', (address) => {
    describe.each([
      { taken: 'one by one', attach: collect },
      { taken: 'whole', attach: collectTrains },
    ])('taken $taken', ({ attach }) => {
      it.each(SHAPES)('$name arrive as the datagrams they are of', async ({ length, segment }) => {
        const server = await bound({ address, port: 0, trains: true });
        const client = await bound({ address, port: 0, trains: true });
        const atServer = attach(server);
        const { bytes, datagrams } = numbered(length, segment);
        expect(client.send(bytes, 0, bytes.length, server.local, segment)).toBe(0);
        expect(sendText(client, 'after it', server.local)).toBe(datagrams.length);
        await atServer.received(datagrams.length + 1);
        expect(atServer.packets.slice(0, -1).map((arrival) => arrival.bytes)).toEqual(datagrams);
        expect(textOf(atServer.packets.at(-1))).toBe('after it');
        expect(client.sendErrors).toBe(0);
      });

      it('of many peers come back to each', async () => {
        const server = await bound({ address, port: 0, trains: true });
        const { bytes, datagrams } = numbered(20 * 172 + 5, 172);
        const echo = new Collector();
        server.receive({
          packet: (buffer, offset, length, { from }) => server.send(buffer, offset, length, from),
          ...(attach === collectTrains && {
            train: (buffer, offset, length, segment, { from }) => server.send(buffer, offset, length, from, segment),
          }),
          error: (code) => echo.error(code),
        });
        const clients = await Promise.all(Array.from({ length: 8 }, () => bound({ address, port: 0, trains: true })));
        const collectors = clients.map(collect);
        for (const client of clients) client.send(bytes, 0, bytes.length, server.local, 172);
        for (const atClient of collectors) {
          await atClient.received(datagrams.length);
          expect(atClient.packets.map((arrival) => arrival.bytes)).toEqual(datagrams);
          expect(atClient.packets[0]?.from).toEqual(server.local);
        }
        expect(echo.errors).toEqual([]);
      });
    });

    it('are refused whole towards nobody', async () => {
      const socket = await bound({ address, port: 0, trains: true, departures: true });
      const atSocket = collect(socket);
      const { bytes } = numbered(1000, 100);
      socket.send(bytes, 0, bytes.length, { address, port: 0 }, 100);
      await atSocket.left(10);
      await atSocket.failed(1);
      expect(socket.sendErrors).toBe(10);
    });
  });

  it('joins nothing that must stay apart: sizes, peers and sockets in any order', async () => {
    const servers = [await bound({ ...LOOPBACK, trains: true }), await bound({ ...LOOPBACK, trains: true })];
    const clients = [await bound({ ...LOOPBACK, trains: true }), await bound({ ...LOOPBACK, trains: true })];
    const collectors = servers.map(collect);
    const sizes = [172, 172, 0, 0, 172, 90, 90, 172, 172, 12, 172, 0, 172, 172];
    const expected = servers.map((): Uint8Array[] => []);
    await inDelivery(() => {
      for (let i = 0; i < 120; i++) {
        const client = clients[Math.trunc(i / 7) % 2]!;
        const to = Math.trunc(i / 3) % 2;
        const bytes = new Uint8Array(sizes[i % sizes.length]!).fill(i);
        expected[to]!.push(bytes);
        client.send(bytes, 0, bytes.length, servers[to]!.local);
      }
    });
    for (const [i, atServer] of collectors.entries()) {
      await atServer.received(expected[i]!.length);
      expect(atServer.packets.map(({ bytes }) => bytes)).toEqual(expected[i]);
    }
  });

  it('tells the departures of every datagram of a train', async () => {
    const server = await bound({ ...LOOPBACK, trains: true });
    const client = await bound({ ...LOOPBACK, trains: true, departures: true });
    const atServer = collect(server);
    const atClient = collect(client);
    const { bytes, datagrams } = numbered(150 * 172 + 3, 172);
    client.send(bytes, 0, bytes.length, server.local, 172);
    await atServer.received(datagrams.length);
    await atClient.left(datagrams.length);
    expect(atClient.departures.map(({ number }) => number)).toEqual(datagrams.map((_, i) => i));
  });
}
