/** What the host may do to a service while it has calls: no disk, no syslog, no files left. No call ends, and nothing is lost unsaid. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CallDocument, MetricsDocument } from '../../src/core/report/metrics.ts';
import { flood } from './kit/flood.ts';
import { exhaustFiles } from './kit/open-files.ts';
import { dial, writeRtp } from './kit/phone.ts';
import type { Phone } from './kit/phone.ts';
import { until } from './kit/process.ts';
import { startEcho } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';
import { establish, hangUp } from './kit/sip-scenario.ts';
import { callers, SIP_PORT, startSipServe } from './kit/sip-server.ts';
import type { ServerPlace, SipServe } from './kit/sip-server.ts';
import { smallDisk } from './kit/small-disk.ts';
import { hangUpCallers, note, startWorld } from './kit/world.ts';

const scratch = scratchFolder();

/** Keeps clear of Asterisk's ports and of the range of ari-serve. */
const SIP_SERVE = `
[behavior]
auto_answer_delay_ms = 0
max_concurrent_calls = 100
[media]
rtp_port_range_start = 30000
rtp_port_range_end = 30999
[[route]]
match = "relay"
action = "relay"
[[route]]
match = "busy*"
action = "busy"
`;
const NO_LOG_FILE = 'enable_file_logging = false';

async function sipServe(dir: string, place: ServerPlace): Promise<SipServe> {
  const server = await startSipServe(dir, SIP_SERVE, place);
  onTestFinished(() => server.running.stop());
  return server;
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');
/** Lines of a log, without those that only some places get. */
const without = (text: string, subject: string): readonly string[] => linesOf(text).filter((line) => !line.includes(subject));
const told = (text: string, pattern: RegExp): number => linesOf(text).filter((line) => pattern.test(line)).length;
const lost = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 'NaN');

/** A relayed call, and each packet of the caller comes back to it. */
class RelayedCall {
  readonly phone: Phone;
  #sequence = 0;

  private constructor(phone: Phone) {
    this.phone = phone;
  }

  static async place(): Promise<RelayedCall> {
    const call = new RelayedCall(await dial('relay'));
    // RTP may overtake the ACK, and is not relayed then.
    await until('the first packet back', async () => {
      await call.#send(1);
      return call.phone.heard.length > 0 || undefined;
    });
    return call;
  }

  /** Sends so many packets more; settles when all have come back. */
  async talk(packets: number): Promise<void> {
    const all = this.phone.heard.length + packets;
    await this.#send(packets);
    await until(`${all} packets back`, () => this.phone.heard.length === all || undefined);
  }

  #send(packets: number): Promise<void> {
    const timed = Array.from({ length: packets }, (_, index) => {
      this.#sequence += 1;
      const fields = { marker: false, payloadType: 0, sequence: this.#sequence, timestamp: this.#sequence * 160, ssrc: 0x5eed_0003 };
      return { atMs: index * 20, bytes: writeRtp(fields, new Uint8Array(160)) };
    });
    return this.phone.send(timed);
  }
}

/** Every packet is one sample, and they are those of a healthy path: no clock that was set, no thread that stood still. */
function expectSound(metrics: MetricsDocument, packets: number): void {
  const { counters, total_latencies: samples, p50_latency: p50, max_latency: max } = metrics;
  expect(counters).toMatchObject({ from_peer: packets, sent: packets, returned: packets, to_peer: packets, lost: 0, in_flight: 0 });
  expect(samples).toBe(packets);
  expect(p50).toBeGreaterThan(0);
  expect(max).toBeLessThan(2_000);
}

/** Processor time of the process meanwhile, ms. */
async function cpuMs(pid: number, what: () => Promise<void>): Promise<number> {
  const used = (): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  const before = used();
  await what();
  return used() - before;
}

async function tones(dir: string, user: string, calls: number): Promise<void> {
  const result = await callers({ dir, user, calls, rate: 40, steps: [...establish(), ...hangUp(2)] });
  expect(result.code, result.errors).toBe(0);
}

