import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ServicePolicy } from '../../../src/core/monitor/policy.ts';
import type { PolicySettings } from '../../../src/core/monitor/policy-types.ts';
import { failed, passed } from '../../../src/core/monitor/verdict.ts';
import { PolicyWorld, SETTINGS, TIMEOUT_MS } from './policy-world.ts';
import type { Life } from './policy-world.ts';

const WELL: Life = { answersMs: 100, endsMs: 100 };
const CRASHES: Life = { answersMs: 0, exitsMs: 50 };

describe('a service that is well', () => {
  it('is started once, and looked at every interval', () => {
    const world = new PolicyWorld({}, [WELL]);
    world.begin();
    world.until(10_500);
    expect(world.times('start')).toEqual([0]);
    expect(world.lines()).toEqual(['INFO started as process 1', 'INFO up after 0.5 s: answered in 1 ms']);
    // The first one finds nobody, and takes half a second; the second one an answer, from which on the interval counts.
    expect(world.times('check')).toEqual([1, 501, 1_502, 2_502, 3_502, 4_502, 5_502, 6_502, 7_502, 8_502, 9_502]);
    expect(world.policy.state(world.nowMs)).toMatchObject({ phase: 'up', up: true, pid: 1, attempts: 0, lastProbeMs: 1, failures: 0 });
  });

  it('that was there before is not started', () => {
    const world = new PolicyWorld({}, [WELL]);
    world.begin(77);
    world.until(5_000);
    expect(world.times('start')).toEqual([]);
    expect(world.policy.state(world.nowMs)).toMatchObject({ phase: 'up', pid: 77, up: true });
  });

  it('is not known to be up before the first look has ended', () => {
    const world = new PolicyWorld({}, [WELL]);
    world.begin(77);
    expect(world.policy.state(0)).toMatchObject({ up: null, upForMs: null, lastProbeMs: null });
  });
});

describe('a service that ends', () => {
  it('is started again after the delay, which doubles, and given up', () => {
    const world = new PolicyWorld({}, [CRASHES]);
    world.begin();
    world.until(100_000);
    const starts = world.times('start');
    expect(starts).toHaveLength(1 + SETTINGS.maxAttempts);
    // 50 ms of life, and one to be started in.
    expect(starts.slice(1).map((ms, i) => ms - (starts[i] ?? 0))).toEqual([1_051, 2_051, 4_051]);
    expect(world.lines().slice(-3)).toEqual([
      'INFO up after 0 s: answered in 1 ms',
      'ERROR it ended',
      'ERROR given up after 3 restarts in 100 s: it ended',
    ]);
    expect(world.lines()).toContain('INFO restarting in 2 s (attempt 2 of 3)');
    const state = world.policy.state(world.nowMs);
    expect(state).toMatchObject({ phase: 'given_up', up: false, pid: null });
    expect(state.restarts.get('exited')).toBe(3);
    expect(world.times('gaveUp')).toHaveLength(1);
  });

  it('leaves nothing behind before it is started again', () => {
    const world = new PolicyWorld({}, [{ answersMs: 0, exitsMs: 3_000, leavesRest: true, endsMs: 700 }, WELL]);
    world.begin();
    world.until(20_000);
    expect(world.mostAlive).toBe(1);
    expect(world.happened.map(({ effect }) => effect.kind).filter((kind) => kind !== 'log' && kind !== 'check')).toEqual([
      'start',
      'signal',
      'start',
    ]);
  });

  it('is not restarted at all where no attempt is allowed', () => {
    const world = new PolicyWorld({ maxAttempts: 0 }, [CRASHES]);
    world.begin();
    world.until(10_000);
    expect(world.times('start')).toHaveLength(1);
    expect(world.lines().at(-1)).toBe('ERROR given up after 0 restarts in 100 s: it ended');
  });

  it('has its delay grow to the maximum only', () => {
    const world = new PolicyWorld({ maxAttempts: 20, windowMs: 1e9 }, [CRASHES]);
    world.begin();
    world.until(200_000);
    const starts = world.times('start');
    const gaps = starts.slice(1).map((ms, i) => ms - (starts[i] ?? 0));
    expect(Math.max(...gaps)).toBe(8_051);
  });

  it('is restarted after the first delay again when it was stable', () => {
    const world = new PolicyWorld({ maxAttempts: 10 }, [CRASHES, CRASHES, { ...CRASHES, exitsMs: 25_000 }, WELL]);
    world.begin();
    world.until(60_000);
    expect(world.lines().filter((line) => line.includes('restarting'))).toEqual([
      'INFO restarting in 1 s (attempt 1 of 10)',
      'INFO restarting in 2 s (attempt 2 of 10)',
      'INFO restarting in 1 s (attempt 3 of 10)',
    ]);
  });
});

