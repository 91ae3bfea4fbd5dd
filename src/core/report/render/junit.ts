/**
 * The verdict as JUnit XML, as Jenkins, GitLab and others read it (junit-10.xsd of Jenkins' xUnit plugin): one test case a bound. What is
 * violated is a failure; what cannot be trusted is an error, so that it is never green.
 */
import { escapeControl } from '../../values/terminal.ts';
import type { JudgedRow } from './judged.ts';

export interface JunitParts {
  /** What was judged, in one line. */
  readonly title: string;
  readonly rows: readonly JudgedRow[];
  /** ISO 8601; null where there are several. */
  readonly timestamp: string | null;
  readonly hostname: string | null;
  /** Why a run distrusts itself, one line each. */
  readonly doubts: readonly string[];
}

export function renderJunit({ title, rows, timestamp, hostname, doubts }: JunitParts): string {
  const output = `    <system-out>${escapeXml([title, ...doubts].join('\n'))}</system-out>`;
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites${attributesOf({ name: 'rtplat report', ...countsOf(rows) })}>`];
  for (const group of new Set(rows.map((row) => row.group))) {
    const cases = rows.filter((row) => row.group === group);
    const attributes = {
      name: `rtplat ${group}`,
      ...countsOf(cases),
      ...(timestamp !== null && { timestamp }),
      ...(hostname !== null && { hostname }),
    };
    lines.push(`  <testsuite${attributesOf(attributes)}>`);
    for (const row of cases) lines.push(...testCase(row).map((line) => `    ${line}`));
    lines.push(output, '  </testsuite>');
  }
  lines.push('</testsuites>', '');
  return lines.join('\n');
}

/** Of more calls than this the others are only counted, as in the message. */
const MOST_VIOLATIONS = 100;

function testCase({ group, name, expected, value, status, detail, violations }: JudgedRow): readonly string[] {
  const head = `<testcase${attributesOf({ name, classname: `rtplat.${group.replaceAll(' ', '-')}` })}`;
  if (status === 'pass') return [`${head}/>`];
  const element = status === 'fail' ? 'failure' : 'error';
  const message = [value, detail].filter((part) => part !== '').join(', ');
  const text = [
    `${name}: ${status}: ${message}${group === 'bounds' ? '' : `, ${expected}`}`,
    ...(violations.length > 1 ? violations.slice(0, MOST_VIOLATIONS) : []),
  ].join('\n');
  return [`${head}>`, `  <${element}${attributesOf({ message, type: status })}>${escapeXml(text)}</${element}>`, '</testcase>'];
}

function countsOf(rows: readonly JudgedRow[]): Readonly<Record<'tests' | 'failures' | 'errors', number>> {
  const failures = rows.filter(({ status }) => status === 'fail').length;
  const passes = rows.filter(({ status }) => status === 'pass').length;
  return { tests: rows.length, failures, errors: rows.length - failures - passes };
}

function attributesOf(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
}

/** For text and for attributes in double quotes. What XML 1.0 cannot carry is shown as in a log line. */
export function escapeXml(text: string): string {
  let out = '';
  for (const line of text.toWellFormed().split('\n')) {
    if (out !== '') out += '\n';
    for (const c of escapeControl(line)) out += ENTITIES.get(c) ?? c;
  }
  return out;
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  // Not characters of XML.
  ['\ufffe', '\ufffd'],
  ['\uffff', '\ufffd'],
]);
