import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { checkBounds } from '../../../../src/core/report/gate/check.ts';
import type { GateCheck } from '../../../../src/core/report/gate/check.ts';
import { parseBound } from '../../../../src/core/report/gate/expression.ts';
import type { Bound } from '../../../../src/core/report/gate/expression.ts';
import { FIELD_NAMES } from '../../../../src/core/report/gate/fields.ts';
import { callSubject, runSubject, serviceSubject } from '../../../../src/core/report/gate/subject.ts';
import type { CallRow, RunDocument, RunParts } from '../../../../src/core/report/run.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { makeCall, makeCounters, makeMetrics } from '../make-metrics.ts';
import { histogramOf, makeRun } from '../make-run.ts';

function bound(text: string): Bound {
  const read = parseBound(text);
  if ('fault' in read) throw new Error(read.fault.message);
  return read.bound;
}

function checkRunOf(text: string, run: RunDocument, calls: readonly CallRow[] = run.calls): GateCheck {
  const all = runSubject('run.json', run.summary, run.histogram);
  const { checks } = checkBounds([bound(text)], { all, runs: [all], calls: calls.map((call) => callSubject(call, all, '')) });
  return checks[0] as GateCheck;
}

/** So many samples of 5 ms, lost beside them, and no doubt about the sender. */
function run(samples: number, { lost = 0, ...parts }: Partial<RunParts> & { readonly lost?: number } = {}): RunDocument {
  const latency = histogramOf(Array.from({ length: samples }, () => 5e6));
  const counts = {
    totalChannels: 1,
    activeChannels: 0,
    sent: samples + lost,
    received: samples,
    lost,
    late: 0,
    duplicates: 0,
    reordered: 0,
  };
  return makeRun({ latency, counts: { ...counts, inFlight: 0, socketDrops: null }, clock: 'kernel', ...parts });
}

