import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtplatError } from '../../../src/core/errors.ts';
import { MAX_RUN_CHARS, parseRun, parseRunAmongOthers } from '../../../src/core/report/read-run.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';
import { makeCall } from './make-metrics.ts';
import { histogramOf, makeRun } from './make-run.ts';

const text = JSON.stringify(makeRun());

const COUNTS = {
  totalChannels: 0,
  activeChannels: 0,
  sent: 0,
  received: 0,
  lost: 0,
  late: 0,
  duplicates: 0,
  reordered: 0,
  inFlight: 0,
  socketDrops: null,
};

function refusal(document: string): RtplatError {
  try {
    parseRun(document, 'f.json');
  } catch (error) {
    if (error instanceof RtplatError) return error;
    throw error;
  }
  throw new Error('the document was accepted');
}

/** The document with the member at `path` replaced; `undefined` takes it away. */
function withMember(path: string, value: unknown): string {
  const document = JSON.parse(text) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  let target = document;
  for (const name of names) target = target[name] as Record<string, unknown>;
  if (value === undefined) delete target[last];
  else target[last] = value;
  return JSON.stringify(document);
}

describe('buildRun', () => {
  it('computes the ten names from the histogram and the counts', () => {
    const { summary } = makeRun();
    expect(summary).toMatchObject({
      total_channels: 1,
      active_channels: 0,
      total_latencies: 1000,
      max_latency: 10,
      avg_latency: 5.005,
      late_ratio: 0,
      packet_loss_ratio: 1 / 1001,
      send_error_ms: { max: 0.003 },
      host_delay_ms: null,
    });
    expect(summary.p50_latency).toBeCloseTo(5, 1);
    expect(summary.p95_latency).toBeCloseTo(9.5, 1);
    expect(summary.p99_latency).toBeCloseTo(9.9, 1);
  });

  it('says null, never 0, of what no packet measured', () => {
    const run = makeRun({ latency: new LatencyHistogram(), sendError: new LatencyHistogram(), counts: COUNTS, verdict: 'insufficient' });
    const { total_latencies, send_error_ms, ...rest } = run.summary;
    expect([total_latencies, send_error_ms]).toEqual([0, null]);
    for (const name of [
      'p50_latency',
      'p95_latency',
      'p99_latency',
      'max_latency',
      'avg_latency',
      'late_ratio',
      'packet_loss_ratio',
    ] as const) {
      expect(rest[name], name).toBeNull();
    }
    expect(parseRun(JSON.stringify(run), 'empty').summary).toEqual(run.summary);
  });

  it('has no send error histogram where nothing is sent on a schedule', () => {
    const run = makeRun({ sendError: null });
    expect('send_error_histogram' in run).toBe(false);
    expect(run.summary.send_error_ms).toBeNull();
  });

  it('takes the call documents of a service as rows', () => {
    const calls = [makeCall(histogramOf([1e6])), makeCall(new LatencyHistogram(), { port: null, peer: null, setup_ms: null })];
    expect(parseRun(JSON.stringify(makeRun({ calls })), 'f.json').calls).toEqual(calls);
  });

  it('names the most channels at once only when it was told', () => {
    expect(makeRun({ counts: { ...COUNTS, totalChannels: 9, peakChannels: 4 } }).summary.peak_channels).toBe(4);
    expect('peak_channels' in makeRun().summary).toBe(false);
  });
});

