/** `rtplat probe ari:…`: calls that a real Asterisk is asked for, with ari-serve behind it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseRun } from '../../src/core/report/read-run.ts';
import type { RunDocument } from '../../src/core/report/run.ts';
import type { Asterisk } from './kit/asterisk.ts';
import { capture, rtpStreams } from './kit/capture.ts';
import { until } from './kit/process.ts';
import { scratchFolder } from './kit/scratch.ts';
import { note, RELEASES, startWorld } from './kit/world.ts';
import type { World } from './kit/world.ts';

const scratch = scratchFolder();
const PROGRAM = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
const SERVICE = 'http://127.0.0.1:9090';

/** `echo` is ari-serve's; the others are what a dialplan may do to a call. */
const EXTENSIONS = `
[rtplat]
exten = echo,1,Stasis(rtplat)
 same = n,Hangup()
exten = own-echo,1,Answer()
 same = n,Echo()
exten = busy,1,Hangup(17)
exten = congested,1,Hangup(34)
exten = declined,1,Hangup(21)
exten = rings,1,Ringing()
 same = n,Wait(60)
exten = brief,1,Answer()
 same = n,Wait(1)
 same = n,Hangup(16)
exten = deaf,1,Answer()
 same = n,Wait(60)
`;

function world(name: string, release: (typeof RELEASES)[number] = 'sid'): Promise<World> {
  return startWorld(scratch(name), { release, more: { extensions: EXTENSIONS, modules: ['func_timeout'] } });
}

interface Probe {
  readonly pid: number;
  interrupt(): void;
  kill9(): void;
  readonly ended: Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }>;
}