describe('a disk of 64 kB', () => {
  it('that is full ends no call; what is lost is counted, and there is one line for each trouble', async () => {
    const dir = scratch('full');
    const world = await startWorld(dir, { release: 'sid' });
    const disk = await smallDisk(dir, 'tmpfs');
    const { through, folder } = disk;
    disk.write('old.json', 'of the run before\n');
    const onDisk = (name: string): readonly string[] => ['--log-file', join(folder, `${name}.log`)];
    const echo = await world.echo({ through, args: [...onDisk('echo'), '--status-interval', '200ms'] });
    const ari = await world.service({
      through,
      args: [...onDisk('ari'), '--out', join(folder, 'old.json'), '--metrics-interval', '200ms'],
    });
    const sip = await sipServe(dir, {
      through,
      metrics: `status_interval_seconds = 1\ncall_records_file = "${folder}/calls.jsonl"\nrun_file = "${folder}/old.json"`,
      logging: `enable_syslog = false\nfile = "${folder}/sip.log"`,
    });
    const sipp = world.callers({ calls: 5, durationMs: 120_000 });
    await until('5 calls up', async () => (await ari.calls()).filter(({ state }) => state === 'up').length === 5 || undefined);
    const relayed = await RelayedCall.place();
    await relayed.talk(20);
    disk.fill();

    const full = /(Log file|Call records file) \S+: ENOSPC: no space left on device, write; lines wait in memory/;
    await tones(dir, 'full', 20);
    await flood('busy', 400);
    await Promise.all([relayed.talk(50), ari.line(full), echo.line(full), sip.lines(full, 2)]);
    const before = new Map((await ari.calls()).map(({ id, counters }) => [id, counters.returned]));
    await until('packets returned on all 5', async () => {
      const going = (await ari.calls()).filter(({ id, counters }) => counters.returned > (before.get(id) ?? Number.POSITIVE_INFINITY));
      return going.length === 5 || undefined;
    });
    expectSound(await sip.metrics(), relayed.phone.heard.length);

    await disk.makeRoom();
    const again = /(Log file|Call records file) \S+ works again; (no line was|\d+ lines were) lost/;
    await Promise.all([ari.line(again), echo.line(again), sip.lines(again, 2)]);
    await tones(dir, 'room', 3);
    await until('the records of the last calls', () => told(disk.read('calls.jsonl'), /"user":"room"/) === 3 || undefined);

    const said = sip.running.output();
    expect([told(said, /Log file \S+: /), told(said, /Call records file \S+: /)]).toEqual([1, 1]);
    const lostLines = lost(said, /Log file \S+ works again; (\d+) lines were lost/);
    const lostRecords = lost(said, /Call records file \S+ works again; (\d+) lines were lost/);
    expect(lostLines).toBeGreaterThan(0);
    expect(lostRecords).toBeGreaterThan(0);
    const records = linesOf(disk.read('calls.jsonl')).map((line) => JSON.parse(line) as { readonly id: string });
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    const { calls } = await sip.metrics();
    expect(records.length + lostRecords).toBe(calls.taken - calls.active);
    note(`full disk: ${lostLines} lines and ${lostRecords} of ${calls.taken} records lost`);

    // And a run file on a disk that is full once more.
    disk.fill();
    expect(await relayed.phone.hangUp()).toBe(200);
    sip.running.kill('SIGTERM');
    expect(await sip.running.ended).toEqual({ code: 1, signal: null });
    const refusal = `cannot write ${folder}/old.json: no space is left on the device`;
    expect(linesOf(sip.running.output()).filter((line) => line.startsWith('rtplat: '))).toEqual([`rtplat: ${refusal}`]);
    const ending = await ari.stop();
    expect(ending).toMatchObject({ code: 1, errors: `rtplat: ${refusal}\n` });
    expect(ending.output).toContain('verdict: ');
    expect(disk.read('old.json')).toBe('of the run before\n');
    expect(disk.names().filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(await sipp.result).toMatchObject({ created: 5, answered: 5, hungUpByPeer: 5, failed: 0 });
    expect((await echo.stop()).code).toBe(0);
  });
});

describe('a folder that is read-only', () => {
  it('keeps nothing from starting and no call from ending well; lines and records wait for it', async () => {
    const dir = scratch('read-only');
    const disk = await smallDisk(dir, 'read-only');
    disk.write('run.json', 'of the run before\n');
    const place: ServerPlace = {
      through: disk.through,
      metrics: `status_interval_seconds = 0\ncall_records_file = "${disk.folder}/calls.jsonl"\nrun_file = "${disk.folder}/run.json"`,
      logging: `enable_syslog = false\nfile = "${disk.folder}/sip.log"`,
    };
    const echo = await startEcho({ dir, through: disk.through, args: ['--log-file', join(disk.folder, 'echo.log')] });
    const readOnly = /(Log file|Call records file) \S+: EROFS: read-only file system, open '\S+'; lines wait in memory/;
    const first = await sipServe(dir, place);
    await Promise.all([first.lines(readOnly, 2), echo.line(readOnly)]);
    await tones(dir, 'first', 5);
    first.running.kill('SIGTERM');
    expect(await first.running.ended).toEqual({ code: 1, signal: null });
    expect(linesOf(first.running.output()).filter((line) => !/^\S+Z /.test(line))).toEqual([
      `rtplat: cannot write ${disk.folder}/run.json: the file system is read-only`,
    ]);
    expect(told(first.running.output(), /Call records file \S+: 5 lines were lost/)).toBe(1);
    expect(disk.names()).toEqual(['run.json']);
    expect(disk.read('run.json')).toBe('of the run before\n');

    const folder = join(dir, 'second');
    mkdirSync(folder);
    const second = await sipServe(folder, place);
    await second.lines(readOnly, 2);
    const relayed = await RelayedCall.place();
    await relayed.talk(20);
    await tones(folder, 'second', 5);
    expectSound(await second.metrics(), relayed.phone.heard.length);
    await disk.makeRoom();
    await Promise.all([second.lines(/ works again; no line was lost/, 2), echo.line(/ works again; no line was lost/)]);
    expect(await relayed.phone.hangUp()).toBe(200);
    second.running.kill('SIGTERM');
    expect(await second.running.ended).toEqual({ code: 0, signal: null });
    const said = second.running.output();
    expect(told(said, readOnly)).toBe(2);
    expect(without(disk.read('sip.log'), 'Log file ')).toEqual(without(said, 'Log file '));
    expect(
      linesOf(disk.read('calls.jsonl'))
        .map((line) => (JSON.parse(line) as { user: string }).user)
        .toSorted(),
    ).toEqual([...Array.from({ length: 5 }, () => 'second'), 'relay'].toSorted());
    expect(JSON.parse(disk.read('run.json'))).toMatchObject({ summary: { received: relayed.phone.heard.length, lost: 0 } });
    expect((await echo.stop()).code).toBe(0);
  });
});

describe('a syslog', () => {
  const PORT = 5514;
  const about = 'Syslog at ';

  it('that nobody listens to by UDP costs lines and nothing else', async () => {
    const dir = scratch('udp');
    const server = await sipServe(dir, { logging: `${NO_LOG_FILE}\nsyslog = "udp://127.0.0.1:${PORT}"` });
    await tones(dir, 'deaf', 10);
    const [line] = await server.lines(/Syslog at /);
    expect(line).toMatch(/ Syslog at udp:\/\/127\.0\.0\.1:5514: ECONNREFUSED; lines are lost until it works$/);
    const receiver = createSocket('udp4');
    onTestFinished(() => void receiver.close());
    const heard: string[] = [];
    receiver.on('message', (message) => heard.push(message.toString()));
    receiver.bind(PORT, '127.0.0.1');
    await once(receiver, 'listening');
    await tones(dir, 'heard', 1);
    const [, again = ''] = await server.lines(/Syslog at /, 2);
    expect(again).toMatch(/ works again; \d+ lines? (was|were) lost$/);
    expect(heard.filter((message) => message.includes('INVITE for heard'))).toHaveLength(1);
  });

  it('that refuses TCP costs the lines beyond 1 MB, and each is counted', async () => {
    const dir = scratch('refused');
    const server = await sipServe(dir, { logging: `${NO_LOG_FILE}\nsyslog = "tcp://127.0.0.1:${PORT}"` });
    await flood('busy', 300);
    await tones(dir, 'refused', 10);
    await server.running.stop();
    const said = server.running.output();
    expect(
      linesOf(said)
        .filter((line) => line.includes(about))
        .map((line) => line.slice(25)),
    ).toEqual([
      `Syslog at tcp://127.0.0.1:${PORT}: ECONNREFUSED; lines wait in memory until it works, and are lost when there are too many`,
      `Syslog at tcp://127.0.0.1:${PORT}: ${without(said, about).length} lines were lost`,
    ]);
  });

  it('that takes a connection and never reads holds up nothing; what it did not take is counted', async () => {
    const dir = scratch('stuck');
    const echo = await startEcho({ dir });
    const connections: Socket[] = [];
    const receiver = createServer({ pauseOnConnect: true }, (socket) => connections.push(socket));
    receiver.listen(PORT, '127.0.0.1');
    await once(receiver, 'listening');
    onTestFinished(() => {
      for (const socket of connections) socket.destroy();
      receiver.close();
    });
    const server = await sipServe(dir, { logging: `${NO_LOG_FILE}\nsyslog = "tcp://127.0.0.1:${PORT}"` });
    const memory = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.running.pid}/status`, 'utf8'))?.[1]) / 1024;
    const beforeMb = memory();
    const relayed = await RelayedCall.place();
    await Promise.all([flood('busy', 1_500), relayed.talk(50)]);
    await tones(dir, 'stuck', 10);
    await server.lines(/ it takes lines slower than they come; lines wait in memory until it works/);
    expectSound(await server.metrics(), relayed.phone.heard.length);
    const growthMb = memory() - beforeMb;
    expect(await relayed.phone.hangUp()).toBe(200);
    await server.running.stop();

    const [socket] = connections;
    if (socket === undefined || connections.length > 1) throw new Error(`${connections.length} connections`);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.resume();
    await once(socket, 'close');
    const taken = syslogMessages(text);
    const said = server.running.output();
    const printed = without(said, about).map((line) => line.slice(line.indexOf(' ') + 1));
    expect(told(said, /Syslog at /)).toBe(2);
    for (const [index, message] of taken.entries()) expect(message.endsWith(printed[index] ?? '?')).toBe(true);
    // A batch that the connection had begun with counts as lost, for nobody knows how much of it arrived.
    const missing = lost(said, /Syslog at \S+: (\d+) lines were lost/);
    expect(missing).toBeGreaterThanOrEqual(printed.length - taken.length);
    expect(missing).toBeLessThan(printed.length);
    expect((await echo.stop()).code).toBe(0);
    note(
      `stuck syslog: ${taken.length} of ${printed.length} lines taken, ${missing} counted as lost; ${growthMb.toFixed(0)} MB more memory`,
    );
  });
});

/** What octet counting (RFC 6587) holds, but for a message that is cut off. */
function syslogMessages(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const messages: string[] = [];
  for (let at = 0; ;) {
    const space = bytes.indexOf(' ', at);
    const end = space + 1 + Number(bytes.toString('latin1', at, space));
    if (space < 0 || end > bytes.length) return messages;
    messages.push(bytes.toString('utf8', space + 1, end));
    at = end;
  }
}

describe('no file left', () => {
  /** Files that a service has open when it serves, and some for its calls. */
  const through = (files: number): readonly string[] => ['prlimit', `--nofile=${files}:${files}`];

  it('refuses calls with 503 and a line for each, and goes on when there are some', async () => {
    const dir = scratch('files');
    const echo = await startEcho({ dir });
    const server = await sipServe(dir, { through: through(60), logging: `${NO_LOG_FILE}\nenable_syslog = false` });
    const [relayed, tone] = [await RelayedCall.place(), await dial('600')];
    const release = await exhaustFiles(SIP_PORT, 'sip');
    await expect(dial('601')).rejects.toThrow('SIP/2.0 503 Service Unavailable');
    await expect(dial('relay')).rejects.toThrow('SIP/2.0 503 Service Unavailable');
    const heard = tone.heard.length;
    await relayed.talk(50);
    await until('the tone goes on', () => tone.heard.length > heard || undefined);
    await expect(fetch('http://127.0.0.1:8090/health')).rejects.toThrow('fetch failed');
    const usedMs = await cpuMs(server.running.pid, () => relayed.talk(50));
    expect(told(server.running.output(), /Failed to take the call: cannot bind \S+: EMFILE \(too many open files in this process\)/)).toBe(
      2,
    );
    await release();
    expectSound(await until('HTTP again', () => server.metrics()), relayed.phone.heard.length);
    const more = await dial('602');
    for (const phone of [relayed.phone, tone, more]) expect(await phone.hangUp()).toBe(200);
    const { calls } = await server.idle();
    expect(calls).toMatchObject({ taken: 5, active: 0, completed: 3 });
    // A server that is asked in vain at every turn of its event loop has no rest.
    expect(usedMs).toBeLessThan(700);
    note(`no file left: ${usedMs} ms of processor in a second`);
    expect((await echo.stop()).code).toBe(0);
  });

  it('is no end of a call of Asterisk, and the next one is refused in order', async () => {
    const world = await startWorld(scratch('files-ari'), { release: 'sid' });
    await world.echo();
    const service = await world.service({ through: through(60) });
    const first = world.callers({ calls: 3, durationMs: 120_000 });
    const up = async (): Promise<readonly CallDocument[]> => (await service.calls()).filter(({ state }) => state === 'up');
    await until('3 calls up', async () => (await up()).length === 3 || undefined);
    const release = await exhaustFiles(9090, 'http');
    expect(await world.callers({ calls: 2, durationMs: 500 }).result).toMatchObject({ created: 2, answered: 0, refused: { 503: 2 } });
    expect(service.messages(/^Failed to create channel \S+: failed to get RTP port: cannot bind \S+: EMFILE/)).toHaveLength(2);
    await release();
    await until('HTTP again', () => service.metrics());
    expect(await world.callers({ calls: 2, durationMs: 500 }).result).toMatchObject({ created: 2, answered: 2, failed: 0 });
    const before = new Map((await up()).map(({ id, counters }) => [id, counters.returned]));
    expect(before.size).toBe(3);
    await until('packets returned on all 3', async () => {
      const going = (await up()).filter(({ id, counters }) => counters.returned > (before.get(id) ?? Number.POSITIVE_INFINITY));
      return going.length === 3 || undefined;
    });
    await hangUpCallers(world.asterisk);
    expect(await first.result).toMatchObject({ created: 3, answered: 3, hungUpByPeer: 3, failed: 0 });
    await world.cleared();
    const { counters } = await service.metrics();
    expect(counters).toMatchObject({ sent: counters.returned + counters.lost, lost: 0, in_flight: 0 });
    expect((await service.finish()).code).toBe(0);
  });
});
