/** `rtplat probe sip:…` calls a real Asterisk 22, and SIPp. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { CallRow, RunDocument } from '../../src/core/report/run.ts';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { pbxTls } from './kit/pbx-tls.ts';
import { peer } from './kit/peers.ts';
import { start, until } from './kit/process.ts';
import { scratchFolder } from './kit/scratch.ts';
import { SIP_PORT, startSipServe } from './kit/sip-server.ts';

const scratch = scratchFolder();
const PROGRAM = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
const TLS_PORT = 5161;
const PASSWORD = 'an unlikely secret';

/** Each user calls as itself, and is asked for its password. */
const USERS = {
  alice: 'auth_type = userpass',
  bob: 'auth_type = digest\nsupported_algorithms_uas = SHA-256',
} as const;

/** What is special about the endpoints without a password, by the user that calls. */
const OPEN = {
  reliable: '100rel = required',
  timers: 'timers = required\ntimers_sess_expires = 90',
  alaw: 'disallow = all\nallow = alaw',
  wide: 'disallow = all\nallow = g722',
} as const;

let asterisk: Asterisk;
let authority = '';

beforeAll(async () => {
  const dir = scratch('asterisk');
  const tls = pbxTls(dir, TLS_PORT);
  ({ authority } = tls);
  const endpoint = (name: string, lines: string): string =>
    `[${name}]\ntype = endpoint\ncontext = callers\ndisallow = all\nallow = ulaw,alaw\ndirect_media = no\n${lines}\n`;
  asterisk = await startAsterisk({
    release: 'sid',
    dir,
    more: {
      modules: ['res_pjsip_authenticator_digest', 'app_playback', 'codec_g722', 'res_pjsip_logger'],
      pjsip: `
[tcp]
type = transport
protocol = tcp
bind = 127.0.0.1:5060
${tls.transport}
${Object.entries(USERS)
  .map(([user, auth]) => `${endpoint(user, `auth = ${user}`)}[${user}]\ntype = auth\n${auth}\nusername = ${user}\npassword = ${PASSWORD}\n`)
  .join('')}
${Object.entries(OPEN)
  .map(([user, lines]) => endpoint(user, lines))
  .join('')}`,
      extensions: `
exten = busy,1,Hangup(17)
exten = congested,1,Hangup(34)
exten = rings,1,Ringing()
 same = n,Wait(60)
exten = early,1,Progress()
 same = n,Wait(0.3)
 same = n,Answer()
 same = n,Echo()
exten = brief,1,Answer()
 same = n,Wait(1)
 same = n,Hangup(16)
`,
    },
  });
  await asterisk.cli('pjsip set logger on');
});
afterAll(() => asterisk?.stop());

interface Ran {
  readonly status: number | null;
  readonly stderr: string;
  readonly run: RunDocument;
  readonly row: CallRow;
}

async function probe(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const { status, stdout, stderr } = await new Promise<{
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }>((resolve) => {
    const child = execFile(
      process.execPath,
      [PROGRAM, 'probe', ...args, '--json', '--quiet'],
      { env: { ...process.env, ...env }, maxBuffer: 2 ** 24 },
      (_error, out, errors) => resolve({ status: child.exitCode, stdout: out, stderr: errors }),
    );
  });
  if (stdout === '') throw new Error(`no document: ${stderr}`);
  const run = JSON.parse(stdout) as RunDocument;
  return { status, stderr, run, row: run.calls[0] as CallRow };
}

/** Waits until Asterisk has no channel left. */
async function quiet(): Promise<void> {
  await until('no channel left', async () => (await asterisk.cli('core show channels count')).includes('0 active channels') || undefined);
}

const ECHO = 'sip:601@127.0.0.1:5060';
const SHORT = ['--duration', '500ms', '--timeout', '500ms'];

describe('Echo() of Asterisk', () => {
  it.each([
    ['nobody in particular, over UDP', [ECHO], 'PCMU'],
    ['with a password, MD5', [ECHO, '--user', 'alice'], 'PCMU'],
    ['with a password, SHA-256', [ECHO, '--user', 'bob'], 'PCMU'],
    ['over TCP', [`${ECHO};transport=tcp`, '--user', 'alice'], 'PCMU'],
    ['over TLS', [`sips:601@127.0.0.1:${TLS_PORT}`, '--tls-ca', 'authority', '--user', 'alice'], 'PCMU'],
    ['by way of Asterisk as a proxy', ['sip:601@pbx.invalid', '--proxy', 'sip:127.0.0.1:5060', '--user', 'alice'], 'PCMU'],
    ['100rel required', [ECHO, '--from', 'sip:reliable@127.0.0.1'], 'PCMU'],
    ['session timers required', [ECHO, '--from', 'sip:timers@127.0.0.1'], 'PCMU'],
    ['PCMA', [ECHO, '--from', 'sip:alaw@127.0.0.1'], 'PCMA'],
    ['G.722', [ECHO, '--from', 'sip:wide@127.0.0.1', '--codec', 'G722'], 'G722'],
    ['early media', ['sip:early@127.0.0.1:5060'], 'PCMU'],
  ])('%s: answered, and matched by payload, since the packets are others', async (_, args, codec) => {
    const given = args.map((arg) => (arg === 'authority' ? authority : arg));
    const { status, stderr, run, row } = await probe([...given, ...SHORT], { RTPLAT_SIP_PASSWORD: PASSWORD });
    expect(stderr).toBe('');
    expect([0, 4]).toContain(status);
    expect(row).toMatchObject({ match: 'payload', sip: { status: 200, codec } });
    // All of the 25, but for those that the beginning and the end of the call met.
    expect(row.other_ssrc).toBeGreaterThan(5);
    expect(row.counters?.returned).toBe(row.other_ssrc);
    expect(row.p50_latency).toBeGreaterThan(0);
    expect(run.summary).toMatchObject({ sent: 25, received: row.other_ssrc, match: 'payload' });
    expect(run.sip).toMatchObject({ session_establishment_ratio: 1, session_completion_ratio: 1 });
    expect(run.sip?.disconnect_delay_ms?.count).toBe(1);
    if (args[0]?.startsWith('sip:early') === true) expect(row.sip?.early_media_ms).toBeLessThan(row.setup_ms ?? 0);
    await quiet();
  });

  it('by header alone: told plainly that the packets are others', async () => {
    const { status, stderr, run, row } = await probe([ECHO, '--match', 'header', ...SHORT]);
    expect(stderr).toMatch(/^rtplat: call 1: \d+ packets came back with another SSRC: not matched by header/);
    expect(status).toBe(1);
    expect(row).toMatchObject({ match: null, mos: null, sip: { status: 200, codec: 'PCMU' } });
    expect(run.summary).toMatchObject({ sent: 0, lost: 0, packet_loss_ratio: null, p50_latency: null });
    await quiet();
  });
});

