/** What a real Asterisk says by RTCP of calls that are placed, by SIP and through ARI. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseRun } from '../../src/core/report/read-run.ts';
import type { CallRow } from '../../src/core/report/run.ts';
import { scratchFolder } from './kit/scratch.ts';
import { note, startWorld } from './kit/world.ts';

const scratch = scratchFolder();
const PROGRAM = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));

/** Ten times as often as Asterisk does by itself. */
const RTP = 'rtcpinterval = 500\n';

async function probe(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CallRow> {
  const stdout = await new Promise<string>((resolve) => {
    const child = [PROGRAM, 'probe', ...args, '--json', '--quiet'];
    execFile(process.execPath, child, { env: { ...process.env, ...env }, maxBuffer: 2 ** 24 }, (_error, out) => resolve(out));
  });
  return parseRun(stdout, 'probe').calls[0] as CallRow;
}

it.each(['sid', 'bullseye'] as const)('Asterisk %s: a round trip, and all packets received', async (release) => {
  const { asterisk } = await startWorld(scratch(`sip-${release}`), { release, more: { rtp: RTP } });
  const { rtcp } = await probe(['sip:601@127.0.0.1:5060', '--duration', '5s']);
  note(`${release}: ${JSON.stringify(rtcp)}`);
  expect(rtcp).toMatchObject({ far_end_lost: 0, far_end_fraction_lost: 0 });
  expect(rtcp?.sent).toBeGreaterThan(0);
  expect(rtcp?.reports).toBeGreaterThan(0);
  expect(rtcp?.round_trips).toBeGreaterThan(0);
  expect(rtcp?.round_trip_ms).toBeGreaterThanOrEqual(rtcp?.round_trip_min_ms ?? Infinity);
  expect(rtcp?.far_end_received).toBeGreaterThan(10);
  expect(rtcp?.far_end_received).toBeLessThanOrEqual(250);
  await asterisk.stop();
});

it('external media has no RTCP: nothing is known of that leg, and nothing is claimed', async () => {
  const { asterisk } = await startWorld(scratch('ari'), { release: 'sid', more: { rtp: RTP, modules: ['func_timeout'] } });
  const { url, user, password } = asterisk.ari;
  const row = await probe(['ari:Local/601@callers', '--ari-url', url, '--ari-user', user, '--duration', '3s'], { ARI_PASS: password });
  note(JSON.stringify(row.rtcp));
  expect(row).toMatchObject({ state: 'done', match: 'payload' });
  expect(row.rtcp).toMatchObject({
    received: 0,
    reports: 0,
    round_trips: 0,
    round_trip_ms: null,
    far_end_lost: null,
    far_end_received: null,
  });
});
