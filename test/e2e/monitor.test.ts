/**
 * `rtplat monitor` with real services: each way in which one can fail is found, and it is back; never are there two of it.
 *
 * What was measured of it stands in docs/monitor.md; here things are counted, and nothing is timed.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../asterisk/kit/process.ts';
import { Cli, runCli } from './run-cli.ts';

const BIN = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
const STAND_IN = fileURLToPath(new URL('stand-in.ts', import.meta.url));
/** Of this file alone, and below those that the kernel gives away. */
const PORT = 28_600;

interface ServiceState {
  readonly phase: string;
  readonly up: boolean | null;
  readonly pid: number | null;
  readonly attempts: number;
  readonly restarts: Readonly<Record<string, number>>;
}

let folder = '';
const running: Cli[] = [];
const closing: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rtplat-monitor-'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((cli) => cli.kill()));
  for (const close of closing.splice(0)) await close();
  // A monitor that is killed leaves what it has started.
  for (const pid of notedPids()) killGroup(pid);
  rmSync(folder, { recursive: true });
});

function at(name: string): string {
  return path.join(folder, name);
}

function notedPids(): readonly number[] {
  if (!existsSync(at('state'))) return [];
  return readdirSync(at('state'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => (JSON.parse(readFileSync(at(`state/${name}`), 'utf8')) as { readonly pid: number }).pid);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function isUp(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

interface Service {
  readonly name: string;
  readonly kind?: string;
  readonly command?: readonly string[];
  readonly [key: string]: unknown;
}

/** An answer that takes half a second three times in a row is none of a busy machine. */
const QUICK = { interval_ms: 500, timeout_ms: 500, failures: 3, restart_delay_ms: 200, stop_grace_ms: 300, startup_ms: 20_000 };
const ECHO: Service = {
  name: 'echo',
  kind: 'echo',
  // Says that it starts before it is anything else.
  command: ['sh', '-c', 'echo started; exec "$0" "$@"', process.execPath, BIN, 'echo', '--bind', '127.0.0.1', '--port', String(PORT)],
  probe_target: `127.0.0.1:${PORT}`,
};
const HEALTH = `http://127.0.0.1:${PORT + 1}`;
const WEB: Service = {
  name: 'web',
  kind: 'ari-serve',
  command: [process.execPath, STAND_IN, String(PORT + 1)],
  health_url: `${HEALTH}/health`,
};

/** Writes a configuration. @param head the keys of `[monitor]`, and tables after it. @returns the file. */
function configure(services: readonly Service[], head = ''): string {
  const tables = services.map((service) => {
    // What the services write must not keep the pipe of the monitor open.
    const output = service.command === undefined ? {} : { output: at(`${service.name}.log`) };
    const keys = Object.entries({ ...QUICK, ...output, ...service });
    return `[[service]]\n${keys.map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join('')}`;
  });
  const file = at('monitor.toml');
  writeFileSync(file, `[monitor]\nstate_directory = ${JSON.stringify(at('state'))}\n${head}\n[http]\nport = 0\n${tables.join('')}`);
  return file;
}

class Watching {
  readonly cli: Cli;
  readonly #url: string;

  constructor(cli: Cli, url: string) {
    this.cli = cli;
    this.#url = url;
  }

  async get(what: string): Promise<Response> {
    return fetch(`${this.#url}${what}`);
  }

  async service(): Promise<ServiceState> {
    const { services } = (await (await this.get('services')).json()) as { readonly services: readonly [ServiceState] };
    return services[0];
  }

  /** Waits until the (only) service is up. @param before the process that it must not be any more. @returns its process. */
  async up(before?: number): Promise<number> {
    return until('the service to be up', async () => {
      const { phase, up, pid } = await this.service();
      return phase === 'up' && up === true && pid !== null && pid !== before ? pid : undefined;
    });
  }
}

async function watch(file: string, env: Readonly<Record<string, string>> = {}): Promise<Watching> {
  const cli = new Cli(['monitor', '--config', file], env);
  running.push(cli);
  const [, url = ''] = await cli.shows(/monitor: watching .*, HTTP on (http:\S+)\n/);
  return new Watching(cli, url);
}

/** How often an echo was started. */
function starts(): number {
  return readFileSync(at('echo.log'), 'utf8').split('started\n').length - 1;
}

describe('an echo', () => {
  it.each([
    ['that ends by itself', 'SIGTERM', 'exited', /\[echo\] ERROR: process \d+ ended with status 0\n/],
    ['that is killed', 'SIGKILL', 'exited', /\[echo\] ERROR: process \d+ was ended by SIGKILL\n/],
    [
      'that is stopped, which SIGTERM does not end',
      'SIGSTOP',
      'timeout',
      /\[echo\] ERROR: unhealthy: no answer to the probe of \S+ within 500 ms \(3 of 3\)\n[^]*process \d+ is there 0\.3 s after SIGTERM: SIGKILL\n/,
    ],
  ] as const)('%s is started again', async (_, signal, reason, said) => {
    const watching = await watch(configure([ECHO]));
    const first = await watching.up();
    process.kill(first, signal);
    const second = await watching.up(first);
    await watching.cli.shows(said);
    await watching.cli.shows(/\[echo\] INFO: restarting in [0-9.]+ s \(attempt 1 of 5\)\n/);
    expect(isUp(first)).toBe(false);
    expect(isUp(second)).toBe(true);
    const { restarts } = await watching.service();
    expect(restarts).toMatchObject({ exited: 0, timeout: 0, [reason]: 1 });
    expect(starts()).toBe(2);
  });

  it('whose port somebody else has taken meanwhile is back when it is free', async () => {
    const watching = await watch(configure([{ ...ECHO, restart_delay_ms: 1_000, max_attempts: 50 }]));
    const first = await watching.up();
    process.kill(first, 'SIGKILL');
    await watching.cli.shows(/\[echo\] INFO: restarting in/);
    const thief = createSocket('udp4');
    closing.push(() => thief.close());
    thief.bind(PORT, '127.0.0.1');
    await once(thief, 'listening');
    await watching.cli.shows(
      new RegExp(`\\[echo\\] ERROR: not started: UDP port 127\\.0\\.0\\.1:${PORT} is in use \\(see who holds it: ss -lunp .*\\)\\n`),
    );
    closing.pop();
    thief.close();
    await watching.up(first);
    // Nothing was started beside the other one.
    expect(starts()).toBe(2);
  });
});

describe('what answers over HTTP', () => {
  it.each([
    ['broken', 'wrong_answer', /answered 500, not 200 or 503/],
    ['foreign', 'wrong_answer', /answered 200, but not that it is healthy/],
    ['silent', 'timeout', /no answer from http:\S+ within 500 ms/],
    ['endless', 'timeout', /no answer from http:\S+ within 500 ms/],
    ['unhealthy', 'unhealthy', /says: no Asterisk/],
  ])('and is %s is started again', async (mode, reason, said) => {
    const watching = await watch(configure([{ ...WEB, on_unhealthy: 'restart' }]));
    const first = await watching.up();
    await fetch(`${HEALTH}/become/${mode}`);
    await watching.up(first);
    await watching.cli.shows(new RegExp(`\\[web\\] ERROR: unhealthy: .*${said.source} \\(3 of 3\\)\\n`));
    expect((await watching.service()).restarts[reason]).toBe(1);
    expect(isUp(first)).toBe(false);
  });

  it('that it cannot work is left alone, and told of', async () => {
    const watching = await watch(configure([WEB]));
    const pid = await watching.up();
    await fetch(`${HEALTH}/become/unhealthy`);
    await watching.cli.shows(/\[web\] WARN: up, but says that it cannot work: no Asterisk\n/);
    await fetch(`${HEALTH}/become/healthy`);
    await watching.cli.shows(/\[web\] INFO: can work again\n/);
    expect(await watching.service()).toMatchObject({ phase: 'up', pid, attempts: 0 });
  });
});

it('a sip-serve that hangs does not answer OPTIONS, and is started again', async () => {
  writeFileSync(at('sip.toml'), '[logging]\nenable_file_logging = false\nenable_syslog = false\n');
  const flags = ['--config', at('sip.toml'), '--bind', '127.0.0.1', '--port', String(PORT + 2), '--http-port', '0'];
  const probe_target = `127.0.0.1:${PORT + 2}`;
  const watching = await watch(
    configure([{ name: 'sip', kind: 'sip-serve', command: [process.execPath, BIN, 'sip-serve', ...flags], probe_target }]),
  );
  const first = await watching.up();
  process.kill(first, 'SIGSTOP');
  await watching.up(first);
  await watching.cli.shows(/\[sip\] ERROR: unhealthy: no answer to OPTIONS from \S+ within 500 ms \(3 of 3\)\n/);
  expect((await watching.service()).restarts['timeout']).toBe(1);
});

it('a unit of systemd is restarted by systemctl, and is not ended with the monitor', async () => {
  // What systemctl tells and does, without a systemd: the unit is active when the file is there.
  const script = `#!/bin/sh
echo "$*" >> ${at('asked')}
case "$*" in *restart*) touch ${at('active')};; esac
[ -e ${at('active')} ] && state=active || state=failed
printf 'LoadState=loaded\\nActiveState=%s\\nSubState=x\\nMainPID=1\\n' $state
`;
  writeFileSync(at('systemctl'), script, { mode: 0o755 });
  writeFileSync(at('active'), '');
  const file = configure([{ name: 'unit', systemd_unit: 'x.service' }]);
  const watching = await watch(file, { PATH: `${folder}:${process.env['PATH']}` });
  await watching.up();
  rmSync(at('active'));
  await watching.cli.shows(/\[unit\] ERROR: x\.service is failed \(x\)\n[^]*\[unit\] INFO: up after/);
  watching.cli.signal('SIGTERM');
  expect((await watching.cli.end()).status).toBe(0);
  const asked = readFileSync(at('asked'), 'utf8').trim().split('\n');
  expect(asked.filter((line) => !line.includes(' show '))).toEqual(['--no-ask-password restart -- x.service']);
});

it('a service that never comes up is given up, which somebody is told, and the status is 1', async () => {
  const told = Promise.withResolvers<unknown>();
  const hook = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      told.resolve(JSON.parse(body));
      response.end();
    });
  });
  closing.push(() => new Promise((resolve) => hook.close(resolve)));
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  const command = ['sh', '-c', 'echo started; exit 3'];
  const file = configure([{ name: 'x', command, restart_delay_ms: 10, max_attempts: 2 }], `[webhook]\nurl = "${url}"`);
  const { status, stdout, stderr } = await runCli(['monitor', '--config', file]);
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect(stdout).toMatch(/\[x\] ERROR: given up after 2 restarts in 300 s: process \d+ ended with status 3\n/);
  expect(stdout).toMatch(/Z every service was given up; ending\n/);
  expect(stdout).toMatch(/Z The webhook was told that x was given up\n/);
  expect(await told.promise).toMatchObject({ event: 'given_up', service: 'x', reason: 'exited', attempts: 2 });
  expect(readFileSync(at('x.log'), 'utf8')).toBe('started\n'.repeat(3));
});

