import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportCommand } from '../../src/commands/report.ts';
import { parseRun } from '../../src/core/report/read-run.ts';
import type { RunParts } from '../../src/core/report/run.ts';
import { pcap } from '../kit/pcap.ts';
import { scene } from '../kit/pcap-scenes.ts';
import { makeCall, makeMetrics } from '../core/report/make-metrics.ts';
import { histogramOf, makeRun } from '../core/report/make-run.ts';
import { serve } from '../core/report/serve.ts';
import type { TestServer } from '../core/report/serve.ts';
import { capturedIo } from './captured-io.ts';
import type { CapturedIo, CapturedIoOptions } from './captured-io.ts';

const good = histogramOf(Array.from({ length: 20_000 }, () => 5e6));
const slow = histogramOf(Array.from({ length: 20_000 }, () => 15e6));
/** One colour sequence of a terminal starts with this. */
const ESCAPE = '\u001b[';

let directory = '';
let service: TestServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rtplat-report-'));
  const runs: Record<string, Partial<RunParts>> = {
    good: { latency: good },
    slow: { latency: slow },
    few: {},
    doubtful: { latency: good, verdict: 'inconclusive', verdictReasons: ['send error p99 3 ms'] },
    served: { command: 'ari-serve', calls: [makeCall(good)] },
  };
  for (const [name, parts] of Object.entries(runs)) writeFileSync(join(directory, `${name}.json`), JSON.stringify(makeRun(parts)));
  writeFileSync(join(directory, 'echo.pcap'), pcap(scene({ packets: 10_000, echoNs: 2e6 })));
  writeFileSync(join(directory, 'slow.pcap'), pcap(scene({ packets: 10_000, echoNs: 30e6 })));
  writeFileSync(join(directory, 'oneway.pcap'), pcap(scene({ loss: 0.1 })));
  service = await serve({
    '/metrics': { body: JSON.stringify(makeMetrics(slow, 0)) },
    '/channels': { body: JSON.stringify({ channels: [makeCall(slow)] }) },
  });
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await service.stop();
});

async function report(args: readonly string[], options: CapturedIoOptions = {}): Promise<CapturedIo> {
  const io = capturedIo(options);
  await reportCommand(io).parseAsync(
    args.map((arg) => ((arg.endsWith('.json') || arg.endsWith('.pcap')) && !isAbsolute(arg) ? join(directory, arg) : arg)),
    { from: 'user' },
  );
  return io;
}

describe('a capture', () => {
  it.each([
    ['echo.pcap', 'p99.9<2.1ms', 4, 'insufficient'],
    ['echo.pcap', 'p99<2.1ms', 0, 'pass'],
    ['echo.pcap', 'max<1ms', 3, 'fail'],
    ['echo.pcap', 'loss<0.2%', 0, 'pass'],
    ['oneway.pcap', 'loss<50%', 4, 'insufficient'],
  ])('%s: the bound %s on its round trips ends with status %i', async (file, bound, status, verdict) => {
    const io = await report([file, '--fail-on', bound]);
    expect(io.status()).toBe(status);
    expect(io.out()).toContain(`verdict: ${verdict}`);
    expect(JSON.parse((await report([file, '--fail-on', bound, '--json'])).out())).toMatchObject({
      schema: 'rtplat.capture/1',
      gate: { verdict },
    });
  });

  it('has those forms that need no run', async () => {
    expect((await report(['echo.pcap', '--format', 'hgrm'])).out()).toContain('#[Mean');
    expect((await report(['echo.pcap', '--format', 'markdown'])).out()).toContain('echo.pcap');
    await expect(report(['echo.pcap', '--format', 'csv'])).rejects.toThrow('is a capture: there is no csv of it');
    await expect(report(['oneway.pcap', '--format', 'hgrm'])).rejects.toThrow('has no round trips');
  });
});