describe('a service that hangs', () => {
  it('is found within interval and time-out where one failure is enough', () => {
    const hangsMs = 4_321;
    const world = new PolicyWorld({ failures: 1 }, [{ answersMs: 0, hangsMs }, WELL]);
    world.begin();
    world.until(30_000);
    const [foundMs = Number.NaN] = world.times('signal');
    expect(foundMs - (1 + hangsMs)).toBeLessThanOrEqual(SETTINGS.intervalMs + TIMEOUT_MS);
  });

  it('is told of at each failure, gets SIGTERM, then SIGKILL, and is started again', () => {
    const world = new PolicyWorld({}, [{ answersMs: 0, hangsMs: 1_500 }, WELL]);
    world.begin();
    world.until(20_000);
    expect(world.lines().slice(2, 9)).toEqual([
      'WARN unhealthy: no answer (1 of 3)',
      'WARN unhealthy: no answer (2 of 3)',
      'ERROR unhealthy: no answer (3 of 3)',
      'INFO ending process 1',
      'WARN process 1 is there 2 s after SIGTERM: SIGKILL',
      'INFO process 1 has ended',
      'INFO restarting in 1 s (attempt 1 of 3)',
    ]);
    expect(world.policy.state(world.nowMs).restarts.get('timeout')).toBe(1);
    expect(world.policy.phase).toBe('up');
  });

  it('and answers again in time is left alone', () => {
    const policy = new ServicePolicy(SETTINGS, () => 1);
    policy.on({ kind: 'begin', pid: 5 }, 0);
    const no = failed('timeout', 'no answer');
    const said = [passed(1), no, no, passed(2), no].map((verdict, i) => {
      policy.on({ kind: 'tick' }, i * 1_000);
      return policy
        .on({ kind: 'checked', check: i + 1, verdict }, i * 1_000 + 1)
        .map((effect) => (effect.kind === 'log' ? effect.text : ''));
    });
    expect(said).toEqual([
      ['up: answered in 1 ms'],
      ['unhealthy: no answer (1 of 3)'],
      ['unhealthy: no answer (2 of 3)'],
      ['answers again: answered in 2 ms'],
      ['unhealthy: no answer (1 of 3)'],
    ]);
  });

  it('that SIGKILL does not end is told of, and not started a second time', () => {
    const policy = new ServicePolicy({ ...SETTINGS, failures: 1 }, () => 1);
    policy.on({ kind: 'begin', pid: 9 }, 0);
    policy.on({ kind: 'checked', check: 1, verdict: failed('timeout', 'no answer') }, 500);
    const kills = [2_500, 4_500, 6_500].map((ms) => policy.on({ kind: 'tick' }, ms));
    expect(kills.map((effects) => effects.map(({ kind }) => kind))).toEqual([
      ['log', 'signal'],
      ['log', 'signal'],
      ['log', 'signal'],
    ]);
    expect(kills[1]?.[0]).toEqual({ kind: 'log', level: 'error', text: 'process 9 is there 2 s after SIGKILL: SIGKILL' });
    expect(policy.phase).toBe('ending');
  });
});

