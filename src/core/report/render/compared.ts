/** A comparison with a baseline in words: its table, and a row a quantile for whoever shows what was judged. */
import type { Comparison, QuantileComparison } from '../baseline/compare.ts';
import { LEVEL, RESAMPLES } from '../baseline/interval.ts';
import { FEW_RUNS_FACTOR } from '../baseline/verdict.ts';
import type { BaselineVerdict, Doubt } from '../baseline/verdict.ts';
import type { Verdict } from '../run.ts';
import { escapeControl } from '../../values/terminal.ts';
import { formatCount, formatMs } from './table.ts';
import type { Cell, Table, Tone } from './table.ts';

/** As a bound: `worse` violates it, `better` does not. */
export const STATUS_OF_BASELINE: Readonly<Record<BaselineVerdict, Verdict>> = {
  better: 'pass',
  same: 'pass',
  worse: 'fail',
  inconclusive: 'inconclusive',
};

const TONES: Readonly<Record<BaselineVerdict, Tone>> = { better: 'good', same: 'good', worse: 'bad', inconclusive: 'doubt' };

/** What is judged in the group of the baseline. */
export interface ComparedRow {
  readonly group: 'baseline';
  readonly name: string;
  /** `no more than 0.050 ms above 1.200 ms`. */
  readonly expected: string;
  readonly value: string;
  readonly status: Verdict;
  readonly detail: string;
  /** There is one side to look at, never one of several. */
  readonly violations: readonly [];
}

export function comparedRows({ quantiles }: Comparison): readonly ComparedRow[] {
  return quantiles.map((quantile) => {
    const { name, baseline, margin, value, verdict } = quantile;
    const change = quantile.difference === null ? '' : `${changeOf(quantile)} ms`;
    return {
      group: 'baseline',
      name: `${name} against the baseline`,
      expected: margin === null ? 'no worse than the baseline' : `at most ${formatMs(margin)} ms above ${formatMs(baseline)} ms`,
      value: value === null ? formatMs(value) : `${formatMs(value)} ms`,
      status: STATUS_OF_BASELINE[verdict],
      detail: [verdict === 'inconclusive' ? '' : verdict, change, percentChange(quantile), describeDoubt(quantile)]
        .filter((part) => part !== '')
        .join(', '),
      violations: [],
    };
  });
}

export function comparedTable(comparison: Comparison): Table {
  const { quantiles, max, verdict } = comparison;
  const rows = quantiles.map((quantile) => [
    plain(quantile.name),
    { text: quantile.verdict, tone: TONES[quantile.verdict] },
    plain(formatMs(quantile.baseline)),
    plain(formatMs(quantile.value)),
    plain(changeOf(quantile)),
    plain(percentChange(quantile)),
    plain(intervalOf(quantile)),
    plain(formatMs(quantile.margin)),
    plain(describeDoubt(quantile)),
  ]);
  const largest = [
    plain('max_latency'),
    plain('not judged'),
    plain(formatMs(max.baseline)),
    plain(formatMs(max.value)),
    ...['', '', '', '', ''].map(plain),
  ];
  return {
    title: `Against the baseline: ${verdict} (latencies in ms)`,
    columns: [
      { name: 'latency', align: 'left' },
      // First of all: what does not fit is at the right.
      { name: 'verdict', align: 'left' },
      ...['baseline', 'now', 'change', 'relative', 'interval', 'least effect'].map((name) => ({ name, align: 'right' }) as const),
      { name: 'detail', align: 'left' },
    ],
    rows: [...rows, largest],
    note: noteOf(comparison),
  };
}

function noteOf({ runs, samples, betweenRuns, minEffect, seed, notes }: Comparison): string {
  const side = (runs: number, samples: number): string =>
    `${formatCount(runs)} ${runs === 1 ? 'run' : 'runs'}, ${formatCount(samples)} samples`;
  return [
    `baseline: ${side(runs.baseline, samples.baseline)}; now: ${side(runs.value, samples.value)}.`,
    `${(LEVEL * 100).toFixed(1)} % interval of the difference, ${formatCount(RESAMPLES)} resamples, seed ${seed}; least effect ${percentOf(minEffect)}, or what the clock can show.`,
    ...(betweenRuns
      ? []
      : [
          `Too few runs to tell how much runs differ by themselves (three a side do): a difference must be ${FEW_RUNS_FACTOR} times as large.`,
        ]),
    ...notes.map((note) => `Not alike: ${escapeControl(note)}.`),
  ].join(' ');
}

function changeOf({ difference }: QuantileComparison): string {
  if (difference === null) return formatMs(null);
  return signed(difference, 3);
}

function percentChange({ baseline, difference }: QuantileComparison): string {
  return difference === null || baseline === null || baseline <= 0 ? '' : `${signed((difference / baseline) * 100, 1)} %`;
}

function intervalOf({ low, high }: QuantileComparison): string {
  return low === null || high === null ? formatMs(null) : `${signed(low, 3)} … ${signed(high, 3)}`;
}

function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return value > 0 ? `+${text}` : text;
}

function percentOf(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(6))} %`;
}

function describeDoubt({ doubt }: QuantileComparison): string {
  if (doubt === null) return '';
  const words = WORDS[doubt.reason];
  return doubt.detail === '' ? words : `${words}: ${doubt.detail}`;
}

const WORDS: Readonly<Record<Doubt['reason'], string>> = {
  samples: 'too few samples',
  spread: 'runs too uneven',
  runs: 'too few runs',
  distrusted: 'a run distrusts itself',
  socket_drops: 'dropped by this host',
  clock: 'not one clock',
  send_error: 'within the send error',
  host_delay: 'within the host delay',
  loss: 'more packets lost',
};

function plain(text: string): Cell {
  return { text, tone: 'plain' };
}
