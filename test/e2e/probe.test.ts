import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRun } from '../../src/core/report/read-run.ts';
import { createPortableEngine } from '../../src/core/udp/portable.ts';
import { faithful, reflector } from '../core/probe/reflectors.ts';
import type { Behaviour } from '../core/probe/reflectors.ts';
import { Cli, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

const engine = createPortableEngine();
const closing: (() => Promise<unknown>)[] = [];
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rtplat-probe-'));
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  await rm(folder, { recursive: true });
});

async function farEnd(behaviour: Behaviour): Promise<string> {
  const { at, close } = await reflector(engine, behaviour);
  closing.push(close);
  return `udp://127.0.0.1:${at.port}`;
}

async function closedPort(): Promise<number> {
  const { at, close } = await reflector(engine, faithful);
  await close();
  return at.port;
}

/** 0; or 4 where the probe says that this machine was too busy for it to be believed. What was counted holds either way. */
function expectMeasured({ status, stdout, stderr }: CliResult): void {
  const distrusted = /sent [\d.]+ ms late or more \(limit|"verdict": ?"inconclusive"/.test(stdout + stderr);
  expect(status).toBe(distrusted ? 4 : 0);
}

/** proc_pid_stat(5): the 19th field, of which the second is a name in parentheses. */
async function niceOf(pid: number, thread: string): Promise<number> {
  const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
}

describe('rtplat probe --fail-on', () => {
  it('never passes on too few samples, and shows what it lacks', async () => {
    const target = await farEnd(faithful);
    const ended = await runCli(['probe', target, '--duration', '1s', '--quiet', '--fail-on', 'p99<20s', '--fail-on', 'call:sent>=1']);
    expect(ended.status).toBe(4);
    expect(ended.stdout).toMatch(/│ p99<20s\s+│.*│ insufficient │ 50 of 10,000 samples/);
    expect(ended.stdout).toMatch(/verdict: (?:insufficient|inconclusive)\n$/);
  });

  it('keeps standard output for the document when --json stands beside it', async () => {
    const target = await farEnd(faithful);
    const ended = await runCli(['probe', target, '--duration', '1s', '--quiet', '--json', '--fail-on', 'sent>=1000000']);
    // A machine that was too busy to send on time is in no position to say that it failed.
    expect(ended.stderr).toMatch(/^sent>=1000000: (?:fail|inconclusive): 50, 999,950 too low \(100\.0 %\)\nverdict: /);
    expect(ended.status).toBe(ended.stderr.includes('verdict: fail') ? 3 : 4);
    expect(parseRun(ended.stdout, 'standard output').summary.sent).toBe(50);
  });

  it('sends nothing for a bound that is none', async () => {
    const ended = await runCli(['probe', 'udp://192.0.2.1:9', '--fail-on', 'q99<1ms', '--thresholds', join(folder, 'bounds.toml')]);
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('there is no such file') as string });
    const wrong = await runCli(['probe', 'udp://192.0.2.1:9', '--fail-on', 'q99<1ms']);
    expect(wrong).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('did you mean p99?') as string });
  });
});

