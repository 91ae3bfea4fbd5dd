// That Prometheus reads it is shown in test/asterisk/watching/merge.test.ts.
import { describe, expect, it } from 'vitest';
import { expose } from '../../../../src/core/report/render/exposition.ts';
import { FamilyList } from '../../../../src/core/report/render/families.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { histogramOf } from '../make-run.ts';
import { readFields, readSignedList, readStream, signed } from './protobuf-reader.ts';
import type { Field } from './protobuf-reader.ts';

const text = (field: Field): string => new TextDecoder().decode(field.bytes);
const all = (fields: readonly Field[], number: number): readonly Field[] => fields.filter((field) => field.number === number);
const one = (fields: readonly Field[], number: number): Field => {
  const found = all(fields, number);
  expect(found.length).toBe(1);
  return found[0] as Field;
};

function familiesOf(fill: (families: FamilyList) => void): readonly (readonly Field[])[] {
  const families = new FamilyList();
  fill(families);
  const { body, contentType } = expose(families.list(), 'protobuf');
  expect(contentType).toBe('application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited');
  if (typeof body === 'string') throw new Error('text');
  return readStream(body);
}

/** Of the only histogram. */
function histogramFields(histogram: LatencyHistogram): readonly Field[] {
  const [family = []] = familiesOf((families) => families.histogram('x', 'H.', { parts: [[histogram]], boundsNs: [1e6, 2e9] }));
  expect(one(family, 3).value).toBe(4);
  return readFields(one(readFields(one(family, 4).bytes), 7).bytes);
}

describe('renderProtobuf', () => {
  it('names families, types and labels as the text format does, and leaves out what was not measured', () => {
    const families = familiesOf((list) => {
      list.counter('calls', 'Calls.', [
        [0, { action: 'tone' }],
        [null, { action: 'echo' }],
      ]);
      list.gauge('ratio', 'A ratio.', 0.25);
      list.gauge('unknown', 'Not measured.', null);
      list.info('instrument', 'What measured.', { engine: 'é' });
    });
    expect(families.map((family) => [text(one(family, 1)), text(one(family, 2)), one(family, 3).value])).toEqual([
      ['rtplat_calls_total', 'Calls.', 0],
      ['rtplat_ratio', 'A ratio.', 1],
      ['rtplat_instrument_info', 'What measured.', 1],
    ]);
    const values = families.map((family) => {
      const metric = readFields(one(family, 4).bytes);
      const labels = all(metric, 1).map((pair) => readFields(pair.bytes).map(text).join('='));
      const value = metric.find(({ number }) => number === 2 || number === 3);
      return [labels.join(), value?.number, one(readFields(value?.bytes ?? new Uint8Array()), 1).value];
    });
    expect(values).toEqual([
      ['action=tone', 3, 0],
      ['', 2, 0.25],
      ['engine=é', 2, 1],
    ]);
  });

  it('has classic and exponential buckets', () => {
    const fields = histogramFields(histogramOf([100, 1e9 - 1_000, 1e9 - 1_000, 1e9 + 1_000, 4e9 + 5_000_000]));
    expect(one(fields, 1).value).toBe(5);
    expect(one(fields, 2).value).toBeCloseTo(7.0049991, 9);
    const classic = all(fields, 3).map(({ bytes }) => readFields(bytes).map(({ value }) => value));
    expect(classic).toEqual([
      [1, 0.001],
      [4, 2],
    ]);
    expect(signed(one(fields, 5).value)).toBe(5);
    expect(one(fields, 6).value).toBe(2 ** -20);
    expect(one(fields, 7).value).toBe(1);
    // The bucket 0 is the one up to 1 s; 4.005 s is 2^(64.06 / 32) s. HdrHistogram's resolution has put all three of around 1 s together.
    const spans = all(fields, 12).map(({ bytes }) => readFields(bytes).map(({ value }, i) => (i === 0 ? signed(value) : value)));
    expect(spans).toEqual([
      [1, 1],
      [63, 1],
    ]);
    expect(readSignedList(one(fields, 13).bytes)).toEqual([3, -2]);
  });

  it('runs of buckets have one span', () => {
    const fields = histogramFields(histogramOf([0.99e9, 0.97e9, 0.97e9, 0.5e9 - 1e6]));
    const spans = all(fields, 12).map(({ bytes }) => readFields(bytes).map(({ value }, i) => (i === 0 ? signed(value) : value)));
    expect(spans).toEqual([
      [-32, 1],
      [30, 2],
    ]);
    expect(readSignedList(one(fields, 13).bytes)).toEqual([1, 1, -1]);
  });

  it('an empty histogram is a native one all the same', () => {
    const fields = histogramFields(new LatencyHistogram());
    expect(one(fields, 1).value).toBe(0);
    expect(one(fields, 6).value).toBeGreaterThan(0);
    expect(all(fields, 12)).toEqual([]);
    expect(all(fields, 13)).toEqual([]);
  });
});
