import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JudgedRow } from '../../../../src/core/report/render/judged.ts';
import { escapeXml, renderJunit } from '../../../../src/core/report/render/junit.ts';
import { parseXml } from './xml.ts';
import type { XmlElement } from './xml.ts';

const row: JudgedRow = {
  group: 'bounds',
  name: 'p99<20ms',
  expected: 'p99<20ms',
  value: '1.000 ms',
  status: 'pass',
  detail: '',
  violations: [],
};
const parts = { title: 'run.json', timestamp: '2026-11-21T10:00:10.000Z', hostname: 'lab', doubts: [] };

/** What junit-10.xsd of Jenkins' xUnit plugin allows of what we write: attributes (a `!` where one must be there) and elements inside. */
const ALLOWED: Readonly<Record<string, { readonly attributes: readonly string[]; readonly inside: readonly string[] }>> = {
  testsuites: { attributes: ['name', 'tests', 'failures', 'errors'], inside: ['testsuite'] },
  testsuite: {
    attributes: ['name!', 'tests!', 'failures!', 'errors!', 'timestamp', 'hostname'],
    inside: ['testcase', 'system-out'],
  },
  testcase: { attributes: ['name!', 'classname'], inside: ['failure', 'error'] },
  failure: { attributes: ['message', 'type'], inside: [] },
  error: { attributes: ['message', 'type'], inside: [] },
  'system-out': { attributes: [], inside: [] },
};

function expectValid({ name, attributes, inside }: XmlElement): void {
  const allowed = ALLOWED[name];
  expect(allowed, name).toBeDefined();
  const known = allowed?.attributes.map((each) => each.replace('!', '')) ?? [];
  for (const attribute of attributes.keys()) expect(known).toContain(attribute);
  for (const must of allowed?.attributes.filter((each) => each.endsWith('!')) ?? [])
    expect([...attributes.keys()]).toContain(must.slice(0, -1));
  for (const child of inside) {
    expect(allowed?.inside).toContain(child.name);
    expectValid(child);
  }
}

const anyText = fc.string({ unit: 'binary', maxLength: 40 });
const anyRow: fc.Arbitrary<JudgedRow> = fc.record({
  group: fc.constantFrom('bounds', 'service level'),
  name: anyText,
  expected: anyText,
  value: anyText,
  status: fc.constantFrom('pass', 'fail', 'insufficient', 'inconclusive'),
  detail: anyText,
  violations: fc.array(anyText, { maxLength: 3 }),
});

describe('renderJunit', () => {
  it('has a failure for what is violated and an error for what cannot be trusted', () => {
    const rows: JudgedRow[] = [
      row,
      {
        ...row,
        name: 'max<1us',
        value: '4.573 ms',
        status: 'fail',
        detail: '4.572 ms too high',
        violations: ['a: 4.573 ms', 'b: 2.000 ms'],
      },
      { ...row, name: 'mos>4', value: '–', status: 'insufficient', detail: 'not measured' },
      { ...row, name: 'p50<1ms', status: 'inconclusive' },
      { ...row, group: 'service level', name: 'p50_latency', expected: 'bound 8.000 ms' },
    ];
    expect(renderJunit({ ...parts, rows, doubts: ['inconclusive: a late sender'] })).toMatchInlineSnapshot(`
      "<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="rtplat report" tests="5" failures="1" errors="2">
        <testsuite name="rtplat bounds" tests="4" failures="1" errors="2" timestamp="2026-11-21T10:00:10.000Z" hostname="lab">
          <testcase name="p99&lt;20ms" classname="rtplat.bounds"/>
          <testcase name="max&lt;1us" classname="rtplat.bounds">
            <failure message="4.573 ms, 4.572 ms too high" type="fail">max&lt;1us: fail: 4.573 ms, 4.572 ms too high
      a: 4.573 ms
      b: 2.000 ms</failure>
          </testcase>
          <testcase name="mos&gt;4" classname="rtplat.bounds">
            <error message="–, not measured" type="insufficient">mos&gt;4: insufficient: –, not measured</error>
          </testcase>
          <testcase name="p50&lt;1ms" classname="rtplat.bounds">
            <error message="1.000 ms" type="inconclusive">p50&lt;1ms: inconclusive: 1.000 ms</error>
          </testcase>
          <system-out>run.json
      inconclusive: a late sender</system-out>
        </testsuite>
        <testsuite name="rtplat service level" tests="1" failures="0" errors="0" timestamp="2026-11-21T10:00:10.000Z" hostname="lab">
          <testcase name="p50_latency" classname="rtplat.service-level"/>
          <system-out>run.json
      inconclusive: a late sender</system-out>
        </testsuite>
      </testsuites>
      "
    `);
  });

  it('is XML of that structure for any text, and counts what it holds', () => {
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 8 }), anyText, fc.array(anyText, { maxLength: 2 }), (rows, title, doubts) => {
        const root = parseXml(renderJunit({ title, rows, timestamp: null, hostname: title, doubts }));
        expect(root.name).toBe('testsuites');
        expectValid(root);
        const cases = root.inside.flatMap((suite) => suite.inside.filter(({ name }) => name === 'testcase'));
        expect(cases).toHaveLength(rows.length);
        const withInside = (name: string): number => cases.filter((each) => each.inside[0]?.name === name).length;
        expect(root.attributes.get('tests')).toBe(String(rows.length));
        expect(root.attributes.get('failures')).toBe(String(withInside('failure')));
        expect(root.attributes.get('errors')).toBe(String(withInside('error')));
        expect(withInside('failure')).toBe(rows.filter(({ status }) => status === 'fail').length);
        expect(cases.filter(({ inside }) => inside.length === 0)).toHaveLength(rows.filter(({ status }) => status === 'pass').length);
      }),
    );
  });

  it('carries printable text unchanged', () => {
    const printable = fc.string({ unit: 'grapheme-composite', maxLength: 60 });
    fc.assert(
      fc.property(printable, (text) => {
        expect(parseXml(`<a b="${escapeXml(text)}">${escapeXml(text)}</a>`)).toMatchObject({ text });
        expect(parseXml(`<a b="${escapeXml(text)}"/>`).attributes.get('b')).toBe(text);
      }),
    );
  });
});
