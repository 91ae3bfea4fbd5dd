/** Peers by name: `named`, and what may be sent to. */
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { collect, sendText, textOf } from '../collector.ts';
import { ipv6, loopbacks, LOOPBACK } from '../world.ts';
import type { World } from '../world.ts';

/** Addresses that mean something only together with an interface, such as `fe80::1%eth0`. */
const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, entries = []]) =>
  entries.filter(({ address }) => address.startsWith('fe80:')).map(({ address }) => `${address}%${name}`),
);

export function names({ bound }: World): void {
  describe('names of peers', () => {
    it.each(loopbacks)('are what arrivals come from, and can be sent to (%s)', async (address) => {
      const server = await bound({ address, port: 0 });
      const client = await bound({ address, port: 0 });
      const atServer = collect(server);
      const name = client.named({ ...server.local });
      expect({ address: name.address, port: name.port }).toEqual(server.local);
      sendText(client, 'by name', name);
      await atServer.received(1);
      const again = server.named({ ...client.local });
      expect({ address: again.address, port: again.port }).toEqual(atServer.packets[0]?.from);
      expect(server.named(again)).toEqual(again);
    });

    it.runIf(ipv6)('are mapped for an IPv4 peer of a socket on ::', async () => {
      const both = await bound({ address: '::', port: 0 });
      const peer = await bound(LOOPBACK);
      const atPeer = collect(peer);
      const atBoth = collect(both);
      const name = both.named(peer.local);
      expect({ address: name.address, port: name.port }).toEqual({ address: '::ffff:127.0.0.1', port: peer.local.port });
      sendText(both, 'over IPv4', name);
      await atPeer.received(1);
      sendText(peer, 'back', { address: '127.0.0.1', port: both.local.port });
      await atBoth.received(1);
      expect(atBoth.packets[0]?.from).toEqual({ address: name.address, port: name.port });
    });

    it('are plain for an IPv4 socket that is given a mapped one', async () => {
      const socket = await bound(LOOPBACK);
      const peer = await bound(LOOPBACK);
      const atPeer = collect(peer);
      const name = socket.named({ address: '::ffff:127.0.0.1', port: peer.local.port });
      expect({ address: name.address, port: name.port }).toEqual(peer.local);
      sendText(socket, 'unmapped', name);
      await atPeer.received(1);
      expect(textOf(atPeer.packets[0])).toBe('unmapped');
    });

    it.runIf(ipv6)('of one socket can be named anew by a socket of the other family', async () => {
      const four = await bound(LOOPBACK);
      const six = await bound({ address: '::', port: 0 });
      const peer = await bound(LOOPBACK);
      const atPeer = collect(peer);
      sendText(four, 'plain', four.named(six.named(peer.local)));
      sendText(six, 'mapped', six.named(four.named(peer.local)));
      await atPeer.received(2);
      expect(atPeer.packets.map(textOf)).toEqual(['plain', 'mapped']);
    });

    it('of another family are given back as they are, and refused when sent to', async () => {
      const socket = await bound(LOOPBACK);
      const atSocket = collect(socket);
      const foreign = { address: '::1', port: 9 };
      expect(socket.named(foreign)).toEqual(foreign);
      const numbers = [sendText(socket, 'there', foreign), sendText(socket, 'again', socket.named(foreign))];
      await atSocket.failed(2);
      expect({ numbers, sendErrors: socket.sendErrors }).toEqual({ numbers: [0, 1], sendErrors: 2 });
    });

    it.runIf(linkLocal.length > 0)('may carry the name of an interface', async () => {
      const [address = ''] = linkLocal;
      const server = await bound({ address, port: 0 });
      const client = await bound({ address, port: 0 });
      const atServer = collect(server);
      sendText(client, 'on this link', { address, port: server.local.port });
      await atServer.received(1);
      expect(textOf(atServer.packets[0])).toBe('on this link');
      const atClient = collect(client);
      sendText(server, 'back', atServer.packets[0]?.from);
      await atClient.received(1);
      expect(atClient.packets[0]?.from).toEqual(server.local);
    });
  });

  it('numbers what it sends from 0, refused datagrams included', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    const atClient = collect(client);
    const numbers = [
      sendText(client, 'zero', server.local),
      sendText(client, 'nowhere'),
      sendText(client, 'port 0', { address: '127.0.0.1', port: 0 }),
      sendText(client, 'three', server.local),
      client.send(new Uint8Array(70_000), 0, 70_000, server.local),
      sendText(client, 'five', server.local),
    ];
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5]);
    await atServer.received(3);
    await atClient.failed(3);
    expect(atServer.packets.map(textOf)).toEqual(['zero', 'three', 'five']);
    expect(client.sendErrors).toBe(3);
  });
}