describe('a start', () => {
  it('that fails is an attempt, and the reason is counted', () => {
    const world = new PolicyWorld({}, [{ answersMs: 0, unstartable: true }]);
    world.begin();
    world.until(60_000);
    expect(world.times('start')).toHaveLength(4);
    expect(world.lines()[0]).toBe('ERROR not started: no such program');
    expect(world.policy.state(world.nowMs).restarts.get('not_started')).toBe(3);
  });

  it('without an answer is given up after its time', () => {
    const world = new PolicyWorld({}, [{ answersMs: 60_000, endsMs: 10 }, WELL]);
    world.begin();
    world.until(20_000);
    expect(world.lines()[1]).toBe('ERROR not up 5 s after its start: no answer');
    expect(world.policy.phase).toBe('up');
    // Waiting for a start to succeed is no failure.
    expect(world.policy.state(world.nowMs).checks.failed).toBe(0);
  });
});

describe('given up', () => {
  const settings: Partial<PolicySettings> = { maxAttempts: 1, failures: 1 };

  it('is left as it is, and looked at: an answer brings it back', () => {
    const world = new PolicyWorld(settings, [
      { answersMs: 0, hangsMs: 1_000, endsMs: 0 },
      { answersMs: 0, hangsMs: 2_000, endsMs: 0 },
    ]);
    world.begin();
    world.until(20_000);
    expect(world.policy.phase).toBe('given_up');
    expect(world.alive).toBe(1);
    // The next look has begun.
    world.until(world.policy.dueMs);
    const { effect } = world.happened.findLast((one) => one.effect.kind === 'check') ?? {};
    const check = effect?.kind === 'check' ? effect.check : 0;
    world.tell({ kind: 'checked', check, verdict: passed(3) });
    expect(world.policy.phase).toBe('up');
    expect(world.lines().at(-1)).toBe('WARN answers again, watched as before: answered in 3 ms');
    // And there is still no attempt left.
    world.until(30_000);
    expect(world.policy.phase).toBe('given_up');
    expect(world.times('gaveUp')).toHaveLength(2);
    expect(world.times('start')).toHaveLength(2);
  });

  it('is not brought back by the answer of a process before', () => {
    const policy = new ServicePolicy({ ...SETTINGS, maxAttempts: 0 }, () => 1);
    policy.on({ kind: 'begin', pid: 9 }, 0);
    policy.on({ kind: 'exited', text: 'it ended', rest: false }, 1);
    policy.on({ kind: 'checked', check: 1, verdict: passed(1) }, 2);
    expect(policy.phase).toBe('given_up');
  });
});

describe('a stop', () => {
  it.each([
    ['while it is up', 3_000, {}],
    ['while it starts', 0.5, {}],
    ['before it answers', 50, {}],
  ])('%s ends it, with SIGKILL if it must', (_, atMs, settings) => {
    const world = new PolicyWorld(settings, [{ answersMs: 100 }]);
    world.begin();
    world.until(atMs);
    world.tell({ kind: 'stop' });
    world.until(atMs + 10_000);
    expect(world.policy.phase).toBe('stopped');
    expect(world.alive).toBe(0);
    expect(world.times('stopped')).toHaveLength(1);
    expect(world.times('start')).toHaveLength(1);
  });

  it('leaves it running where that is wanted', () => {
    const world = new PolicyWorld({ keepRunning: true }, [WELL]);
    world.begin();
    world.until(3_000);
    world.tell({ kind: 'stop' });
    expect(world.policy.phase).toBe('stopped');
    expect(world.times('signal')).toEqual([]);
    expect(world.alive).toBe(1);
  });

  it('during the delay starts nothing any more', () => {
    const world = new PolicyWorld({}, [CRASHES]);
    world.begin();
    world.until(500);
    expect(world.policy.state(world.nowMs)).toMatchObject({ phase: 'waiting', restartInMs: expect.closeTo(551, 0) });
    world.tell({ kind: 'stop' });
    world.until(20_000);
    expect(world.policy.phase).toBe('stopped');
    expect(world.times('start')).toHaveLength(1);
  });

  it('while it is being ended waits for its end', () => {
    const world = new PolicyWorld({ failures: 1 }, [{ answersMs: 0, hangsMs: 1_000 }]);
    world.begin();
    world.until(2_600);
    expect(world.policy.phase).toBe('ending');
    world.tell({ kind: 'stop' });
    expect(world.policy.phase).toBe('ending');
    world.until(10_000);
    expect(world.policy.phase).toBe('stopped');
    expect(world.times('start')).toHaveLength(1);
  });
});