describe('report --sla', () => {
  it.each([
    ['good.json', 0, 'verdict: pass'],
    ['slow.json', 3, 'verdict: fail'],
    ['few.json', 4, 'verdict: insufficient'],
    ['doubtful.json', 4, 'verdict: inconclusive'],
    ['echo.pcap', 0, 'verdict: pass'],
    ['slow.pcap', 3, 'verdict: fail'],
    ['oneway.pcap', 4, 'verdict: insufficient'],
  ])('%s ends with status %i', async (file, status, verdict) => {
    const io = await report([file, '--sla']);
    expect(io.status()).toBe(status);
    expect(io.out()).toContain(verdict);
    expect((await report([file])).status()).toBe(0);
  });

  it('judges a live service and several runs as well', async () => {
    expect((await report([service.url, '--sla'])).status()).toBe(3);
    expect((await report(['good.json', 'few.json', '--sla'])).status()).toBe(0);
    expect((await report(['good.json', 'slow.json', '--sla'])).status()).toBe(3);
  });

  it('keeps standard output for the document when --json stands beside it', async () => {
    const io = await report(['slow.json', '--sla', '--json']);
    expect(JSON.parse(io.out())).toEqual(makeRun({ latency: slow }));
    expect(io.err()).toContain('p50_latency: fail: ');
    expect(io.err()).toMatch(/verdict: fail\n$/);
    expect(io.status()).toBe(3);
  });
});

