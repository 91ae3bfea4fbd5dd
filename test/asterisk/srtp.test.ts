/** `rtplat probe sip:… --srtp`: encrypted calls with a real Asterisk 22, whose SRTP is libsrtp. Debian builds it without AES-GCM. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallRow } from '../../src/core/report/run.ts';
import { SRTP_SUITES } from '../../src/core/srtp/suites.ts';
import type { SrtpSuiteName } from '../../src/core/srtp/suites.ts';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { capture, datagrams } from './kit/capture.ts';
import { pbxTls } from './kit/pbx-tls.ts';
import { scratchFolder } from './kit/scratch.ts';

const scratch = scratchFolder();
const PROGRAM = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
const TLS_PORT = 5161;
const SHORT = ['--duration', '1s', '--timeout', '1s'];

let asterisk: Asterisk;
let authority = '';

beforeAll(async () => {
  const dir = scratch('asterisk');
  const tls = pbxTls(dir, TLS_PORT);
  ({ authority } = tls);
  asterisk = await startAsterisk({
    release: 'sid',
    dir,
    more: {
      modules: ['res_srtp'],
      pjsip: `
${tls.transport}
[secure]
type = endpoint
context = callers
disallow = all
allow = ulaw
direct_media = no
media_encryption = sdes
timers = no
[short]
type = endpoint
context = callers
disallow = all
allow = ulaw
direct_media = no
media_encryption = sdes
srtp_tag_32 = yes
timers = no
`,
    },
  });
});
afterAll(() => asterisk?.stop());

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function probe(args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [PROGRAM, 'probe', ...SHORT, ...args, '--json'],
      { maxBuffer: 2 ** 24 },
      (_error, stdout, stderr) => resolve({ status: child.exitCode, stdout, stderr }),
    );
  });
}

function rowOf({ stdout, stderr }: Ran): CallRow {
  if (stdout === '') throw new Error(`no document: ${stderr}`);
  return (JSON.parse(stdout) as { readonly calls: readonly [CallRow] }).calls[0];
}

function secured(user: string): readonly string[] {
  return [`sips:601@127.0.0.1:${TLS_PORT}`, '--tls-ca', authority, '--from', `sip:${user}@127.0.0.1`];
}

describe('Echo() of Asterisk over TLS', () => {
  it.each([
    ['AES_CM_128_HMAC_SHA1_80', 'secure'],
    ['AES_CM_128_HMAC_SHA1_32', 'short'],
  ] satisfies readonly (readonly [SrtpSuiteName, string])[])(
    '%s: measured, and nothing of it is to be read on the wire',
    async (suite, user) => {
      const seen = await capture({ dir: scratch(`seen-${suite}`) });
      const ran = await probe([...secured(user), '--srtp', suite]);
      const row = rowOf(ran);
      expect([0, 4], ran.stderr).toContain(ran.status);
      expect(ran.stderr).not.toMatch(/SRTP/);
      expect(row).toMatchObject({
        match: 'payload',
        sip: { status: 200, codec: 'PCMU' },
        srtp: { suite, unauthenticated: 0, replayed: 0 },
      });
      expect(row.counters?.returned).toBeGreaterThanOrEqual(25);
      const packets = (await datagrams(await seen.stop(), 'udp')).filter(
        ({ srcPort, dstPort }) => srcPort === row.port || dstPort === row.port,
      );
      expect(packets.length).toBeGreaterThanOrEqual(75);
      const bytes = (12 + 160 + SRTP_SUITES[suite].tagBytes) * 2;
      expect(new Set(packets.map(({ payload }) => payload.length))).toEqual(new Set([bytes]));
    },
  );

  it('by header, silence: no two packets that were sent are alike', async () => {
    const seen = await capture({ dir: scratch('seen-silence') });
    const row = rowOf(await probe([...secured('secure'), '--srtp', 'sdes', '--match', 'header']));
    expect(row.srtp).toEqual({ suite: 'AES_CM_128_HMAC_SHA1_80', unauthenticated: 0, replayed: 0 });
    // The PBX makes packets of its own; that they could be read is known by their headers.
    expect(row.other_ssrc).toBeGreaterThanOrEqual(25);
    const sent = (await datagrams(await seen.stop(), 'udp')).filter(({ srcPort }) => srcPort === row.port);
    expect(sent).toHaveLength(50);
    expect(new Set(sent.map(({ payload }) => payload.slice(24))).size).toBe(50);
    for (const { payload } of sent) expect(payload).not.toContain('ff'.repeat(8));
  });
});

it('the reports of both sides are encrypted, and understood', async () => {
  const seen = await capture({ dir: scratch('seen-rtcp') });
  const row = rowOf(await probe([...secured('secure'), '--srtp', 'sdes', '--duration', '12s']));
  // Asterisk reports every five seconds.
  expect(row.rtcp?.reports).toBeGreaterThanOrEqual(1);
  expect(row.rtcp?.far_end_received).toBeGreaterThan(100);
  expect(row.rtcp?.round_trip_ms).not.toBeNull();
  const port = (row.port ?? Number.NaN) + 1;
  const reports = (await datagrams(await seen.stop(), 'udp')).filter(({ srcPort, dstPort }) => srcPort === port || dstPort === port);
  expect(reports.length).toBeGreaterThanOrEqual(2);
  // The index, with the bit that says that it is encrypted, is before the tag of ten bytes.
  for (const { payload } of reports) expect(payload.slice(-28, -24), payload).toBe('8000');
});

describe('what is not agreed to', () => {
  it('Asterisk without encryption refuses, and so does one that wants it when it is not offered', async () => {
    const plain = await probe(['sip:601@127.0.0.1:5060', '--srtp', 'sdes']);
    expect(plain.status).toBe(1);
    expect(plain.stderr).toMatch(/call 1: no codec in common, or media that the far end does not want \(488/);
    const wanted = await probe(['sip:601@127.0.0.1:5060', '--from', 'sip:secure@127.0.0.1']);
    expect(wanted.status).toBe(1);
    expect(wanted.stderr).toMatch(/call 1: no codec in common, or media that the far end does not want \(488/);
  });

  it('keys over UDP are warned of', async () => {
    const ran = await probe(['sip:601@127.0.0.1:5060', '--from', 'sip:secure@127.0.0.1', '--srtp', 'sdes']);
    expect(rowOf(ran).srtp).toMatchObject({ unauthenticated: 0 });
    expect(ran.stderr).toContain('Warning: the keys of SRTP went over UDP for all to read');
  });
});