describe('parseRun', () => {
  it('reads back what buildRun made', () => {
    expect(parseRun(text, 'f.json')).toEqual(makeRun());
  });

  it('keeps members it does not know, at every level', () => {
    const run = parseRun(withMember('summary.moon_phase', 'full'), 'f.json');
    expect(run.summary).toHaveProperty('moon_phase', 'full');
    expect(parseRun(withMember('later', [1]), 'f.json')).toHaveProperty('later', [1]);
  });

  it('names a version it does not know, and what to do', () => {
    const error = refusal(withMember('schema', 'rtplat.run/2'));
    expect(error.code).toBe('format');
    expect(error.message).toBe('f.json has schema "rtplat.run/2"; this rtplat reads "rtplat.run/1"');
    expect(error.hint).toContain('update');
  });

  it.each([
    ['schema', undefined, 'has no "schema"'],
    ['schema', 'other/1', 'its schema is "other/1"'],
    ['schema', 'rtplat.run/1 ', 'has schema "rtplat.run/1 "'],
    ['host.hostname', undefined, '"host.hostname"'],
    ['command', 'echo', '"command": expected ("probe"'],
    ['started_at', 'yesterday', '"started_at": expected an ISO 8601 time, found "yesterday"'],
    ['duration_seconds', -1, '"duration_seconds": expected 0 or more, found -1'],
    ['summary.sent', 1.5, '"summary.sent": expected a whole number, found 1.5'],
    ['summary.sent', '7', '"summary.sent": expected number, found "7"'],
    ['summary.late_ratio', 1.5, '"summary.late_ratio": expected a fraction of 1'],
    ['summary.clock', 'sundial', '"summary.clock"'],
    ['summary.total_latencies', 7, '"summary.total_latencies" is 7 but the histogram holds 1000 samples'],
    ['series', [{}], '"series.0.t"'],
    ['calls', [{ id: 5 }], '"calls.0.id": expected string, found 5'],
    ['histogram.count', 999, '"histogram": the histogram holds 1000 samples but says 999'],
    ['histogram.minNs', null, '"histogram": minNs and maxNs are null exactly when count is 0'],
    ['histogram.data', 'AAAA', '"histogram": the histogram data cannot be decoded'],
    ['histogram.data', 'A'.repeat(600_000), '"histogram.data": expected at most 163840 characters'],
    ['send_error_histogram.data', '!', '"send_error_histogram": '],
  ])('refuses %s = %j and says so', (path, value, message) => {
    const error = refusal(withMember(path, value));
    expect(error.code).toBe('format');
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('\n');
  });

  it('refuses what is not an object of JSON', () => {
    expect(refusal('').message).toBe('f.json is not a run: it is not JSON');
    expect(refusal('null').message).toContain('has no "schema"');
    expect(refusal('[]').message).toContain('has no "schema"');
    expect(refusal(text.replace('"sent":1001', '"sent":1e999')).message).toContain('"summary.sent": expected a whole number');
    expect(refusal(' '.repeat(MAX_RUN_CHARS + 1)).message).toContain('too long');
  });

  it('never lets a document reach a prototype', () => {
    const run = parseRun(
      text.replace('"tool":{', '"tool":{"__proto__":{"polluted":1},').replace('"options":{', '"options":{"__proto__":{"polluted":1},'),
      'f.json',
    );
    expect((run.tool as unknown as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(run.options['polluted']).toBeUndefined();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('answers a run or a format error for any text, and throws nothing else', () => {
    const mutated = fc
      .tuple(fc.nat(text.length - 1), fc.nat(40), fc.string({ maxLength: 8 }))
      .map(([at, length, put]) => text.slice(0, at) + put + text.slice(at + length));
    fc.assert(
      fc.property(fc.oneof(mutated, fc.json(), fc.string()), (document) => {
        let outcome: unknown;
        try {
          outcome = parseRun(document, 'f.json').schema;
        } catch (error) {
          outcome = error instanceof RtplatError ? error.code : error;
        }
        expect(['rtplat.run/1', 'format']).toContain(outcome);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseRunAmongOthers', () => {
  it('passes over what is no run', () => {
    for (const other of [
      '',
      'plain text',
      '{"name":"rtplat"}',
      '[1]',
      'null',
      '{"schema":"other/1"}',
      '{"note":"\\"rtplat.run/1"}',
      '{"see":"rtplat.run/1"}',
    ]) {
      expect(parseRunAmongOthers(other, 'f.json'), other).toBeUndefined();
    }
  });

  it('reads a run, and says what is wrong with a broken or future one', () => {
    expect(parseRunAmongOthers(text, 'f.json')).toEqual(makeRun());
    expect(() => parseRunAmongOthers(text.slice(0, 500), 'f.json')).toThrow('it is not JSON');
    expect(() => parseRunAmongOthers(withMember('schema', 'rtplat.run/7'), 'f.json')).toThrow('rtplat.run/7');
    expect(() => parseRunAmongOthers(withMember('series', 5), 'f.json')).toThrow('"series"');
  });
});

describe('the published JSON Schema', () => {
  const schema = JSON.parse(readFileSync(new URL('../../../schema/rtplat.run-1.schema.json', import.meta.url), 'utf8')) as object;
  const validate = new Ajv({ strict: true, formats: { 'date-time': true } }).compile(schema);

  it('accepts runs that buildRun made', () => {
    for (const run of [
      makeRun(),
      makeRun({ sendError: null, calls: [], series: [] }),
      makeRun({ latency: histogramOf([5_000]), hostDelay: histogramOf([1]) }),
    ]) {
      expect(validate(JSON.parse(JSON.stringify(run))), JSON.stringify(validate.errors)).toBe(true);
    }
  });

  it.each([
    ['schema', 'rtplat.run/2'],
    ['summary.sent', 1.5],
    ['summary.p50_latency', 'fast'],
    ['summary.packet_loss_ratio', 2],
    ['histogram', undefined],
    ['calls', [{}]],
  ])('refuses %s = %j, as parseRun does', (path, value) => {
    expect(validate(JSON.parse(withMember(path, value)))).toBe(false);
  });
});