describe('report --fail-on', () => {
  it.each([
    ['good.json', ['p99<20ms'], 0, 'verdict: pass'],
    ['good.json', ['p99<20ms', 'p50<4ms'], 3, '1.000 ms too high (25.0 %)'],
    ['few.json', ['p99<20ms'], 4, '1,000 of 10,000 samples'],
    ['good.json', ['mos>3'], 4, 'not measured'],
    ['doubtful.json', ['p50<1ms'], 4, 'verdict: inconclusive'],
    ['good.json', ['call:p99<20ms'], 4, 'call 1'],
    ['served.json', ['call:p99<20ms'], 0, 'call 1756544841.212'],
  ])('%s with %j ends with status %i', async (file, bounds, status, said) => {
    const io = await report([file, ...bounds.flatMap((bound) => ['--fail-on', bound])]);
    expect(io.status()).toBe(status);
    expect(io.out()).toContain(said);
    expect(io.err()).toBe('');
  });

  it('checks several runs together, or each by itself', async () => {
    expect((await report(['good.json', 'few.json', '--fail-on', 'p99<20ms'])).status()).toBe(0);
    const each = await report(['good.json', 'few.json', '--fail-on', 'run:p99<20ms']);
    expect(each.status()).toBe(4);
    expect(each.out()).toMatch(/1,000 of 10,000 samples, run \S+few\.json/);
  });

  it.each([
    [['--fail-on', 'call:p99<1us'], 'served.json: 1756544841.212'],
    [['--format', 'csv'], 'served.json,1756544841.212,'],
    [['--json'], '"id": "1756544841.212"'],
    [['--format', 'html'], '>p99 over time, by run</title>'],
  ])('has the calls and seconds of several runs where they are asked for: %j', async (args, said) => {
    expect((await report(['served.json', 'slow.json', ...args])).out()).toContain(said);
  });

  it('stands beside --sla, and the graver of the two counts', async () => {
    expect((await report(['good.json', '--sla', '--fail-on', 'p50<1ms'])).status()).toBe(3);
    expect((await report(['slow.json', '--sla', '--fail-on', 'p50<1s'])).status()).toBe(3);
    const both = await report(['good.json', '--sla', '--fail-on', 'p50<1s']);
    expect(both.status()).toBe(0);
    expect(both.out()).toContain('Service level for 1 channel');
    expect(both.out()).toContain('Bounds');
    expect(both.out().match(/verdict: /g)).toHaveLength(1);
  });

  it('tells every bound that is none, and reads nothing', async () => {
    const io = await report(['missing.json', '--fail-on', 'q99<1ms', '--fail-on', 'p99<1', '--fail-on', 'p50<1ms']);
    expect(io.status()).toBe(2);
    expect(io.out()).toBe('');
    expect(io.err().split('\n')).toEqual([
      'rtplat: --fail-on "q99<1ms": column 1: unknown field "q99" (did you mean p99?)',
      'rtplat: --fail-on "p99<1": column 5: p99 is a time and needs a unit (write p99<1ms)',
      '',
    ]);
  });

  it('takes bounds from a file as well, each once', async () => {
    const file = join(directory, 'bounds.toml');
    writeFileSync(file, 'bounds = ["p99<20ms", "max < 4ms"]');
    const io = await report(['good.json', '--thresholds', file, '--fail-on', 'max<4ms']);
    expect(io.status()).toBe(3);
    expect(io.out().match(/max<4ms/g)).toHaveLength(1);
    writeFileSync(file, 'bounds = [\n"p99<20",\n"cal:p99<20ms"]');
    const wrong = await report(['good.json', '--thresholds', file]);
    expect(wrong.status()).toBe(2);
    expect(wrong.err()).toMatch(/bounds\.toml:2: .*\n.*bounds\.toml:3: .*\n$/);
    await expect(report(['good.json', '--thresholds', join(directory, 'none.toml')])).rejects.toMatchObject({ code: 'usage' });
  });

  it('adds what it found to the document, which remains a run', async () => {
    const io = await report(['slow.json', '--json', '--fail-on', 'p99<5ms', '--fail-on', 'call:p50<1ms']);
    const document = JSON.parse(io.out()) as Record<string, unknown>;
    expect(parseRun(io.out(), 'out')).toMatchObject(makeRun({ latency: slow }));
    expect(document['gate']).toEqual({
      schema: 'rtplat.gate/1',
      verdict: 'fail',
      checks: [
        {
          bound: 'p99<5ms',
          scope: 'all',
          field: 'p99_latency',
          operator: '<',
          limit: 5,
          status: 'fail',
          subject: null,
          value: 15,
          samples: 20_000,
          needed: null,
          distance: 10,
          subjects: 1,
          violations: [],
        },
        {
          bound: 'call:p50<1ms',
          scope: 'call',
          field: 'p50_latency',
          operator: '<',
          limit: 1,
          status: 'insufficient',
          subject: '1',
          value: 1.5,
          samples: 0,
          needed: 200,
          distance: null,
          subjects: 1,
          violations: [],
        },
      ],
    });
    expect(io.err()).toBe(
      'p99<5ms: fail: 15.000 ms, 10.000 ms too high (200.0 %)\ncall:p50<1ms: insufficient: 1.500 ms, 0 of 200 samples, call 1\nverdict: fail\n',
    );
    expect(io.status()).toBe(3);
  });

  it('is a list where there is no room for a table', async () => {
    const io = await report(['few.json', '--fail-on', 'p99<20ms', '--fail-on', 'max<1ms'], { columns: 50 });
    expect(io.out().slice(io.out().indexOf('Bounds'))).toMatchSnapshot();
  });
});

