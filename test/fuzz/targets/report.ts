import { Chalk } from 'chalk';
import { renderAs } from '../../../src/commands/report-output.ts';
import { evaluate } from '../../../src/commands/report-result.ts';
import { RtplatError } from '../../../src/core/errors.ts';
import { parseBound } from '../../../src/core/report/gate/expression.ts';
import { checkBounds } from '../../../src/core/report/gate/check.ts';
import { runSubjects } from '../../../src/core/report/gate/subject.ts';
import { parseRun } from '../../../src/core/report/read-run.ts';
import type { RunDocument } from '../../../src/core/report/run.ts';
import { makeRun } from '../../core/report/make-run.ts';
import { parseXml } from '../../core/report/render/xml.ts';
import type { XmlElement } from '../../core/report/render/xml.ts';
import { bytesOf, must, mustBeOneCleanLine, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const PLAIN = { chalk: new Chalk({ level: 0 }), columns: 100 };
const DOCTYPE = '<!doctype html>';
const HOSTILE = '</title><script>alert(1)</script>"\'\u001B[2J\u202E|`*_,=1+1\r\n';

export const target: FuzzTarget = {
  name: 'report',
  what: 'run files in every form of report: XML and HTML that are well-formed and hold no script but what is shown as text, tables and lines that move no cursor',
  code: ['report/render/', 'report/html/', 'report/gate/check.ts', 'report/gate/subject.ts'],
  mostBytes: 14_000,
  inputs: 6_000,
  seeds: () => {
    const call = { id: HOSTILE, jitter_ms: null, p50_latency: 1.5, counters: { sent: 1_001, returned: 1_000, lost: 1 } };
    const plain = makeRun();
    const hostile = { ...plain, host: { ...plain.host, hostname: HOSTILE }, options: { target: HOSTILE }, calls: [call, call] };
    return bytesOf(JSON.stringify(plain), JSON.stringify(hostile), JSON.stringify({ ...hostile, series: [] }));
  },
  async check(input) {
    const run = readRun(textOf(input));
    if (run === undefined) return;
    const source = { kind: 'run', name: run.host.hostname, run } as const;
    const result = evaluate([source]);
    const bound = parseBound('call:p50<1ms');
    must('bound' in bound, 'the bound is none');
    const judged = { sla: result.verdict, gate: checkBounds([bound.bound], runSubjects(source)), baseline: null };
    const render = (format: Parameters<typeof renderAs>[0]): Promise<string> => renderAs(format, result, judged, PLAIN);

    for (const format of ['table', 'markdown', 'hgrm', 'csv', 'prometheus'] as const) {
      const text = await render(format);
      for (const line of text.split(format === 'csv' ? '\r\n' : '\n')) mustBeOneCleanLine(line, format);
    }
    JSON.parse(await render('json'));
    const page = await render('html');
    must(page.startsWith(DOCTYPE), 'the page begins with', page.slice(0, 40));
    for (const root of [parseXml(await render('junit')), parseXml(page.slice(DOCTYPE.length).trimStart())]) mustHoldNoScript(root);
  },
};

function readRun(text: string): RunDocument | undefined {
  try {
    return parseRun(text, 'x.json');
  } catch (error) {
    if (error instanceof RtplatError) return undefined;
    throw error;
  }
}

function mustHoldNoScript({ name, attributes, inside }: XmlElement): void {
  must(name !== 'script' && name !== 'iframe' && name !== 'object', 'an element', name);
  for (const [attribute, value] of attributes)
    must(!attribute.startsWith('on') && !value.startsWith('javascript:'), 'an attribute', attribute, value);
  for (const element of inside) mustHoldNoScript(element);
}
