/** What all serving commands have around their service: configuration file, pid file, background, log file. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EchoProof } from '../../src/core/echo/proof.ts';
import { readPid } from '../../src/core/service/pid-file.ts';
import { until } from '../asterisk/kit/process.ts';
import { Cli, runCli } from './run-cli.ts';

let folder = '';
const running: Cli[] = [];
const pids: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rtplat-serving-'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((cli) => cli.kill()));
  for (const pid of pids.splice(0)) if (isUp(pid)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true });
});

function at(name: string): string {
  return path.join(folder, name);
}

function write(name: string, text: string): string {
  writeFileSync(at(name), text);
  return at(name);
}

function isUp(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  await until(`the end of process ${pid}`, async () => (isUp(pid) ? undefined : true));
}

describe('--config', () => {
  it('gives the options their values; the environment is stronger, a flag strongest', async () => {
    const file = write('echo.toml', 'port = 0\nbind = "127.0.0.1"\nworkers = 2\nlog_format = "json"\nlog_level = "warn"\n');
    const { status, stdout } = await runCli(['echo', '-c', file, '--print-config', '--log-level', 'error'], {
      RTPLAT_WORKERS: '3',
      RTPLAT_LOG_LEVEL: 'debug',
    });
    expect(status).toBe(0);
    const keys = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(keys).toEqual(
      expect.arrayContaining([
        'port = 0',
        'bind = "127.0.0.1"',
        'workers = 3',
        'log_format = "json"',
        'log_level = "error"',
        'buffer = "2MB"',
      ]),
    );
    expect(keys.filter((line) => line.startsWith('workers'))).toHaveLength(1);
  });

  it('is what the service runs with', async () => {
    const cli = new Cli(['echo', '--config', write('echo.toml', 'port = 0\nbind = "127.0.0.1"\nworkers = 2\nengine = "portable"\n')]);
    running.push(cli);
    const [, port] = await cli.shows(/echo listening on 127\.0\.0\.1:(\d+) .*portable engine \(asked for\), user clock, 2 workers/);
    await new EchoProof({ address: '127.0.0.1', port: Number(port) }).prove();
  });

  it('prints a configuration that reads as itself', async () => {
    const first = await runCli(['ari-serve', '--print-config', '--range', '20000-20010', '--advertise', '192.0.2.1', '--busy-poll']);
    const again = await runCli(['ari-serve', '--print-config', '--config', write('a.toml', first.stdout)]);
    expect(again).toEqual(first);
    expect(first.stdout).toContain('\nrange = "20000-20010"\n');
    expect(first.stdout).toContain('\nbusy_poll = true\n');
  });

  it('tells every problem in one go, each with its line, and starts nothing', async () => {
    const file = write('bad.toml', 'prot = 4000\nworkers = 1000\nstatus_interval = "5"\nengine = "bach"\nbusy_poll = "yes"\n');
    for (const flags of [[], ['--check']]) {
      const { status, stdout, stderr } = await runCli(['echo', '--config', file, ...flags]);
      expect(status).toBe(2);
      expect(stdout).toBe('');
      expect(stderr.trim().split('\n')).toEqual([
        `rtplat: ${file}:1: unknown key "prot" at the top level (did you mean "port"?)`,
        `rtplat: ${file}:2: workers must be what --workers takes, not 1000 (Not a number from 1 to 256.)`,
        `rtplat: ${file}:3: status_interval must be what --status-interval takes, not "5" (Not a duration: write a number with its unit, such as 20ms, 5s or 2m.)`,
        `rtplat: ${file}:4: engine must be one of "auto", "batch", "portable", not "bach" (did you mean "batch"?)`,
        `rtplat: ${file}:5: busy_poll must be true or false, not "yes" (such as busy_poll = false)`,
      ]);
    }
  });

  it('that is good is said to be; that is missing is one line', async () => {
    const good = write('good.toml', 'port = 4000\n');
    expect(await runCli(['echo', '--config', good, '--check'])).toEqual({ status: 0, stdout: `${good}: no problem found\n`, stderr: '' });
    expect(await runCli(['echo', '--config', at('none'), '--check'])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^rtplat: cannot read --config .*\n$/) as string,
    });
  });
});

describe('--daemon', () => {
  const start = async (...args: readonly string[]): Promise<{ readonly pid: number; readonly stdout: string }> => {
    const flags = ['--port', '0', '--bind', '127.0.0.1', '--pid-file', at('x.pid'), '--log-file', at('x.log'), '--daemon'];
    const { status, stdout, stderr } = await runCli(['echo', ...flags, ...args]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const pid = readPid(at('x.pid')) ?? 0;
    pids.push(pid);
    return { pid, stdout };
  };
  // Lines reach the file in the background.
  const port = (): Promise<number> =>
    until('the line that says the port', async () => {
      const [, number] = /echo listening on 127\.0\.0\.1:(\d+) /.exec(readFileSync(at('x.log'), 'utf8')) ?? [];
      return number === undefined ? undefined : Number(number);
    });

  it('returns when the service serves; SIGTERM ends that in good order', async () => {
    const { pid, stdout } = await start();
    expect(stdout).toBe(`rtplat echo runs as process ${pid}\n`);
    await new EchoProof({ address: '127.0.0.1', port: await port() }).prove();
    process.kill(pid, 'SIGTERM');
    await gone(pid);
    expect(existsSync(at('x.pid'))).toBe(false);
    expect(readFileSync(at('x.log'), 'utf8')).toMatch(/ echo stopped after 1 packets, 32 bytes\n$/);
  });

  it('lets no second one in beside the first, which goes on', async () => {
    const { pid } = await start();
    const second = await runCli(['echo', '--port', '0', '--pid-file', at('x.pid')]);
    expect(second).toMatchObject({ status: 1, stdout: '' });
    expect(second.stderr).toBe(
      `rtplat: ${at('x.pid')} is held by process ${pid}, which is up; stop that one first, or name another --pid-file\n`,
    );
    expect(isUp(pid)).toBe(true);
  });

  it('takes over from one that was killed', async () => {
    const { pid } = await start();
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    expect((await start()).pid).not.toBe(pid);
  });

  it('says what went wrong, with the status that it has in the foreground', async () => {
    await start();
    const taken = String(await port());
    const second = await runCli(['echo', '--port', taken, '--bind', '127.0.0.1', '--log-file', at('y.log'), '--daemon']);
    expect(second).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(`cannot bind 127.0.0.1:${taken}`) as string });
    expect(await runCli(['echo', '--port', '0', '--daemon'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--log-file') as string,
    });
  });

  it('is there for sip-serve too, which has its log in its configuration', async () => {
    const file = write('s.toml', `[logging]\nfile = "${at('x.log')}"\nenable_syslog = false\n`);
    const flags = ['--config', file, '--bind', '127.0.0.1', '--port', '0', '--http-port', '0', '--pid-file', at('x.pid'), '--daemon'];
    const { status, stdout, stderr } = await runCli(['sip-serve', ...flags]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const pid = readPid(at('x.pid')) ?? 0;
    pids.push(pid);
    expect(stdout).toBe(`rtplat sip-serve runs as process ${pid}\n`);
    process.kill(pid, 'SIGTERM');
    await gone(pid);
    expect(existsSync(at('x.pid'))).toBe(false);
    expect(readFileSync(at('x.log'), 'utf8')).toMatch(/ sip-serve: UDP .*\n(.*\n)*.* sip-serve stopped\n$/);
  });

  it('opens its log file again at SIGHUP', async () => {
    const { pid } = await start('--status-interval', '50ms');
    const at4000 = await port();
    renameSync(at('x.log'), at('old.log'));
    process.kill(pid, 'SIGHUP');
    await until('a new log file', async () => (existsSync(at('x.log')) ? true : undefined));
    await new EchoProof({ address: '127.0.0.1', port: at4000 }).prove();
    const line = await until('a line in it', async () => /^\S+Z 1 packets, 32 bytes/m.exec(readFileSync(at('x.log'), 'utf8')) ?? undefined);
    expect(line).toHaveLength(1);
    expect(readFileSync(at('old.log'), 'utf8')).toContain('echo listening');
  });
});
