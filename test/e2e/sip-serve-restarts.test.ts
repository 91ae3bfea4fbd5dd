/** `rtplat sip-serve` whose packet threads fail: their calls end, and the threads are started again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import type { PlacedCall } from '../kit/udp-caller.ts';
import { UdpCaller } from '../kit/udp-caller.ts';
import { Cli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'rtplat-sip-serve-'));
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const PARTS = [
  { part: 'media', title: 'media thread', fault: 'start', action: 'silence', ports: 28_300 },
  { part: 'relay', title: 'relay thread', fault: 'pin', action: 'relay', ports: 28_400 },
] as const;

it.each(PARTS)('the $title', async ({ part, title, fault, action, ports }) => {
  const echo = createSocket('udp4');
  echo.bind(0, '127.0.0.1');
  await once(echo, 'listening');
  closing.push(() => echo.close());
  const file = join(folder, `${part}.toml`);
  writeFileSync(
    file,
    `
[behavior]
mode = "${action}"
auto_answer_delay_ms = 0
max_concurrent_calls = 10
[media]
rtp_port_range_start = ${ports}
rtp_port_range_end = ${ports + 39}
[relay]
echo_port = ${echo.address().port}
loss_timeout_ms = 50
[health]
max_restart_attempts = 1
[logging]
enable_file_logging = false
enable_syslog = false
`,
  );
  const args = ['sip-serve', '--config', file, '--bind', '127.0.0.1', '--port', '0', '--http-port', '0', '--engine', 'batch'];
  const cli = new Cli(args, {
    RTPLAT_TEST_FAULT: fault,
    NODE_OPTIONS: `--import=${new URL('thread-fault.ts', import.meta.url).href}`,
  });
  closing.push(() => cli.kill());
  const [, port = '', http = ''] = await cli.shows(/sip-serve: UDP 127\.0\.0\.1:(\d+),.* HTTP on (http:\S+)\/ /);
  const caller = await UdpCaller.open(Number(port));
  closing.push(() => caller.close());
  const place = async (): Promise<PlacedCall> => {
    const call = await caller.call('600');
    if (typeof call === 'string') throw new Error(call);
    return call;
  };

  const [first, second] = [await place(), await place()];
  await Promise.all([first.hungUp(), second.hungUp()]);
  await cli.shows(new RegExp(`The ${title} has failed: an injected fault\n`));
  await cli.shows(new RegExp(`The ${title} is up again\n`));
  const metrics = await (await fetch(`${http}/metrics`)).json();
  expect(metrics).toMatchObject({ restarts: { [part]: 1 }, calls: { taken: 2 } });
  // The ports of before are free again: a thread that fails takes its sockets along.
  const third = await place();
  const { channels } = (await (await fetch(`${http}/channels`)).json()) as { channels: { state: string; port: number }[] };
  expect(channels.map(({ state }) => state)).toEqual(['confirmed', 'ended', 'ended']);
  expect(channels[0]?.port).toBe(action === 'relay' ? ports + 20 : ports);
  const fourth = await place();
  await Promise.all([third.hungUp(), fourth.hungUp()]);
  const { status, stderr } = await cli.end();
  expect(stderr).toBe(`rtplat: the ${title} has failed: an injected fault, after 1 of 1 attempts in a row to start it again\n`);
  expect(status).toBe(1);
});

it('no thread is started again where the configuration says so', async () => {
  const file = join(folder, 'never.toml');
  const quiet = '[logging]\nenable_file_logging = false\nenable_syslog = false\n';
  const behavior =
    '[behavior]\nmode = "silence"\nauto_answer_delay_ms = 0\nmax_concurrent_calls = 10\n[media]\nrtp_port_range_start = 28500\nrtp_port_range_end = 28519\n';
  writeFileSync(file, `${behavior}[health]\nrestart_on_failure = false\n${quiet}`);
  const cli = new Cli(['sip-serve', '--config', file, '--bind', '127.0.0.1', '--port', '0', '--http-port', '0', '--engine', 'batch'], {
    RTPLAT_TEST_FAULT: 'start',
    NODE_OPTIONS: `--import=${new URL('thread-fault.ts', import.meta.url).href}`,
  });
  closing.push(() => cli.kill());
  const [, port = ''] = await cli.shows(/sip-serve: UDP 127\.0\.0\.1:(\d+),/);
  const caller = await UdpCaller.open(Number(port));
  closing.push(() => caller.close());
  const calls = [await caller.call('1'), await caller.call('2')];
  for (const call of calls) if (typeof call !== 'string') await call.hungUp();
  const { status, stderr } = await cli.end();
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'rtplat: the media thread has failed: an injected fault, and is not started again\n',
  });
});