test('a unit of systemd is not signalled, and restarted after the delay', () => {
  const policy = new ServicePolicy({ ...SETTINGS, control: 'unit' }, () => 1);
  expect(policy.on({ kind: 'begin', pid: null }, 0)).toEqual([{ kind: 'check', check: 1 }]);
  const kinds = policy
    .on({ kind: 'checked', check: 1, verdict: failed('exited', 'x.service is failed', 'gone') }, 5)
    .map(({ kind }) => kind);
  expect(kinds).toEqual(['log', 'log']);
  expect(policy.dueMs).toBe(1_005);
  expect(policy.on({ kind: 'tick' }, 1_005)).toEqual([{ kind: 'start' }]);
  policy.on({ kind: 'started', pid: null }, 1_100);
  expect(policy.on({ kind: 'stop' }, 1_200)).toEqual([{ kind: 'stopped' }]);
});

test('a stop does not wait for systemd', () => {
  const policy = new ServicePolicy({ ...SETTINGS, control: 'unit', delayMs: 0 }, () => 1);
  policy.on({ kind: 'begin', pid: null }, 0);
  policy.on({ kind: 'checked', check: 1, verdict: failed('exited', 'x.service is failed', 'gone') }, 5);
  expect(policy.on({ kind: 'tick' }, 5)).toEqual([{ kind: 'start' }]);
  expect(policy.on({ kind: 'stop' }, 6)).toEqual([{ kind: 'stopped' }]);
  expect(policy.on({ kind: 'startFailed', text: 'aborted' }, 7)).toEqual([]);
});

test('what nobody may restart is down until it answers', () => {
  const policy = new ServicePolicy({ ...SETTINGS, control: 'none', failures: 1 }, () => 1);
  policy.on({ kind: 'begin', pid: null }, 0);
  const down = policy.on({ kind: 'checked', check: 1, verdict: failed('timeout', 'no answer') }, 500);
  expect(down).toEqual([{ kind: 'log', level: 'error', text: 'down: unhealthy: no answer (1 of 1)' }]);
  expect(policy.state(500)).toMatchObject({ phase: 'down', up: false });
  policy.on({ kind: 'tick' }, 1_000);
  const up = policy.on({ kind: 'checked', check: 3, verdict: passed(1) }, 1_001);
  expect(up).toEqual([{ kind: 'log', level: 'info', text: 'answers again: answered in 1 ms' }]);
});

test('a service that says it cannot work is told of once, and not restarted', () => {
  const policy = new ServicePolicy(SETTINGS, () => 1);
  policy.on({ kind: 'begin', pid: 9 }, 0);
  const sick = (check: number, nowMs: number): unknown => {
    policy.on({ kind: 'tick' }, nowMs);
    return policy.on({ kind: 'checked', check, verdict: passed(1, 'no connection to Asterisk') }, nowMs + 1);
  };
  expect(sick(1, 0)).toEqual([
    { kind: 'log', level: 'info', text: 'up: answered in 1 ms' },
    { kind: 'log', level: 'warn', text: 'up, but says that it cannot work: no connection to Asterisk' },
  ]);
  expect(sick(2, 1_000)).toEqual([]);
  expect(policy.state(2_000)).toMatchObject({ up: true, notReady: 'no connection to Asterisk' });
  policy.on({ kind: 'tick' }, 2_000);
  expect(policy.on({ kind: 'checked', check: 3, verdict: passed(1) }, 2_001)).toEqual([
    { kind: 'log', level: 'info', text: 'can work again' },
  ]);
});

