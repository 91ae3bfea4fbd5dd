import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { budgetOf } from '../../../src/core/budget/budget.ts';
import type { PlacedName } from '../../../src/core/budget/join.ts';
import { joinCalls } from '../../../src/core/budget/join.ts';
import { knownPart, splitOf, totalOf, unknownPart } from '../../../src/core/budget/split.ts';
import { BUDGET_PARTS } from '../../../src/core/report/budget.ts';
import type { BudgetPart, BudgetSplit } from '../../../src/core/report/budget.ts';
import type { ServiceCall } from '../../../src/core/report/read-metrics.ts';
import type { CallRtcpMembers } from '../../../src/core/report/rtcp.ts';
import type { CallRow } from '../../../src/core/report/run.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';
import { makeCall } from '../report/make-metrics.ts';

const MS = 1e6;

const ms = fc.double({ min: 0, max: 1_000, noNaN: true });
const known = fc
  .tuple(ms, ms, ms, fc.integer({ min: 1, max: 1_000 }))
  .map(([value, below, above, samples]) => knownPart({ ms: value, lowMs: value - below, highMs: value + above, samples }));
const part = fc.oneof(known, fc.constant(unknownPart('not measured')));
const parts: fc.Arbitrary<BudgetSplit['parts']> = fc.record({ caller_network: part, service_network: part, service: part, echo: part });

function sumOf({ parts: all, unexplained }: BudgetSplit): number {
  return BUDGET_PARTS.reduce((sum, name) => sum + (all[name].ms ?? 0), unexplained.ms ?? Number.NaN);
}

describe('a split', () => {
  it('has parts and a rest that are the whole, the rest being whatever it is, and within its bounds', () => {
    fc.assert(
      fc.property(known, parts, (whole, all) => {
        const split = splitOf(whole, all);
        expect(sumOf(split)).toBeCloseTo(whole.ms!, 6);
        const { ms: rest, low_ms: low, high_ms: high } = split.unexplained;
        expect(low).toBeLessThanOrEqual(rest! + 1e-9);
        expect(high).toBeGreaterThanOrEqual(rest! - 1e-9);
      }),
    );
  });

  it('has the true rest within its bounds, wherever within theirs the true parts are', () => {
    const truth = fc.tuple(ms, fc.double({ min: -5, max: 5, noNaN: true }), fc.double({ min: 0, max: 5, noNaN: true }));
    fc.assert(
      fc.property(fc.array(truth, { minLength: 4, maxLength: 4 }), fc.double({ min: -10, max: 10, noNaN: true }), (truths, rest) => {
        // Each is measured wrong, by no more than it says.
        const seen = truths.map(([value, off, more]): BudgetPart =>
          knownPart({ ms: value + off, lowMs: value + off - Math.abs(off) - more, highMs: value + off + Math.abs(off) + more, samples: 1 }),
        );
        const whole = truths.reduce((sum, [value]) => sum + value, rest);
        const named = Object.fromEntries(BUDGET_PARTS.map((name, i) => [name, seen[i]])) as unknown as BudgetSplit['parts'];
        const { unexplained } = splitOf(knownPart({ ms: whole, samples: 1 }), named);
        expect(unexplained.low_ms).toBeLessThanOrEqual(rest + 1e-6);
        expect(unexplained.high_ms).toBeGreaterThanOrEqual(rest - 1e-6);
      }),
    );
  });

  it('leaves what was not measured in the rest, and never takes it for 0', () => {
    const whole = knownPart({ ms: 10, samples: 5 });
    const none = { caller_network: unknownPart('a'), service_network: unknownPart('b'), service: unknownPart('c'), echo: unknownPart('d') };
    expect(splitOf(whole, none).unexplained).toMatchObject({ ms: 10, low_ms: 10, high_ms: 10 });
    expect(splitOf(whole, { ...none, echo: knownPart({ ms: 12, samples: 1 }) }).unexplained).toMatchObject({
      ms: -2,
      low_ms: -2,
      high_ms: -2,
    });
    expect(splitOf(unknownPart('lost'), none).unexplained).toMatchObject({ ms: null, low_ms: null, high_ms: null });
  });
});

