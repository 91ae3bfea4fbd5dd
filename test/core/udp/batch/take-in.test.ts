/** What has arrived is delivered before the call returns: on loopback a datagram has arrived when it is sent. */
import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import { collect, sendText, textOf } from '../collector.ts';
import { LOOPBACK, worldOf } from '../world.ts';

const { bound } = worldOf(createBatchEngine());

describe('taking in what has arrived', () => {
  it('delivers all of it at once, in order, and once', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    const texts = Array.from({ length: 150 }, (_, i) => `packet ${i}`);
    for (const text of texts) sendText(client, text, server.local);
    server.takeIn();
    expect(atServer.packets.map(textOf)).toEqual(texts);
    sendText(client, 'behind', server.local);
    await atServer.received(151);
    expect(atServer.packets.map(textOf)).toEqual([...texts, 'behind']);
  });

  it('sends what is answered', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atClient = collect(client);
    server.receive({
      packet: (buffer, offset, length) => void server.reply(buffer, offset, length),
      error: (code) => expect.fail(code),
    });
    for (const text of ['one', 'two', 'three']) sendText(client, text, server.local);
    server.takeIn();
    client.takeIn();
    expect(atClient.packets.map(textOf)).toEqual(['one', 'two', 'three']);
  });

  it('takes what came for the preferred peer as well', async () => {
    const server = await bound(LOOPBACK);
    const peer = await bound(LOOPBACK);
    const other = await bound(LOOPBACK);
    const atServer = collect(server);
    server.prefer(peer.local);
    sendText(peer, 'of the peer', server.local);
    sendText(other, 'of another', server.local);
    server.takeIn();
    expect(atServer.packets.map(textOf).toSorted()).toEqual(['of another', 'of the peer']);
  });

  it('does nothing in a delivery, on a closed socket, and without a receiver', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const seen: number[] = [];
    let depth = 0;
    server.receive({
      packet: () => {
        depth += 1;
        seen.push(depth);
        server.takeIn();
        depth -= 1;
      },
      error: (code) => expect.fail(code),
    });
    for (let i = 0; i < 3; i++) sendText(client, 'a packet', server.local);
    server.takeIn();
    expect(seen).toEqual([1, 1, 1]);
    client.takeIn();
    await server.close();
    server.takeIn();
    expect(seen).toHaveLength(3);
  });
});
