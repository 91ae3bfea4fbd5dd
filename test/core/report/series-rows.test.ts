import { describe, expect, it } from 'vitest';
import type { SeriesRow } from '../../../src/core/report/run.ts';
import { SeriesRows } from '../../../src/core/report/series-rows.ts';

const row = (t: number): SeriesRow => ({ t, sent: 50 + t, received: 49, lost: 1, late: null, p50: t / 3, p95: 2, p99: null, max: 4 });

describe('rows of a series', () => {
  it('are those that were added, what is null among them', () => {
    const rows = new SeriesRows();
    expect(rows.list()).toEqual([]);
    for (let t = 0; t < 1_000; t++) rows.add(row(t));
    expect(rows.list()).toEqual(Array.from({ length: 1_000 }, (_, t) => row(t)));
  });

  it.each([1, 3, 64, 100, 500])('are the last %i, however many there were', (most) => {
    const rows = new SeriesRows(most);
    for (let t = 0; t < 1_203; t++) {
      rows.add(row(t));
      const kept = rows.list();
      expect(kept).toHaveLength(Math.min(t + 1, most));
      expect([kept[0], kept.at(-1)]).toEqual([row(Math.max(0, t + 1 - most)), row(t)]);
    }
  });
});
