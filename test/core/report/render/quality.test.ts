import { describe, expect, it, test } from 'vitest';
import { qualityTable } from '../../../../src/core/report/render/quality.ts';
import type { RunSummary } from '../../../../src/core/report/run.ts';
import { mosFromR, rFactor } from '../../../../src/core/stats/quality.ts';
import { makeRun } from '../make-run.ts';

const quality = {
  codec: 'G.711',
  concealment: 'G.711 Appendix I',
  ie: 0,
  bpl: 25.1,
  one_way_ms: 50,
  delay_source: 'half of the round trip',
  loss_percent: 1,
  burst_r: 1,
  packets: 500,
  ro: 94.769,
  is: 1.413,
  id: 1.591,
  ie_eff: 3.64,
  a: 0,
};

function shown(summary: Partial<RunSummary>): { readonly cells: Readonly<Record<string, string>>; readonly note: string } {
  const { columns, rows, note } = qualityTable({ ...makeRun().summary, ...summary });
  return { cells: Object.fromEntries(columns.map(({ name }, i) => [name, rows[0]?.[i]?.text ?? ''])), note };
}

/** The number behind a word of the note. */
function numberAfter(word: string, note: string): number {
  return Number(note.split(`${word} `)[1]?.split(' ')[0]);
}

describe('qualityTable', () => {
  test('what is printed is enough to compute R and MOS again', () => {
    const r = rFactor({ ie: 0, bpl: 25.1, pplPercent: 1, tMs: 50, taMs: 50, trMs: 100 });
    const { cells, note } = shown({ quality, r_factor: r, mos: mosFromR(r) });
    const [tMs, pplPercent] = [Number(cells['Ta, ms']), Number(cells['Ppl, %'])];
    const again = rFactor({
      ie: Number(cells['Ie']),
      bpl: Number(cells['Bpl']),
      burstR: Number(cells['BurstR']),
      pplPercent,
      tMs,
      taMs: tMs,
      trMs: 2 * tMs,
    });
    expect(numberAfter('R', note)).toBeCloseTo(again, 2);
    expect(numberAfter('MOS', note)).toBeCloseTo(mosFromR(again), 2);
    const [ro, is, id, ieEff, a] = ['Ro', 'Is', 'Id', 'Ie,eff', 'A'].map((word) => Number.parseFloat(note.split(`${word} `)[1] ?? ''));
    expect((ro ?? 0) - (is ?? 0) - (id ?? 0) - (ieEff ?? 0) + (a ?? 0)).toBeCloseTo(numberAfter('R', note), 1);
    expect(note).toContain('Ta = T = Tr/2 is half of the round trip');
  });

  it('shows the inputs of a score that there is none of', () => {
    const { cells, note } = shown({
      quality: { ...quality, packets: 99, loss_percent: null, one_way_ms: null },
      r_factor: null,
      mos: null,
    });
    expect(cells).toMatchObject({ 'Ppl, %': '–', 'Ta, ms': '–', packets: '99' });
    expect(note).toContain('No score');
  });

  it('is not there where nothing was to be scored', () => {
    expect(qualityTable({ ...makeRun().summary, quality: null }).rows).toEqual([]);
  });

  it('takes nothing for a number or a text that is none, as a run of anybody may have it', () => {
    const { cells } = shown({ quality: { codec: 7, concealment: '\u001b[2J', ie: 'x', bpl: { toFixed: 1 }, loss_percent: [1] } });
    expect(cells).toMatchObject({ codec: '–', Ie: '–', Bpl: '–', 'Ppl, %': '–' });
    expect(cells['concealment']).not.toContain('\u001b');
  });
});
