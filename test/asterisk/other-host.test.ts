// Asterisk on another host: the service has to tell it an address that it can reach.
import { describe, expect, onTestFinished, test } from 'vitest';
import { capture, datagrams } from './kit/capture.ts';
import { otherHost } from './kit/other-host.ts';
import { scratchFolder } from './kit/scratch.ts';
import { RELEASES, startWorld } from './kit/world.ts';

describe.each(RELEASES)('Asterisk of %s on another host', (release) => {
  const scratch = scratchFolder();

  test.each([
    { name: '--bind and --advertise', args: ['--bind', '10.99.0.1', '--advertise', '10.99.0.1', '--echo-host', '10.99.0.1'] },
    { name: '--advertise', args: ['--advertise', '10.99.0.1'] },
    { name: 'nothing said: the address that faces Asterisk is found', args: [] },
  ])('$name', async ({ args }) => {
    const dir = scratch('other-host');
    const host = await otherHost(dir);
    onTestFinished(() => host.stop());
    const world = await startWorld(dir, { release, bindIp: host.ip, prefix: host.prefix });
    await world.echo();
    const service = await world.service({ args });
    const trace = await capture({ dir: world.folder('capture'), iface: host.iface, via: host.ip });
    const sipp = world.callers({ calls: 3, durationMs: 2000, localIp: host.ourIp });
    expect(await sipp.result).toMatchObject({ created: 3, answered: 3, successful: 3, failed: 0, errors: '' });
    await service.idle();
    const packets = await datagrams(await trace.stop(), 'udp.port in {10000..10100}');
    const calls = await service.calls();
    expect(calls).toHaveLength(3);
    for (const { port, peer, counters } of calls) {
      expect(peer).toMatch(/^10\.99\.0\.2:\d+$/);
      const there = packets.filter(({ dstPort }) => dstPort === port);
      const back = packets.filter(({ srcPort }) => srcPort === port);
      expect(there.length).toBeGreaterThan(0);
      expect(counters).toMatchObject({
        from_peer: there.length,
        to_peer: back.length,
        returned: there.length,
        lost: 0,
        rejected_source: 0,
      });
      expect(back.map(({ payload }) => payload).toSorted()).toEqual(there.map(({ payload }) => payload).toSorted());
    }
    await world.cleared();
    // A range of another host's Asterisk is no business of ours.
    expect(service.messages(/RTP range/)).toEqual([]);
    expect((await service.finish()).code).toBe(0);
  });
});
