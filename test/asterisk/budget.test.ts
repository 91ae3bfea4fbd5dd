/** Where the round trip goes: a real Asterisk, ari-serve and an echo, with a known delay at one place at a time. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BudgetMembers, BudgetPartName } from '../../src/core/report/budget.ts';
import { parseRun } from '../../src/core/report/read-run.ts';
import type { RunDocument } from '../../src/core/report/run.ts';
import { delayingEcho } from './kit/delaying-echo.ts';
import { delayingLink } from './kit/delaying-link.ts';
import { scratchFolder } from './kit/scratch.ts';
import { note, startWorld } from './kit/world.ts';

const scratch = scratchFolder();
const PROGRAM = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
const SERVICE = ['--service', 'http://127.0.0.1:9090'];

async function probe(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunDocument> {
  const stdout = await new Promise<string>((resolve, reject) => {
    const child = [PROGRAM, 'probe', ...args, '--json', '--quiet'];
    execFile(process.execPath, child, { env: { ...process.env, ...env }, maxBuffer: 2 ** 24 }, (error, out, errors) => {
      if (out === '') reject(new Error(`no document: ${errors}`, { cause: error }));
      else resolve(out);
    });
  });
  return parseRun(stdout, 'probe');
}

function shown({ total, calls }: BudgetMembers): string {
  const [first] = calls;
  const of = total ?? first;
  if (of === undefined) return 'nothing';
  const parts = Object.entries(of.parts).map(([name, part]) => `${name} ${part.ms?.toFixed(3) ?? part.reason}`);
  return `whole ${of.whole.ms?.toFixed(3)} = ${parts.join(' + ')} + unexplained ${of.unexplained.ms?.toFixed(3)} (${of.unexplained.low_ms?.toFixed(3)} … ${of.unexplained.high_ms?.toFixed(3)}), joined by ${first?.joined_by}`;
}

/** Asterisk reports ten times as often as by itself. */
const MORE = { rtp: 'rtcpinterval = 500\n', modules: ['func_timeout'] };
/** So much is put into one place, and no more than the half of it may be anywhere else: a busy machine adds some, too. */
const DELAY_MS = 200;

/** The delay is in that part, and nowhere else. */
function expectIn(place: BudgetPartName, budget: BudgetMembers | undefined, joinedBy: string): void {
  const [call] = budget?.calls ?? [];
  note(`${DELAY_MS} ms in ${place}: ${shown(budget!)}`);
  expect(call).toMatchObject({ joined_by: joinedBy, join_problem: null });
  const { whole, parts, unexplained } = call!;
  expect(whole.ms).toBeGreaterThan(DELAY_MS);
  for (const [name, { ms }] of [...Object.entries(parts), ['unexplained', unexplained] as const]) {
    if (name === place) expect(ms).toBeGreaterThan(DELAY_MS - 2);
    else if (ms !== null) expect(ms, name).toBeLessThan(DELAY_MS / 2);
  }
  const measured = Object.values(parts).flatMap(({ ms }) => ms ?? []);
  expect(measured.reduce((a, b) => a + b, 0) + unexplained.ms!).toBeCloseTo(whole.ms!, 9);
  expect(unexplained.low_ms).toBeLessThanOrEqual(unexplained.ms!);
  expect(unexplained.high_ms).toBeGreaterThanOrEqual(unexplained.ms!);
}

describe('a known delay', () => {
  it('at the echo is in the part of the echo, of a call by SIP that is joined by its Call-ID', async () => {
    const world = await startWorld(scratch('echo'), { release: 'sid', more: MORE });
    const echo = await delayingEcho({ port: 4000, delayMs: DELAY_MS, jitterMs: 0, loss: 0, seed: 1 });
    onTestFinished(() => echo.close());
    await world.service();
    const { budget, calls } = await probe(['sip:600@127.0.0.1:5060', '--duration', '4s', ...SERVICE]);
    expectIn('echo', budget, 'call-id');
    expect(budget?.calls[0]?.parts).toMatchObject({
      service_network: { ms: null },
      service: { reason: null },
      caller_network: { reason: null },
    });
    expect(budget?.calls[0]?.service_call).not.toBeNull();
    expect(calls[0]?.sip?.call_id).not.toBe('');
  });

  it('between the caller and Asterisk is in the part of that network', async () => {
    const world = await startWorld(scratch('network'), { release: 'sid', more: MORE });
    const link = await delayingLink({ address: '127.0.0.2', sides: '127.0.0.1', sipPort: 5060, delayMs: DELAY_MS / 2 });
    onTestFinished(() => link.close());
    await world.echo();
    await world.service();
    const { budget } = await probe(['sip:600@127.0.0.2:5060', '--duration', '4s', ...SERVICE]);
    expectIn('caller_network', budget, 'call-id');
  });

  it('at the echo is in its part of a call through ARI as well, which has no RTCP', async () => {
    const world = await startWorld(scratch('ari'), { release: 'sid', more: MORE });
    const echo = await delayingEcho({ port: 4000, delayMs: DELAY_MS, jitterMs: 0, loss: 0, seed: 1 });
    onTestFinished(() => echo.close());
    await world.service();
    const { url, user, password } = world.asterisk.ari;
    const args = ['ari:Local/600@callers', '--ari-url', url, '--ari-user', user, '--duration', '3s', ...SERVICE];
    const { budget } = await probe(args, { ARI_PASS: password });
    expectIn('echo', budget, 'channel');
    expect(budget?.calls[0]?.parts.caller_network).toMatchObject({ ms: null, reason: 'the far end sent no RTCP' });
  });
});

it('a call that does not go to the service cannot be joined, and says so', async () => {
  const world = await startWorld(scratch('elsewhere'), { release: 'sid', more: MORE });
  await world.echo();
  await world.service();
  const { budget } = await probe(['sip:601@127.0.0.1:5060', '--duration', '1s', ...SERVICE]);
  expect(budget).toMatchObject({
    calls: [
      { joined_by: null, join_problem: 'the service took no call', parts: { echo: { ms: null, reason: 'the service took no call' } } },
    ],
    total: null,
  });
});
