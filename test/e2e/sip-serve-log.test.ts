/** Where the lines of `rtplat sip-serve` go, in the real process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Cli } from './run-cli.ts';

const BIN = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'rtplat-sip-log-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;

const PORTS = ['--bind', '127.0.0.1', '--port', '0', '--http-port', '0'];

/** A folder to run in, with a configuration of which [logging] is `logging`. */
function place(logging: string): string {
  made += 1;
  const folder = join(root, String(made));
  mkdirSync(folder);
  configure(folder, logging);
  return folder;
}

function configure(folder: string, logging: string): void {
  writeFileSync(join(folder, 's.toml'), `[logging]\nenable_syslog = false\n${logging}\n`);
}

function serve(folder: string, ...args: readonly string[]): Cli {
  const cli = new Cli(['sip-serve', '--config', 's.toml', ...PORTS, ...args], {}, folder);
  onTestFinished(() => cli.kill());
  return cli;
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const read = (folder: string, name = 'logs/sip-serve.log'): string => readFileSync(join(folder, name), 'utf8');

describe('the log file of sip-serve', () => {
  it('has what standard output has; SIGHUP opens it again and takes another level and format', async () => {
    const folder = place('');
    const cli = serve(folder);
    await cli.shows(/ sip-serve: UDP/);
    // Lines come to the file a little later, and all that wait go to the new one.
    await until(() => read(folder).includes(' sip-serve: UDP'));
    renameSync(join(folder, 'logs/sip-serve.log'), join(folder, 'logs/moved'));
    configure(folder, 'format = "json"\nlevel = "debug"');
    process.kill(cli.pid, 'SIGHUP');
    await cli.shows(/Configuration reloaded: 2 keys changed/);
    await until(() => existsSync(join(folder, 'logs/sip-serve.log')));
    cli.signal('SIGTERM');
    const { status, stdout, stderr } = await cli.end();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(read(folder, 'logs/moved') + read(folder)).toBe(stdout);
    expect(read(folder, 'logs/moved')).toMatch(/^\S+Z sip-serve: UDP /m);
    const last = read(folder).trimEnd().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ level: 'info', message: 'sip-serve stopped' });
  });

  it('says why a start failed', async () => {
    const folder = place('');
    const first = serve(folder);
    const [, port = ''] = await first.shows(/HTTP on http:\/\/127\.0\.0\.1:(\d+)\//);
    const cli = serve(folder, '--http-port', port);
    const { status, stderr } = await cli.end();
    expect(status).toBe(1);
    expect(stderr).toContain('EADDRINUSE');
    const said = stderr.replace(/^rtplat: /, '').split(/[;\n]/)[0] ?? '';
    expect(read(folder)).toContain(` Ends: ${said}`);
  });

  it('is no reason not to start where it cannot be written; --check and the log say so', async () => {
    const folder = place('file = "plain/x.log"');
    writeFileSync(join(folder, 'plain'), '');
    const check = await new Cli(['sip-serve', '--config', 's.toml', '--check'], {}, folder).end();
    expect(check).toEqual({
      status: 0,
      stdout: 's.toml: no problem found\n',
      stderr:
        'rtplat: warning: s.toml: the log file plain/x.log cannot be written: ENOTDIR at plain/x.log ' +
        '(set logging.file, or enable_file_logging = false)\n',
    });
    const cli = serve(folder);
    await cli.shows(/Log file plain\/x\.log: E[A-Z]+: .*\n(.*\n)*.* sip-serve: UDP/);
    cli.signal('SIGTERM');
    expect((await cli.end()).status).toBe(0);
  });

  it('makes nothing at a --check', async () => {
    const folder = place('');
    chmodSync(folder, 0o755);
    const { status, stderr } = await new Cli(['sip-serve', '--config', 's.toml', '--check'], {}, folder).end();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(existsSync(join(folder, 'logs'))).toBe(false);
  });
});

it('a full disk behind standard output does not end the service', async () => {
  const folder = place('');
  const child = spawn('sh', ['-c', 'exec "$0" "$@" > /dev/full', process.execPath, BIN, 'sip-serve', '--config', 's.toml', ...PORTS], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await until(() => existsSync(join(folder, 'logs/sip-serve.log')) && read(folder).includes('Standard output: ENOSPC'));
  child.kill('SIGTERM');
  const [status] = (await once(child, 'exit')) as [number | null];
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(read(folder)).toMatch(/ sip-serve: UDP .*\n(.*\n)*.* sip-serve stopped\n/);
  expect(read(folder)).toMatch(/ Standard output: \d+ lines were lost\n$/);
});