describe('a bound on a run', () => {
  it.each([
    ['p99<20ms', 10_000, 'pass'],
    ['p99<20ms', 9_999, 'insufficient'],
    ['p99<1ms', 9_999, 'insufficient'],
    ['p99<1ms', 10_000, 'fail'],
    ['p99.9<20ms', 99_999, 'insufficient'],
    ['p99.9<20ms', 100_000, 'pass'],
    ['p10<20ms', 199, 'insufficient'],
    ['p10>=5ms', 200, 'pass'],
    ['p50<5ms', 200, 'fail'],
    ['p50<=5ms', 200, 'pass'],
    ['p50==5ms', 200, 'pass'],
    ['p50!=5ms', 200, 'fail'],
    ['avg<5.001ms', 200, 'pass'],
    ['avg<5.001ms', 199, 'insufficient'],
    ['max<20ms', 9_999, 'insufficient'],
    ['max<20ms', 10_000, 'pass'],
    ['max<1ms', 1, 'fail'],
    ['max>1ms', 9_999, 'insufficient'],
    ['loss<0.2%', 1_499, 'insufficient'],
    ['loss<0.2%', 1_500, 'pass'],
    ['loss<=0%', 2_999, 'insufficient'],
    ['loss<=0%', 3_000, 'pass'],
    ['loss<50%', 99, 'insufficient'],
    ['lost==0', 99, 'insufficient'],
    ['lost==0', 100, 'pass'],
    ['sent>=10', 9, 'fail'],
    ['sent>=10', 10, 'pass'],
    ['jitter<1ms', 199, 'insufficient'],
    ['jitter<1ms', 200, 'pass'],
    ['duplicates<=1', 99, 'insufficient'],
  ])('%s on %i samples of 5 ms: %s', (text, samples, status) => {
    expect(checkRunOf(text, run(samples)).status).toBe(status);
  });

  it('is violated early by events that no more samples could make good', () => {
    expect(checkRunOf('loss<0.2%', run(10, { lost: 4 }))).toMatchObject({ status: 'fail', samples: 14 });
    expect(checkRunOf('loss<0.2%', run(10, { lost: 3 }))).toMatchObject({ status: 'insufficient', samples: 13, needed: 1_500 });
    expect(checkRunOf('lost==0', run(10, { lost: 1 })).status).toBe('fail');
  });

  it('says by how much it is missed', () => {
    expect(checkRunOf('p99<3.8ms', run(10_000))).toMatchObject({ status: 'fail', value: 5, distance: 1.2 });
    expect(checkRunOf('p99>7ms', run(10_000))).toMatchObject({ status: 'fail', distance: 2 });
    expect(checkRunOf('p99<20ms', run(10_000)).distance).toBeNull();
  });

  it('is never held by what was not measured, with any operator and on any field', () => {
    const names = FIELD_NAMES.flatMap((name) => [name, `run:${name}`, `call:${name}`]);
    const nothing = makeRun({ latency: new LatencyHistogram(), jitterMs: null, sendError: null, counts: NOTHING, calls: [{ id: '1' }] });
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom('<', '<=', '>', '>=', '==', '!='),
        fc.constantFrom('0', '1', '9ms'),
        (name, op, value) => {
          const read = parseBound(`${name}${op}${value}`);
          // What counts how much there is, is measured whenever it is told.
          if ('fault' in read || (read.bound.field.kind === 'amount' && read.bound.scope !== 'call')) return;
          expect(['insufficient', 'fail']).toContain(checkRunOf(read.bound.text, nothing).status);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(checkRunOf('mos>1', nothing)).toMatchObject({ status: 'insufficient', value: null });
  });

  it('is inconclusive where the run distrusts itself', () => {
    const doubtful = run(10_000, { verdict: 'inconclusive', verdictReasons: ['late sender'] });
    for (const text of ['p99<20ms', 'p99<1ms', 'lost==0', 'call:p50<1ms']) {
      expect(['inconclusive', 'insufficient']).toContain(checkRunOf(text, doubtful).status);
    }
    expect(checkRunOf('p99<20ms', doubtful).status).toBe('inconclusive');
    expect(checkRunOf('p99<1ms', doubtful).status).toBe('inconclusive');
  });

  it('is inconclusive where the sender may have made the difference', () => {
    const late = histogramOf(Array.from({ length: 100 }, () => 2e6));
    const parts = { sendError: late, clock: 'user' } as const;
    expect(checkRunOf('p99<4ms', run(10_000, parts)).status).toBe('inconclusive');
    expect(checkRunOf('p99<2ms', run(10_000, parts)).status).toBe('fail');
    expect(checkRunOf('p99>4ms', run(10_000, parts)).status).toBe('inconclusive');
    expect(checkRunOf('p99<6ms', run(10_000, parts)).status).toBe('pass');
    expect(checkRunOf('p99<4ms', run(10_000, { ...parts, clock: 'kernel' })).status).toBe('fail');
  });
});

const NOTHING = {
  totalChannels: 0,
  activeChannels: 0,
  sent: 0,
  received: 0,
  lost: 0,
  late: null,
  duplicates: 0,
  reordered: 0,
  inFlight: 0,
  socketDrops: null,
};

describe('a bound on each call', () => {
  const call = (id: string, ms: number, samples: number): CallRow => ({
    id,
    total_latencies: samples,
    p50_latency: ms,
    setup_ms: 10 * ms,
    counters: makeCounters({ sent: samples, returned: samples }),
  });

  it('is violated by one of them, and names the worst', () => {
    const calls = [call('a', 5, 300), call('b', 9, 300), call('c', 8, 300), call('d', 90, 3)];
    expect(checkRunOf('call:p50<7ms', run(1), calls)).toMatchObject({
      status: 'fail',
      subject: 'b',
      value: 9,
      distance: 2,
      subjects: 4,
      violations: [{ subject: 'b' }, { subject: 'c' }],
    });
    expect(checkRunOf('call:p50>7ms', run(1), calls)).toMatchObject({ status: 'fail', subject: 'a', violations: [{ subject: 'a' }] });
  });

  it('does not pass when one of them has too few samples, or there is none', () => {
    const calls = [call('a', 5, 300), call('d', 5, 3)];
    expect(checkRunOf('call:p50<7ms', run(1), calls)).toMatchObject({ status: 'insufficient', subject: 'd', samples: 3, needed: 200 });
    expect(checkRunOf('call:p50<7ms', run(1), [])).toMatchObject({ status: 'insufficient', subjects: 0, value: null });
    expect(checkRunOf('call:p50<7ms', run(1), [{ id: 'x' }])).toMatchObject({ status: 'insufficient', value: null });
  });

  it('leaves out calls that were not to be measured, but not their set-up', () => {
    const calls: CallRow[] = [call('a', 5, 300), { id: 'tone', setup_ms: 70, counters: null }];
    expect(checkRunOf('call:p50<7ms', run(1), calls)).toMatchObject({ status: 'pass', subjects: 1 });
    expect(checkRunOf('call:setup_ms<60ms', run(1), calls)).toMatchObject({ status: 'fail', subject: 'tone', subjects: 2 });
  });
});

test('a live service is checked by what it counts', () => {
  const latency = histogramOf(Array.from({ length: 20_000 }, () => 15e6));
  const metrics = makeMetrics(latency, 3);
  const all = serviceSubject('http://service', metrics);
  const calls = [callSubject(makeCall(latency), all, '')];
  const texts = ['p99<10ms', 'received>=20000', 'lost<=3', 'loss<1%', 'call:p99<10ms', 'p99.9<20ms', 'mos>3'];
  const { checks, verdict } = checkBounds(texts.map(bound), { all, runs: [all], calls });
  expect(checks.map(({ status }) => status)).toEqual(['fail', 'pass', 'pass', 'pass', 'fail', 'insufficient', 'insufficient']);
  expect(verdict).toBe('fail');
});
