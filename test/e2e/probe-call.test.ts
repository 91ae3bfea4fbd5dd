/** `rtplat probe sip:…` as a user runs it, against a far end of our own on loopback: what is measured, and each way to fail. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallRow, RunDocument } from '../../src/core/report/run.ts';
import { parseRun } from '../../src/core/report/read-run.ts';
import { makeCertificate } from '../../src/core/sip-server/certificate.ts';
import { farEnd } from './far-end.ts';
import type { FarEnd } from './far-end.ts';
import { Cli, runCli } from './run-cli.ts';

let far: FarEnd;
let folder = '';
let authority = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rtplat-calls-'));
  const tls = makeCertificate('far.example.org', ['127.0.0.1'], new Date());
  authority = join(folder, 'ca.pem');
  await writeFile(authority, tls.cert);
  far = await farEnd(tls);
});
afterAll(async () => {
  await far.close();
  await rm(folder, { recursive: true });
});

function target(user: string): string {
  return `sip:${user}@127.0.0.1:${far.udpPort}`;
}

interface Ran {
  readonly status: number | null;
  readonly stderr: string;
  readonly run: RunDocument;
  readonly rows: readonly CallRow[];
}

async function probe(...args: readonly string[]): Promise<Ran> {
  const { status, stdout, stderr } = await runCli(['probe', ...args, '--json', '--quiet']);
  // The reader of run files takes it.
  parseRun(stdout, 'standard output');
  const run = JSON.parse(stdout) as RunDocument;
  return { status, stderr, run, rows: run.calls };
}

/** On a busy machine an echo takes its time, and is not lost for that. */
const PATIENT = ['--timeout', '20s'];
/** Such a machine may doubt its own numbers. */
const MEASURED = [0, 4];

describe('a call that echoes', () => {
  it('is measured and hung up: 50 packets back, none lost, set-up by RFC 6076', async () => {
    const { status, run, rows, stderr } = await probe(target('echo'), '--duration', '1s', ...PATIENT);
    expect(stderr).toBe('');
    expect(MEASURED).toContain(status);
    expect(run.summary).toMatchObject({ sent: 50, received: 50, lost: 0, in_flight: 0, match: 'header', total_channels: 1 });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      ...{ state: 'done', match: 'header', end_reason: null, other_ssrc: 0, counters: { sent: 50, returned: 50, lost: 0 } },
      sip: { status: 200, codec: 'PCMU', ptime_ms: 20, cause: null },
    });
    expect(rows[0]?.p50_latency).toBeGreaterThan(0);
    expect(run.sip).toMatchObject({
      session_requests: 1,
      session_establishment_ratio: 1,
      session_completion_ratio: 1,
      ineffective_session_attempt_ratio: 0,
    });
    expect(run.sip?.request_delay_ms?.count).toBe(1);
    expect(run.sip?.disconnect_delay_ms?.count).toBe(1);
    expect(far.ends.at(-1)).toBe('echo: caller BYE');
  });

  it.each([
    ['tcp', () => [target('echo').replace(String(far.udpPort), String(far.tcpPort)), '--transport', 'tcp']],
    ['tls, with the authority of its certificate', () => [`sips:echo@127.0.0.1:${far.tlsPort}`, '--tls-ca', authority]],
    ['tls, whoever it is', () => [`sip:echo@127.0.0.1:${far.tlsPort};transport=tls`, '--tls-insecure']],
  ])('by %s', async (_, args) => {
    const { status, run } = await probe(...args(), '--duration', '500ms', ...PATIENT);
    expect(MEASURED).toContain(status);
    expect(run.summary).toMatchObject({ sent: 25, received: 25 });
    expect(far.ends.at(-1)).toBe('echo: caller BYE');
  });

  it('many calls, so many at once', async () => {
    const out = join(folder, 'run.json');
    const before = far.ends.length;
    const { status, stdout } = await runCli([
      ...[
        'probe',
        target('echo'),
        '--count',
        '7',
        '--concurrency',
        '3',
        '--cps',
        '100',
        '--duration',
        '400ms',
        '--ptime',
        '10ms',
        ...PATIENT,
        '--out',
        out,
        '-q',
      ],
    ]);
    expect(MEASURED).toContain(status);
    const run = JSON.parse(await readFile(out, 'utf8')) as RunDocument;
    expect(run.summary).toMatchObject({ total_channels: 7, peak_channels: 3, sent: 280, received: 280 });
    expect(run.series.reduce((sum, { sent }) => sum + sent, 0)).toBe(280);
    expect(run.calls.map(({ id }) => id)).toEqual(Array.from({ length: 7 }, (_, n) => `call-${n + 1}`));
    const report = await runCli(['report', out]);
    expect(report.stdout).toMatch(/session completion ratio \(SCR\)\s+│\s+100\.000 %/);
    expect(report.stdout).toMatch(/call-7\s+│ done/);
    expect(far.ends.length - before).toBe(7);
    expect(stdout).toMatch(/calls measured\s+│\s+7 of 7, at most 3 at once/);
    expect(stdout).toMatch(/session establishment ratio \(SER\)\s+│\s+100\.000 %/);
  });
});

