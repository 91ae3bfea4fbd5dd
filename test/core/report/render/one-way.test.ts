import { describe, expect, it } from 'vitest';
import { oneWayNote, oneWayRows, oneWayTable } from '../../../../src/core/report/render/one-way.ts';
import type { OneWayMembers } from '../../../../src/core/report/run.ts';

const MEASURED: OneWayMembers = {
  packets: 1_500,
  there_ms: { min: -0.1, p50: 3.25, p99: 4, max: 5 },
  back_ms: { min: 8, p50: 8.5, p99: 9, max: 12 },
  error_ms: 0.25,
  turnaround_ms: { p50: 0.1, p99: 0.2, max: 0.3 },
  same_clock: false,
  received_by: 'kernel',
  reason: null,
};
const NONE: OneWayMembers = {
  ...{ packets: 0, there_ms: null, back_ms: null, error_ms: null, turnaround_ms: null, same_clock: null, received_by: null },
  reason: 'the far end is a \u001b[31mliar',
};

describe('one-way delays in tables', () => {
  it('stand with their error', () => {
    expect(oneWayRows(MEASURED)).toEqual([
      ['there p50 / p99', '3.250 / 4.000 ± 0.250 ms'],
      ['back p50 / p99', '8.500 / 9.000 ± 0.250 ms'],
      ['at the far end p50 / p99', '0.100 / 0.200 ms'],
    ]);
    expect(oneWayNote(MEASURED)).toBe('One-way delays of 1,500 packets: both clocks synchronised, arrival there by the kernel’s clock.');
    expect(oneWayNote({ ...MEASURED, same_clock: true, received_by: 'both' })).toContain('of some packets as the program read them');
  });

  it('are never 0 where there are none, and the reason of a file cannot move the cursor', () => {
    expect(oneWayRows(NONE).map(([, value]) => value)).toEqual(['–', '–', '–']);
    expect(oneWayTable(NONE).note).toBe('One-way delays: none, since the far end is a \\x1b[31mliar.');
  });
});