describe('the total of several calls', () => {
  it('adds up as well, is the mean over all packets, and lacks a part that one of them lacks', () => {
    const split = fc.tuple(known, parts).map(([whole, all]) => splitOf(whole, all));
    fc.assert(
      fc.property(fc.array(split, { minLength: 1, maxLength: 6 }), (splits) => {
        const total = totalOf(splits)!;
        const packets = splits.reduce((sum, { whole }) => sum + whole.samples!, 0);
        const mean = splits.reduce((sum, { whole }) => sum + whole.ms! * whole.samples!, 0) / packets;
        expect(total.calls).toBe(splits.length);
        expect(total.whole.ms).toBeCloseTo(mean, 6);
        expect(total.whole.samples).toBe(packets);
        expect(sumOf(total)).toBeCloseTo(mean, 5);
        for (const name of BUDGET_PARTS) {
          const missing = splits.some(({ parts: all }) => all[name].ms === null);
          expect(total.parts[name].ms === null).toBe(missing);
        }
      }),
    );
  });

  it('is none where no whole is known', () => {
    expect(totalOf([])).toBeNull();
    const nothing = unknownPart('nothing came back');
    expect(totalOf([splitOf(nothing, { caller_network: nothing, service_network: nothing, service: nothing, echo: nothing })])).toBeNull();
  });
});

function serviceCall(changes: Partial<ServiceCall> = {}): ServiceCall {
  const latency = new LatencyHistogram();
  for (let i = 0; i < 500; i++) latency.record(3 * MS);
  return { ...makeCall(latency), ...changes };
}

const name = (callId: string | null, channelId: string | null = null): PlacedName => ({ callId, channelId });

describe('which call of the service is which', () => {
  const [one, two] = [serviceCall({ id: '1.1', sip_call_id: 'a@x' }), serviceCall({ id: '1.2', sip_call_id: 'b@x' })];

  it('is known by its channel, where we chose its name, and by its Call-ID, in whatever order they came', () => {
    expect(joinCalls([name('b@x'), name('a@x')], [one, two])).toEqual([
      { call: two, by: 'call-id', problem: null },
      { call: one, by: 'call-id', problem: null },
    ]);
    expect(joinCalls([name(null, '1.2')], [one, two])).toEqual([{ call: two, by: 'channel', problem: null }]);
  });

  it('is known where there is but one on either side, and no Call-ID says otherwise', () => {
    const nameless = serviceCall({ id: '1.3', sip_call_id: null });
    expect(joinCalls([name('c@x')], [nameless])).toEqual([{ call: nameless, by: 'only', problem: null }]);
    // A service of an earlier version tells no Call-IDs at all.
    const { sip_call_id: _, ...old } = nameless;
    expect(joinCalls([name('c@x')], [old])).toMatchObject([{ by: 'only' }]);
  });

  it.each([
    ['the service took no call', [name('c@x')], []],
    ['the calls of the service have other Call-IDs', [name('c@x')], [one]],
    ['several calls of the service have its Call-ID', [name('a@x')], [one, { ...one, id: '1.4' }]],
    ['the service does not know its Call-ID, and there was more than one call', [name('c@x'), name('d@x')], [serviceCall({ id: '1.3' })]],
    ['the service does not know its Call-ID, and there was more than one call', [name('c@x')], [serviceCall({ id: '1.3' }), two]],
  ])('is not known: %s', (problem, ours, there) => {
    for (const joined of joinCalls(ours, there)) expect(joined).toEqual({ call: null, by: null, problem });
  });
});

const RTCP: CallRtcpMembers = {
  ...{
    sent: 3,
    received: 4,
    reports: 4,
    round_trips: 4,
    far_end_lost: 0,
    far_end_received: 500,
    far_end_fraction_lost: 0,
    far_end_jitter_ms: 0,
  },
  ...{ round_trip_ms: 1.4, round_trip_avg_ms: 1.5, round_trip_min_ms: 1.2, round_trip_max_ms: 2, round_trip_error_ms: 1 },
};
const ROW: CallRow = { id: 'call-1', avg_latency: 10, p50_latency: 9, total_latencies: 500, match: 'payload', rtcp: RTCP };

function budget(row: CallRow, there: readonly ServiceCall[] = [serviceCall({ sip_call_id: 'a@x', inside_ms: { out: 0.5, back: 0.25 } })]) {
  return budgetOf({ url: 'http://127.0.0.1:9090', trouble: null, rows: [row], there, nameOf: () => name('a@x') });
}

