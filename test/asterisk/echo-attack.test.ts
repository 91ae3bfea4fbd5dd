// What somebody with a raw socket can make of an echo: nothing that goes on, and nothing that is more than what was sent.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MOST_COPIES } from '../../src/core/guard/loops.ts';
import { writeRtpHeader } from '../../src/core/rtp/packet.ts';
import type { Endpoint } from '../../src/core/values/address.ts';
import { forger } from './kit/forged.ts';
import type { Forger } from './kit/forged.ts';
import { otherHost } from './kit/other-host.ts';
import type { OtherHost } from './kit/other-host.ts';
import { peer } from './kit/peers.ts';
import { run, start, until } from './kit/process.ts';
import { echoMetrics, startEcho } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';

const scratch = scratchFolder();
const OURS = '10.99.0.1';
const OURS6 = 'fd00:99::1';
const THEIRS6 = 'fd00:99::2';
const STATUS = ['--status-interval', '50ms'];
const HTTP_PORT = 9095;
/** Less than any receive buffer holds. */
const BURST = 100;

type Echo = Awaited<ReturnType<typeof startEcho>>;

async function neighbour(dir: string): Promise<OtherHost> {
  const host = await otherHost(dir);
  onTestFinished(() => host.stop());
  const ip = peer('ip');
  await run(ip, ['address', 'add', `${OURS6}/64`, 'dev', host.iface, 'nodad']);
  const [command = '', ...words] = host.prefix;
  await run(command, [...words, ip, 'address', 'add', `${THEIRS6}/64`, 'dev', 'rtplat1', 'nodad']);
  return host;
}

function forge(address: string): Forger {
  const made = forger({ address, port: 4000 });
  onTestFinished(() => made.close());
  return made;
}

function rtp(sequence: number, ssrc = 7): Uint8Array {
  const packet = new Uint8Array(172).fill(0xff);
  writeRtpHeader(packet, 0, { marker: false, payloadType: 0, sequence, timestamp: sequence * 160, ssrc });
  return packet;
}

/** A row of the summary. */
function row(output: string, name: string): number {
  const found = new RegExp(`${name}\\s+│\\s+([\\d,]+)`).exec(output)?.[1];
  if (found === undefined) throw new Error(`no row ${name} in ${output}`);
  return Number(found.replaceAll(',', ''));
}

/** Waits until a packet was refused as coming from `reason`. @returns what each echo had received and returned. */
async function over(echoes: readonly Echo[], reason: RegExp): Promise<readonly { readonly received: number; readonly returned: number }[]> {
  await until('the end of the loop', () => echoes.some((echo) => echo.messages(reason).length > 0) || undefined);
  const endings = await Promise.all(echoes.map((echo) => echo.stop()));
  return endings.map(({ output }) => ({ received: row(output, 'packets received'), returned: row(output, 'packets returned') }));
}

