// What is made of the answers of services, of systemd and of the kernel.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { judgeHealth, judgeHttp } from '../../../src/core/monitor/health-answer.ts';
import { hasEnded, parseProcStat } from '../../../src/core/monitor/proc-stat.ts';
import { judgeUnit, parseUnitStatus } from '../../../src/core/monitor/unit-status.ts';
import { failed, passed, worstOf } from '../../../src/core/monitor/verdict.ts';

const URL = 'http://127.0.0.1:9090/health';
const HEALTHY = '{"status":"healthy","reason":null}';
const SICK = '{"status":"unhealthy","reason":"no connection to Asterisk"}';

describe('a health answer', () => {
  const ask = (status: number, body: string, more: { document?: boolean; onUnhealthy?: 'report' | 'restart' } = {}): unknown =>
    judgeHealth({ url: URL, document: true, onUnhealthy: 'report', ...more }, { status, body, tookMs: 3 });

  it.each([
    ['healthy', 200, HEALTHY, {}, passed(3)],
    ['that it cannot work, which a restart does not cure', 503, SICK, {}, passed(3, 'no connection to Asterisk')],
    [
      'the same, where a restart is wanted',
      503,
      SICK,
      { onUnhealthy: 'restart' },
      failed('unhealthy', `${URL} says: no connection to Asterisk`),
    ],
    ['503 of somebody else', 503, '<html>', {}, failed('wrong_answer', `${URL} answered 503 without a health document`)],
    ['503 of another program', 503, 'busy', { document: false }, passed(3, 'it answered 503')],
    ['200 of somebody else', 200, 'OK', {}, failed('wrong_answer', `${URL} answered 200, but not that it is healthy`)],
    ['200 that contradicts itself', 200, SICK, {}, failed('wrong_answer', `${URL} answered 200, but not that it is healthy`)],
    ['200 of another program', 200, 'OK', { document: false }, passed(3)],
    ['a redirect', 302, '', { document: false }, failed('wrong_answer', `${URL} answered 302, not 200 or 503`)],
    ['an error', 500, HEALTHY, {}, failed('wrong_answer', `${URL} answered 500, not 200 or 503`)],
    ['JSON that is no document', 200, '[1]', {}, failed('wrong_answer', `${URL} answered 200, but not that it is healthy`)],
    ['null', 200, 'null', {}, failed('wrong_answer', `${URL} answered 200, but not that it is healthy`)],
  ] as const)('%s', (_, status, body, more, verdict) => {
    expect(ask(status, body, more)).toEqual(verdict);
  });

  it('has its reason cut', () => {
    const verdict = ask(503, JSON.stringify({ status: 'unhealthy', reason: 'x'.repeat(10_000) }));
    expect(verdict).toEqual(passed(3, 'x'.repeat(300)));
  });
});

test('a plain GET wants success', () => {
  expect(judgeHttp(URL, { status: 204, body: '', tookMs: 1 })).toEqual(passed(1));
  expect(judgeHttp(URL, { status: 404, body: '', tookMs: 1 })).toEqual(failed('wrong_answer', `${URL} answered 404`));
});

test('of several looks the first failure counts, else the slowest, and what was not measured is not 0', () => {
  const bad = failed('timeout', 'no answer');
  expect(worstOf([passed(1), bad, failed('refused', 'x')])).toBe(bad);
  expect(worstOf([passed(2), passed(5, 'sick'), passed(null)])).toEqual(passed(5, 'sick'));
  expect(worstOf([])).toEqual(passed(null));
});

describe('systemctl show', () => {
  const text = (active: string, sub: string, pid = '0', load = 'loaded'): string =>
    `MainPID=${pid}\nLoadState=${load}\nActiveState=${active}\nSubState=${sub}\n`;

  it.each([
    [text('active', 'running', '812'), { pid: 812 }, passed(null)],
    [text('reloading', 'reload', '812'), { pid: 812 }, passed(null)],
    [text('failed', 'failed'), { pid: null }, failed('exited', 'x.service is failed (failed)', 'gone')],
    [text('inactive', 'dead', '0', 'not-found'), { load: 'not-found' }, failed('exited', 'systemd knows no unit x.service', 'gone')],
    [text('activating', 'auto-restart'), { sub: 'auto-restart' }, failed('exited', 'x.service is activating (auto-restart)')],
    [text('deactivating', 'stop-sigterm', '7'), { pid: 7 }, failed('exited', 'x.service is deactivating (stop-sigterm)')],
  ])('%j', (shown, status, verdict) => {
    const parsed = parseUnitStatus(shown);
    expect(parsed).toMatchObject(status);
    expect(parsed === undefined ? undefined : judgeUnit('x.service', parsed)).toEqual(verdict);
  });

  it('is none when a property is missing', () => {
    expect(parseUnitStatus('ActiveState=active\nSubState=running\nMainPID=1\n')).toBeUndefined();
    expect(parseUnitStatus('')).toBeUndefined();
  });
});

describe('/proc/PID/stat', () => {
  const REST = '1 4711 4711 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 11 0 987654 1000 200 18446744073709551615 1';

  it.each([
    ['node', 'S'],
    ['a) Z (b', 'T'],
    ['', 'R'],
  ])('of %j', (name, state) => {
    expect(parseProcStat(`4711 (${name}) ${state} ${REST}`)).toEqual({ state, group: 4_711, startTicks: 987_654 });
  });

  it('tells the dead from the stopped', () => {
    const ended = ['R', 'S', 'D', 'T', 't', 'Z', 'X'].filter((state) => hasEnded({ state, group: 1, startTicks: 1 }));
    expect(ended).toEqual(['Z', 'X']);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseProcStat(text)).not.toThrow();
      }),
    );
    expect(parseProcStat('4711 (node) S 1 x')).toBeUndefined();
    expect(parseProcStat('')).toBeUndefined();
  });
});
