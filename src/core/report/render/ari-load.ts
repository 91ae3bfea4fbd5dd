/** A load that was placed through ARI as tables: what the caller saw, what the service counted, and whether both agree. */
import { escapeControl } from '../../values/terminal.ts';
import type { AriLoad } from '../run.ts';
import { formatCount, formatMs, formatRatio } from './table.ts';
import type { Cell, Table, Tone } from './table.ts';

const LEFT = 'left' as const;
const RIGHT = 'right' as const;
const AGREEMENT_TONES = { agree: 'good', differ: 'bad', unknown: 'doubt' } as const;

export function ariLoadTables(load: AriLoad): readonly Table[] {
  return [
    loadTable(load),
    ...(load.failures.length === 0 ? [] : [failureTable(load)]),
    ...(load.agreement === null ? [] : [agreementTable(load)]),
  ];
}

function loadTable(load: AriLoad): Table {
  const { setup_ms: setUp, calls_per_second: rate, service, left } = load;
  const failed = load.calls_succeeded < load.calls_placed;
  const rows: readonly (readonly [name: string, value: string, tone?: Tone])[] = [
    ['calls placed / answered / succeeded', [load.calls_placed, load.calls_answered, load.calls_succeeded].map(formatCount).join(' / ')],
    ['success', formatRatio(load.success_ratio), failed ? 'bad' : 'plain'],
    ['calls begun in a second', rate === null ? '–' : rate.toFixed(1)],
    ['set-up p50 / p99 / max', setUp === null ? '–' : `${formatMs(setUp.p50)} / ${formatMs(setUp.p99)} / ${formatMs(setUp.max)} ms`],
    ['packets sent / came back', `${formatCount(load.sent)} / ${formatCount(load.came_back)}`],
    ...(left === 0 ? [] : [['left in Asterisk', left === null ? 'not known' : formatCount(left), 'bad'] as const]),
    ...(service === null
      ? []
      : [
          [
            'service: calls taken / refused / failed',
            [service.calls_taken, service.calls_refused, service.calls_failed].map(formatCount).join(' / '),
          ] as const,
          [
            'service: packets returned / lost / in flight',
            [service.counters?.returned, service.counters?.lost, service.counters?.in_flight].map(formatCount).join(' / '),
          ] as const,
        ]),
  ];
  return {
    title: 'Calls through ARI',
    columns: [
      { name: 'measure', align: LEFT },
      { name: 'value', align: RIGHT },
    ],
    rows: rows.map(([name, value, tone = 'plain']) => [cell(name), cell(value, tone)]),
    note: service?.trouble == null ? '' : `The service: ${escapeControl(service.trouble)}`,
  };
}

function failureTable({ failures }: AriLoad): Table {
  return {
    title: 'Calls that failed',
    columns: [
      { name: 'calls', align: RIGHT },
      { name: 'why', align: LEFT },
    ],
    rows: failures.map(({ calls, problem }) => [cell(formatCount(calls), 'bad'), cell(escapeControl(problem))]),
    note: '',
  };
}

function agreementTable({ agreement }: AriLoad): Table {
  const { checks, verdict } = agreement ?? { checks: [], verdict: 'unknown' };
  return {
    title: `Caller and service ${verdict === 'unknown' ? 'cannot be compared in all' : verdict}`,
    columns: [
      { name: 'compared', align: LEFT },
      { name: 'one', align: RIGHT },
      { name: 'other', align: RIGHT },
      { name: '', align: LEFT },
    ],
    rows: checks.map(({ name, one, other, agrees }) => {
      const word = agrees === null ? 'unknown' : agrees ? 'agree' : 'differ';
      return [cell(escapeControl(name)), cell(formatCount(one)), cell(formatCount(other)), cell(word, AGREEMENT_TONES[word])];
    }),
    note: '',
  };
}

function cell(text: string, tone: Tone = 'plain'): Cell {
  return { text, tone };
}