function probe({ ari }: Asterisk, args: readonly string[], password: string = ari.password): Probe {
  const child = spawn(process.execPath, [PROGRAM, 'probe', ...args, '--ari-url', ari.url, '--ari-user', ari.user], {
    env: { ...process.env, ARI_PASS: password, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }>((resolve) => {
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
  return { pid: child.pid ?? 0, interrupt: () => child.kill('SIGINT'), kill9: () => child.kill('SIGKILL'), ended };
}

async function runOf(
  asterisk: Asterisk,
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly stderr: string; readonly run: RunDocument }> {
  const { status, stdout, stderr } = await probe(asterisk, [...args, '--json']).ended;
  if (stdout === '') throw new Error(`no document: ${stderr}`);
  return { status, stderr, run: parseRun(stdout, 'probe') };
}

async function channelsAndBridges({ ari }: Asterisk): Promise<readonly string[]> {
  const [channels, bridges] = await Promise.all([ari.channels(), ari.bridges()]);
  return [...channels, ...bridges].map(({ id }) => id);
}

/** Nothing at all is left in Asterisk: no test of these has other calls. */
function empty(asterisk: Asterisk): Promise<unknown> {
  return until('an empty Asterisk', async () => {
    const left = await channelsAndBridges(asterisk);
    if (left.length > 0) throw new Error(`left: ${left.join(' ')}`);
    return true;
  });
}

describe.each(RELEASES)('a load on ari-serve, by Asterisk of %s', (release) => {
  it('succeeds, and caller, service and an independent capture have counted the same', async () => {
    const calls = 8;
    const packets = 150;
    const { asterisk, echo, service, folder } = await world(`load-${release}`, release);
    await echo();
    const serving = await service();
    const trace = await capture({ dir: folder('capture') });
    const load = ['--count', String(calls), '--cps', '20', '--duration', '3s', '--timeout', '1s', '--service', SERVICE];
    const { status, stderr, run } = await runOf(asterisk, ['ari:Local/echo@rtplat', ...load]);
    expect(stderr.split('\n').filter((line) => line.startsWith('rtplat:'))).toEqual([]);
    // Numbers of the instrument may be in doubt on a busy machine; the calls are not.
    expect([0, 4]).toContain(status);
    const { ari } = run;
    expect(run.summary).toMatchObject({ match: 'payload', sent: calls * packets, received: calls * packets, lost: 0 });
    expect(ari).toMatchObject({
      ...{ calls_placed: calls, calls_answered: calls, calls_succeeded: calls, success_ratio: 1, failures: [], left: 0 },
      ...{ sent: calls * packets, came_back: calls * packets },
      service: { trouble: null, calls_taken: calls, calls_refused: 0, calls_failed: 0, calls_joined: calls, counted_by: 'call' },
    });
    expect(ari?.agreement, JSON.stringify(ari?.agreement)).toMatchObject({ verdict: 'agree' });
    expect(ari?.setup_ms?.p50).toBeGreaterThan(0);
    await empty(asterisk);
    await serving.idle();

    const file = await trace.stop();
    const streams = await rtpStreams(file, ['10000-10100', ...run.calls.map(({ port }) => port ?? 0)]);
    const there = await serving.calls();
    for (const call of run.calls) {
      const ways = streams.filter(({ srcPort, dstPort }) => srcPort === call.port || dstPort === call.port);
      expect(
        ways.map(({ packets: counted, lost }) => ({ counted, lost })),
        `port ${call.port}`,
      ).toEqual([
        { counted: packets, lost: 0 },
        { counted: packets, lost: 0 },
      ]);
      const served = there.find(({ id }) => id === call.ari?.service?.id);
      expect(served?.counters).toMatchObject({ from_peer: packets, sent: packets, returned: packets, to_peer: packets, lost: 0 });
    }
    note(`${release}: ${calls} calls through ARI, set-up p50 ${ari?.setup_ms?.p50.toFixed(1)} ms, ${ari?.sent} packets agree`);
  });
});

describe('what becomes of other calls', () => {
  const SHORT = ['--duration', '1s', '--timeout', '300ms', '--ring-timeout', '2s'];

  it('says why each failed, and leaves nothing in Asterisk', async () => {
    const { asterisk } = await world('failures');
    for (const [endpoint, line, cause] of [
      [
        'Local/nobody@rtplat',
        'it was hung up before it was answered, for no reason given: is there such an extension? (Q.850 cause 0 "Unknown")',
        0,
      ],
      ['Local/busy@rtplat', 'busy (Q.850 cause 17 "User busy")', 17],
      ['Local/congested@rtplat', 'no route: the far end has no room (Q.850 cause 34 "Circuit/channel congestion")', 34],
      ['Local/declined@rtplat', 'declined (Q.850 cause 21 "Call Rejected")', 21],
      ['Local/rings@rtplat', 'no answer within 2s (see --ring-timeout)', null],
      ['Local/deaf@rtplat', 'no media: none of 50 packets came back; does that extension echo?', null],
      ['PJSIP/nobody', 'Asterisk does not call PJSIP/nobody: Allocation failed (HTTP 500): is there such an endpoint?', null],
    ] as const) {
      const { status, stderr, run } = await runOf(asterisk, [`ari:${endpoint}`, ...SHORT, '--quiet']);
      expect(stderr, endpoint).toBe(`rtplat: call 1: ${line}\n`);
      expect(status, endpoint).toBe(1);
      expect(run.ari, endpoint).toMatchObject({
        calls_succeeded: 0,
        success_ratio: 0,
        left: 0,
        failures: [{ problem: line, cause, calls: 1 }],
      });
      expect(run.summary.verdict, endpoint).toBe('fail');
      await empty(asterisk);
    }
    const early = await runOf(asterisk, ['ari:Local/brief@rtplat', '--duration', '30s', '--quiet']);
    expect(early.stderr).toMatch(
      /^rtplat: call 1: the far end hung up early, \d+\.\d s after its answer, of 30s \(Q\.850 cause 16 "Normal Clearing"\)\n$/,
    );
    expect(early.status).toBe(1);
    const alike = await runOf(asterisk, ['ari:Local/busy@rtplat', ...SHORT, '--quiet', '--count', '3']);
    expect(alike.run.ari?.failures).toMatchObject([{ cause: 17, calls: 3 }]);
    await empty(asterisk);
  });

  it('an Echo() of the dialplan: counted with --match header, and measured by the bytes without', async () => {
    const { asterisk } = await world('own-echo');
    const header = await runOf(asterisk, ['ari:Local/own-echo@rtplat', ...SHORT, '--match', 'header']);
    expect(header.run.ari).toMatchObject({ success_ratio: 1, service: null, agreement: null, sent: 50, came_back: 50, left: 0 });
    const { p50_latency: p50, packet_loss_ratio: loss, verdict } = header.run.summary;
    expect([p50, loss, verdict, header.status]).toEqual([null, null, 'insufficient', 0]);
    const bytes = await runOf(asterisk, ['ari:Local/own-echo@rtplat', ...SHORT, '--for', '2s', '--concurrency', '2']);
    expect(bytes.run.ari?.calls_placed).toBeGreaterThanOrEqual(2);
    expect(bytes.run.ari).toMatchObject({ success_ratio: 1, left: 0 });
    expect(bytes.run.ari?.came_back).toBe(bytes.run.ari?.sent);
    expect(bytes.run.summary).toMatchObject({ match: 'payload', received: bytes.run.ari?.sent, lost: 0 });
    expect(bytes.run.summary.p50_latency).toBeGreaterThan(0);
    expect([0, 4]).toContain(bytes.status);
    await empty(asterisk);
  });

  it('a verdict on each call: one that echoes, and one that does not', async () => {
    const { asterisk } = await world('verdicts');
    const echo = await runOf(asterisk, ['ari:Local/own-echo@rtplat', '--duration', '4s']);
    // A machine that is too busy tears it; whatever it is, ours is heard in it, from the beginning.
    expect(['fine', 'robotic']).toContain(echo.run.calls[0]?.verdict?.state);
    const deaf = await runOf(asterisk, ['ari:Local/deaf@rtplat', '--duration', '4s']);
    expect(deaf.run.calls[0]?.verdict).toMatchObject({ state: 'one-way' });
    expect(deaf.run.summary.calls_not_fine).toBe(1);
    expect(deaf.stderr).toContain('Warning: call-1 is one-way');
    await empty(asterisk);
  });

  it('ends at once where it cannot begin', async () => {
    const { asterisk } = await world('beginnings');
    const wrong = await probe(asterisk, ['ari:Local/echo@rtplat'], 'not this').ended;
    expect(wrong.stderr).toMatch(/refuses the ARI user rtplat \(HTTP 401\)/);
    expect(wrong.status).toBe(2);
    const nowhere = await probe(asterisk, ['ari:Local/echo@rtplat', '--service', 'http://127.0.0.1:1/']).ended;
    expect(nowhere.stderr).toMatch(/http:\/\/127\.0\.0\.1:1\/metrics cannot be reached: ECONNREFUSED/);
    expect(nowhere.status).toBe(1);
    await empty(asterisk);
  });
});

describe('ends that were not planned', () => {
  const LONG = ['--count', '4', '--cps', '50', '--duration', '10m', '--ring-timeout', '10m', '--json'];

  it.each(['own-echo', 'rings'])('Ctrl-C during %s hangs up all that is ours, and nothing else', async (extension) => {
    const { asterisk } = await world(`interrupt-${extension}`);
    const foreign = { endpoint: 'Local/rings@rtplat', extension: 'rings', context: 'rtplat', priority: 1, timeout: -1 };
    expect((await asterisk.ari.request('POST', '/channels', foreign)).status).toBe(200);
    const others = await channelsAndBridges(asterisk);
    expect(others).toHaveLength(2);
    const load = probe(asterisk, [`ari:Local/${extension}@rtplat`, ...LONG]);
    // Each has a near, a far and a leg; and a bridge, in which an answered one has two of them.
    await until('all calls there', async () => ((await channelsAndBridges(asterisk)).length === others.length + 16 ? true : undefined));
    if (extension === 'own-echo') {
      await until('all calls up', async () => {
        const bridges = await asterisk.ari.bridges();
        return bridges.every(({ channels }) => channels.length === 2) ? true : undefined;
      });
    }
    load.interrupt();
    const { status, stdout, stderr } = await load.ended;
    expect(await channelsAndBridges(asterisk)).toEqual(others);
    if (extension === 'rings') {
      expect([status, stdout, stderr]).toEqual([130, '', 'rtplat: stopped before anything was measured\n']);
    } else if (status !== 130) {
      const run = parseRun(stdout, 'probe');
      expect(run.calls.map(({ end_reason: why }) => why)).toEqual(run.calls.map(() => 'stopped'));
      expect(run.ari).toMatchObject({ failures: [], left: 0 });
    }
  });

  it('an Asterisk that is killed fails the calls that were up, and the end is said', async () => {
    const { asterisk } = await world('killed');
    // More than are up at once: no further one is tried.
    const load = probe(asterisk, ['ari:Local/own-echo@rtplat', ...LONG.with(1, '1000'), '--concurrency', '4']);
    await until('all calls up', async () => {
      const bridges = await asterisk.ari.bridges();
      return bridges.length === 4 && bridges.every(({ channels }) => channels.length === 2) ? true : undefined;
    });
    await asterisk.kill9();
    const { status, stdout, stderr } = await load.ended;
    expect(status).toBe(1);
    const lines = stderr.split('\n').filter((line) => line.startsWith('rtplat: call '));
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toMatch(/the connection to Asterisk was lost|media to a dead port/);
    expect(stderr).toContain('Asterisk could not be asked whether anything of ours is left there');
    expect(parseRun(stdout, 'probe').ari).toMatchObject({ calls_answered: 4, calls_succeeded: 0, left: null });
  });

  it('a probe that is killed leaves calls that Asterisk ends in time, and bridges that the next one takes down', async () => {
    const { asterisk } = await world('killed-probe');
    const load = probe(asterisk, ['ari:Local/own-echo@rtplat', ...LONG]);
    await until('all calls up', async () => {
      const bridges = await asterisk.ari.bridges();
      return bridges.length === 4 && bridges.every(({ channels }) => channels.length === 2) ? true : undefined;
    });
    load.kill9();
    await load.ended;
    const ours = (await asterisk.ari.channels()).filter(({ id }) => id.endsWith('.near') || id.endsWith('.leg'));
    expect(ours).toHaveLength(8);
    for (const { id } of ours) {
      const { body } = await asterisk.ari.request('GET', `/channels/${id}/variable?variable=${encodeURIComponent('TIMEOUT(absolute)')}`);
      const seconds = Number((body as { readonly value: string }).value);
      // Ten minutes each of ringing and media, and a margin.
      expect(seconds, id).toBeGreaterThan(1_200);
      expect(seconds, id).toBeLessThan(1_300);
    }
    // As if it had come to that.
    await Promise.all(ours.map(({ id }) => asterisk.ari.request('DELETE', `/channels/${id}`)));
    await until('only bridges left', async () => ((await asterisk.ari.channels()).length === 0 ? true : undefined));
    expect(await asterisk.ari.bridges()).toHaveLength(4);
    const { run } = await runOf(asterisk, ['ari:Local/busy@rtplat']);
    expect(run.ari).toMatchObject({ calls_placed: 1, left: 0 });
    await empty(asterisk);
  });
});
