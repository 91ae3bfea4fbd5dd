import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callCsvRow, renderCsv } from '../../../../src/core/report/render/csv.ts';
import { escapeControl } from '../../../../src/core/values/terminal.ts';
import { makeCall } from '../make-metrics.ts';
import { histogramOf, makeRun } from '../make-run.ts';

/** A reader of RFC 4180. */
function parseCsv(text: string): readonly (readonly string[])[] {
  const records: string[][] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  let record: string[] = [];
  while (field.lastIndex < text.length) {
    const at = field.lastIndex;
    const match = field.exec(text);
    if (match === null) throw new Error(`no field at ${at}`);
    record.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    records.push(record);
    record = [];
  }
  return records;
}

function objects(text: string): readonly Readonly<Record<string, string>>[] {
  const [head = [], ...rows] = parseCsv(text);
  return rows.map((row) => {
    expect(row).toHaveLength(head.length);
    return Object.fromEntries(head.map((name, i) => [name, row[i] ?? '']));
  });
}

describe('renderCsv', () => {
  it('has a row for a run and for a call, and nothing where nothing was measured', () => {
    const { summary } = makeRun();
    const call = makeCall(histogramOf([5e6, 7e6]), { jitter_ms: null });
    const [run, row, ...more] = objects(renderCsv([{ ...summary, scope: 'run', source: 'run.json' }, callCsvRow('run.json', call)]));
    expect(more).toEqual([]);
    expect(run).toMatchObject({ scope: 'run', source: 'run.json', id: '', p99_latency: '9.904127', lost: '1', mos: '', late: '0' });
    expect(row).toMatchObject({
      scope: 'call',
      id: '1756544841.212',
      name: 'PJSIP/alice-00000001',
      max_latency: '7',
      received: '2',
      jitter_ms: '',
    });
    expect(objects(renderCsv([callCsvRow('run.json', { id: 'bare' })]))[0]).toMatchObject({
      id: 'bare',
      sent: '',
      p50_latency: '',
      lost: '',
    });
  });

  it('carries any text that is no formula, control characters as a terminal shows them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (id, name) => {
        const [row] = objects(renderCsv([callCsvRow('run.json', { id, name })]));
        for (const [read, text] of [
          [row?.['id'], id],
          [row?.['name'], name],
        ] as const)
          expect([escapeControl(text), `'${escapeControl(text)}`]).toContain(read);
      }),
    );
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['@sum', "'@sum"],
    ['-2+3', "'-2+3"],
    ['+49123456', '+49123456'],
    ['sip:+49@host', 'sip:+49@host'],
  ])('gives a spreadsheet nothing to run: %s', (id, expected) => {
    expect(objects(renderCsv([callCsvRow('', { id })]))[0]?.['id']).toBe(expected);
  });
});
