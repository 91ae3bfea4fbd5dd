import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeMarkdown, renderMarkdown } from '../../../../src/core/report/render/markdown.ts';
import type { Table } from '../../../../src/core/report/render/table.ts';

const table = (text: string): Table => ({
  title: 'Bounds',
  columns: [
    { name: 'bound', align: 'left' },
    { name: 'value', align: 'right' },
  ],
  rows: [
    [
      { text, tone: 'plain' },
      { text: '1.000 ms', tone: 'bad' },
    ],
  ],
  note: '',
});

/** Cells of a row, split where GitHub splits them: at bars without a backslash in front. */
function cellsOf(line: string): readonly string[] {
  return line.split(/(?<!\\)\|/).slice(1, -1);
}

describe('renderMarkdown', () => {
  it('says the verdict first, and has a table for each table', () => {
    const parts = {
      title: 'a_run.json: probe',
      verdict: 'fail',
      tables: [table('p99<20ms'), { ...table(''), rows: [] }],
      doubts: ['late [sender]'],
    };
    expect(renderMarkdown(parts)).toMatchInlineSnapshot(`
      "### a\\_run.json: probe

      **Verdict: fail**

      - late \\[sender\\]

      #### Bounds

      | bound | value |
      | :--- | ---: |
      | p99&lt;20ms | **1.000 ms** |
      "
    `);
  });

  it('keeps any text in its cell, without markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const lines = renderMarkdown({ title: text, verdict: null, tables: [table(text)], doubts: [text] }).split('\n');
        const rows = lines.filter((line) => line.startsWith('|'));
        expect(rows).toHaveLength(3);
        for (const row of rows) expect(cellsOf(row)).toHaveLength(2);
        expect(escapeMarkdown(text)).not.toMatch(/[<>@\n\r]/);
        expect(escapeMarkdown(text).replaceAll(/\\[\\`*_{}[\]|~#$!]/g, '')).not.toMatch(/[\\`*_{}[\]|~$!]/);
      }),
    );
  });
});
