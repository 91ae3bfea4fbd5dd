import { describe, expect, it } from 'vitest';
import {
  callTable,
  checkTable,
  comparisonTable,
  formatCount,
  formatMs,
  formatRatio,
  formatSeconds,
  instrumentTable,
  latencyTable,
  packetTable,
  runTitle,
  serviceTable,
  streamTable,
} from '../../../../src/core/report/render/table.ts';
import type { Table } from '../../../../src/core/report/render/table.ts';
import { checkRun } from '../../../../src/core/report/verdict.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { makeCall, makeCounters, makeMetrics } from '../make-metrics.ts';
import { histogramOf, makeRun } from '../make-run.ts';

/** The cells of the only row, by column. */
function rowOf(table: Table, index = 0): Record<string, string> {
  expect(table.rows[index]).toHaveLength(table.columns.length);
  return Object.fromEntries(table.columns.map(({ name }, i) => [name, table.rows[index]?.[i]?.text ?? '']));
}

describe('numbers', () => {
  it.each([
    [formatMs, 5.0012, '5.001'],
    [formatMs, 0, '0.000'],
    [formatMs, null, '–'],
    [formatMs, undefined, '–'],
    [formatRatio, 0, '0.000 %'],
    [formatRatio, 0.001, '0.100 %'],
    [formatRatio, 1, '100.000 %'],
    [formatRatio, 0.000_001, '<0.001 %'],
    [formatRatio, null, '–'],
    [formatCount, 0, '0'],
    [formatCount, 999, '999'],
    [formatCount, 1000, '1,000'],
    [formatCount, 1_234_567, '1,234,567'],
    [formatCount, null, '–'],
    [formatSeconds, 12.34, '12.3 s'],
    [formatSeconds, 245, '4 min 05 s'],
    [formatSeconds, 11_220, '3 h 07 min'],
    [formatSeconds, undefined, '–'],
  ] as const)('%o of %s is %s', (format, value, text) => {
    expect((format as (value: number | null | undefined) => string)(value)).toBe(text);
  });
});

describe('tables', () => {
  const { summary } = makeRun();

  it('shows the latencies, and dashes when no packet came back', () => {
    expect(rowOf(latencyTable(summary))).toEqual({
      samples: '1,000',
      p50: '5.001',
      p95: '9.503',
      p99: '9.904',
      max: '10.000',
      avg: '5.005',
    });
    const empty = makeRun({ latency: new LatencyHistogram() });
    expect(rowOf(latencyTable(empty.summary))).toEqual({ samples: '0', p50: '–', p95: '–', p99: '–', max: '–', avg: '–' });
    expect(latencyTable(empty.summary).note).not.toBe('');
  });

  it('draws the eye to loss, and only to loss', () => {
    const lossy = packetTable(summary, summary);
    expect(rowOf(lossy)).toMatchObject({ sent: '1,001', returned: '1,000', lost: '1', loss: '0.100 %' });
    expect(lossy.rows[0]?.filter(({ tone }) => tone === 'doubt').map(({ text }) => text)).toEqual(['1', '0.100 %']);
    const clean = packetTable({ ...summary, lost: 0 }, { ...summary, packet_loss_ratio: 0 });
    expect(clean.rows[0]?.every(({ tone }) => tone === 'plain')).toBe(true);
  });

  it('shows quality and instrument, dashes where there is nothing', () => {
    expect(rowOf(streamTable(summary))).toEqual({ channels: '1', 'at once': '1', 'jitter, ms': '0.500', 'R factor': '–', MOS: '–' });
    expect(rowOf(streamTable(makeRun({ rFactor: 93.2, mos: 4.409 }).summary))).toMatchObject({ 'R factor': '93.2', MOS: '4.41' });
    expect(rowOf(instrumentTable(summary))).toMatchObject({ max: '0.003', 'host delay p99': '–', 'socket drops': '–', match: 'header' });
    expect(rowOf(instrumentTable(makeRun({ sendError: null, match: null }).summary))).toMatchObject({ p50: '–', match: '–' });
  });

  it('shows a service', () => {
    expect(rowOf(serviceTable(makeMetrics(histogramOf([1e6]), 0)))).toMatchObject({
      up: '12.5 s',
      calls: '3',
      active: '1',
      'at most': '2',
      'ports free': '100',
      of: '101',
    });
  });

  it('shows calls, keeps what the wire named from the terminal, and counts those that do not fit', () => {
    const hostile = makeCall(histogramOf([1e6]), { id: 'x\u001b[2J', state: 'up\n', counters: makeCounters({ sent: 2, lost: 1 }) });
    const table = callTable([hostile, { id: 'bare' }]);
    expect(rowOf(table)).toMatchObject({ id: 'x\\x1b[2J', state: 'up\\x0a', port: '10000', 'setup ms': '12.500', sent: '2', lost: '1' });
    expect(rowOf(table, 1)).toEqual({
      id: 'bare',
      state: '–',
      port: '–',
      'setup ms': '–',
      'first ms': '–',
      sent: '–',
      lost: '–',
      p50: '–',
      p95: '–',
      p99: '–',
      max: '–',
    });
    const many = callTable(Array.from({ length: 60 }, (_, i) => ({ id: String(i) })));
    expect([many.rows.length, many.note]).toEqual([50, 'and 10 more calls; --json has them all']);
  });

  it('shows several runs and the merged one last', () => {
    const table = comparisonTable([{ name: 'a.json', summary }], summary);
    expect(table.rows.map(([name]) => name?.text)).toEqual(['a.json', 'all, merged']);
    expect(table.note).toBe('');
  });

  it('shows the first hundred runs, says how many more there are, and has the merged one still', () => {
    const { summary } = makeRun();
    const runs = Array.from({ length: 1_000 }, (_, i) => ({ name: `${i}.json`, summary }));
    const { rows, note } = comparisonTable(runs, summary);
    expect(rows).toHaveLength(101);
    expect(rows.at(-1)?.[0]?.text).toBe('all, merged');
    expect(note).toBe('all, merged: with 900 more runs; --format csv has them all');
  });

  it('shows the checks with their units and their colours', () => {
    const { checks, channels } = checkRun(makeRun({ latency: histogramOf(Array.from({ length: 20_000 }, () => 9e6)) }).summary);
    const table = checkTable(checks, channels);
    expect(table.title).toBe('Service level for 1 channel');
    expect(rowOf(table)).toMatchObject({ check: 'p50_latency', bound: '8.000 ms', status: 'fail' });
    expect(rowOf(table, 5)).toMatchObject({ check: 'packet_loss_ratio', bound: '0.200 %', status: 'pass' });
    expect(table.rows.map((row) => row[3]?.tone)).toEqual(['bad', 'good', 'good', 'good', 'good', 'good']);
  });

  it('heads a run with what it was', () => {
    expect(runTitle('r.json', makeRun())).toBe('r.json: probe udp://127.0.0.1:4000, 2026-11-21T10:00:00.000Z, 10.0 s, on lab');
    expect(runTitle('r\u0007.json', makeRun({ options: {} }))).toBe('r\\x07.json: probe, 2026-11-21T10:00:00.000Z, 10.0 s, on lab');
  });
});