it('one that is given up ends the others where that is wanted', async () => {
  const file = configure([ECHO, { name: 'x', command: ['false'], max_attempts: 0 }], 'give_up = "exit"');
  const { status, stdout } = await runCli(['monitor', '--config', file]);
  expect(status).toBe(1);
  expect(stdout).toMatch(/Z x was given up; ending\n/);
  const [, echo] = /\[echo\] INFO: process (\d+) has ended\n/.exec(stdout) ?? [];
  expect(isUp(Number(echo))).toBe(false);
});

describe('the monitor', () => {
  it('lets no second one in, and the first goes on', async () => {
    const file = configure([ECHO]);
    const watching = await watch(file);
    const pid = await watching.up();
    expect(await runCli(['monitor', '--config', file])).toEqual({
      status: 1,
      stdout: '',
      stderr: `rtplat: another monitor has the state directory ${at('state')}: process ${watching.cli.pid}; stop that one first, or give this one another state_directory\n`,
    });
    expect(await watching.service()).toMatchObject({ phase: 'up', pid });
    expect(starts()).toBe(1);
  });

  it('that was killed finds what it had started, and watches that', async () => {
    const file = configure([ECHO]);
    const before = await watch(file);
    const pid = await before.up();
    await before.cli.kill();
    expect(isUp(pid)).toBe(true);
    const after = await watch(file);
    expect(await after.up()).toBe(pid);
    await after.cli.shows(new RegExp(`\\[echo\\] INFO: found as process ${pid}, which an earlier monitor has started\\n`));
    expect(starts()).toBe(1);
    // It is none of its children, and is seen to end all the same.
    process.kill(pid, 'SIGKILL');
    await after.up(pid);
    expect(starts()).toBe(2);
  });

  it('that was killed tells of what nobody watches any more', async () => {
    const before = await watch(configure([ECHO]));
    const pid = await before.up();
    await before.cli.kill();
    const after = await watch(configure([WEB]));
    await after.cli.shows(new RegExp(`process ${pid} of a service "echo" runs, which the configuration does not have: .* echo --bind`));
    expect(isUp(pid)).toBe(true);
  });

  it('does not start a second one where a killed one has left no note', async () => {
    const file = configure([{ ...ECHO, max_attempts: 0 }]);
    const before = await watch(file);
    const pid = await before.up();
    await before.cli.kill();
    closing.push(() => killGroup(pid));
    rmSync(at('state'), { recursive: true });
    const { status, stdout } = await runCli(['monitor', '--config', file]);
    expect(status).toBe(1);
    expect(stdout).toContain('[echo] ERROR: given up after 0 restarts in 300 s: UDP port');
    expect(starts()).toBe(1);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends what it has started, at %s', async (signal) => {
    const watching = await watch(configure([ECHO]));
    const pid = await watching.up();
    watching.cli.signal(signal);
    const { status, stdout, stderr } = await watching.cli.end();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`${signal} received; ending\\n[^]*process ${pid} has ended\\n[^]*monitor stopped\\n$`));
    expect(isUp(pid)).toBe(false);
    expect(readdirSync(at('state'))).toEqual([]);
  });

  it('leaves it running where that is wanted, and finds it again', async () => {
    const file = configure([ECHO], 'keep_running = true');
    const before = await watch(file);
    const pid = await before.up();
    before.cli.signal('SIGTERM');
    expect((await before.cli.end()).status).toBe(0);
    const after = await watch(file);
    expect(await after.up()).toBe(pid);
    expect(starts()).toBe(1);
  });

  it('tells of itself over HTTP', async () => {
    const watching = await watch(configure([ECHO]));
    const pid = await watching.up();
    const health = await watching.get('health');
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ status: 'healthy', services: { total: 1, up: 1, given_up: 0 } });
    expect(await (await watching.get('metrics')).text()).toContain('\nrtplat_monitor_up{service="echo"} 1\n');
    expect(await watching.service()).toMatchObject({ phase: 'up', pid });
  });
});

