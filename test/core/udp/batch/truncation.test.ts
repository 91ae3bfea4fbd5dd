/** Datagrams that are longer than what was made ready for them. */
import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import { collect } from '../collector.ts';
import { loopbacks, worldOf } from '../world.ts';

const MOST = 1024;

describe.each(loopbacks)('datagrams on %s that are too long for the engine', (address) => {
  const { bound } = worldOf(createBatchEngine({ datagramBytes: MOST }));

  it.each([false, true])('are reported and dropped; what is around them is whole (trains: %s)', async (trains) => {
    const server = await bound({ address, port: 0, trains });
    const client = await bound({ address, port: 0, trains });
    const atServer = collect(server);
    const lengths = [MOST, 10, MOST + 1, 20, 9000, 9000, MOST - 1, 0, MOST];
    const sent = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
    for (const bytes of sent) client.send(bytes, 0, bytes.length, server.local);
    await atServer.received(6);
    expect(atServer.packets.map(({ bytes }) => bytes)).toEqual(sent.filter(({ length }) => length <= MOST));
    expect(atServer.errors).toEqual(['EMSGSIZE', 'EMSGSIZE', 'EMSGSIZE']);
    expect(server.sendErrors).toBe(0);
  });

  it('are not made of shorter ones by the kernel', async () => {
    const server = await bound({ address, port: 0, trains: true });
    const client = await bound({ address, port: 0, trains: true });
    const atServer = collect(server);
    const bytes = Uint8Array.from({ length: 30 * 172 }, (_, i) => i);
    client.send(bytes, 0, bytes.length, server.local, 172);
    await atServer.received(30);
    expect(atServer.packets.map((arrival) => arrival.bytes)).toEqual(
      Array.from({ length: 30 }, (_, i) => bytes.slice(i * 172, (i + 1) * 172)),
    );
    expect(atServer.errors).toEqual([]);
  });
});