describe('the budget of a call', () => {
  it('is what RTCP, the service and its echo took, and the rest: of what whole milliseconds may cut off, half is taken off', () => {
    const { calls, total } = budget(ROW);
    expect(calls).toMatchObject([
      {
        ...{ id: 'call-1', service_call: '1756544841.212', joined_by: 'call-id', join_problem: null, codec_delay_ms: null },
        whole: { ms: 10, low_ms: 10, high_ms: 10, p50_ms: 9, samples: 500 },
        parts: {
          caller_network: { ms: 1, high_ms: 2, samples: 4, reason: null },
          service_network: { ms: null, reason: 'nobody measures it: external media of Asterisk has no RTCP' },
          service: { ms: 0.75, reason: null },
          echo: { ms: 3, p50_ms: 3, samples: 500 },
        },
        unexplained: { ms: 5.25, low_ms: 4.25 },
      },
    ]);
    expect(calls[0]?.parts.caller_network.low_ms).toBeCloseTo(0.2, 9);
    expect(calls[0]?.unexplained.high_ms).toBeCloseTo(6.05, 9);
    expect(total).toMatchObject({ calls: 1, whole: { ms: 10 }, unexplained: { ms: 5.25 } });
  });

  it('takes no round trip of RTCP for 0: of one below a millisecond, of which a millisecond may be too much, it is the middle', () => {
    const short = { ...RTCP, round_trip_ms: 0.4, round_trip_avg_ms: 0.5, round_trip_min_ms: 0.3, round_trip_max_ms: 0.9 };
    const { calls } = budget({ ...ROW, rtcp: short });
    expect(calls[0]?.parts.caller_network).toMatchObject({ ms: 0.25, low_ms: 0, high_ms: 0.9, p50_ms: 0.2 });
  });

  it('is negative where more was measured than there is, and says between which bounds', () => {
    const { calls } = budget({ ...ROW, avg_latency: 4, match_error_ms: 0.5 });
    expect(calls[0]?.whole).toMatchObject({ low_ms: 3.5, high_ms: 4.5 });
    expect(calls[0]?.unexplained).toMatchObject({ ms: -0.75, low_ms: -2.25 });
    expect(calls[0]?.unexplained.high_ms).toBeCloseTo(0.55, 9);
  });

  it.each([
    ['no RTCP at all', { ...ROW, rtcp: { ...RTCP, received: 0, round_trip_avg_ms: null } }, 'the far end sent no RTCP'],
    ['RTCP without a round trip', { ...ROW, rtcp: { ...RTCP, round_trip_avg_ms: null } }, 'no report of the far end told a round trip'],
    ['no media', { ...ROW, rtcp: null }, 'there were no media'],
  ])('has no network of the caller: %s', (_, row, reason) => {
    const { calls } = budget(row);
    expect(calls[0]?.parts.caller_network).toEqual(unknownPart(reason));
    expect(calls[0]?.unexplained.ms).toBe(6.25);
  });

  it('has neither service nor echo where it is not joined, and is in no total', () => {
    const { calls, total } = budget(ROW, []);
    expect(calls[0]).toMatchObject({
      joined_by: null,
      service_call: null,
      parts: { service: { ms: null }, echo: { ms: null } },
      unexplained: { ms: 9 },
    });
    expect(total).toBeNull();
  });

  it.each([
    ['what came back could not be matched', { match_reason: '5 packets came back and cannot be matched' }],
    ['nothing came back', {}],
  ])('is not known of a call of which %s', (reason, changes) => {
    const { calls } = budget({ ...ROW, avg_latency: null, ...changes });
    expect(calls[0]).toMatchObject({ whole: { ms: null, reason }, unexplained: { ms: null } });
  });

  it('names what codecs hold back, where the sound was matched', () => {
    const sip = {
      call_id: 'a@x',
      status: 200,
      cause: null,
      ptime_ms: 20,
      request_delay_ms: 1,
      early_media_ms: null,
      disconnect_delay_ms: 1,
    };
    const delay = (codec: string, match: string) => budget({ ...ROW, match, sip: { ...sip, codec } }).calls[0]?.codec_delay_ms;
    expect([delay('G722', 'audio'), delay('L16', 'audio'), delay('PCMA', 'audio'), delay('G722', 'payload')]).toEqual([
      12.75,
      10,
      null,
      null,
    ]);
  });
});