describe('one forged packet', () => {
  test('between two echoes on the same port is not even answered', async () => {
    const host = await neighbour(scratch('same-port'));
    const [ours, theirs] = [
      await startEcho({ dir: scratch('ours'), args: STATUS }),
      await startEcho({ dir: scratch('theirs'), args: STATUS, through: host.prefix }),
    ];
    forge(OURS).send({ address: host.ip, port: 4000 }, rtp(1));
    expect(await over([ours, theirs], /from a port that/)).toEqual([
      { received: 1, returned: 0 },
      { received: 0, returned: 0 },
    ]);
  });

  test.each([
    ['IPv4', [], [], OURS, '10.99.0.2'],
    ['IPv6', [], [], OURS6, THEIRS6],
    ['IPv4, each allowed by the other', ['--allow', '10.99.0.0/24'], ['--allow', '10.99.0.0/24'], OURS, '10.99.0.2'],
    ['IPv4, portable engine, for any bytes', ['--any', '--engine', 'portable'], ['--any', '--engine', 'portable'], OURS, '10.99.0.2'],
  ])('between two echoes goes to and fro a few times: %s', async (_name, args, theirArgs, to, from) => {
    const host = await neighbour(scratch('two-echoes'));
    const [ours, theirs] = [
      await startEcho({ dir: scratch('ours'), args: [...STATUS, ...args] }),
      await startEcho({ dir: scratch('theirs'), port: 5004, args: [...STATUS, ...theirArgs], through: host.prefix }),
    ];
    forge(to).send({ address: from, port: 5004 }, rtp(1));
    const [here, there] = await over([ours, theirs], /going round in a loop/);
    expect(here).toEqual({ received: MOST_COPIES + 1, returned: MOST_COPIES });
    expect(there).toEqual({ received: MOST_COPIES, returned: MOST_COPIES });
  });

  test('between an echo and SIPp, which returns all that it gets, too', async () => {
    const dir = scratch('sipp');
    const host = await neighbour(dir);
    const words = ['-sn', 'uas', '-i', host.ip, '-mi', host.ip, '-mp', '6000', '-rtp_echo', '-nostdin'];
    const sipp = start(host.prefix[0] ?? '', [...host.prefix.slice(1), peer('sipp'), ...words], path.join(dir, 'sipp.log'), { cwd: dir });
    onTestFinished(() => sipp.stop());
    const echo = await startEcho({ dir: scratch('ours'), args: STATUS });
    // It has no line for it: asked from a port of our own until it answers.
    const asking = createSocket('udp4');
    onTestFinished(() => void asking.close());
    let answers = 0;
    asking.on('message', () => (answers += 1));
    asking.bind(0, OURS);
    await once(asking, 'listening');
    await until('SIPp to return packets', () => {
      asking.send(rtp(9), 6000, host.ip);
      return answers > 0 || undefined;
    });
    forge(OURS).send({ address: host.ip, port: 6000 }, rtp(1));
    expect(await over([echo], /going round in a loop/)).toEqual([{ received: MOST_COPIES + 1, returned: MOST_COPIES }]);
  });

  test.each([7, 19, 53, 69, 123])('from port %i, where answers are answered, is not answered', async (port) => {
    const host = await neighbour(scratch('servers'));
    const echo = await startEcho({ dir: scratch('ours'), args: [...STATUS, '--any'] });
    forge(OURS).send({ address: host.ip, port }, rtp(1));
    expect(await over([echo], /from a port that/)).toEqual([{ received: 1, returned: 0 }]);
  });
});

const metrics = (): ReturnType<typeof echoMetrics> => echoMetrics(HTTP_PORT);

/** From as many addresses as there are numbers. */
function sender(ipv6: boolean, i: number): Endpoint {
  return {
    address: ipv6 ? `2001:db8:${(i >>> 4).toString(16)}:${(i & 15).toString(16)}::1` : `198.18.${i >>> 8}.${i & 255}`,
    port: 30_000,
  };
}

describe('a flood of forged packets', () => {
  test.each([
    ['IPv4', OURS, false],
    ['IPv6', OURS6, true],
  ])('from thousands of sources gets no more than the total rate, and callers of this host lose nothing: %s', async (_name, to, ipv6) => {
    await neighbour(scratch('flood'));
    const args = ['--source-rate', '50', '--total-rate', '100', '--http-port', String(HTTP_PORT)];
    const echo = await startEcho({ dir: scratch('ours'), args });
    await echo.line(/HTTP on/);
    const attack = forge(to);
    const startedMs = performance.now();
    const words = [PROGRAM, 'probe', 'udp://127.0.0.1:4000', '-d', '2s', '--json', '--quiet'];
    const probe = start(process.execPath, words, path.join(scratch('probe'), 'run.json'));
    onTestFinished(() => probe.stop());
    let forged = 0;
    while (probe.child.exitCode === null && probe.child.signalCode === null) {
      for (let i = 0; i < BURST; i++, forged++) attack.send(sender(ipv6, forged % 4_096), rtp(forged & 0xffff, forged));
      // As fast as the echo takes them, so that the kernel drops none.
      await until('a burst to be read', async () => ((await metrics())['packets'] ?? 0) >= forged || undefined, { everyMs: 1 });
    }
    // Packets of the probe were counted among those of the last burst.
    await until('the last ones to be read', async () => ((await metrics())['packets'] ?? 0) >= forged + 100 || undefined);
    const ran = JSON.stringify(JSON.parse(probe.output()));
    expect(/"sent":(\d+),"returned":(\d+)/.exec(ran)?.slice(1)).toEqual(['100', '100']);
    const { packets, sent = 0, refused = 0, ...others } = await metrics();
    const seconds = (performance.now() - startedMs) / 1e3;
    expect(packets).toBe(forged + 100);
    expect(forged).toBeGreaterThan(1_000);
    // Beside the packets of the probe, the rate and a burst of 16.
    expect(sent - 100).toBeLessThanOrEqual(100 * seconds + 17);
    expect(sent - 100).toBeGreaterThanOrEqual(16);
    expect(sent + refused).toBe(packets);
    expect((others['refused_total_rate'] ?? 0) + (others['refused_source_rate'] ?? 0)).toBe(refused);
    expect((await echo.stop()).code).toBe(0);
  });
});