describe('a call whose packets come back as others', () => {
  it('is matched by payload, all of it, and says so', async () => {
    const { status, run, rows, stderr } = await probe(target('ssrc'), '--duration', '1s', ...PATIENT);
    expect(stderr).toBe('');
    expect(MEASURED).toContain(status);
    expect(run.summary).toMatchObject({ sent: 50, received: 50, lost: 0, packet_loss_ratio: 0, match: 'payload' });
    expect(run.options).toMatchObject({ match: 'auto' });
    expect(rows[0]).toMatchObject({
      ...{ state: 'done', match: 'payload', match_share: 1, lost_audio_ms: 0, other_ssrc: 50 },
      counters: { sent: 50, returned: 50, lost: 0, unmatched: 0 },
    });
    expect(rows[0]?.p50_latency).toBeGreaterThan(0);
    expect(run.series.reduce((sum, { received }) => sum + received, 0)).toBe(50);
  });

  it('shows how, and how sure that is', async () => {
    const { stdout } = await runCli(['probe', target('ssrc'), '--match', 'audio', '--duration', '3s', '--quiet']);
    expect(stdout).toMatch(/1\s+│ audio\s+│ +\d+\.\d+ % +│ +1\.00 │ +0\.\d+ │ +\d+ packets? │ +– │ no/);
    expect(stdout).toMatch(/lost or not found\s+│\s+\d+ /);
    expect(stdout).toMatch(/R factor \/ MOS \(G\.107\)\s+│\s+– \/ –/);
  });

  it('says why it is not, where the sound is another', async () => {
    const { status, rows, stderr } = await probe(target('hush'), '--duration', '300ms', '--timeout', '2s');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rtplat: call 1: 15 packets came back and cannot be matched, not by header/);
    expect(rows[0]).toMatchObject({ match: null, state: 'failed', mos: null });
    expect(rows[0]?.match_reason).toMatch(/15 silent/);
    expect(rows[0]).not.toHaveProperty('p50_latency');
  });
});

describe('a call that is not measured says so, and never by a 0', () => {
  it('when its packets come back with another SSRC, and headers alone count', async () => {
    const { status, run, rows, stderr } = await probe(target('ssrc'), '--match', 'header', '--duration', '300ms', '--timeout', '2s');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rtplat: call 1: 15 packets came back with another SSRC: not matched by header/);
    expect(run.summary).toMatchObject({
      sent: 0,
      lost: 0,
      packet_loss_ratio: null,
      p50_latency: null,
      match: null,
      mos: null,
      verdict: 'fail',
    });
    expect(rows[0]).toMatchObject({ match: null, other_ssrc: 15, state: 'failed', sip: { status: 200 } });
    expect(rows[0]).not.toHaveProperty('counters');
    expect(rows[0]).not.toHaveProperty('packet_loss_ratio');
  });

  it('when nothing comes back: that is loss', async () => {
    const { status, run, stderr } = await probe(target('mute'), '--duration', '300ms', '--timeout', '200ms');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rtplat: call 1: no media: none of 15 packets came back; does that number echo\?/);
    expect(run.summary).toMatchObject({ sent: 15, lost: 15, packet_loss_ratio: 1, p50_latency: null, mos: null });
  });
});

