/**
 * Everything that can go away does, again and again, while five calls a second come in: Asterisk, the echo, ari-serve, the monitor that
 * keeps them, and the way to the echo. After each time all is as it was: no port, channel, bridge, process or open file more than before,
 * and of every call each packet is accounted for.
 *
 * The short form has each fault once, in an order of its seed. RTPLAT_CHAOS_MINUTES=30 goes on for so long; RTPLAT_CHAOS_SEED=N repeats;
 * RTPLAT_TEST_CLOCK_STEP=1, as root and where nobody else works, sets the clock of the machine too.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SeededRandom } from '../../src/core/probe/random.ts';
import { until } from './kit/process.ts';
import { serviceClient, startMonitor } from './kit/rtplat.ts';
import type { Program, ServiceClient } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';
import { GOOD, unrulyLink } from './kit/unruly-link.ts';
import { note, startWorld } from './kit/world.ts';
import type { World } from './kit/world.ts';

const scratch = scratchFolder();
const PROGRAM = path.join(import.meta.dirname, '..', '..', 'bin', 'rtplat.ts');
const MINUTES = Number(process.env['RTPLAT_CHAOS_MINUTES'] ?? '0');
const SEED = Number(process.env['RTPLAT_CHAOS_SEED'] ?? '20261121');
const SETS_CLOCK = process.env['RTPLAT_TEST_CLOCK_STEP'] === '1';
const HOUR_S = 3_600;
const ECHO_PORT = 4000;
const LINK_PORT = 4010;
const MONITOR_PORT = 9091;
const CALLS = 30;
const CALLS_PER_SECOND = 5;
const CALL_MS = 2500;
/** A service that hangs is ended after three looks, and has two seconds to go by itself. */
const BACK_MS = 60_000;
/** What a service may have open beside what it had after the first calls: connections of HTTP that are not closed yet. */
const FEW_FILES = 4;

interface ServiceState {
  readonly name: string;
  readonly up: boolean | null;
  readonly pid: number | null;
}

async function services(): Promise<readonly ServiceState[]> {
  const answer = await fetch(`http://127.0.0.1:${MONITOR_PORT}/services`, { signal: AbortSignal.timeout(5_000) });
  return ((await answer.json()) as { readonly services: readonly ServiceState[] }).services;
}

function configuration(dir: string): string {
  const service = (name: string, kind: string, args: readonly string[], rest: readonly string[]): string =>
    [
      '[[service]]',
      `name = "${name}"`,
      `kind = "${kind}"`,
      `command = ${JSON.stringify([process.execPath, PROGRAM, ...args])}`,
      `output = ${JSON.stringify(path.join(dir, `${name}.log`))}`,
      'interval_ms = 1000',
      'timeout_ms = 1000',
      'failures = 3',
      'startup_ms = 60000',
      'stop_grace_ms = 2000',
      'restart_delay_ms = 100',
      'restart_delay_max_ms = 1000',
      // Nothing is given up here, however often it goes away.
      'max_attempts = 1000',
      'attempt_window_seconds = 86400',
      ...rest,
    ].join('\n');
  const file = path.join(dir, 'monitor.toml');
  const tables = [
    `[monitor]\nstate_directory = ${JSON.stringify(path.join(dir, 'state'))}`,
    `[http]\nport = ${MONITOR_PORT}`,
    service('echo', 'echo', ['echo', '--port', String(ECHO_PORT)], []),
    service('ari', 'ari-serve', ['ari-serve', '--echo-port', String(LINK_PORT), '--loss-timeout', '1s'], []),
  ];
  writeFileSync(file, `${tables.join('\n\n')}\n`);
  return file;
}

/** Of a process; throws when it is gone. */
function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Those of our program that run, and are not the test's. */
function processesOfOurs(dir: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        return command.includes(PROGRAM) && environment.includes(`RTPLAT_TEST=${dir}`);
      } catch {
        return false;
      }
    });
}

