import { describe, expect, test } from 'vitest';
import { RtplatError } from '../../../src/core/errors.ts';
import type { RelayCall, RelayFleet } from '../../../src/core/relay/fleet.ts';
import { CallRegister } from '../../../src/core/relay/register.ts';
import type { LegRequest } from '../../../src/core/sip-server/leg.ts';
import { RelayLegs } from '../../../src/core/sip-server/relay-legs.ts';
import type { NegotiatedMedia } from '../../../src/core/sip/sdp-offer.ts';

/** A fleet of one port that writes down what happens. */
function fleetOf(told: string[], bind: () => Promise<number>): RelayFleet {
  const open = (id: string, name: string): RelayCall => ({
    record: new CallRegister().open(id, name, 0, ''),
    port: undefined,
    bind,
    pin: async ({ address, port }) => void told.push(`pin ${address}:${port}`),
    release: async () => void told.push('release'),
    close: (outcome, reason) => void told.push(`close ${outcome} ${reason}`),
  });
  return { open } as unknown as RelayFleet;
}

const REQUEST: LegRequest = {
  ...{ callId: 'a', caller: 'alice', action: { kind: 'relay' }, media: undefined, signallingAddress: '192.0.2.1' },
  events: { digit: () => undefined, finished: () => undefined, trouble: () => undefined },
};
const at = (port: number): NegotiatedMedia => ({ remote: { address: '192.0.2.1', port } }) as NegotiatedMedia;

describe('a relayed leg', () => {
  test('knows nobody before the call is up, and is given back when it ends', async () => {
    const told: string[] = [];
    const leg = await new RelayLegs(fleetOf(told, async () => 10_000)).open(REQUEST);
    expect(leg.port).toBe(10_000);
    leg.agreed(at(4000));
    expect(told).toEqual([]);
    leg.start();
    leg.agreed(at(4002));
    expect(await leg.stop()).toEqual({ p99_latency: null });
    expect(told).toEqual(['pin 192.0.2.1:4000', 'pin 192.0.2.1:4002', 'release', 'close completed the call ended']);
  });

  test('of a call that was never up has failed', async () => {
    const told: string[] = [];
    const leg = await new RelayLegs(fleetOf(told, async () => 10_000)).open(REQUEST);
    await leg.stop();
    expect(told).toEqual(['release', 'close failed the call ended']);
  });

  test('without a port is refused', async () => {
    const told: string[] = [];
    const none = fleetOf(told, async () => {
      throw new RtplatError('no-ports', 'no ports available');
    });
    await expect(new RelayLegs(none).open(REQUEST)).rejects.toMatchObject({ code: 'no-ports' });
    expect(told).toEqual(['close refused no ports available']);
  });
});
