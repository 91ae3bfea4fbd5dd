// What a pipeline sees of `rtplat report`: statuses, and nothing but text where there is no terminal.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { histogramOf, makeRun } from '../core/report/make-run.ts';
import { Cli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rtplat-gate-'));
  const latency = histogramOf(Array.from({ length: 20_000 }, () => 5e6));
  writeFileSync(join(folder, 'run.json'), JSON.stringify(makeRun({ latency })));
  writeFileSync(join(folder, 'few.json'), JSON.stringify(makeRun()));
});
afterAll(() => rmSync(folder, { recursive: true }));

function report(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
  return new Cli(['report', ...args], env, folder).end();
}

test.each([
  [['run.json', '--fail-on', 'p99<20ms', '--fail-on', 'loss < 0.2%'], 0],
  [['run.json', '--fail-on', 'p99<20ms', '--fail-on', 'p50<4ms'], 3],
  [['few.json', '--fail-on', 'p99<20ms'], 4],
  [['run.json', '--fail-on', 'p99'], 2],
  [['none.json', '--fail-on', 'p99<20ms'], 1],
])('%j ends with status %i', async (args, status) => {
  const ended = await report(args);
  expect(ended.status, ended.stderr).toBe(status);
  expect(ended.stdout + ended.stderr).not.toContain('\u001b');
});

test('files, standard output and the summary of a step in one go', async () => {
  const args = ['run.json', '--format', 'csv', '--fail-on', 'p50<4ms', '--out', 'verdict.xml', '--out', 'verdict.md'];
  const ended = await report(args, { GITHUB_STEP_SUMMARY: join(folder, 'summary.md') });
  expect(ended.status).toBe(3);
  expect(ended.stdout).toMatch(/^scope,source,/);
  expect(ended.stderr).toBe('p50<4ms: fail: 5.000 ms, 1.000 ms too high (25.0 %)\nverdict: fail\n');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  expect(read('verdict.xml')).toContain('<failure message="5.000 ms, 1.000 ms too high (25.0 %)" type="fail">');
  expect(read('verdict.md')).toBe(read('summary.md'));
});