class Stage {
  readonly world: World;
  readonly dir: string;
  readonly client: ServiceClient;
  monitor: Program;
  readonly #config: string;

  constructor(world: World, dir: string, config: string, monitor: Program) {
    this.world = world;
    this.dir = dir;
    this.#config = config;
    this.monitor = monitor;
    this.client = serviceClient(9090, () => '');
  }

  static environment(world: World, dir: string): Readonly<Record<string, string>> {
    const { ari } = world.asterisk;
    return { ARI_URL: ari.url, ARI_USER: ari.user, ARI_PASS: ari.password, RTPLAT_TEST: dir };
  }

  async startMonitor(): Promise<void> {
    this.monitor = await startMonitor(this.world.folder('monitor'), this.#config, Stage.environment(this.world, this.dir));
  }

  async pidOf(name: string): Promise<number> {
    return until(`a process of ${name}`, async () => (await services()).find((service) => service.name === name)?.pid ?? undefined);
  }

  /** Both services are up and can work, Asterisk has nothing of ours, and every port is free. */
  async settled(): Promise<void> {
    await until('both services up', async () => (await services()).every(({ up, pid }) => up === true && pid !== null) || undefined, {
      timeoutMs: BACK_MS,
    });
    await this.client.healthy(BACK_MS);
    await this.client.idle(BACK_MS);
    await this.world.cleared();
  }
}

type Fault = (stage: Stage, seconds: (least: number, most: number) => Promise<void>) => Promise<void>;

function signalled(name: string, signal: NodeJS.Signals): Fault {
  return async (stage) => {
    process.kill(await stage.pidOf(name), signal);
  };
}

/** Stopped for a while; what is ended meanwhile, because it hangs, stays ended. */
function frozen(name: string, least: number, most: number): Fault {
  return async (stage, seconds) => {
    const pid = await stage.pidOf(name);
    process.kill(pid, 'SIGSTOP');
    await seconds(least, most);
    try {
      process.kill(pid, 'SIGCONT');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  };
}

test('whatever goes away comes back, and nothing is left behind', { timeout: 600_000 + 2 * MINUTES * 60_000 }, async () => {
  const dir = scratch('chaos');
  const world = await startWorld(dir, { release: 'sid' });
  const random = new SeededRandom(SEED);
  const share = (): number => random.uint32() / 2 ** 32;
  const link = await unrulyLink(LINK_PORT, ECHO_PORT, SEED);
  onTestFinished(() => link.close());
  onTestFinished(() => {
    // A monitor that is killed leaves what it has started.
    for (const pid of processesOfOurs(dir)) process.kill(pid, 'SIGKILL');
  });
  const config = configuration(dir);
  const stage = new Stage(world, dir, config, await startMonitor(world.folder('monitor'), config, Stage.environment(world, dir)));
  const seconds = async (least: number, most: number): Promise<void> => {
    const ms = 1000 * (least + (most - least) * share());
    await new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
  };
  const clock = SETS_CLOCK ? await import('./kit/wall-clock.ts') : undefined;
  const wall = clock?.offsetNs();
  if (wall !== undefined) onTestFinished(() => void clock?.putRight(wall));
  const clockSet = (by: number): Fault => {
    return async () => clock?.stepped(by, 500 + 2_500 * share());
  };
  const faults: Readonly<Record<string, Fault>> = {
    nothing: async () => undefined,
    'echo killed': signalled('echo', 'SIGKILL'),
    'echo ended': signalled('echo', 'SIGTERM'),
    'echo frozen for a moment': frozen('echo', 0.3, 1),
    'ari-serve killed': signalled('ari', 'SIGKILL'),
    'ari-serve frozen for a moment': frozen('ari', 0.3, 1),
    'ari-serve frozen until it is ended': frozen('ari', 8, 9),
    'Asterisk killed': async () => {
      await world.asterisk.kill9();
      await seconds(0.1, 2);
      await world.asterisk.start();
    },
    'Asterisk frozen': async () => {
      await world.asterisk.freeze();
      await seconds(0.3, 3);
      world.asterisk.thaw();
    },
    'monitor killed': async () => {
      await stage.monitor.kill9();
      await seconds(0.1, 1);
      await stage.startMonitor();
    },
    'monitor killed, and ari-serve while nobody watches': async () => {
      const pid = await stage.pidOf('ari');
      await stage.monitor.kill9();
      process.kill(pid, 'SIGKILL');
      await stage.startMonitor();
    },
    'loss, delay and overtaking on the way to the echo': async () => {
      link.behave({ loss: 0.1 + 0.2 * share(), delayMs: 20, jitterMs: 60 });
      await seconds(2, 4);
      link.behave(GOOD);
    },
    ...(SETS_CLOCK && {
      'the clock an hour ahead for a while': clockSet(HOUR_S),
      'the clock an hour behind for a while': clockSet(-HOUR_S),
    }),
  };

  await stage.settled();
  /** Packets of each call, by its id: a call is shown for a while after its end. */
  const taken = new Map<string, number>();
  let rounds = 0;
  let files: { readonly pid: number; readonly count: number } | undefined;
  const endMs = performance.now() + MINUTES * 60_000;
  const names = Object.keys(faults);
  for (;;) {
    for (const name of names.toSorted(() => share() - 0.5)) {
      const sipp = world.callers({ calls: CALLS, rate: CALLS_PER_SECOND, durationMs: CALL_MS });
      // Whether those calls succeed is another test's; here all that matters is what is left of them.
      const placed = sipp.result.catch(() => undefined);
      await seconds(0.5, 3);
      note(`chaos: ${name}`);
      await faults[name]?.(stage, seconds);
      await Promise.race([placed, seconds(15, 15)]);
      await sipp.vanish();
      try {
        await stage.settled();
        const calls = await stage.client.calls();
        for (const { id, counters } of calls) {
          expect([counters.sent, counters.in_flight]).toEqual([counters.returned + counters.lost, 0]);
          expect(counters.from_peer).toBeGreaterThanOrEqual(counters.sent);
          taken.set(id, counters.sent);
        }
        rounds += 1;
        const { ports, counters } = await stage.client.metrics();
        expect(ports).toEqual({ total: 101, free: 101, bound: 0, draining: 0, foreign: 0 });
        expect([counters.sent, counters.in_flight]).toEqual([counters.returned + counters.lost, 0]);
        const pid = await stage.pidOf('ari');
        const left = processesOfOurs(dir).toSorted((a, b) => a - b);
        expect(left).toEqual([stage.monitor.pid, await stage.pidOf('echo'), pid].toSorted((a, b) => a - b));
        await until(
          'no more open files than before',
          () => {
            const count = openFiles(pid);
            if (files?.pid !== pid) files = { pid, count };
            if (count > files.count + FEW_FILES) throw new Error(`${count} instead of ${files.count}`);
            return true;
          },
          { timeoutMs: 30_000 },
        );
      } catch (error) {
        throw new Error(`after "${name}", round ${rounds + 1} of seed ${SEED}: ${String(error)}`, { cause: error });
      }
    }
    if (performance.now() >= endMs) break;
  }
  const packets = [...taken.values()].reduce((sum, sent) => sum + sent, 0);
  expect(rounds).toBeGreaterThanOrEqual(names.length);
  expect(taken.size).toBeGreaterThan(CALLS);
  expect(packets).toBeGreaterThan(0);
  note(`chaos: ${rounds} faults, ${taken.size} calls and ${packets} packets accounted for`);
  expect((await stage.monitor.stop()).code).toBe(0);
  expect(processesOfOurs(dir)).toEqual([]);
  expect(existsSync(path.join(dir, 'state'))).toBe(true);
});
