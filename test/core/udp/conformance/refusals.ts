/** A peer that is away: ICMP port unreachable reaches a connected socket as ECONNREFUSED, which ends nothing. */
import { describe, expect, it } from 'vitest';
import { collect, sendText, textOf } from '../collector.ts';
import { loopbacks } from '../world.ts';
import type { World } from '../world.ts';

const BURST = 50;

export function refusals({ bound, inDelivery, fence }: World): void {
  describe.each(loopbacks)('a peer on %s that is away', (address) => {
    it.each(['one by one', 'at once'])('is told of, and gets everything that is sent after its return (%s)', async (how) => {
      const gone = await bound({ address, port: 0 });
      const peer = gone.local;
      await gone.close();
      const socket = await bound({ address, port: 0, connect: peer });
      const atSocket = collect(socket);
      const burst = (text: string): void => {
        for (let i = 0; i < BURST; i++) sendText(socket, `${text} ${i}`);
      };
      const send = async (text: string): Promise<void> => {
        if (how === 'at once') await inDelivery(() => burst(text));
        else burst(text);
      };
      await send('lost');
      await atSocket.failed(1);
      await fence();
      expect(new Set(atSocket.errors)).toEqual(new Set(['ECONNREFUSED']));
      const returned = await bound(peer);
      const atPeer = collect(returned);
      await send('kept');
      await atPeer.received(BURST);
      expect(atPeer.packets.map(textOf)).toEqual(Array.from({ length: BURST }, (_, i) => `kept ${i}`));
    });
  });
}
