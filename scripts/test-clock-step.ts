/** The parts of scripts/test-clock-step.sh: `note FILE` and `restore FILE` of where the clock stands, and `run` of the test itself. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseRun } from '../src/core/report/read-run.ts';
import { dial, writeRtp } from '../test/asterisk/kit/phone.ts';
import { start, until } from '../test/asterisk/kit/process.ts';
import type { Running } from '../test/asterisk/kit/process.ts';
import { startSipServe } from '../test/asterisk/kit/sip-server.ts';
import { offsetNs, putRight, stepped } from '../test/asterisk/kit/wall-clock.ts';

const HOUR_S = 3_600;

function restore(file: string): void {
  const noted = readFileSync(file, 'latin1');
  if (noted === '') return;
  const seconds = putRight(BigInt(noted));
  const offMs = Number(offsetNs() - BigInt(noted)) / 1e6;
  console.log(`the clock is ${offMs.toFixed(3)} ms from where it was${seconds === 0 ? '' : `, after ${seconds} s were put right`}`);
}

const PROGRAM = new URL('../bin/rtplat.ts', import.meta.url).pathname;

function rtplat(dir: string, ...args: readonly string[]): Running {
  return start(process.execPath, [PROGRAM, ...args], join(dir, `${args[0] ?? ''}.log`));
}

/** Takes every registration for an hour. @returns how often it was asked. */
async function registrar(port: number): Promise<() => number> {
  const socket = createSocket('udp4').unref();
  let asked = 0;
  socket.on('message', (bytes, { port: from, address }) => {
    asked += 1;
    const fields = bytes
      .toString()
      .split('\r\n')
      .filter((line) => /^(Via|From|To|Call-ID|CSeq|Contact):/i.test(line));
    socket.send(['SIP/2.0 200 OK', ...fields, `Expires: ${HOUR_S}`, 'Content-Length: 0', '', ''].join('\r\n'), from, address);
  });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return () => asked;
}

/** A relayed call that talks until it is told to stop; each of its packets has come back. */
async function talk(port: number, goesOn: () => boolean): Promise<void> {
  const phone = await dial('relay', { port });
  let sent = 0;
  await pause(100);
  while (goesOn()) {
    sent += 1;
    const fields = { marker: false, payloadType: 0, sequence: sent, timestamp: sent * 160, ssrc: 0x5eed_0004 };
    await phone.send([{ atMs: 0, bytes: writeRtp(fields, new Uint8Array(160)) }]);
    await pause(20);
  }
  await until('every packet back', () => phone.heard.length === sent || undefined);
  assert.equal(await phone.hangUp(), 200);
}

/** Milliseconds that a busy machine may add to what is short, and far less than an hour. */
const SOON_MS = 2_000;

function assertNear(name: string, seconds: number, expected: number): void {
  assert.ok(Math.abs(seconds - expected) < SOON_MS / 1e3, `${name}: ${seconds} s, and it was ${expected.toFixed(1)} s`);
}

