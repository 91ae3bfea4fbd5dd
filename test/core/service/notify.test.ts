import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { createNotifier, feedWatchdog } from '../../../src/core/service/notify.ts';
import type { Notifier } from '../../../src/core/service/notify.ts';

const ends: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A manager: perl binds the datagram socket that Node cannot, and prints what comes, hexadecimal. */
async function manager(address: string): Promise<() => Promise<string>> {
  const program = `use Socket; $| = 1; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; my $n = $ARGV[0]; $n =~ s/^@/\\0/; bind(S, pack_sockaddr_un($n)) or die $!; print "up\\n"; while (defined recv(S, my $m, 65536, 0)) { print unpack("H*", $m), "\\n" }`;
  const child = spawn('perl', ['-e', program, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  ends.push(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => ((await lines.next()) as { value: string }).value;
  expect(await next()).toBe('up');
  return async () => Buffer.from(await next(), 'hex').toString();
}

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'rtplat-notify-'));
  ends.push(() => rmSync(made, { recursive: true }));
  return made;
}

describe('the notifier', () => {
  it.each(['path', 'abstract'])('tells a manager at a %s address', async (kind) => {
    const address = kind === 'path' ? path.join(folder(), 's') : `@rtplat-test-${process.pid}`;
    const told = await manager(address);
    const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: address, WATCHDOG_USEC: '3000000', WATCHDOG_PID: String(process.pid), HOME: '/' };
    const notifier = createNotifier(env);
    ends.push(() => notifier.close());
    expect(notifier.problem).toBeUndefined();
    expect(notifier.watchdogMs).toBe(3000);
    // What it starts has a manager of its own.
    expect(env).toEqual({ HOME: '/' });
    notifier.ready('port 4000\nREADY=0');
    expect(await told()).toBe(`READY=1\nSTATUS=port 4000 READY=0\nMAINPID=${process.pid}`);
    notifier.status('busy');
    expect(await told()).toBe('STATUS=busy');
    notifier.alive();
    expect(await told()).toBe('WATCHDOG=1');
    notifier.stopping();
    expect(await told()).toBe('STOPPING=1');
  });

  it('says nothing without a manager', () => {
    const notifier = createNotifier({});
    expect(notifier).toMatchObject({ watchdogMs: null, problem: undefined });
    notifier.ready('x');
    notifier.close();
  });

  it('knows that a manager is not there, and that a watchdog is for another process', async () => {
    expect(createNotifier({ NOTIFY_SOCKET: path.join(folder(), 'none'), WATCHDOG_USEC: '1000000' })).toMatchObject({
      watchdogMs: null,
      problem: 'ENOENT',
    });
    const address = path.join(folder(), 's');
    await manager(address);
    const notifier = createNotifier({ NOTIFY_SOCKET: address, WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1' });
    ends.push(() => notifier.close());
    expect(notifier.watchdogMs).toBeNull();
  });
});

describe('feeding the watchdog', () => {
  function stub(watchdogMs: number | null): { notifier: Notifier; fed: () => number; whenFed: () => Promise<void> } {
    let count = 0;
    let wake = (): void => {};
    const nothing = (): void => {};
    const alive = (): void => {
      count += 1;
      wake();
    };
    return {
      notifier: { watchdogMs, problem: undefined, ready: nothing, status: nothing, alive, stopping: nothing, close: nothing },
      fed: () => count,
      whenFed: () => new Promise((resolve) => (wake = resolve)),
    };
  }

  it('takes a proof each time, tells of trouble once, and goes on when it is over', async () => {
    const { notifier, fed, whenFed } = stub(30);
    const troubles: string[] = [];
    let asked = 0;
    const stop = feedWatchdog(
      notifier,
      () => {
        asked += 1;
        return asked >= 2 && asked <= 4 ? Promise.reject(new Error('no echo')) : Promise.resolve();
      },
      (reason) => troubles.push(reason),
    );
    ends.push(stop);
    await whenFed();
    await whenFed();
    expect(fed()).toBe(2);
    expect(asked).toBe(5);
    expect(troubles).toEqual(['no echo']);
  });

  it('asks nothing where no manager wants to know', async () => {
    let asked = 0;
    const stop = feedWatchdog(
      stub(null).notifier,
      async () => void (asked += 1),
      () => {},
    );
    await new Promise(setImmediate);
    stop();
    expect(asked).toBe(0);
  });
});
