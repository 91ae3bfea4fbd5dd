// What a wrong set-up is told at start: ranges that overlap lose calls now and then, which nobody would understand.
import { describe, expect, test } from 'vitest';
import { until } from './kit/process.ts';
import type { Service } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';
import type { World } from './kit/world.ts';
import { RELEASES, startWorld } from './kit/world.ts';

const OVERLAP = /overlaps Asterisk's own RTP range/;
const UNKNOWN = /^Asterisk does not tell its RTP range/;

/** Asterisk was asked, if it was to be; a whole call later nothing more is to be said. */
async function quiet(world: World, service: Service): Promise<void> {
  await until(
    'an external media channel',
    () => world.asterisk.log().includes('UnicastRTP/') || service.messages(OVERLAP).length > 0 || undefined,
  );
  await world.cleared();
  expect(await world.callers({ calls: 1, durationMs: 200 }).result).toMatchObject({ answered: 1, failed: 0 });
  await service.idle();
  await world.cleared();
}

describe.each(RELEASES)('Asterisk of %s', (release) => {
  const scratch = scratchFolder();

  test.each([
    { name: 'the sample rtp.conf', rtpRange: { first: 10_000, last: 20_000 }, asterisk: '10000-20000', both: '10000-10100' },
    { name: 'no range in rtp.conf', rtpRange: null, asterisk: '5000-31000', both: '10000-10100' },
    { name: 'one port in common', rtpRange: { first: 10_100, last: 12_000 }, asterisk: '10100-12000', both: '10100-10100' },
  ])('$name: warned of, with both ranges', async ({ rtpRange, asterisk, both }) => {
    const world = await startWorld(scratch('overlap'), { release, rtpRange });
    await world.echo();
    const service = await world.service();
    await service.line(OVERLAP);
    await quiet(world, service);
    const warnings = service.messages(OVERLAP);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^Warning: the range 10000-10100 overlaps /);
    expect(warnings[0]).toContain(`range ${asterisk} in ${both}: `);
    // The channel that asked is gone, and is nobody's leaving.
    expect(service.messages(/^Reconciled /)).toEqual([]);
    expect(await world.asterisk.ari.channels()).toEqual([]);
  });

  test('ranges apart: no warning; an echo port within the range: one', async () => {
    const world = await startWorld(scratch('apart'), { release });
    await world.echo({ port: 10_050 });
    const service = await world.service({ args: ['--echo-port', '10050'] });
    await quiet(world, service);
    expect(service.messages(OVERLAP)).toEqual([]);
    expect(service.messages(UNKNOWN)).toEqual([]);
    expect(service.messages(/^Warning: /)).toEqual([
      'Warning: the echo port 10050 lies in the range 10000-10100 of this host; move one of them',
    ]);
  });

  test('without func_config Asterisk cannot tell: said in one line, and --asterisk-range tells instead', async () => {
    const world = await startWorld(scratch('no-func-config'), { release, funcConfig: false, rtpRange: { first: 10_000, last: 20_000 } });
    await world.echo();
    const service = await world.service();
    await service.line(UNKNOWN);
    await quiet(world, service);
    expect(service.messages(UNKNOWN)).toHaveLength(1);
    expect(service.messages(OVERLAP)).toEqual([]);
    await service.finish();
    const told = await world.service({ args: ['--asterisk-range', '10000-20000'] });
    await told.line(OVERLAP);
    await quiet(world, told);
    expect(told.messages(UNKNOWN)).toEqual([]);
    expect(told.messages(OVERLAP)).toHaveLength(1);
    expect(await world.asterisk.ari.channels()).toEqual([]);
  });
});
