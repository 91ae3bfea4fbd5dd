/** The socket of a preferred peer, beside the one of its port. */
import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import { collect, sendText, textOf } from '../collector.ts';
import { LOOPBACK, worldOf } from '../world.ts';
import { FaultyLibc } from './faulty-libc.ts';

const ENETUNREACH = 101;

describe('a preferred peer', () => {
  /** Called when the engine connects a socket, which is bound by then and takes datagrams of everybody. */
  let beforeConnect = (): number => 0;
  const { libc } = new FaultyLibc((faulty) => ({
    connect: (fd, address, length) => (beforeConnect() < 0 ? faulty.fail(ENETUNREACH) : faulty.real.connect(fd, address, length)),
  }));
  const { bound } = worldOf(createBatchEngine({ libc }));

  it('costs nobody a datagram while its socket is made', async () => {
    const server = await bound(LOOPBACK);
    const atServer = collect(server);
    const chosen = await bound(LOOPBACK);
    const others = await Promise.all(Array.from({ length: 40 }, () => bound(LOOPBACK)));
    beforeConnect = () => {
      for (const [i, socket] of [chosen, ...others].entries()) sendText(socket, `meanwhile ${i}`, server.local);
      return 0;
    };
    server.prefer(server.named(chosen.local));
    beforeConnect = () => 0;
    sendText(chosen, 'then', server.local);
    await atServer.received(42);
    expect(atServer.packets.map(textOf).toSorted()).toEqual(['then', ...Array.from({ length: 41 }, (_, i) => `meanwhile ${i}`)].toSorted());
  });

  it('does without where there can be none', async () => {
    const server = await bound(LOOPBACK);
    const atServer = collect(server);
    const chosen = await bound(LOOPBACK);
    const atChosen = collect(chosen);
    beforeConnect = () => -1;
    server.prefer(server.named(chosen.local));
    beforeConnect = () => 0;
    sendText(chosen, 'there', server.local);
    await atServer.received(1);
    sendText(server, 'and back', server.named(chosen.local));
    await atChosen.received(1);
    expect([...atServer.packets, ...atChosen.packets].map(textOf)).toEqual(['there', 'and back']);
  });
});
