import { expect, it } from 'vitest';
import { knownPart, splitOf, totalOf, unknownPart } from '../../../../src/core/budget/split.ts';
import type { CallBudget } from '../../../../src/core/report/budget.ts';
import { budgetTable } from '../../../../src/core/report/render/budget.ts';

function call(number: number, changes: Partial<CallBudget> = {}): CallBudget {
  const split = splitOf(knownPart({ ms: 10, samples: 500 }), {
    caller_network: knownPart({ ms: 1, lowMs: 0.5, highMs: 2, samples: 4 }),
    service_network: unknownPart('nobody measures it'),
    service: knownPart({ ms: 0.25, samples: 500 }),
    echo: knownPart({ ms: 12, samples: 500 }),
  });
  return {
    ...split,
    id: `call-${number}`,
    service_call: '1.1',
    joined_by: 'call-id',
    join_problem: null,
    codec_delay_ms: null,
    ...changes,
  };
}

const texts = (calls: readonly CallBudget[], rows = 40) => {
  const table = budgetTable({ service: 'http://h:9090', trouble: null, calls, total: totalOf(calls) }, rows);
  return { ...table, rows: table.rows.map((row) => row.map(({ text }) => text)) };
};

it('shows what was not measured as –, and a rest below 0 as it is, with its bounds', () => {
  const { rows, note } = texts([call(1)]);
  expect(rows).toEqual([['call-1', 'Call-ID', '10.000', '1.000', '–', '0.250', '12.000', '-3.250', '-4.250 … -2.750']]);
  expect(note).toMatch(/ – was not measured, and is in unexplained\. The service: http:\/\/h:9090\.$/);
});

it('has a row for all of several, and says which calls are not joined and what codecs hold back', () => {
  const { rows, note } = texts(
    [call(1), call(2, { joined_by: null, join_problem: 'the \u001b[2J service took no call', codec_delay_ms: 12.75 })],
    1,
  );
  expect(rows.map(([name, joined]) => [name, joined])).toEqual([
    ['call-1', 'Call-ID'],
    ['all 2', ''],
  ]);
  expect(note).toContain('A call cannot be joined: the \\x1b[2J service took no call.');
  expect(note).toContain('codecs hold back 12.750 ms');
  expect(note).toContain('1 more calls are in the run document.');
});

it('shows what is wrong with the service, escaped', () => {
  const { note } = budgetTable({ service: 'http://h:9090', trouble: 'gone \u001b[31m', calls: [], total: null }, 40);
  expect(note).toContain('gone \\x1b[31m');
});