const LIFE: fc.Arbitrary<Life> = fc.record(
  {
    answersMs: fc.integer({ min: 0, max: 8_000 }),
    unstartable: fc.boolean(),
    hangsMs: fc.integer({ min: 0, max: 40_000 }),
    exitsMs: fc.integer({ min: 0, max: 40_000 }),
    leavesRest: fc.boolean(),
    endsMs: fc.integer({ min: 0, max: 5_000 }),
    tookMs: fc.integer({ min: 0, max: 700 }),
  },
  { requiredKeys: ['answersMs'] },
);

const POLICY = fc.record({
  intervalMs: fc.integer({ min: 500, max: 5_000 }),
  failures: fc.integer({ min: 1, max: 4 }),
  maxAttempts: fc.integer({ min: 0, max: 6 }),
  windowMs: fc.integer({ min: 1_000, max: 120_000 }),
  delayMs: fc.integer({ min: 0, max: 5_000 }),
  delayMaxMs: fc.integer({ min: 5_000, max: 30_000 }),
  stableMs: fc.integer({ min: 1_000, max: 30_000 }),
  graceMs: fc.integer({ min: 50, max: 5_000 }),
});

describe('whatever happens', () => {
  const runs = { numRuns: 400 };

  it('there are never more restarts in a window than configured, and never two processes', () => {
    fc.assert(
      fc.property(
        POLICY,
        fc.array(LIFE, { minLength: 1, maxLength: 8 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }),
        (settings, lives, randoms) => {
          let draw = 0;
          const world = new PolicyWorld(settings, lives, () => randoms[draw++ % randoms.length] ?? 0);
          world.begin();
          world.until(400_000);
          expect(world.mostAlive).toBeLessThanOrEqual(1);
          const restarts = world.times('start').slice(1);
          const n = settings.maxAttempts;
          for (let i = n; i < restarts.length; i++)
            expect((restarts[i] ?? 0) - (restarts[i - n] ?? 0)).toBeGreaterThanOrEqual(settings.windowMs);
          // Between two starts its end, or a start that failed.
          expect(restarts.length).toBe([...world.policy.state(world.nowMs).restarts.values()].reduce((a, b) => a + b, 0));
        },
      ),
      runs,
    );
  });

  it('the delay is between the half of the doubled one and its maximum', () => {
    fc.assert(
      fc.property(POLICY, fc.double({ min: 0, max: 1, noNaN: true }), (settings, random) => {
        const world = new PolicyWorld({ ...settings, maxAttempts: 6, windowMs: 1e9, stableMs: 1e9 }, [CRASHES], () => random);
        world.begin();
        world.until(400_000);
        const starts = world.times('start');
        for (const [i, ms] of starts.slice(1).entries()) {
          const waited = ms - (starts[i] ?? 0) - 51;
          const full = Math.min(settings.delayMaxMs, settings.delayMs * 2 ** i);
          expect(waited).toBeGreaterThanOrEqual(full / 2 - 1e-6);
          expect(waited).toBeLessThanOrEqual(full + 1e-6);
        }
      }),
      runs,
    );
  });

  it('a stop ends it, whenever it comes', () => {
    fc.assert(
      fc.property(
        POLICY,
        fc.array(LIFE, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 100_000 }),
        (settings, lives, stopMs) => {
          const world = new PolicyWorld(settings, lives);
          world.begin();
          world.until(stopMs);
          world.tell({ kind: 'stop' });
          world.until(stopMs + 2 * 5_000 + 100);
          expect(world.policy.phase).toBe('stopped');
          expect(world.alive).toBe(0);
          expect(world.policy.dueMs).toBe(Number.POSITIVE_INFINITY);
        },
      ),
      runs,
    );
  });
});
