import { describe, expect, it } from 'vitest';
import { RECENT_BYTES, RECENT_SECONDS, RecentSeconds } from '../../../src/core/relay/recent-seconds.ts';
import type { SeriesRow } from '../../../src/core/report/run.ts';

const row = (t: number, parts: Partial<SeriesRow> = {}): SeriesRow => ({
  ...{ t, sent: 50, received: 49, lost: 1, late: 2, p50: 1, p95: 2, p99: 3, max: 4 },
  ...parts,
});

describe('the last seconds', () => {
  it('are what was added, by the second that was told, for whoever looks at the same memory', () => {
    const buffer = new SharedArrayBuffer(64 + RECENT_BYTES);
    const [writer, reader] = [new RecentSeconds(buffer, 64), new RecentSeconds(buffer, 64)];
    expect(reader.rows(0)).toEqual([]);
    writer.add(1_000, row(0));
    writer.add(1_001, row(1, { sent: 0, received: 0, lost: 0 }));
    const quiet = { sent: 0, received: 0, lost: 0 };
    expect(reader.rows(0)).toEqual([row(1_000), row(1_001, quiet)]);
    expect(reader.rows(1_002)).toEqual([row(-2), row(-1, quiet)]);
    // Nothing is in the memory before its own.
    expect(new Uint8Array(buffer, 0, 64).every((byte) => byte === 0)).toBe(true);
  });

  it('know what was not measured', () => {
    const seconds = new RecentSeconds(new SharedArrayBuffer(RECENT_BYTES), 0);
    const nothing = row(7, { received: 0, late: null, p50: null, p95: null, p99: null, max: null });
    seconds.add(7, nothing);
    expect(seconds.rows(0)).toEqual([nothing]);
  });

  it('are no more than there is room for, however long it goes on', () => {
    const seconds = new RecentSeconds(new SharedArrayBuffer(RECENT_BYTES), 0);
    for (let t = 0; t < 5 * RECENT_SECONDS; t++) {
      seconds.add(t, row(t, { sent: t }));
      const rows = seconds.rows(0);
      expect(rows).toHaveLength(Math.min(t + 1, RECENT_SECONDS));
      expect([rows[0]?.sent, rows.at(-1)?.sent]).toEqual([Math.max(0, t + 1 - RECENT_SECONDS), t]);
    }
    seconds.reset();
    expect(seconds.rows(0)).toEqual([]);
    expect(RECENT_BYTES).toBeLessThan(25_000);
  });
});
