/** Receivers that send and close from inside what they are told while a batch is being sent. */
import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import type { Endpoint, UdpSocket } from '../../../../src/core/udp/engine.ts';
import { collect, sendText, textOf } from '../collector.ts';
import { LOOPBACK, worldOf } from '../world.ts';

const NOBODY: Endpoint = { address: '127.0.0.1', port: 0 };

describe.each([
  { how: 'in a batch', batch: true },
  { how: 'one by one', batch: false },
])('what a receiver does while datagrams are sent $how', ({ batch }) => {
  const { bound, inDelivery } = worldOf(createBatchEngine());

  async function turn(action: () => void): Promise<void> {
    if (batch) await inDelivery(action);
    else action();
  }

  it('sends everything once that is sent when a departure is told', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound({ ...LOOPBACK, departures: true });
    const other = await bound(LOOPBACK);
    const atServer = collect(server);
    const told: number[] = [];
    client.receive({
      packet: () => undefined,
      error: (code) => expect.fail(code),
      departed: (first, count) => {
        for (let number = first; number < first + count; number++) told.push(number);
        if (first >= 20) return;
        sendText(client, `more ${first}`, server.local);
        sendText(other, `other ${first}`, server.local);
      },
    });
    await turn(() => {
      for (let i = 0; i < 20; i++) sendText(client, `packet ${i}`, server.local);
    });
    await atServer.received(60);
    const texts = Array.from({ length: 20 }, (_, i) => [`packet ${i}`, `more ${i}`, `other ${i}`]).flat();
    expect(atServer.packets.map(textOf).toSorted()).toEqual(texts.toSorted());
    expect(told.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  it('sends everything once that is sent when an error is reported', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    let errors = 0;
    client.receive({
      packet: () => undefined,
      error: () => {
        errors += 1;
        sendText(client, `instead ${errors}`, server.local);
      },
    });
    await turn(() => {
      for (let i = 0; i < 10; i++) sendText(client, `packet ${i}`, i % 5 === 2 ? NOBODY : server.local);
    });
    await atServer.received(10);
    const texts = [0, 1, 3, 4, 5, 6, 8, 9].map((i) => `packet ${i}`);
    expect(atServer.packets.map(textOf).toSorted()).toEqual(['instead 1', 'instead 2', ...texts].toSorted());
    expect({ errors, refused: client.sendErrors }).toEqual({ errors: 2, refused: 2 });
  });

  it('refuses what there is no room for, and sends the rest', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    const errors: string[] = [];
    const payload = new Uint8Array(1000);
    client.receive({
      packet: () => undefined,
      error: (code) => {
        errors.push(code);
        if (errors.length > 1) return;
        for (let i = 0; i < 400; i++) client.send(payload.fill(i), 0, payload.length, server.local);
      },
    });
    await turn(() => sendText(client, 'nobody', NOBODY));
    const refused = client.sendErrors - 1;
    await atServer.received(400 - refused);
    expect(new Set(errors.slice(1))).toEqual(new Set(refused > 0 ? ['ENOBUFS'] : []));
    expect(errors).toHaveLength(refused + 1);
    for (const [i, { bytes }] of atServer.packets.entries()) expect(new Set(bytes)).toEqual(new Set([i & 0xff]));
  });

  it('sends nothing of a socket that is closed when an error is reported, and all of the others', async () => {
    const server = await bound(LOOPBACK);
    const [closing, bystander] = [await bound({ ...LOOPBACK, departures: true }), await bound(LOOPBACK)];
    const atServer = collect(server);
    const told: number[] = [];
    closing.receive({
      packet: () => undefined,
      error: () => void closing.close(),
      departed: (first, count) => told.push(...Array.from({ length: count }, (_, i) => first + i)),
    });
    const open: UdpSocket[] = [];
    await turn(() => {
      sendText(closing, 'first', server.local);
      sendText(closing, 'nobody', NOBODY);
      for (let i = 0; i < 5; i++) sendText(closing, `closed ${i}`, server.local);
      for (let i = 0; i < 5; i++) sendText(bystander, `packet ${i}`, server.local);
    });
    await atServer.received(6);
    // It takes the descriptor of the closed one.
    open.push(await bound(LOOPBACK));
    expect(atServer.packets.map(textOf)).toEqual(['first', ...Array.from({ length: 5 }, (_, i) => `packet ${i}`)]);
    expect(closing.sendErrors).toBe(6);
    expect(told).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('delivers to a socket that is bound, and none to one that is closed, from inside a delivery', async () => {
    const engine = createBatchEngine();
    const server = engine.bindNow(LOOPBACK);
    const client = await bound(LOOPBACK);
    const successors: UdpSocket[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    server.receive({
      packet: () => {
        // The last socket goes, and with it all that the engine waits with; then there is one again.
        void server.close();
        const successor = engine.bindNow({ ...LOOPBACK });
        successors.push(successor);
        successor.receive({
          packet: (buffer, offset, length) => resolve(new TextDecoder().decode(buffer.subarray(offset, offset + length))),
          error: (code) => expect.fail(code),
        });
        sendText(client, 'to the successor', successor.local);
      },
      error: (code) => expect.fail(code),
    });
    await turn(() => {
      for (let i = 0; i < 10; i++) sendText(client, `packet ${i}`, server.local);
    });
    expect(await promise).toBe('to the successor');
    expect(successors).toHaveLength(1);
    await Promise.all(successors.map((successor) => successor.close()));
  });
});
