// That a receiver reads it is shown in test/asterisk/watching/otlp.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FamilyList } from '../../../../src/core/report/render/families.ts';
import { readPartialSuccess } from '../../../../src/core/report/render/otlp-answer.ts';
import { renderOtlp } from '../../../../src/core/report/render/otlp.ts';
import { ProtobufWriter } from '../../../../src/core/report/render/protobuf.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { histogramOf } from '../make-run.ts';
import { readFields, readVarints, signed } from './protobuf-reader.ts';
import type { Field } from './protobuf-reader.ts';

const ORIGIN = { resource: { 'service.name': 'rtplat-echo' }, version: '1.2.3', startMs: 1_000 };

const text = (field: Field | undefined): string => new TextDecoder().decode(field?.bytes);
const all = (fields: readonly Field[], number: number): readonly Field[] => fields.filter((field) => field.number === number);
const within = (fields: readonly Field[], ...path: readonly number[]): readonly Field[] =>
  path.reduce((inner, number) => readFields(all(inner, number)[0]?.bytes ?? new Uint8Array()), fields);

/** As `key=value`. */
function attributesOf(fields: readonly Field[], number: number): readonly string[] {
  return all(fields, number).map((pair) => {
    const inner = readFields(pair.bytes);
    return `${text(inner[0])}=${text(within(inner, 2)[0])}`;
  });
}

function metricsOf(fill: (families: FamilyList) => void, nowMs = 2_000): readonly (readonly Field[])[] {
  const families = new FamilyList();
  fill(families);
  const request = readFields(renderOtlp(families.list(), ORIGIN, nowMs));
  expect(attributesOf(within(request, 1, 1), 1)).toEqual(['service.name=rtplat-echo']);
  expect(within(request, 1, 2, 1).map(text)).toEqual(['rtplat', '1.2.3']);
  return all(within(request, 1, 2), 2).map(({ bytes }) => readFields(bytes));
}

describe('renderOtlp', () => {
  it('has names, units, attributes and values, and leaves out what was not measured', () => {
    const metrics = metricsOf((list) => {
      list.counter('taken_bytes', 'Bytes.', [
        [5, { action: 'tone' }],
        [null, { action: 'echo' }],
      ]);
      list.gauge('late_ratio', 'A ratio.', 0.25);
      list.gauge('active', 'Calls.', 0);
      list.gauge('unknown', 'Not measured.', null);
      list.info('instrument', 'What measured.', { engine: 'batch' });
    });
    expect(metrics.map((fields) => [text(all(fields, 1)[0]), text(all(fields, 2)[0]), text(all(fields, 3)[0])])).toEqual([
      ['rtplat_taken_bytes_total', 'Bytes.', 'By'],
      ['rtplat_late_ratio', 'A ratio.', '1'],
      ['rtplat_active', 'Calls.', ''],
      ['rtplat_instrument_info', 'What measured.', ''],
    ]);
    const values = metrics.map((fields) => {
      const kind = all(fields, 7).length > 0 ? 7 : 5;
      expect(all(within(fields, kind), 1).length).toBe(1);
      const point = within(fields, kind, 1);
      return [kind, all(point, 4)[0]?.value, attributesOf(point, 7).join()];
    });
    expect(values).toEqual([
      [7, 5, 'action=tone'],
      [5, 0.25, ''],
      [5, 0, ''],
      [5, 1, 'engine=batch'],
    ]);
    // Cumulative, and monotonic.
    expect(within(metrics[0] ?? [], 7).map(({ number, value }) => [number, value])).toEqual([
      [1, Number.NaN],
      [2, 2],
      [3, 1],
    ]);
  });

  it('has its times in ns, and no end before the beginning', () => {
    const timesOf = (nowMs: number): readonly (number | undefined)[] => {
      const [metric = []] = metricsOf((list) => list.gauge('x', 'X.', 1), nowMs);
      return within(metric, 5, 1)
        .filter(({ number }) => number === 2 || number === 3)
        .map(({ fixed }) => Number(fixed));
    };
    expect(timesOf(1_795_279_110_976)).toEqual([1e9, 1_795_279_110_976e6]);
    expect(timesOf(500)).toEqual([1e9, 1e9]);
  });

  it('has histograms of exponential buckets, named by their lower bounds', () => {
    const histogram = histogramOf([100, 0.99e9, 0.99e9, 1.01e9, 4e9 + 5e6]);
    const [metric = []] = metricsOf((list) => list.histogram('x_seconds', 'H.', { parts: [[histogram, { at: 'us' }]], boundsNs: [] }));
    expect(text(all(metric, 3)[0])).toBe('s');
    expect(all(within(metric, 10), 2)[0]?.value).toBe(2);
    const point = within(metric, 10, 1);
    expect(attributesOf(point, 1)).toEqual(['at=us']);
    expect(Number(all(point, 4)[0]?.fixed)).toBe(5);
    expect(all(point, 5)[0]?.value).toBeCloseTo(6.9950001, 9);
    expect(signed(all(point, 6)[0]?.value ?? Number.NaN)).toBe(5);
    expect(Number(all(point, 7)[0]?.fixed)).toBe(1);
    expect(all(point, 14)[0]?.value).toBe(2 ** -20);
    const positive = within(point, 8);
    expect(signed(all(positive, 1)[0]?.value ?? Number.NaN)).toBe(-1);
    const counts = readVarints(all(positive, 2)[0]?.bytes ?? new Uint8Array());
    // From just below 1 s to just above 4 s: two powers of two.
    expect(counts.length).toBe(66);
    expect([counts[0], counts[1], counts[65], counts.reduce((sum, count) => sum + count, 0)]).toEqual([2, 1, 1, 4]);
  });

  it('an empty histogram has no buckets', () => {
    const [metric = []] = metricsOf((list) => list.histogram('x', 'H.', { parts: [[new LatencyHistogram()]], boundsNs: [] }));
    const point = within(metric, 10, 1);
    expect(Number(all(point, 4)[0]?.fixed)).toBe(0);
    expect(all(point, 8)).toEqual([]);
  });
});

describe('readPartialSuccess', () => {
  function answer(rejected: number, reason: string): Uint8Array {
    const writer = new ProtobufWriter();
    writer.message(1, (partial) => {
      partial.unsigned(1, rejected);
      partial.text(2, reason);
    });
    return writer.bytes();
  }

  it('says how many and why', () => {
    expect(readPartialSuccess(answer(300, 'too old'))).toEqual({ rejected: 300, reason: 'too old' });
    expect(readPartialSuccess(answer(0, 'a warning'))).toBeUndefined();
    expect(readPartialSuccess(new Uint8Array())).toBeUndefined();
    expect(readPartialSuccess(new TextEncoder().encode('{"partialSuccess":{}}'))).toBeUndefined();
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const found = readPartialSuccess(bytes);
        expect(found === undefined || found.rejected > 0).toBe(true);
      }),
    );
    const whole = answer(300, 'too old');
    for (let length = 0; length < whole.length; length++) expect(readPartialSuccess(whole.subarray(0, length))).toBeUndefined();
  });
});