describe('each failure has its own line, and status 1', () => {
  it.each([
    ['busy', 'busy (486 Busy Here, Q.850 cause 17 "User busy")', 486],
    ['nobody', 'no route: there is no such number (404 Not Found)', 404],
    ['codecs', 'no codec in common, or media that the far end does not want (488 Not Acceptable Here): 305 pbx "no codec"', 488],
    ['moved', 'redirected, which is not followed (302 Moved Temporarily): sip:601@127.0.0.1', 302],
    ['g729', 'no codec in common: the answer has no codec of the offer', 200],
    ['held', 'no media: the far end answers with inactive, not both ways', 200],
  ])('%s', async (user, line, sipStatus) => {
    const { status, stderr, run, rows } = await probe(target(user), '--duration', '5s');
    expect([status, stderr]).toEqual([1, `rtplat: call 1: ${line}\n`]);
    expect(run.summary).toMatchObject({ sent: 0, verdict: 'fail', verdict_reasons: [`call 1: ${line}`] });
    expect(rows[0]?.sip?.status).toBe(sipStatus);
  });

  it('media to a dead port', async () => {
    const { status, stderr } = await probe(target('dead'), '--duration', '60s');
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^rtplat: call 1: media to a dead port: nothing listens on 127\.0\.0\.1:\d+: ECONNREFUSED \(ICMP port unreachable\)\n$/,
    );
  });

  it('an early hang-up', async () => {
    const { status, stderr, run } = await probe(target('brief'), '--duration', '60s');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rtplat: call 1: the far end hung up early, \d+\.\d s after its answer, of (?:1m|60s)\n$/);
    expect(run.summary.received).toBeGreaterThan(0);
  });

  it('no answer', async () => {
    const { status, stderr, run } = await probe(target('rings'), '--ring-timeout', '2s');
    expect([status, stderr]).toEqual([1, 'rtplat: call 1: no answer within 2s, though it rang (see --ring-timeout)\n']);
    expect(run.sip?.session_establishment_ratio).toBe(0);
    expect(far.ends.at(-1)).toBe('rings: caller cancelled');
  });

  it('nothing on the SIP port, over UDP and TCP', async () => {
    const gone = await farEnd(makeCertificate('gone', ['127.0.0.1'], new Date()));
    await gone.close();
    const udp = await probe(`sip:echo@127.0.0.1:${gone.udpPort}`);
    expect(udp.status).toBe(1);
    expect(udp.stderr).toBe(`rtplat: call 1: nothing listens on 127.0.0.1:${gone.udpPort}/udp: ECONNREFUSED (ICMP port unreachable)\n`);
    const tcp = await runCli(['probe', `sip:echo@127.0.0.1:${gone.tcpPort};transport=tcp`]);
    expect(tcp).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('/tcp: connect ECONNREFUSED') as string });
  });

  it('a certificate that is not believed, and a port that is not TLS', async () => {
    const untrusted = await runCli(['probe', `sips:echo@127.0.0.1:${far.tlsPort}`]);
    expect(untrusted).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/its certificate is refused: .*; .*--tls-ca/) as string,
    });
    const plain = await runCli(['probe', `sip:echo@127.0.0.1:${far.tcpPort}`, '--transport', 'tls']);
    expect(plain.status).toBe(1);
    expect(plain.stderr).toMatch(/^rtplat: cannot reach 127\.0\.0\.1:\d+\/tls: /);
  });

  it('a name without an address', async () => {
    const { status, stderr } = await runCli(['probe', 'sip:600@no-such-host.invalid:5060']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rtplat: cannot find the address of no-such-host\.invalid: E/);
  });
});