describe('the configuration', () => {
  it('is checked in one go, each problem with its line', async () => {
    const file = at('bad.toml');
    writeFileSync(file, '[http]\nprot = 1\n[[service]]\nname = "a"\nkind = "ecko"\n[[service]]\nname = "b"\ncommand = "rtplat echo"\n');
    const { status, stdout, stderr } = await runCli(['monitor', '--config', file, '--check']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.trim().split('\n')).toEqual([
      `rtplat: ${file}:2: unknown key "prot" in [http] (did you mean "port"?)`,
      `rtplat: ${file}:5: service.kind must be one of "echo", "ari-serve", "sip-serve", "other", not "ecko" (did you mean "echo"?)`,
      `rtplat: ${file}:8: the command is one word with blanks (there is no shell: write ["rtplat","echo"])`,
    ]);
  });

  it('that is printed is one to begin with, and reads as itself', async () => {
    const flags = ['monitor', '--config', configure([ECHO]), '--print-config'];
    const { status, stdout } = await runCli([...flags, '--http-port', '9999']);
    expect(status).toBe(0);
    writeFileSync(at('printed.toml'), stdout);
    expect(await runCli(['monitor', '--config', at('printed.toml'), '--print-config'])).toEqual({ status, stdout, stderr: '' });
    expect(stdout).toContain('\nport = 9999\n');
    expect(await runCli(['monitor', '--config', at('printed.toml'), '--check'])).toMatchObject({ status: 0 });
  });

  it('without a service is none', async () => {
    expect(await runCli(['monitor'])).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'rtplat: there is nothing to watch: no --config has no [[service]]; begin with: rtplat monitor --print-config > monitor.toml\n',
    });
  });
});
