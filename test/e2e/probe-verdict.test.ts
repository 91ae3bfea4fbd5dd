/** The verdict on each call of `rtplat probe sip:…`, against far ends of our own that have one fault each. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallVerdictMembers } from '../../src/core/report/call-verdict.ts';
import { parseRun } from '../../src/core/report/read-run.ts';
import type { RunDocument } from '../../src/core/report/run.ts';
import { makeCertificate } from '../../src/core/sip-server/certificate.ts';
import { farEnd } from './far-end.ts';
import type { FarEnd } from './far-end.ts';
import { runCli } from './run-cli.ts';

let far: FarEnd;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rtplat-verdicts-'));
  far = await farEnd(makeCertificate('far.example.org', ['127.0.0.1'], new Date()));
});
afterAll(async () => {
  await far.close();
  await rm(folder, { recursive: true });
});

interface Ran {
  readonly status: number | null;
  readonly stderr: string;
  readonly run: RunDocument;
  readonly verdicts: readonly CallVerdictMembers[];
}

async function probe(user: string, ...args: readonly string[]): Promise<Ran> {
  const { status, stdout, stderr } = await runCli([
    'probe',
    `sip:${user}@127.0.0.1:${far.udpPort}`,
    ...args,
    '--engine',
    'portable',
    '--json',
  ]);
  parseRun(stdout, 'standard output');
  const run = JSON.parse(stdout) as RunDocument;
  return { status, stderr, run, verdicts: run.calls.flatMap(({ verdict }) => verdict ?? []) };
}

/**
 * When a verdict was there is not judged here, since a busy machine decides it: simulated calls in test/core/verdict prove that. Nor is
 * what comes late, by the engine that does not look at it.
 */
describe.concurrent('the verdict on a call', { timeout: 120_000 }, () => {
  it.each([
    ['echo', []],
    ['ssrc', []],
    ['ssrc', ['--match', 'audio']],
    ['echo', ['--match', 'header']],
    ['echo', ['--match', 'payload']],
  ])('is fine: %s %o', async (user, args) => {
    const { verdicts, run, stderr } = await probe(user, '--duration', '3s', ...args);
    expect(verdicts).toMatchObject([{ state: 'fine', direction: null, crossed_with: null, changes: [{ state: 'fine' }] }]);
    expect(run.summary.calls_not_fine).toBe(0);
    expect(stderr).not.toMatch(/is (silent|one-way|crossed|clipped|robotic)/);
  });

  it.each([
    ['hush', 'silent', null, /silence or line noise is 100 % of what comes/],
    ['mute', 'one-way', null, /nothing has come/],
    ['late', 'clipped', null, /^the first 1[45]\d\d ms after the answer never came back/],
    ['limited', 'clipped', null, /^the peaks are \d\d % of what they should be/],
    ['torn', 'robotic', null, /missing or replaced/],
    ['deafish', 'robotic', 'towards the far end', /comes without gaps/],
    ['lossy', 'robotic', null, /its numbers may have the gaps of ours/],
    ['dead', 'one-way', 'towards the far end', /ICMP port unreachable/],
    ['held', 'one-way', 'both ways', /SDP/],
  ])('is what the far end does: %s', async (user, state, direction, evidence) => {
    const { verdicts, run, stderr } = await probe(user, '--duration', '6s');
    expect(verdicts).toMatchObject([{ state, direction }]);
    expect(verdicts[0]?.evidence.join('; ')).toMatch(evidence);
    expect(run.summary.calls_not_fine).toBe(1);
    expect(stderr).toContain(`Warning: call-1 is ${state}`);
  });

  it('changes in the middle of a call, and is shown by report', async () => {
    const out = join(folder, 'dying.json');
    const { verdicts } = await probe('dying', '--duration', '6s', '--out', out);
    expect(verdicts).toMatchObject([{ state: 'one-way', changes: [{ state: 'fine' }, { state: 'one-way' }] }]);
    const { stdout } = await runCli(['report', out]);
    expect(stdout).toMatch(/│ verdict/);
    expect(stdout).toMatch(/call-1 .*│ one-way/);
  });

  it('names the call that is heard in place of this one', async () => {
    const { verdicts, status, stderr } = await probe('crossed', '--count', '2', '--cps', '100', '--duration', '6s');
    expect(verdicts).toMatchObject([
      { state: 'crossed', crossed_with: 2 },
      { state: 'crossed', crossed_with: 1 },
    ]);
    expect(stderr).toContain('call-1 is crossed with call 2');
    expect(status).toBe(1);
  });

  it('can be a bound', async () => {
    const args = ['--duration', '3s', '--fail-on', 'calls_not_fine<1'];
    // A host that is busy doubts its own numbers, and then this one as well.
    const limited = await probe('limited', ...args);
    expect(limited.run.summary.calls_not_fine).toBe(1);
    expect([3, 4]).toContain(limited.status);
    const echo = await probe('echo', ...args);
    expect(echo.run.summary.calls_not_fine).toBe(0);
    expect([0, 4]).toContain(echo.status);
  });

  it('is unknown where nothing can be said', async () => {
    const { verdicts } = await probe('hush', '--duration', '3s', '--match', 'header');
    expect(verdicts).toMatchObject([{ state: 'unknown', direction: null }]);
  });
});
