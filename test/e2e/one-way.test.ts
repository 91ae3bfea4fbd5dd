/** `rtplat probe --one-way` as a user runs it: an echo and an answering service that stamp, on this host; what is shown, written and read again. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseRun } from '../../src/core/report/read-run.ts';
import { Cli, runCli } from './run-cli.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rtplat-one-way-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** The target that an echo with these options is. */
async function echo(...args: readonly string[]): Promise<string> {
  const cli = new Cli(['echo', '--bind', '127.0.0.1', '--port', '0', ...args]);
  onTestFinished(() => cli.kill());
  const [, port = ''] = await cli.shows(/echo listening on 127\.0\.0\.1:(\d+)/);
  return `udp://127.0.0.1:${port}`;
}

/** On a busy machine an echo takes its time, and the probe may doubt itself for that. */
const PATIENT = ['--duration', '1s', '--timeout', '20s', '--quiet'];
const MEASURED = [0, 4];

describe('rtplat probe --one-way', () => {
  it.each([
    ['a thread', []],
    ['several', ['--workers', '2']],
  ])('has each direction from rtplat echo --stamp with %s, in its table, its document and its report', async (_what, args) => {
    const file = join(folder, 'run.json');
    const probed = await runCli(['probe', await echo('--stamp', ...args), '--one-way', '--streams', '4', ...PATIENT, '--out', file]);
    expect(MEASURED).toContain(probed.status);
    expect(probed.stdout).toMatch(/│ there p50 \/ p99 +│ +-?\d+\.\d{3} \/ \d+\.\d{3} ± 0\.0\d\d ms │/);
    expect(probed.stdout).toMatch(/│ back p50 \/ p99 +│ +-?\d+\.\d{3} \/ \d+\.\d{3} ± 0\.0\d\d ms │/);
    expect(probed.stdout).toMatch(/One-way delays of \d+ packets: one clock at both ends, arrival there by the kernel’s clock\./);
    const report = await runCli(['report', file]);
    expect(report.stdout).toMatch(/One-way delays of \d+ packets/);
    const run = parseRun((await runCli(['report', file, '--format', 'json'])).stdout, 'standard output');
    expect(run.one_way).toMatchObject({ same_clock: true, received_by: 'kernel', reason: null });
    // All but those that the kernel of a busy machine did not stamp.
    expect(run.one_way?.packets).toBe(200 - (run.summary.unstamped ?? 0));
  });

  it('says that the far end read the packets itself, with the portable engine', async () => {
    const probed = await runCli(['probe', await echo('--stamp', '--engine', 'portable'), '--one-way', ...PATIENT]);
    expect(probed.stdout).toMatch(/One-way delays of \d+ packets: one clock at both ends, arrival there as the program read it\./);
  });

  it('has no delays of an echo that does not stamp, and says why; the round trip is measured', async () => {
    const { stdout, status } = await runCli(['probe', await echo(), '--one-way', ...PATIENT]);
    expect(MEASURED).toContain(status);
    expect(stdout).toMatch(/│ there p50 \/ p99 +│ +– │/);
    expect(stdout).toContain('One-way delays: none, since the far end writes no times into the packets, as rtplat echo --stamp does.\n');
    expect(stdout).toMatch(/│ received +│ +50 │/);
  });

  it('has nothing of it in a run that did not ask', async () => {
    const { stdout } = await runCli(['probe', await echo('--stamp'), ...PATIENT, '--json']);
    expect(parseRun(stdout, 'standard output')).not.toHaveProperty('one_way');
  });

  it('has them of calls that rtplat sip-serve answers, all together', async () => {
    await writeFile(
      join(folder, 's.toml'),
      '[media]\nstamp_echoes = true\n[behavior]\nmode = "echo"\nauto_answer_delay_ms = 0\n[logging]\nenable_syslog = false\n',
    );
    const cli = new Cli(['sip-serve', '--config', 's.toml', '--bind', '127.0.0.1', '--port', '0', '--http-port', '0'], {}, folder);
    onTestFinished(() => cli.kill());
    const [, port = ''] = await cli.shows(/UDP 127\.0\.0\.1:(\d+)[,;]/);
    const { stdout, stderr } = await runCli(['probe', `sip:601@127.0.0.1:${port}`, '--one-way', '--count', '2', ...PATIENT, '--json']);
    expect(stderr).toBe('');
    const run = parseRun(stdout, 'standard output');
    expect(run.one_way).toMatchObject({ same_clock: true, received_by: 'kernel', reason: null });
    expect(run.summary).toMatchObject({ match: 'header', received: 100 });
  });

  it.each([
    [['udp://127.0.0.1:9', '--ptime', '4ms'], '--one-way takes 40 bytes of the payload: --ptime 5ms at least'],
    [['sip:601@127.0.0.1:9', '--match', 'audio'], '--one-way and --match audio'],
    [['ari:Local/601@x'], '--one-way is for udp:// and sip: targets'],
  ])('refuses %j before anything is sent', async (args, said) => {
    const { status, stderr, stdout } = await runCli(['probe', ...args, '--one-way']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(said);
  });

  it('leaves room for a token beside the times', async () => {
    const key = join(folder, 'token.key');
    await writeFile(key, '0123456789abcdef0123456789abcdef\n', { mode: 0o600 });
    const short = await runCli(['probe', 'udp://127.0.0.1:9', '--one-way', '--token-file', key, '--ptime', '6ms']);
    expect(short.stderr).toContain('--one-way takes 40 bytes of the payload, and a token 16: --ptime 7ms at least');
    const target = await echo('--stamp', '--token-file', key);
    const { stdout } = await runCli(['probe', target, '--one-way', '--token-file', key, '--ptime', '7ms', '--rate', '50', ...PATIENT]);
    expect(stdout).toMatch(/One-way delays of \d+ packets/);
  });
});