describe('report --format', () => {
  it.each([
    ['json', '"schema": "rtplat.run/1"'],
    ['markdown', '| samples | p50 |'],
    ['csv', 'scope,source,id,'],
    ['prometheus', 'rtplat_run_latency_seconds_count{run='],
    ['hgrm', 'Total count    =        20000]'],
    ['html', '>Latency by percentile</title>'],
    ['table', '│ samples │'],
  ])('%s of a run', async (format, expected) => {
    const io = await report(['good.json', '--format', format]);
    expect(io.out()).toContain(expected);
    expect(io.err()).toBe('');
    expect(io.status()).toBe(0);
  });

  it.each([
    ['junit', '<testcase name="p50&lt;1ms" classname="rtplat.bounds">'],
    ['markdown', '**Verdict: fail**'],
    ['prometheus', 'rtplat_run_bound_held{group="bounds",bound="p50<1ms",status="fail"} 0'],
    ['html', 'Verdict: <strong class="bad">fail</strong>'],
    ['json', '"distance": 4'],
  ])('%s has the verdict, and standard error has it in words', async (format, expected) => {
    const io = await report(['good.json', '--format', format, '--fail-on', 'p50<1ms']);
    expect(io.out()).toContain(expected);
    expect(io.err()).toBe('p50<1ms: fail: 5.000 ms, 4.000 ms too high (400.0 %)\nverdict: fail\n');
    expect(io.status()).toBe(3);
  });

  it('says which runs of several it is about', async () => {
    const csv = (await report(['good.json', 'served.json', '--format', 'csv'])).out().split('\r\n');
    expect(csv.map((line) => line.slice(0, line.indexOf(',')))).toEqual(['scope', 'all', 'run', 'call', 'run', 'call', '']);
    expect((await report(['good.json', 'slow.json', '--format', 'hgrm'])).out()).toContain('Total count    =        40000]');
    expect((await report(['good.json', 'slow.json', '--format', 'prometheus'])).out().match(/seconds_count/g)).toHaveLength(2);
  });

  it('compares several runs on one page, and draws the round trips of a capture', async () => {
    const several = (await report(['good.json', 'slow.json', '--format', 'html'])).out();
    expect(several).toContain('>p99 over time, by run</title>');
    expect(several).toContain('<caption>Runs (latencies in ms)</caption>');
    expect((await report(['echo.pcap', '--format', 'html'])).out()).toContain('>Latency by percentile</title>');
    expect((await report(['oneway.pcap', '--format', 'html'])).out()).not.toContain('<svg');
  });

  it('has a live service in all forms but those of a histogram', async () => {
    expect((await report([service.url, '--format', 'csv'])).out()).toMatch(/^scope.*\r\nrun,http.*\r\ncall,http.*\r\n$/);
    expect((await report([service.url, '--format', 'markdown'])).out()).toContain('#### Calls');
    expect((await report([service.url, '--format', 'junit', '--sla'])).status()).toBe(3);
    expect((await report([service.url, '--format', 'html'])).out()).toContain('<caption>Calls (latencies in ms)</caption>');
    for (const format of ['prometheus', 'hgrm']) {
      await expect(report([service.url, '--format', format])).rejects.toMatchObject({ code: 'usage' });
    }
  });

  it('refuses two forms for one output, and JUnit of nothing', async () => {
    await expect(report(['good.json', '--json', '--format', 'csv'])).rejects.toMatchObject({ code: 'usage' });
    await expect(report(['good.json', '--format', 'junit'])).rejects.toMatchObject({ code: 'usage' });
    expect((await report(['good.json', '--json', '--format', 'json'])).out()).toContain('rtplat.run/1');
  });
});

describe('report --out', () => {
  const fileIn = (name: string): string => join(directory, 'out', name);
  const read = (name: string): string => readFileSync(fileIn(name), 'utf8');
  beforeAll(() => mkdirSync(join(directory, 'out')));

  it('writes each file in the form of its ending, beside what is shown', async () => {
    const names = ['a.txt', 'a.JSON', 'a.md', 'a.xml', 'a.csv', 'a.prom', 'a.hgrm', 'a.html'];
    const io = await report(['good.json', '--sla', ...names.flatMap((name) => ['--out', fileIn(name)])], { colour: true, columns: 60 });
    expect(io.out()).toContain(ESCAPE);
    expect(readdirSync(join(directory, 'out')).toSorted()).toEqual(names.toSorted());
    expect(read('a.txt')).toContain('│ p99_latency       │');
    expect(read('a.txt')).not.toContain(ESCAPE);
    expect(parseRun(read('a.JSON'), 'a.JSON')).toEqual(makeRun({ latency: good }));
    expect(read('a.md')).toContain('**Verdict: pass**');
    expect(read('a.xml')).toContain('<testsuites name="rtplat report" tests="6" failures="0" errors="0">');
    expect(read('a.csv')).toMatch(/^scope,/);
    expect(read('a.prom')).toContain('rtplat_run_bound_held{group="service level",bound="p99_latency",status="pass"} 1');
    expect(read('a.hgrm')).toContain('5.000');
    expect(read('a.html')).toMatch(/^<!doctype html>[^]*Verdict: <strong class="good">pass<[^]*bound of p99: 18.000 ms/);
  });

  it.each(['a.pdf', 'a', '.json.'])('says what an ending may be: %s', async (name) => {
    await expect(report(['missing.json', '--out', fileIn(name)])).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('.txt .json .md .xml .csv .prom .hgrm .html') as string,
    });
  });

  it('never replaces what it reports', async () => {
    const before = readFileSync(join(directory, 'good.json'), 'utf8');
    await expect(report(['good.json', '--out', join(directory, 'out', '..', 'good.json')])).rejects.toMatchObject({ code: 'usage' });
    expect(readFileSync(join(directory, 'good.json'), 'utf8')).toBe(before);
  });

  it('shows the verdict even when a file cannot be written', async () => {
    const io = capturedIo();
    const args = [join(directory, 'slow.json'), '--sla', '--out', join(directory, 'nowhere', 'a.md')];
    await expect(reportCommand(io).parseAsync(args, { from: 'user' })).rejects.toMatchObject({ code: 'file' });
    expect(io.out()).toContain('verdict: fail');
  });
});