describe('what Asterisk refuses', () => {
  it.each([
    ['a wrong password', [ECHO, '--user', 'alice'], /the far end refuses the user name or the password \(401 Unauthorized\)/],
    ['no such number', ['sip:999@127.0.0.1:5060'], /no route: there is no such number \(404 Not Found.*\)/],
    ['busy', ['sip:busy@127.0.0.1:5060'], /busy \(486 Busy Here, Q\.850 cause 17/],
    ['congestion', ['sip:congested@127.0.0.1:5060'], /\(503 Service Unavailable, Q\.850 cause 34/],
    ['no codec in common', [ECHO, '--codec', 'L16'], /no codec in common, .*\(488 Not Acceptable Here/],
    ['no answer', ['sip:rings@127.0.0.1:5060', '--ring-timeout', '3s'], /no answer within 3s, though it rang/],
    ['an early hang-up', ['sip:brief@127.0.0.1:5060', '--duration', '30s'], /the far end hung up early, .* of 30s \(Q\.850 cause 16/],
  ])('%s', async (_, args, line) => {
    const { status, stderr } = await probe(args, { RTPLAT_SIP_PASSWORD: 'guessed' });
    expect(stderr).toMatch(line);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(status).toBe(1);
    await quiet();
  });
});

describe('rtplat sip-serve as the far end', () => {
  it.each(['PCMU', 'PCMA', 'L16'])('%s: matched by header, and no more comes back than was heard', async (codec) => {
    const server = await startSipServe(
      scratch(`server-${codec}`),
      '[behavior]\nmode = "echo"\nauto_answer_delay_ms = 50\n[media]\npreferred_codecs = ["L16", "PCMU", "PCMA"]\naudio_sample_rate = 16000\n',
    );
    onTestFinished(() => server.running.stop());
    const { status, stderr, run, row } = await probe([
      `sip:600@127.0.0.1:${SIP_PORT}`,
      '--codec',
      codec,
      '--duration',
      '2s',
      '--ptime',
      '10ms',
    ]);
    expect(stderr).toBe('');
    expect([0, 4]).toContain(status);
    const { summary } = run;
    expect(summary).toMatchObject({ sent: 200, match: 'header', in_flight: 0 });
    expect(summary.received + summary.lost).toBe(200);
    expect(row).toMatchObject({ match: 'header', sip: { codec, ptime_ms: 10, status: 200 } });
    expect(row.mos === null).toBe(codec === 'L16');
    const [record] = await server.records('600');
    expect(record).toMatchObject({ end_reason: 'BYE' });
    // A far end that is slow to begin may hear more than it sends back.
    expect(record?.media?.received).toBeGreaterThanOrEqual(summary.received);
    expect(record?.media?.received).toBeLessThanOrEqual(200);
    await server.idle();
  });
});

describe('SIPp as the far end', () => {
  it('echoes RTP: matched by header, calls one after the other and at once', async () => {
    const dir = scratch('sipp');
    mkdirSync(join(dir, 'logs'));
    const sipp = start(
      peer('sipp'),
      [
        '-sn',
        'uas',
        '-rtp_echo',
        '-i',
        '127.0.0.1',
        '-p',
        '5090',
        '-mi',
        '127.0.0.1',
        '-mp',
        '6000',
        '-nostdin',
        '-trace_err',
        '-error_file',
        join(dir, 'errors.log'),
      ],
      join(dir, 'screen.log'),
      { cwd: dir, env: { TERM: 'dumb' } },
    );
    onTestFinished(() => sipp.stop());
    const calls = ['sip:echo@127.0.0.1:5090', '--count', '4', '--concurrency', '2', '--duration', '2s'];
    const ran = await until('SIPp answering', async () => {
      const one = await probe([...calls, '--ring-timeout', '5s']);
      return one.stderr.includes('nothing listens') ? undefined : one;
    });
    expect(ran.stderr).toBe('');
    expect([0, 4]).toContain(ran.status);
    expect(ran.run.summary).toMatchObject({ total_channels: 4, sent: 400, match: 'header' });
    expect(ran.run.summary.received + ran.run.summary.lost).toBe(400);
    expect(ran.run.summary.received).toBeGreaterThan(0);
    expect(ran.run.sip).toMatchObject({ session_establishment_ratio: 1, session_completion_ratio: 1 });
  });
});
