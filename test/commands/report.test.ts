import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportCommand } from '../../src/commands/report.ts';
import type { RunParts } from '../../src/core/report/run.ts';
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
    args.map((arg) => (arg.endsWith('.json') ? join(directory, arg) : arg)),
    { from: 'user' },
  );
  return io;
}

describe('report --sla', () => {
  it.each([
    ['good.json', 0, 'verdict: pass'],
    ['slow.json', 3, 'verdict: fail'],
    ['few.json', 4, 'verdict: insufficient'],
    ['doubtful.json', 4, 'verdict: inconclusive'],
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

describe('report --json', () => {
  it('prints the one run as it is, from a file or from standard input', async () => {
    expect(JSON.parse((await report(['few.json', '--json'])).out())).toEqual(makeRun());
    expect(JSON.parse((await report(['-', '--json'], { stdin: JSON.stringify(makeRun()) })).out())).toEqual(makeRun());
  });

  it('prints several runs with the merged one, the checks and the verdict', async () => {
    const document = JSON.parse((await report(['good.json', 'slow.json', '--json'])).out()) as Record<string, unknown>;
    expect(Object.keys(document)).toEqual(['runs', 'merged', 'checks', 'verdict']);
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
      for (const args of [[service.url], ['served.json', '--sla'], ['good.json', 'slow.json']]) {
        const lines = (await report(args, { columns })).out().split('\n');
        const framed = lines.filter((line) => line.startsWith('│') || line.startsWith('┌'));
        expect(Math.max(0, ...framed.map((line) => line.length))).toBeLessThanOrEqual(columns);
      }
    }
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
