// What `report` writes, judged by the programs that it is for: HdrHistogram's own library, and a validator of XML.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/probe/random.ts';
import { parseRun } from '../../src/core/report/read-run.ts';
import { renderJson } from '../../src/core/report/render/json.ts';
import type { LatencyHistogram } from '../../src/core/stats/histogram.ts';
import { histogramOf, makeRun } from '../core/report/make-run.ts';
import { hdrHistogram, peer } from './kit/peers.ts';
import { run } from './kit/process.ts';
import { scratchFolder } from './kit/scratch.ts';

const scratch = scratchFolder();
const RTPLAT = new URL('../../bin/rtplat.ts', import.meta.url).pathname;
const SCHEMA = new URL('kit/junit.xsd', import.meta.url).pathname;

function logNormal(count: number, medianNs: number, sigma: number): readonly number[] {
  const random = new SeededRandom(count);
  const uniform = (): number => (random.uint32() + 0.5) / 2 ** 32;
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return Array.from({ length: count }, () => Math.round(medianNs * Math.exp(sigma * normal())));
}

/** Where buckets begin and end: multiples of 512 ns, and of ever larger powers of two from 2048 · 512 ns on. */
const edges = Array.from({ length: 17 }, (_, scale) => [0, 1, 1_023, 1_024, 2_047].map((unit) => unit * 512 * 2 ** scale)).flat();
const histograms: readonly (readonly [what: string, histogram: LatencyHistogram])[] = [
  ['100,000 samples as of a probe', histogramOf(logNormal(100_000, 180_000, 0.5))],
  ['a wide distribution', histogramOf(logNormal(20_000, 5_000_000, 2))],
  ['the edges of buckets', histogramOf(edges.flatMap((edge) => [edge, edge + 1, Math.max(0, edge - 1)]))],
  ['one sample', histogramOf([1_234_567])],
  ['the same sample very often', histogramOf(Array.from({ length: 300_000 }, () => 20_000_000))],
  ['samples below and above the range', histogramOf([0, 1, 511, 512, 59_999_999_999, 60_000_000_000, 90_000_000_000])],
];

interface Line {
  readonly value: number;
  readonly percentile: number;
  readonly count: number;
}

/** The percentile distribution that HdrHistogram's own program prints of the histogram in a run file. */
async function theirs(folder: string, data: string, nsPerUnit: number): Promise<readonly string[]> {
  const log = join(folder, 'one.hlog');
  const output = join(folder, `one-${nsPerUnit}`);
  writeFileSync(log, `#[Histogram log format version 1.3]\n0.000,1.000,1.000,${data}\n`);
  const program = ['-cp', hdrHistogram(), 'org.HdrHistogram.HistogramLogProcessor'];
  await run(peer('java'), [...program, '-i', log, '-o', output, '-outputValueUnitRatio', String(nsPerUnit)]);
  // The first line names the time of the log.
  return readFileSync(`${output}.hgrm`, 'utf8').split('\n').slice(1);
}

function linesOf(text: readonly string[]): readonly Line[] {
  const rows = text.filter((line) => /^\s*\d/.test(line)).map((line) => line.trim().split(/\s+/).map(Number));
  return rows.map(([value = Number.NaN, percentile = Number.NaN, count = Number.NaN]) => ({ value, percentile, count }));
}

describe('HdrHistogram reads the histograms of run files', () => {
  test.each(histograms)('%s', async (_, histogram) => {
    const folder = scratch('hdr');
    const file = join(folder, 'run.json');
    writeFileSync(file, renderJson(makeRun({ latency: histogram })));
    const { data, count } = parseRun(readFileSync(file, 'utf8'), file).histogram;

    const lines = linesOf(await theirs(folder, data, 1));
    const buckets = [...histogram.buckets()];
    const upTo = new Map<number, number>();
    let reached = 0;
    for (const bucket of buckets) upTo.set(bucket.upToNs, (reached += bucket.count));
    expect(lines.length).toBeGreaterThan(1);
    // Every value that they print is the end of one of our buckets, with as many samples up to it.
    for (const line of lines) expect(upTo.get(line.value), `${line.value} ns`).toBe(line.count);
    expect([lines[0]?.value, lines.at(-1)?.value]).toEqual([buckets[0]?.upToNs, buckets.at(-1)?.upToNs]);
    expect(lines.at(-1)?.count).toBe(count);
    // Between the exact minimum and maximum, which buckets do not have, a quantile is theirs.
    const { minNs, maxNs } = histogram;
    for (const { value, percentile } of lines.filter((line) => line.percentile > 0))
      expect(histogram.quantileNs(percentile)).toBe(Math.max(minNs ?? 0, Math.min(maxNs ?? 0, value)));

    const ours = (await run(process.execPath, [RTPLAT, 'report', file, '--format', 'hgrm'])).split('\n');
    const expected = await theirs(folder, data, 1e6);
    const isMaximum = (line: string): boolean => line.startsWith('#[Max');
    expect(ours.filter((line) => !isMaximum(line))).toEqual(expected.filter((line) => !isMaximum(line)));
  });
});

describe('the JUnit file is valid', () => {
  const validate = (file: string): string => {
    const { status, stderr } = spawnSync(peer('xmllint'), ['--noout', '--nonet', '--schema', SCHEMA, file], { encoding: 'utf8' });
    return `${status}: ${stderr.trim()}`;
  };

  test.each([
    ['of a run', ['--sla']],
    ['with failures, errors and passes', ['--sla', '--fail-on', 'p99<1us', '--fail-on', 'mos>4', '--fail-on', 'p50<1s']],
    ['of calls', ['--fail-on', 'call:loss<1%']],
  ])('%s', (_, options) => {
    const folder = scratch('junit');
    const name = join(folder, `a & "b" <c> 'd'.json`);
    const parts = { verdict: 'inconclusive', verdictReasons: ['<script>', '\u001b[2J\u0000 ]]>'] } as const;
    writeFileSync(name, renderJson(makeRun({ ...parts, calls: [{ id: '<&>\u0007' }] })));
    const file = join(folder, 'verdict.xml');
    const { stderr } = spawnSync(process.execPath, [RTPLAT, 'report', name, ...options, '--out', file], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(validate(file)).toBe(`0: ${file} validates`);
    // The judge itself is judged: without a count it is not valid.
    writeFileSync(file, readFileSync(file, 'utf8').replace(' errors=', ' wrongs='));
    expect(validate(file)).toMatch(/^3: [^]*errors/);
  });
});