test('a datagram in fragments is one, and those that never become one cost nothing', async () => {
  const host = await neighbour(scratch('fragments'));
  const echo = await startEcho({ dir: scratch('ours'), args: [...STATUS, '--source-rate', '0', '--total-rate', '0'] });
  const attack = forge(OURS);
  const payload = rtp(1);
  const from = (port: number): Endpoint => ({ address: host.ip, port });
  // Of 180 bytes, the header of UDP among them.
  const [first, second, third] = [
    { at: 0, bytes: 64, more: true },
    { at: 64, bytes: 64, more: true },
    { at: 128, bytes: 52, more: false },
  ];
  attack.sendPieces(from(7001), payload, [first, second, third]);
  attack.sendPieces(from(7002), payload, [third, first, second]);
  // One that overlaps, which is never put together (RFC 5722 for IPv6; Linux does so for IPv4 as well), and the smallest there is (RFC 1858).
  attack.sendPieces(from(7003), payload, [first, { at: 32, bytes: 96, more: true }, third]);
  attack.sendPieces(from(7004), payload, [
    { at: 0, bytes: 8, more: true },
    { at: 8, bytes: 172, more: false },
  ]);
  // More of those that have no end than the kernel keeps.
  for (let n = 0; n < 3_000; n++) attack.sendPieces(from(8000), payload, [n % 2 === 0 ? first : third]);
  attack.send(from(7005), payload);
  await until('the last one to be answered', () => echo.messages(/^4 packets/).length > 0 || undefined);
  const { output, code } = await echo.stop();
  expect(code).toBe(0);
  expect([row(output, 'packets received'), row(output, 'bytes received'), row(output, 'packets returned')]).toEqual([4, 4 * 172, 4]);
});

const PROGRAM = path.join(import.meta.dirname, '..', '..', 'bin', 'rtplat.ts');
const KEY = '0123456789abcdef0123456789abcdef';

test('with --token-file only those who have the key are answered, and with --only-allowed those who are named', async () => {
  const host = await neighbour(scratch('token'));
  const dir = scratch('keys');
  const key = path.join(dir, 'key');
  const wrong = path.join(dir, 'wrong');
  writeFileSync(key, `${KEY}\n`);
  writeFileSync(wrong, `${KEY}0\n`);
  const probe = async (
    ...args: readonly string[]
  ): Promise<{ readonly code: number | null; readonly run: Readonly<Record<string, unknown>> }> => {
    const words = ['probe', `udp://${OURS}:4000`, '-d', '400ms', '-t', '500ms', '--json', '--quiet', ...args];
    const log = path.join(scratch('probe'), 'run.json');
    const running = start(host.prefix[0] ?? '', [...host.prefix.slice(1), process.execPath, PROGRAM, ...words], log);
    onTestFinished(() => running.stop());
    const { code } = await running.ended;
    return { code, run: JSON.parse(running.output()) as Readonly<Record<string, unknown>> };
  };
  const received = ({ run }: Awaited<ReturnType<typeof probe>>): number => Number(/"returned":\s*(\d+)/.exec(JSON.stringify(run))?.[1]);

  const first = await startEcho({ dir: scratch('ours'), args: ['--token-file', key] });
  for (const engine of ['batch', 'portable']) expect(received(await probe('--token-file', key, '--engine', engine))).toBe(20);
  expect(received(await probe())).toBe(0);
  expect(received(await probe('--token-file', wrong))).toBe(0);
  expect((await first.stop()).output).toMatch(/not answered\s+│\s+40 \(40 without a token\)/);

  const second = await startEcho({ dir: scratch('ours'), args: ['--only-allowed', '--allow', '192.0.2.0/24', '--allow', '2001:db8::/32'] });
  expect(received(await probe())).toBe(0);
  expect((await second.stop()).output).toMatch(/not answered\s+│\s+20 \(20 not allowed\)/);

  const third = await startEcho({ dir: scratch('ours'), args: ['--only-allowed', '--allow', '192.0.2.0/24,10.99.0.2'] });
  expect(received(await probe())).toBe(20);
  expect((await third.stop()).output).toMatch(/not answered\s+│\s+0 │/);
});
