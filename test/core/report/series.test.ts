import { describe, expect, it } from 'vitest';
import type { SeriesRow } from '../../../src/core/report/run.ts';
import { SecondSeries } from '../../../src/core/report/series.ts';

const SECOND = 1e9;
const MS = 1e6;

describe('SecondSeries', () => {
  it('counts a packet in the second in which it was due, whenever its echo comes', () => {
    const series = new SecondSeries(2 * SECOND);
    series.sent(0.9 * SECOND);
    series.sent(1.1 * SECOND);
    // The first one's echo comes in second 1.
    series.received(0.9 * SECOND, 400 * MS, false);
    series.received(1.1 * SECOND, 5 * MS, true);
    const rows = series.finish(1.4 * SECOND, 0);
    expect(rows.map(({ t, sent, received, lost, late }) => ({ t, sent, received, lost, late }))).toEqual([
      { t: 0, sent: 1, received: 1, lost: 0, late: 0 },
      { t: 1, sent: 1, received: 1, lost: 0, late: 1 },
    ]);
    expect(rows[0]?.max).toBe(400);
    expect(rows[1]?.p50).toBeCloseTo(5, 1);
  });

  it('gives null, not 0, for the percentiles of a second from which nothing came back', () => {
    const series = new SecondSeries(SECOND);
    series.sent(0);
    expect(series.finish(3 * SECOND, 1)).toEqual([
      { t: 0, sent: 1, received: 0, lost: 1, late: 0, p50: null, p95: null, p99: null, max: null },
    ]);
  });

  it('shows a silent second between busy ones', () => {
    const series = new SecondSeries(SECOND);
    series.sent(0);
    series.sent(2.5 * SECOND);
    expect(series.finish(10 * SECOND, 2).map(({ sent }) => sent)).toEqual([1, 0, 1]);
  });

  it('settles old seconds while the run goes on, and starts each with an empty histogram', () => {
    const series = new SecondSeries(SECOND);
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i < 10; i++) {
        const due = (second + i / 10) * SECOND;
        series.sent(due);
        if (i > 0) series.received(due, (second + 1) * MS, false);
      }
      series.settle((second + 1) * SECOND);
    }
    const rows = series.finish(30 * SECOND, 20);
    expect(rows).toHaveLength(20);
    for (const [second, row] of rows.entries()) {
      expect(row).toMatchObject({ t: second, sent: 10, received: 9, lost: 1 });
      expect(row.p50).toBeCloseTo(second + 1, 1);
      expect(row.max).toBe(second + 1);
    }
  });

  it('tells lost from in flight when a run is ended early: its rows add up to what the run lost', () => {
    const series = new SecondSeries(SECOND);
    // One packet every 100 ms for 2 s, none comes back; at 2 s those due before 1 s are lost, the others in flight.
    for (let i = 0; i < 20; i++) series.sent(i * 100 * MS);
    const rows = series.finish(2 * SECOND, 10);
    expect(rows.map(({ lost }) => lost)).toEqual([10, 0]);
  });

  it('splits the second in which the time-out ends', () => {
    const series = new SecondSeries(0.5 * SECOND);
    for (let i = 0; i < 30; i++) series.sent(i * 100 * MS);
    // At 3 s what was due before 2.5 s is lost: 25 packets, the last 5 of them in second 2.
    expect(series.finish(3 * SECOND, 25).map(({ lost }) => lost)).toEqual([10, 10, 5]);
  });
});

it('keeps the last rows it is asked to keep, numbered from the start, and the loss still adds up', () => {
  const series = new SecondSeries(1e9, 3);
  for (let second = 0; second < 10; second++) {
    series.sent(second * 1e9);
    if (second !== 1 && second !== 8) series.received(second * 1e9, 1e6, false);
    series.settle((second + 1) * 1e9);
  }
  const rows = series.finish(20e9, 2);
  expect(rows.map(({ t, lost }) => [t, lost])).toEqual([
    [7, 0],
    [8, 1],
    [9, 0],
  ]);
});

it('an hour without a packet is 3600 rows of nothing, and costs no histogram each', () => {
  const series = new SecondSeries(1e9);
  for (let second = 0; second <= 3602; second++) series.settle(second * 1e9);
  series.sent(3602e9);
  const rows = series.finish(3602.5e9, 0);
  expect(rows).toHaveLength(3603);
  expect(rows.slice(0, 3602).every((row) => row.sent === 0 && row.p50 === null)).toBe(true);
  expect(rows.at(-1)).toMatchObject({ t: 3602, sent: 1, lost: 0 });
});

it('tells each row when it is made', () => {
  const told: SeriesRow[] = [];
  const series = new SecondSeries(1e9, 2, (row) => told.push(row));
  series.sent(0.5e9);
  series.settle(1.9e9);
  expect(told).toEqual([]);
  series.settle(4.1e9);
  expect(told.map(({ t, sent, lost }) => [t, sent, lost])).toEqual([
    [0, 1, 1],
    [1, 0, 0],
    [2, 0, 0],
  ]);
});