describe('rtplat probe', () => {
  it('measures an rtplat echo and shows a table', async () => {
    const echo = new Cli(['echo', '--port', '0', '--bind', '127.0.0.1']);
    closing.push(() => echo.kill());
    const [, port] = await echo.shows(/listening on \S*:(\d+) /);
    const ended = await runCli(['probe', `127.0.0.1:${port}`, '--streams', '3', '--duration', '1s']);
    const { stdout, stderr } = ended;
    expectMeasured(ended);
    expect(stdout).toMatch(/streams\s+│\s+3 streams × 50 packets\/s, 20ms of PCMU each/);
    expect(stdout).toMatch(/sent\s+│\s+150 /);
    expect(stdout).toMatch(/received\s+│\s+150 /);
    expect(stdout).toMatch(/latency p50\s+│\s+\d+\.\d{3} ms/);
    expect(stdout).toMatch(/host delay p50 \/ p99 \/ max\s+│\s+\d+\.\d{3} \/ /);
    expect(stdout).toMatch(/clock\s+│\s+kernel, batch engine \(recvmmsg and sendmmsg\)/);
    expect(stdout).not.toContain('\u001B');
    expect(stderr).toMatch(/^Warning: p50, p95 and p99 rest on 150 samples/m);
    // No progress where nobody looks.
    expect(stderr).not.toContain('\u001B');
  });

  it('prints exactly one document with --json, and writes the same with --out', async () => {
    const out = join(folder, 'run.json');
    const target = await farEnd(faithful);
    const args = ['--duration', '200ms', '--rate', '100', '--seed', '7', '--json', '--out', out, '--quiet'];
    const ended = await runCli(['probe', target, ...args]);
    const { stdout } = ended;
    expectMeasured(ended);
    expect(ended.stderr).toBe('');
    const run = parseRun(stdout, 'standard output');
    expect(run).toMatchObject({ command: 'probe', options: { target, streams: 1, rate_pps: 100, seed: 7 } });
    expect(run.summary).toMatchObject({
      sent: 20,
      received: 20,
      lost: 0,
      clock: 'kernel',
      unstamped: 0,
      engine: 'batch',
      engine_reason: 'recvmmsg and sendmmsg',
      socket_drops: 0,
    });
    expect(run.histogram.count).toBe(20);
    expect(await readFile(out, 'utf8')).toBe(stdout);
    expect(await readdir(folder)).toEqual(['run.json']);
  });

  it.each([
    ['an option', ['--engine', 'portable'], {}],
    ['the environment', [], { RTPLAT_ENGINE: 'portable' }],
  ])('runs on the engine that %s names', async (_how, args, env) => {
    const ended = await runCli(['probe', await farEnd(faithful), '--duration', '200ms', '--json', ...args], env);
    expectMeasured(ended);
    expect(parseRun(ended.stdout, 'probe').summary).toMatchObject({
      received: 10,
      clock: 'user',
      unstamped: null,
      host_delay_ms: null,
      engine: 'portable',
      engine_reason: 'asked for',
    });
  });

  it('reads with a lower priority than it sends with', async () => {
    const seen = Promise.withResolvers<void>();
    const target = await farEnd((bytes) => {
      seen.resolve();
      return [bytes];
    });
    const cli = new Cli(['probe', target, '--duration', '1h', '--json']);
    closing.push(() => cli.kill());
    await seen.promise;
    const threads = await readdir(`/proc/${cli.pid}/task`);
    const niceness = new Map(await Promise.all(threads.map(async (thread) => [thread, await niceOf(cli.pid, thread)] as const)));
    const ours = getPriority();
    expect(niceness.get(String(cli.pid))).toBe(ours + 5);
    niceness.delete(String(cli.pid));
    expect(new Set(niceness.values())).toEqual(new Set([ours]));
    cli.signal('SIGINT');
    expectMeasured(await cli.end());
  });

  it('counts what does not come back', async () => {
    const target = await farEnd((bytes, n) => (n % 10 === 0 ? [] : [bytes]));
    const ended = await runCli(['probe', target, '--duration', '1s', '--rate', '100', '--timeout', '500ms']);
    const { stdout, stderr } = ended;
    expectMeasured(ended);
    expect(stdout).toMatch(/lost\s+│\s+10 \(10\.000 %\)/);
    expect(stderr).toContain('Warning: 10 of 100 packets were lost');
  });

  it('fails at once when nothing listens, and says what to start', async () => {
    const port = await closedPort();
    expect(await runCli(['probe', `udp://127.0.0.1:${port}`, '--duration', '1h'])).toEqual({
      status: 1,
      stdout: '',
      stderr: `rtplat: nothing listens on 127.0.0.1:${port}: ECONNREFUSED (ICMP port unreachable); start one with: rtplat echo --port ${port}\n`,
    });
  });

  it('fails when nothing comes back, with the report of that', async () => {
    const target = await farEnd(() => []);
    const { status, stdout, stderr } = await runCli(['probe', target, '--duration', '100ms', '--timeout', '200ms']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/received\s+│\s+0 /);
    expect(stdout).toMatch(/latency p50\s+│\s+– /);
    expect(stderr).toContain('Warning: none of 5 packets came back');
  });

  it('does not vouch for a run whose sender could not keep up', async () => {
    const target = await farEnd(() => []);
    const answering = await farEnd(faithful);
    // A million packets a second is more than one event loop can send.
    const flood = ['--streams', '100', '--rate', '10000', '--duration', '50ms', '--timeout', '500ms'];
    expect((await runCli(['probe', target, ...flood])).status).toBe(1);
    const { status, stderr } = await runCli(['probe', answering, ...flood]);
    expect(status).toBe(4);
    expect(stderr).toMatch(/Warning: half of the packets were sent [\d.]+ ms late or more \(limit 5\.0 ms\)/);
  });

  it('ends in good order on Ctrl-C, with its report', async () => {
    const seen = Promise.withResolvers<void>();
    const target = await farEnd((bytes, n) => {
      if (n === 20) seen.resolve();
      return [bytes];
    });
    const cli = new Cli(['probe', target, '--duration', '1h', '--json']);
    closing.push(() => cli.kill());
    await seen.promise;
    cli.signal('SIGINT');
    const ended = await cli.end();
    expectMeasured(ended);
    expect(parseRun(ended.stdout, 'probe').summary.received).toBeGreaterThanOrEqual(20);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends with the status of %s when nothing was measured yet', async (signal, expected) => {
    const seen = Promise.withResolvers<void>();
    const target = await farEnd(() => {
      seen.resolve();
      return [];
    });
    const cli = new Cli(['probe', target, '--duration', '1h']);
    closing.push(() => cli.kill());
    await seen.promise;
    cli.signal(signal);
    expect(await cli.end()).toEqual({ status: expected, stdout: '', stderr: 'rtplat: stopped before anything was measured\n' });
  });

  it('fails when the run cannot be written', async () => {
    const target = await farEnd(faithful);
    const out = join(folder, 'missing', 'run.json');
    const { status, stderr } = await runCli(['probe', target, '--duration', '20ms', '--out', out]);
    expect(status).toBe(1);
    expect(stderr).toContain(`cannot write ${out}`);
  });

  it.each([
    [['ari:Local/echo@rtplat'], 'no password for the ARI user'],
    [['udp://127.0.0.1'], 'it names no host and port'],
    [['127.0.0.1:4000', '--streams', '0'], 'Not a number from 1'],
    [['127.0.0.1:4000', '--rate', '-1'], 'Not a number above 0'],
    [['127.0.0.1:4000', '--engine', 'warp'], 'Allowed choices are auto, batch, portable'],
    [['127.0.0.1:4000', '--ptime', '500ms'], 'the ptime is too long'],
    [['127.0.0.1:4000', '--rate', '10000', '--timeout', '10s'], 'too many packets within the time-out'],
    [['127.0.0.1:4000', '--token-file', '/dev/null'], '--token-file /dev/null is empty'],
    [['127.0.0.1:4000', '--token-file', '/dev/null', '--ptime', '1ms'], 'a token takes 16 bytes of the payload'],
    [['sip:600@127.0.0.1', '--token-file', '/dev/null'], '--token-file is for udp:// targets'],
    [[], 'missing required argument'],
  ])('refuses %j', async (args, why) => {
    const { status, stdout, stderr } = await runCli(['probe', ...args]);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(why);
  });

  it('says so when a name has no address', async () => {
    // RFC 6761 §6.4: never resolves.
    const { status, stderr } = await runCli(['probe', 'udp://echo.invalid:4000']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rtplat: cannot find the address of echo\.invalid: \S+/);
  });
});