describe('report in GitHub Actions', () => {
  it('adds the verdict to the summary of the step, and only a verdict', async () => {
    const file = join(directory, 'summary');
    writeFileSync(file, 'before\n');
    const env = { GITHUB_STEP_SUMMARY: file };
    await report(['good.json'], { env });
    expect(readFileSync(file, 'utf8')).toBe('before\n');
    await report(['good.json', '--fail-on', 'p50<1ms'], { env });
    expect(readFileSync(file, 'utf8')).toMatch(/^before\n### .*\n\n\*\*Verdict: fail\*\*\n/);
  });

  it('fails no job because the summary cannot be written', async () => {
    const io = await report(['good.json', '--sla'], { env: { GITHUB_STEP_SUMMARY: join(directory, 'nowhere', 'summary') } });
    expect(io.status()).toBe(0);
    expect(io.err()).toMatch(/^rtplat: warning: no step summary: /);
  });
});

/** By the published schemas, `rtplat.NAME/1`. */
function validator(name: string): (document: unknown) => void {
  const schema = JSON.parse(readFileSync(new URL(`../../schema/rtplat.${name}-1.schema.json`, import.meta.url), 'utf8')) as object;
  const validate = new Ajv({ strict: true, formats: { 'date-time': true } }).compile(schema);
  return (document) => {
    expect(document).toHaveProperty('schema', `rtplat.${name}/1`);
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
  };
}

describe('report --json', () => {
  it.each([
    ['run', ['good.json']],
    ['run', ['few.json', '--fail-on', 'p99<1us', '--fail-on', 'call:loss<1%']],
    ['runs', ['good.json', 'slow.json']],
    ['runs', ['good.json', 'few.json', '--fail-on', 'run:p99<1us', '--baseline', 'slow.json']],
    ['capture', ['echo.pcap', '--fail-on', 'p99<20ms']],
  ])('is valid by the published schema of a %s: %j', async (name, args) => {
    const document = JSON.parse((await report([...args, '--json'])).out()) as Record<string, unknown>;
    validator(name)(document);
    expect('gate' in document).toBe(args.includes('--fail-on'));
    expect('baseline' in document).toBe(args.includes('--baseline'));
    if ('gate' in document) validator('gate')(document['gate']);
    if ('baseline' in document) validator('baseline')(document['baseline']);
  });

  it('prints the one run as it is, from a file or from standard input', async () => {
    expect(JSON.parse((await report(['few.json', '--json'])).out())).toEqual(makeRun());
    expect(JSON.parse((await report(['-', '--json'], { stdin: JSON.stringify(makeRun()) })).out())).toEqual(makeRun());
  });

  it('prints several runs with the merged one, the checks and the verdict', async () => {
    const document = JSON.parse((await report(['good.json', 'slow.json', '--json'])).out()) as Record<string, unknown>;
    expect(Object.keys(document)).toEqual(['schema', 'runs', 'merged', 'checks', 'verdict']);
    expect(document).toMatchObject({
      runs: [{ schema: 'rtplat.run/1' }, { schema: 'rtplat.run/1' }],
      merged: { runs: 2, summary: { total_latencies: 40_000, sent: 40_002, max_latency: 15 } },
      verdict: 'fail',
    });
    const checks = document['checks'] as Record<string, unknown>[];
    expect(checks).toHaveLength(6);
    for (const check of checks) expect(Object.keys(check).slice(0, 5)).toEqual(['name', 'bound', 'value', 'status', 'samples']);
  });

  it('prints the metrics of a live service with its channels', async () => {
    const document: unknown = JSON.parse((await report([service.url, '--json'])).out());
    expect(document).toEqual({ ...makeMetrics(slow, 0), channels: [makeCall(slow)] });
  });

  it('prints what it found in a capture, which is no run to merge', async () => {
    const document = JSON.parse((await report(['echo.pcap', '--json'])).out()) as Record<string, unknown>;
    expect(document).toMatchObject({ schema: 'rtplat.capture/1', streams: [{ packets: 10_000 }, {}], round_trips: { peak_channels: 1 } });
    await expect(report(['echo.pcap', 'good.json'])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('echo.pcap is a capture and can only be reported alone') as string,
    });
  });

  it('does not merge a live service, which gives out no histogram', async () => {
    await expect(report([service.url, 'good.json'])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('alone') as string,
    });
  });
});

