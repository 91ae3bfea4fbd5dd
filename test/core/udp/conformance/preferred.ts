/** `prefer`: one peer may have a shorter way, and nobody notices. */
import { describe, expect, it } from 'vitest';
import type { Endpoint, UdpSocket } from '../../../../src/core/udp/engine.ts';
import { collect, sendText, textOf } from '../collector.ts';
import type { Collector } from '../collector.ts';
import { loopbacks, LOOPBACK } from '../world.ts';
import type { World } from '../world.ts';

const COUNT = 100;

interface Peer {
  readonly socket: UdpSocket;
  readonly got: Collector;
  readonly local: Endpoint;
}

export function preferred({ engine, bound, inDelivery }: World): void {
  async function peerAt(address: string): Promise<Peer> {
    const socket = await bound({ address, port: 0 });
    return { socket, got: collect(socket), local: socket.local };
  }

  const burst = (from: UdpSocket, name: string, to: Endpoint): void => {
    for (let i = 0; i < COUNT; i++) sendText(from, `${name} ${i}`, to);
  };
  const texts = (name: string): string[] => Array.from({ length: COUNT }, (_, i) => `${name} ${i}`);
  const from = (got: Collector, { port }: Endpoint): string[] => got.packets.filter((arrival) => arrival.from.port === port).map(textOf);

  describe.each(loopbacks)('a preferred peer on %s', (address) => {
    it('and others send, and are sent to, as before', async () => {
      const server = await bound({ address, port: 0 });
      const atServer = collect(server);
      const [chosen, other] = [await peerAt(address), await peerAt(address)];
      const name = server.named(chosen.local);
      server.prefer(name);
      burst(chosen.socket, 'chosen', server.local);
      burst(other.socket, 'other', server.local);
      await atServer.received(2 * COUNT);
      expect(from(atServer, chosen.local)).toEqual(texts('chosen'));
      expect(from(atServer, other.local)).toEqual(texts('other'));
      const numbers: number[] = [];
      await inDelivery(() => {
        for (let i = 0; i < COUNT; i++) {
          numbers.push(sendText(server, `back ${i}`, i % 2 === 0 ? name : { ...chosen.local }));
          numbers.push(sendText(server, `back ${i}`, other.local));
        }
      });
      await chosen.got.received(COUNT);
      await other.got.received(COUNT);
      expect(numbers).toEqual(Array.from({ length: 2 * COUNT }, (_, i) => i));
      expect(chosen.got.packets.map(textOf).toSorted()).toEqual(texts('back').toSorted());
      expect(other.got.packets.map(textOf)).toEqual(texts('back'));
      for (const { got } of [chosen, other]) for (const arrival of got.packets) expect(arrival.from).toEqual(server.local);
    });

    it('may be another one later, and what had come from the first by then is not lost', async () => {
      const server = await bound({ address, port: 0 });
      const atServer = collect(server);
      const peers = [await peerAt(address), await peerAt(address), await peerAt(address)];
      for (const { socket, local } of peers) {
        server.prefer(server.named(local));
        for (const peer of peers) burst(peer.socket, `${peer === peers[0]}`, server.local);
        burst(socket, 'preferred', server.local);
        // Without a turn of the event loop in between: all of it still waits in the kernel when another is preferred.
      }
      const total = peers.length * (peers.length + 1) * COUNT;
      await atServer.received(total);
      for (const { local, socket } of peers) {
        expect(from(atServer, local)).toHaveLength(total / peers.length);
        expect(from(atServer, local).filter((text) => text.startsWith('preferred'))).toEqual(texts('preferred'));
        sendText(server, 'still there', local);
        expect(socket.sendErrors).toBe(0);
      }
      for (const { got } of peers) await got.received(1);
    });

    it('is heard by the receiver of the moment', async () => {
      const server = await bound({ address, port: 0 });
      const chosen = await peerAt(address);
      const other = await peerAt(address);
      server.prefer(chosen.local);
      for (let turn = 0; turn < 2; turn++) {
        const atServer = collect(server);
        burst(chosen.socket, 'chosen', server.local);
        burst(other.socket, 'other', server.local);
        await atServer.received(2 * COUNT);
        expect([from(atServer, chosen.local), from(atServer, other.local)]).toEqual([texts('chosen'), texts('other')]);
      }
    });

    it('goes with the socket, and the port is free', async () => {
      const server = await bound({ address, port: 0 });
      const chosen = await peerAt(address);
      collect(server);
      server.prefer(server.named(chosen.local));
      await server.close();
      expect(sendText(server, 'too late', server.named(chosen.local))).toBe(0);
      expect(server.sendErrors).toBe(1);
      const again = await bound(server.local);
      const atAgain = collect(again);
      sendText(chosen.socket, 'to the next', again.local);
      await atAgain.received(1);
      expect(chosen.got.packets).toEqual([]);
    });

    it('does not let anybody else have the port', async () => {
      const server = await bound({ address, port: 0 });
      const chosen = await peerAt(address);
      server.prefer(chosen.local);
      for (const reusePort of [false, true]) {
        await expect(engine.bind({ address, port: server.local.port, reusePort })).rejects.toThrow('EADDRINUSE');
      }
    });

    it('leaves a shared port shared', async () => {
      const one = await bound({ address, port: 0, reusePort: true });
      const two = await bound({ address, port: one.local.port, reusePort: true });
      const chosen = await peerAt(address);
      one.prefer(one.named(chosen.local));
      const three = await bound({ address, port: one.local.port, reusePort: true });
      const came = [one, two, three].map(collect);
      const others = await Promise.all(Array.from({ length: 60 }, () => peerAt(address)));
      for (const { socket } of others) sendText(socket, 'spread', one.local);
      const heard = (): number => came.reduce((sum, { packets }) => sum + packets.length, 0);
      while (heard() < others.length) await Promise.race(came.map((got) => got.received(got.packets.length + 1)));
      for (const { packets } of came) expect(packets.length).toBeGreaterThan(0);
    });
  });

  it('counts what is refused towards a preferred peer that is away', async () => {
    const server = await bound(LOOPBACK);
    const chosen = await bound(LOOPBACK);
    const other = await peerAt('127.0.0.1');
    collect(server);
    const name = server.named(chosen.local);
    server.prefer(name);
    await chosen.close();
    await inDelivery(() => {
      burst(server, 'away', name);
      server.send(new Uint8Array(65_508), 0, 65_508, name);
      burst(server, 'here', other.local);
    });
    await other.got.received(COUNT);
    expect(other.got.packets.map(textOf)).toEqual(texts('here'));
    expect(server.sendErrors).toBe(1);
  });

  it('may be nobody that the socket can send to, and then nothing changes', async () => {
    const server = await bound(LOOPBACK);
    const atServer = collect(server);
    const peer = await peerAt('127.0.0.1');
    for (const nobody of [
      { address: '::1', port: 9 },
      { address: '127.0.0.1', port: 0 },
    ])
      server.prefer(nobody);
    sendText(peer.socket, 'hello', server.local);
    await atServer.received(1);
    expect(atServer.errors).toEqual([]);
  });
}
