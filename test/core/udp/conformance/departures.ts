/** `departures`: when each datagram left. */
import { describe, expect, it } from 'vitest';
import { collect, sendText } from '../collector.ts';
import { loopbacks, LOOPBACK } from '../world.ts';
import type { World } from '../world.ts';

const COUNT = 300;
/** How far the readings that bring the kernel's clock onto ours may be off, ns. */
const CLOCK_ERROR_NS = 20_000;

export function departures({ engine, bound, inDelivery }: World): void {
  describe.each(loopbacks)('departures towards %s', (address) => {
    it.each(['one by one', 'at once'])('are told once each, in order, at the time they happened (%s)', async (how) => {
      const server = await bound({ address, port: 0 });
      const client = await bound({ address, port: 0, departures: true });
      collect(server);
      const atClient = collect(client);
      const calledNs: number[] = [];
      const numbers: number[] = [];
      const send = (): void => {
        for (let i = 0; i < COUNT; i++) {
          calledNs.push(engine.nowNs());
          numbers.push(sendText(client, `packet ${i}`, server.local));
        }
      };
      if (how === 'at once') await inDelivery(send);
      else send();
      await atClient.left(COUNT);
      const nowNs = engine.nowNs();
      expect(atClient.departures.map(({ number }) => number)).toEqual(numbers);
      for (const { number, atNs, handedNs } of atClient.departures) {
        expect(atNs).toBeGreaterThan((calledNs[number] as number) - CLOCK_ERROR_NS);
        expect(atNs).toBeLessThanOrEqual(nowNs);
        expect(handedNs).toBeGreaterThanOrEqual(calledNs[number] as number);
        expect(handedNs).toBeLessThanOrEqual(nowNs);
      }
      expect(client.unstamped).toBe(0);
    });

    it('are told before what answers them', async () => {
      const server = await bound({ address, port: 0 });
      const client = await bound({ address, port: 0, departures: true });
      server.receive({
        packet: (buffer, offset, length, { from }) => server.send(buffer, offset, length, from),
        error: (code) => expect.fail(code),
      });
      const atClient = collect(client);
      for (let i = 0; i < COUNT; i++) sendText(client, `packet ${i}`, server.local);
      await atClient.received(COUNT);
      const late = atClient.departures.filter(({ number, delivered }) => delivered > number);
      expect({ told: atClient.departures.length, late }).toEqual({ told: COUNT, late: [] });
      for (const [i, { atNs }] of atClient.packets.entries()) {
        expect(atNs).toBeGreaterThanOrEqual((atClient.departures[i]?.atNs as number) - CLOCK_ERROR_NS);
      }
    });
  });

  it('tells of refused departures in their places', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound({ ...LOOPBACK, departures: true });
    collect(server);
    const atClient = collect(client);
    const nobody = { address: '127.0.0.1', port: 0 };
    await inDelivery(() => {
      for (let i = 0; i < 20; i++) sendText(client, `packet ${i}`, i % 5 === 3 ? nobody : server.local);
      sendText(client, 'nowhere');
    });
    await atClient.left(21);
    await atClient.failed(5);
    expect(atClient.departures.map(({ number }) => number)).toEqual(Array.from({ length: 21 }, (_, i) => i));
    expect(client.sendErrors).toBe(5);
  });

  it('keeps quiet about departures that nobody asked for', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    const atClient = collect(client);
    sendText(client, 'quiet', server.local);
    await atServer.received(1);
    expect(atClient.departures).toEqual([]);
  });
}