describe('report on a terminal', () => {
  it('shows a run', async () => {
    const io = await report(['few.json'], { columns: 120 });
    expect(io.out().replaceAll(`${directory}/`, '')).toMatchSnapshot();
    expect(io.err()).toBe('');
  });

  it('shows a list where there is no room for a table', async () => {
    const io = await report(['few.json', '--sla'], { columns: 60 });
    expect(io.out().replaceAll(`${directory}/`, '')).toMatchSnapshot();
  });

  it('never writes a table wider than the terminal', async () => {
    for (const columns of [72, 80, 90, 100, 132]) {
      for (const args of [[service.url], ['served.json', '--sla'], ['good.json', 'slow.json'], ['slow.pcap', '--sla']]) {
        const lines = (await report(args, { columns })).out().split('\n');
        const framed = lines.filter((line) => line.startsWith('│') || line.startsWith('┌'));
        expect(Math.max(0, ...framed.map((line) => line.length))).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('shows a capture', async () => {
    const io = await report(['oneway.pcap'], { columns: 132 });
    expect(io.out().replaceAll(`${directory}/`, '')).toMatchSnapshot();
    expect((await report(['echo.pcap'], { columns: 132 })).out()).toContain('Round trips, ms');
  });

  it('shows the calls of a service and of an ari-serve run', async () => {
    for (const source of [service.url, 'served.json']) {
      const io = await report([source], { columns: 160 });
      expect(io.out()).toContain('Calls (latencies in ms)');
      expect(io.out()).toContain('1756544841.212');
      expect(io.out()).toContain('12.500');
    }
    expect((await report(['few.json'])).out()).not.toContain('Calls (');
  });

  it('says what is doubtful about a run', async () => {
    expect((await report(['doubtful.json'])).out()).toContain('inconclusive: send error p99 3 ms');
    expect((await report(['good.json', 'doubtful.json'])).out()).toContain('doubtful.json: inconclusive: send error p99 3 ms');
  });

  it('has colours when it may, and none with --no-color', async () => {
    expect((await report(['slow.json', '--sla'], { colour: true })).out()).toContain(ESCAPE);
    expect((await report(['slow.json', '--sla', '--no-color'], { colour: true })).out()).not.toContain(ESCAPE);
    expect((await report(['slow.json', '--sla'])).out()).not.toContain(ESCAPE);
  });
});