async function run(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'rtplat-clock-'));
  const asked = await registrar(5_090);
  const echo = rtplat(root, 'echo', '--port', '4000');
  await until('echo listening', () => echo.output().includes('listening') || undefined);
  const servers = [];
  for (const [index, engine] of (['batch', 'portable'] as const).entries()) {
    const dir = join(root, engine);
    mkdirSync(dir);
    process.env['RTPLAT_ENGINE'] = engine;
    const first = 30_000 + 1_000 * index;
    const toml = `
[behavior]
mode = "relay"
auto_answer_delay_ms = 0
[media]
rtp_port_range_start = ${first}
rtp_port_range_end = ${first + 999}
[[register]]
registrar = "sip:127.0.0.1:5090"
username = "${engine}"
password = "none"
`;
    const port = 5_070 + 2 * index;
    const server = await startSipServe(dir, toml, {
      port,
      httpPort: 8_090 + index,
      metrics: `call_records_file = "${dir}/calls.jsonl"\nrun_file = "${dir}/run.json"\nstatus_interval_seconds = 1`,
      logging: `enable_syslog = false\nfile = "${dir}/sip.log"`,
    });
    await server.lines(/Registered sip:/);
    servers.push({ engine, dir, port, server, startedMs: performance.now() });
  }
  delete process.env['RTPLAT_ENGINE'];

  let talking = true;
  const calledMs = performance.now();
  const calls = servers.flatMap(({ port }) => [1, 2, 3].map(() => talk(port, () => talking)));
  const probed = join(root, 'probe.json');
  const probe = rtplat(root, 'probe', '127.0.0.1:4000', '--duration', '8s', '--streams', '5', '--out', probed);
  await pause(2_500);
  const before = offsetNs();
  await stepped(HOUR_S);
  await pause(1_500);
  await stepped(-HOUR_S);
  const offMs = Number(offsetNs() - before) / 1e6;
  assert.ok(Math.abs(offMs) < 1, `the clock is ${offMs} ms off`);
  assert.equal((await probe.ended).code, 0, probe.output());
  talking = false;
  await Promise.all(calls);
  const lastedS = (performance.now() - calledMs) / 1e3;

  const { summary } = parseRun(readFileSync(probed, 'utf8'), probed);
  assert.ok(summary.max_latency !== null && summary.max_latency < SOON_MS, `probe: ${summary.max_latency} ms`);
  assert.deepEqual([summary.received, summary.lost], [summary.sent, 0]);
  console.log(`probe: ${summary.received} of ${summary.sent} packets, p50 ${summary.p50_latency}, max ${summary.max_latency} ms`);

  for (const { engine, dir, server, startedMs } of servers) {
    const {
      counters,
      total_latencies: samples,
      p50_latency: p50,
      max_latency: max,
      uptime_seconds: uptime,
      unstamped,
    } = await server.metrics();
    assert.deepEqual([counters.lost, counters.in_flight, counters.late, samples], [0, 0, counters.late, counters.sent]);
    assert.ok(p50 !== null && p50 > 0 && max !== null && max < SOON_MS, `${engine}: p50 ${p50}, max ${max} ms`);
    assertNear(`${engine}, uptime`, uptime, (performance.now() - startedMs) / 1e3);
    server.running.kill('SIGTERM');
    assert.equal((await server.running.ended).code, 0, server.running.output());
    const text = readFileSync(join(dir, 'run.json'), 'utf8');
    const { duration_seconds: duration, series } = parseRun(text, 'run.json');
    assertNear(`${engine}, run`, duration, (performance.now() - startedMs) / 1e3);
    assert.ok(series.length <= Math.ceil(duration) + 1, `${engine}: ${series.length} rows of ${duration} s`);
    assert.equal(
      series.reduce((sum, { sent }) => sum + sent, 0),
      counters.sent,
    );
    for (const line of readFileSync(join(dir, 'calls.jsonl'), 'utf8').trimEnd().split('\n')) {
      const { duration_ms: callMs } = JSON.parse(line) as { readonly duration_ms: number };
      assertNear(`${engine}, call`, callMs / 1e3, lastedS);
    }
    const said = server.running.output().replaceAll(/^rtplat: warning: .*\n/gm, '');
    assert.equal(readFileSync(join(dir, 'sip.log'), 'utf8'), said);
    assert.doesNotMatch(said, /does not answer|Not registered|is missed|failed/i);
    assert.equal([...said.matchAll(/Registered sip:/g)].length, 1);
    console.log(
      `${engine}: ${samples} samples, p50 ${p50}, max ${max} ms, ${unstamped ?? 'no'} without a kernel stamp; ${series.length} rows`,
    );
  }
  // Each server came and went.
  assert.equal(asked(), 4);
  await echo.stop();
  rmSync(root, { recursive: true });
}

const [, , what, file = ''] = process.argv;
if (what === 'note') writeFileSync(file, String(offsetNs()));
else if (what === 'restore') restore(file);
else await run();