describe('Ctrl-C', () => {
  it('hangs up what is up, and shows what there is', async () => {
    const cli = new Cli(['probe', target('echo'), '--count', '2', '--duration', '10m', '--json', '--quiet']);
    await far.upAre(2);
    await far.echoes(20);
    cli.signal('SIGINT');
    const { stdout, status } = await cli.end();
    const run = JSON.parse(stdout) as RunDocument;
    expect(run.calls).toHaveLength(2);
    expect(run.summary.received).toBeGreaterThan(0);
    expect(run.summary.sent).toBe(run.summary.received + run.summary.lost + run.summary.in_flight);
    expect(run.calls.map(({ end_reason }) => end_reason)).toEqual(['stopped', 'stopped']);
    expect(MEASURED).toContain(status);
    expect(far.up()).toBe(0);
  });

  it('does not wait for a far end that is gone', async () => {
    const gone = await farEnd(makeCertificate('gone', ['127.0.0.1'], new Date()));
    const cli = new Cli(['probe', `sip:echo@127.0.0.1:${gone.udpPort}`, '--duration', '10m', '--json', '--quiet']);
    await gone.upAre(1);
    await gone.echoes(20);
    await gone.close();
    cli.signal('SIGINT');
    const { stdout, stderr, status } = await cli.end();
    expect(JSON.parse(stdout)).toMatchObject({ sip: { session_completion_ratio: 0 } });
    expect([status, stderr]).toEqual([1, 'rtplat: call 1: the BYE was not answered: the far end may still hold the call\n']);
  });

  it('gives up what rings', async () => {
    const cli = new Cli(['probe', target('rings'), '--quiet']);
    await far.upAre(1);
    cli.signal('SIGINT');
    expect(await cli.end()).toMatchObject({ status: 130, stderr: 'rtplat: stopped before anything was measured\n' });
    expect(far.ends.at(-1)).toBe('rings: caller cancelled');
  });
});

describe('what cannot be meant', () => {
  it.each([
    [['sip:'], 'it is no SIP URI'],
    [['sip:me:secret@127.0.0.1'], 'a password does not belong into a URI'],
    [['sips:600@127.0.0.1', '--transport', 'udp'], 'sips: is TLS all the way'],
    [['sip:600@127.0.0.1', '--codec', 'opus'], 'there is no codec opus'],
    [['sip:600@127.0.0.1', '--ptime', '25ms'], 'cannot have a ptime of 25 ms'],
    [['sip:600@127.0.0.1', '--timeout', '20m'], 'too many packets within the time-out'],
    [['sip:600@127.0.0.1', '--user', 'me'], 'no password for --user me; set RTPLAT_SIP_PASSWORD'],
    [['sip:600@127.0.0.1', '--password-file', 'x'], '--password-file without --user'],
    [['sip:600@127.0.0.1', '--tls-ca', '/nowhere/ca.pem'], 'cannot use --tls-ca /nowhere/ca.pem: ENOENT'],
    [['sip:600@127.0.0.1', '--streams', '3'], '--streams is for udp:// targets'],
    [['sip:600@127.0.0.1', '--proxy', 'proxy'], 'cannot use --proxy proxy: it is no SIP URI'],
    [['udp://127.0.0.1:9', '--count', '3'], '--count is for calls: sip: and ari: targets'],
    [['udp://127.0.0.1:9', '--service', 'http://127.0.0.1:9'], '--service is for calls: sip: and ari: targets'],
    [['sip:600@127.0.0.1', '--ari-user', 'me'], '--ari-user is for ari: targets'],
    [['ari:Local/600@callers', '--codec', 'PCMA'], '--codec is for sip: targets'],
    [['ari:Local/600@callers', '--streams', '3'], '--streams is for udp:// targets'],
    [['ari:Local/600@callers', '--count', '3', '--for', '5s'], '--count and --for both say when the last call begins'],
    [['ari:Local/600@callers', '--for', '5s'], '--for without --concurrency'],
    [['ari:600'], 'cannot call ari:600: it is no endpoint of an Asterisk'],
    [['ari:Local/600@callers'], 'no password for the ARI user asterisk'],
  ])('%j', async (args, message) => {
    const { status, stdout, stderr } = await runCli(['probe', ...args]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});
