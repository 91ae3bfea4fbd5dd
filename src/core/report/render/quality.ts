/** R and MOS with what they were computed from, so that a reader can compute them again by hand. */
import { escapeControl } from '../../values/terminal.ts';
import type { RunSummary } from '../run.ts';
import type { Table } from './table.ts';
import { formatCount, formatMs } from './table.ts';

const NOT_MEASURED = '–';

/** No rows for a run that was not to be scored. Its members may be anybody's: what is no number is shown as not measured. */
export function qualityTable({ quality, r_factor: r, mos }: RunSummary): Table {
  if (quality === null) return { title: 'R and MOS', columns: [], rows: [], note: '' };
  const number = (name: string): number | null => {
    const value = quality[name];
    return typeof value === 'number' ? value : null;
  };
  const fixed = (name: string, digits: number): string => number(name)?.toFixed(digits) ?? NOT_MEASURED;
  const text = (name: string): string => {
    const value = quality[name];
    return typeof value === 'string' ? escapeControl(value) : NOT_MEASURED;
  };
  const columns: readonly (readonly [name: string, value: string, align: 'left' | 'right'])[] = [
    ['codec', text('codec'), 'left'],
    ['concealment', text('concealment'), 'left'],
    ['Ie', fixed('ie', 1), 'right'],
    ['Bpl', fixed('bpl', 1), 'right'],
    ['Ppl, %', fixed('loss_percent', 4), 'right'],
    ['BurstR', fixed('burst_r', 3), 'right'],
    ['Ta, ms', formatMs(number('one_way_ms')), 'right'],
    ['packets', formatCount(number('packets')), 'right'],
  ];
  const terms = `Ro ${fixed('ro', 3)} − Is ${fixed('is', 3)} − Id ${fixed('id', 3)} − Ie,eff ${fixed('ie_eff', 3)} + A ${fixed('a', 1)}`;
  const score =
    r === null
      ? 'No score: too few packets, or the delay or the loss is not known.'
      : `R ${r.toFixed(3)} = ${terms}. MOS ${mos === null ? NOT_MEASURED : mos.toFixed(3)} is the curve of Annex B at R.`;
  return {
    title: 'R and MOS (ITU-T G.107, 06/2015): what they are from',
    columns: columns.map(([name, , align]) => ({ name, align })),
    rows: [columns.map(([, value]) => ({ text: value, tone: 'plain' as const }))],
    note: `${score} Ta = T = Tr/2 is ${text('delay_source')}; all else has the default of G.107.`,
  };
}
