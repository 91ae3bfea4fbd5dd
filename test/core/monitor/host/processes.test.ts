// Real processes: told apart, signalled with all they have started, and nobody else.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, test, vi } from 'vitest';
import { PidWatch, processOfPidFile } from '../../../../src/core/monitor/host/pid-watch.ts';
import { identify, isRunning } from '../../../../src/core/monitor/host/proc.ts';
import { ServiceProcess, startProcess } from '../../../../src/core/monitor/host/service-process.ts';
import { StateFiles } from '../../../../src/core/monitor/host/state-files.ts';
import { restartUnit, unitStatus } from '../../../../src/core/monitor/host/systemctl.ts';
import type { ServicePlan } from '../../../../src/core/monitor/plan.ts';
import { SETTINGS } from '../policy-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'rtplat-processes-'));
const children: ChildProcess[] = [];
const started: ServiceProcess[] = [];

afterEach(async () => {
  for (const process of started.splice(0)) process.signal('SIGKILL');
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

function sleeper(): ChildProcess & { readonly pid: number } {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  children.push(child);
  return child as ChildProcess & { readonly pid: number };
}

function planOf(more: Partial<ServicePlan> = {}): ServicePlan {
  return {
    name: 'x',
    command: null,
    directory: null,
    environment: [],
    output: null,
    unit: null,
    pidFile: null,
    health: null,
    tokenFile: null,
    probe: null,
    timeoutMs: 1_000,
    ports: [],
    policy: SETTINGS,
    ...more,
  };
}

/** Waits for what only the kernel knows when; not for ever, which would outlive the test. */
async function until(holds: () => boolean): Promise<void> {
  await vi.waitUntil(holds, { interval: 5, timeout: 20_000 });
}

async function start(
  script: string,
  more: Partial<ServicePlan> = {},
): Promise<{ process: ServiceProcess; ended: Promise<ServiceProcess> }> {
  const { promise, resolve } = Promise.withResolvers<ServiceProcess>();
  const process = await startProcess({
    plan: planOf(more),
    command: ['sh', '-c', script],
    env: { PATH: globalThis.process.env['PATH'], RTPLAT_CONFIG: 'monitor.toml', NOTIFY_SOCKET: '/run/x', KEPT: 'yes' },
    began: () => {},
    ended: resolve,
  });
  started.push(process);
  return { process, ended: promise };
}

describe('a process', () => {
  it('is that very one: another with its number is not', () => {
    const { pid } = sleeper();
    const identity = identify(pid);
    if (identity === undefined) throw new Error('not found');
    expect(isRunning(identity)).toBe(true);
    expect(isRunning({ ...identity, startTicks: identity.startTicks - 1 })).toBe(false);
    expect(isRunning({ ...identity, bootId: 'another start of the machine' })).toBe(false);
    expect(new ServiceProcess({ ...identity, startTicks: 1 }, false).signal('SIGKILL')).toBe(false);
    expect(new ServiceProcess({ ...identity, startTicks: 1 }, true).signal('SIGKILL')).toBe(false);
    expect(new ServiceProcess({ ...identity, bootId: 'another start of the machine' }, true).isLeft()).toBe(false);
    expect(isRunning(identity)).toBe(true);
  });

  it('counts while it is stopped, and not when it has ended', async () => {
    const child = sleeper();
    const identity = identify(child.pid);
    if (identity === undefined) throw new Error('not found');
    child.kill('SIGSTOP');
    expect(isRunning(identity)).toBe(true);
    expect(new ServiceProcess(identity, false).signal('SIGKILL')).toBe(true);
    await once(child, 'exit');
    expect(isRunning(identity)).toBe(false);
  });

  it('says how it ended', async () => {
    const { process, ended } = await start('exit 3');
    await ended;
    expect(process.ending).toBe(`process ${process.pid} ended with status 3`);
    expect(process.isLeft()).toBe(false);
    const other = await start('kill -9 $$');
    await other.ended;
    expect(other.process.ending).toBe(`process ${other.process.pid} was ended by SIGKILL`);
  });

  it('is ended with all that it has started', async () => {
    const file = join(folder, 'grandchild');
    const { process, ended } = await start(`sleep 1000 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`, {
      output: join(folder, 'out'),
    });
    let grandchild = '';
    await until(() => {
      try {
        grandchild = readFileSync(file, 'utf8').trim();
      } catch {}
      return grandchild !== '';
    });
    // The shell alone; what it has started is left.
    globalThis.process.kill(process.pid, 'SIGKILL');
    await ended;
    expect(process.isRunning()).toBe(false);
    expect(process.isLeft()).toBe(true);
    const identity = identify(Number(grandchild));
    if (identity === undefined) throw new Error('not found');
    expect(process.signal('SIGTERM')).toBe(true);
    await until(() => !isRunning(identity));
    await until(() => !process.isLeft());
    expect(process.signal('SIGTERM')).toBe(false);
  });

  it('has the environment that is its own, its folder, and a file for what it writes', async () => {
    const output = join(folder, 'env');
    const { ended } = await start('echo "$RTPLAT_CONFIG|$NOTIFY_SOCKET|$KEPT|$MORE|$PWD"', {
      output,
      directory: folder,
      environment: [['MORE', 'a=b']],
    });
    await ended;
    expect(readFileSync(output, 'utf8')).toBe(`||yes|a=b|${folder}\n`);
  });

  it('that cannot be started says why', async () => {
    const run = (more: Partial<ServicePlan>): Promise<unknown> =>
      startProcess({ plan: planOf(more), command: ['/nowhere/x'], env: {}, began: () => {}, ended: () => {} });
    await expect(run({})).rejects.toThrow(/^cannot run \/nowhere\/x: spawn \/nowhere\/x ENOENT$/);
    await expect(run({ output: '/nowhere/log' })).rejects.toThrow(/^cannot write its output: ENOENT/);
  });
});

describe('a pid file', () => {
  const path = join(folder, 'x.pid');

  it('names a process that is there, and then one that is gone', async () => {
    const child = sleeper();
    writeFileSync(path, `${child.pid}\n`);
    const watch = new PidWatch(path);
    expect(watch.look()).toMatchObject({ ok: true });
    expect(watch.pid).toBe(child.pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(watch.look()).toEqual({ ok: false, reason: 'exited', text: `process ${child.pid} of ${path} is gone`, gone: true });
    rmSync(path);
    expect(watch.look()).toMatchObject({ text: `there is no process id in ${path}` });
  });

  it('older than the process of its number is of another one', () => {
    const child = sleeper();
    writeFileSync(path, `${child.pid}\n`);
    expect(processOfPidFile(path)?.pid).toBe(child.pid);
    const yesterday = Date.now() / 1e3 - 86_400;
    utimesSync(path, yesterday, yesterday);
    expect(processOfPidFile(path)).toBeUndefined();
    expect(new PidWatch(path).look()).toMatchObject({ ok: false, text: expect.stringContaining('its number is another one') });
  });
});

it.each([1, process.pid])('a pid file never has process %i ended', (pid) => {
  const path = join(folder, 'odd.pid');
  writeFileSync(path, `${pid}\n`);
  expect(processOfPidFile(path)).toBeUndefined();
});

test('a state file outlives the monitor, and anything else in its place is no state', async () => {
  const state = new StateFiles(join(folder, 'state'));
  const known = { pid: 4_711, startTicks: 99, bootId: 'b', command: ['rtplat', 'echo'] };
  await state.prepare();
  expect(state.read('echo')).toBeUndefined();
  state.write('echo', known);
  expect(new StateFiles(join(folder, 'state')).read('echo')).toEqual(known);
  writeFileSync(state.lockPath, '1\n');
  expect(state.names()).toEqual(['echo']);
  for (const text of ['', '{', 'null', '[]', '{"pid":1,"startTicks":1,"bootId":"","command":[]}', '{"pid":"4711"}']) {
    writeFileSync(join(folder, 'state', 'echo.service.json'), text);
    expect(state.read('echo'), text).toBeUndefined();
  }
  state.forget('echo');
  state.forget('echo');
  writeFileSync(join(folder, 'file'), '');
  await expect(new StateFiles(join(folder, 'file', 'x')).prepare()).rejects.toThrow(/cannot make the state directory .*file\/x: ENOTDIR/);
  await expect(new StateFiles(join(folder, 'file')).prepare()).rejects.toThrow(/cannot make the state directory .*file: EEXIST/);
});

test('systemctl is asked with the words it takes, and its complaint is handed on', async () => {
  const stand = mkdtempSync(join(folder, 'bin-'));
  writeFileSync(
    join(stand, 'systemctl'),
    `#!/bin/sh
echo "$@" >> ${stand}/asked
case "$*" in
  *restart*bad*) echo "Job for bad.service failed." >&2; exit 1;;
  *restart*slow*) exec sleep 1000;;
  *show*odd*) echo nonsense;;
  *show*) printf 'MainPID=812\\nLoadState=loaded\\nActiveState=active\\nSubState=running\\n';;
esac
`,
    { mode: 0o755 },
  );
  const path = process.env['PATH'];
  process.env['PATH'] = `${stand}:${path}`;
  try {
    expect(await unitStatus({ name: 'x.service', user: false }, 20_000)).toEqual({
      load: 'loaded',
      active: 'active',
      sub: 'running',
      pid: 812,
    });
    await restartUnit({ name: 'x.service', user: true }, 20_000);
    await expect(restartUnit({ name: 'bad.service', user: false }, 20_000)).rejects.toThrow(
      'systemctl restart bad.service: Job for bad.service failed.',
    );
    await expect(restartUnit({ name: 'slow.service', user: false }, 50)).rejects.toThrow(
      'systemctl restart slow.service did not end within 50 ms',
    );
    await expect(unitStatus({ name: 'odd.service', user: false }, 20_000)).rejects.toThrow('answered something else than properties');
  } finally {
    process.env['PATH'] = path;
  }
  expect(readFileSync(join(stand, 'asked'), 'utf8').split('\n').slice(0, 2)).toEqual([
    '--no-ask-password show --property=LoadState,ActiveState,SubState,MainPID -- x.service',
    '--user --no-ask-password restart -- x.service',
  ]);
});
