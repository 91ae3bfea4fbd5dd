import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportCommand } from '../../src/commands/report.ts';
import { parseRun } from '../../src/core/report/read-run.ts';
import { simulate } from '../core/report/baseline/simulate.ts';
import type { Simulation } from '../core/report/baseline/simulate.ts';
import { serve } from '../core/report/serve.ts';
import type { TestServer } from '../core/report/serve.ts';
import { makeMetrics } from '../core/report/make-metrics.ts';
import { histogramOf } from '../core/report/make-run.ts';
import { pcap } from '../kit/pcap.ts';
import { scene } from '../kit/pcap-scenes.ts';
import { capturedIo } from './captured-io.ts';
import type { CapturedIo, CapturedIoOptions } from './captured-io.ts';

let directory = '';
let service: TestServer;
const fileIn = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rtplat-baseline-'));
  const runs: Record<string, Omit<Simulation, 'seed'>> = {
    ...{ a1: {}, a2: {}, a3: {}, b1: {}, b2: {}, b3: {} },
    ...{ slow1: { shiftMs: 2 }, slow2: { shiftMs: 2 }, slow3: { shiftMs: 2 }, fast: { shiftMs: -3 }, few: { packetsPerSecond: 50 } },
    doubtful: { summary: { verdict: 'inconclusive', verdict_reasons: ['sent late'], send_error_ms: { p50: 6, p99: 30, max: 40 } } },
    uneven: { summary: { verdict: 'inconclusive', verdict_reasons: ['sent late'], send_error_ms: { p50: 0.1, p99: 30, max: 40 } } },
  };
  for (const [i, [name, settings]] of Object.entries(runs).entries()) {
    writeFileSync(fileIn(`${name}.json`), JSON.stringify(simulate({ seed: i + 1, unrest: 0.003, ...settings }).run));
  }
  symlinkSync(fileIn('a1.json'), fileIn('link.json'));
  writeFileSync(fileIn('echo.pcap'), pcap(scene({ packets: 1_000, echoNs: 2e6 })));
  service = await serve({
    '/metrics': { body: JSON.stringify(makeMetrics(histogramOf([5e6]), 0)) },
    '/channels': { body: JSON.stringify({ channels: [] }) },
  });
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await service.stop();
});

const A = ['a1.json', 'a2.json', 'a3.json'];
const against = (...names: readonly string[]): readonly string[] => names.flatMap((name) => ['--baseline', name]);

async function report(args: readonly string[], options: CapturedIoOptions = {}): Promise<CapturedIo> {
  const io = capturedIo(options);
  const words = args.map((arg) => (arg.endsWith('.json') || arg.endsWith('.pcap') ? fileIn(arg) : arg));
  await reportCommand(io).parseAsync(words, { from: 'user' });
  return io;
}

describe('report --baseline', () => {
  it.each([
    [['b1.json', 'b2.json', 'b3.json'], A, 0, 'same', 'pass'],
    [['slow1.json', 'slow2.json', 'slow3.json'], A, 3, 'worse', 'fail'],
    [['fast.json'], ['slow1.json'], 0, 'better', 'pass'],
    [['few.json'], A, 4, 'inconclusive', 'inconclusive'],
    [['doubtful.json'], A, 4, 'inconclusive', 'inconclusive'],
  ])('%j against %j ends with status %i: %s', async (now, baseline, status, verdict, overall) => {
    const io = await report([...now, ...against(...baseline)]);
    expect(io.status()).toBe(status);
    expect(io.out()).toContain(`Against the baseline: ${verdict}`);
    expect(io.out()).toMatch(new RegExp(`verdict: ${overall}\n$`));
    expect(io.err()).toBe('');
  });

  it('stands beside --sla and --fail-on, and the gravest counts', async () => {
    const same = ['b1.json', 'b2.json', 'b3.json', ...against(...A)];
    expect((await report([...same, '--fail-on', 'p50<20ms'])).status()).toBe(0);
    expect((await report([...same, '--fail-on', 'p50<1ms'])).status()).toBe(3);
    expect((await report([...same, '--fail-on', 'mos>3'])).status()).toBe(4);
    const worse = await report(['slow1.json', ...against(...A), '--fail-on', 'p50<1s']);
    expect(worse.status()).toBe(3);
    expect(worse.out()).toContain('Bounds');
  });

  it('decides on the percentiles that are named', async () => {
    expect((await report(['few.json', ...against(...A), '--percentiles', 'p50'])).status()).toBe(0);
    const io = await report(['few.json', ...against(...A), '--percentiles', 'p99, p50', '--json']);
    expect(io.status()).toBe(4);
    const { baseline } = JSON.parse(io.out()) as { baseline: { quantiles: { name: string }[] } };
    expect(baseline.quantiles.map(({ name }) => name)).toEqual(['p50_latency', 'p99_latency']);
  });

  it('takes a least effect', async () => {
    const slow = ['slow1.json', 'slow2.json', 'slow3.json', ...against(...A)];
    expect((await report([...slow, '--min-effect', '50%'])).status()).toBe(0);
    expect((await report([...slow, '--min-effect', '0.5'])).out()).toContain('least effect 50 %');
  });

  it('tells the document, JUnit, Markdown and Prometheus', async () => {
    const slow = ['slow1.json', ...against(...A)];
    const json = await report([...slow, '--json']);
    expect(parseRun(json.out(), 'out').summary.total_latencies).toBe(10_000);
    expect(JSON.parse(json.out())).toMatchObject({
      baseline: { schema: 'rtplat.baseline/1', verdict: 'worse', runs: { baseline: 3, value: 1 }, seed: 1, min_effect: 0.05 },
    });
    expect(json.err()).toMatch(/^p50_latency against the baseline: fail: 1\d\.\d+ ms, at most 0\.\d+ ms above .*, worse, \+.*\n/);
    expect(json.err()).toMatch(/verdict: fail\n$/);
    expect((await report([...slow, '--format', 'junit'])).out()).toContain('classname="rtplat.baseline"');
    const markdown = (await report([...slow, '--format', 'markdown'])).out();
    expect(markdown).toContain('**Verdict: fail**');
    expect(markdown).toContain('**worse**');
    expect((await report([...slow, '--format', 'prometheus'])).out()).toContain(
      'rtplat_run_bound_held{group="baseline",bound="p50_latency against the baseline",status="fail"} 0',
    );
  });

  it('is a list where there is no room for a table', async () => {
    const io = await report(['slow1.json', ...against('a1.json')], { columns: 50 });
    expect(io.out().slice(io.out().indexOf('Against'))).toMatchSnapshot();
  });

  it.each([
    [['a1.json', '--baseline', 'link.json'], 'is a source of this report itself'],
    [['a1.json', '--baseline', 'echo.pcap'], 'is a capture: only runs can be compared'],
    [['echo.pcap', '--baseline', 'a1.json'], 'is a capture: only runs can be compared'],
    [['a1.json', '--baseline', '-'], 'takes no standard input'],
    [['echo.pcap', '--save-baseline', 'new.json'], 'is a capture'],
    [['a1.json', '--save-baseline', 'link.json'], 'would replace a source'],
  ])('%j is refused: %s', async (args, message) => {
    await expect(report(args)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(message) as string });
  });

  it('refuses a live service on either side, and a least effect that is none', async () => {
    await expect(report([service.url, '--baseline', 'a1.json'])).rejects.toMatchObject({ code: 'usage' });
    await expect(report(['a1.json', '--baseline', service.url])).rejects.toMatchObject({ code: 'usage' });
    for (const wrong of ['five', '-1%', '101%', '%', '1.5']) {
      const command = reportCommand(capturedIo())
        .exitOverride()
        .configureOutput({ writeErr: () => undefined });
      await expect(command.parseAsync(['a.json', `--min-effect=${wrong}`], { from: 'user' })).rejects.toThrow('part of a whole');
    }
  });

  it('says which file is not there', async () => {
    await expect(report(['a1.json', '--baseline', 'missing.json'])).rejects.toMatchObject({ code: 'file' });
  });
});

describe('report --save-baseline', () => {
  it('keeps several runs in one file that compares as they do', async () => {
    const kept = await report([...A, '--save-baseline', 'main.json']);
    expect(kept.status()).toBe(0);
    const slow = ['slow1.json', 'slow2.json', 'slow3.json', '--json'];
    const baselineOf = async (names: readonly string[]): Promise<unknown> => {
      const document = JSON.parse((await report([...slow, ...against(...names)])).out()) as { baseline: unknown };
      return document.baseline;
    };
    expect(await baselineOf(['main.json'])).toEqual(await baselineOf(A));
    expect((await report(['main.json'])).out()).toContain('30,000');
  });

  it('replaces a baseline only by runs that hold against it', async () => {
    await report([...A, '--save-baseline', 'kept.json']);
    const before = readFileSync(fileIn('kept.json'), 'utf8');
    const slow = ['slow1.json', 'slow2.json', 'slow3.json', '--baseline', 'kept.json', '--save-baseline', 'kept.json'];
    const refused = await report(slow);
    expect(refused.status()).toBe(3);
    expect(refused.err()).toContain('is left as it is');
    expect(readFileSync(fileIn('kept.json'), 'utf8')).toBe(before);
    const good = ['b1.json', 'b2.json', 'b3.json', '--baseline', 'kept.json', '--save-baseline', 'kept.json'];
    expect((await report(good)).status()).toBe(0);
    expect(readFileSync(fileIn('kept.json'), 'utf8')).not.toBe(before);
  });

  it('keeps a run whose median stands, although it distrusts its slowest packets', async () => {
    expect((await report(['uneven.json', '--save-baseline', 'median.json'])).status()).toBe(0);
    const verdict = async (...words: string[]): Promise<string> => (await report([...words, '--baseline', 'median.json'])).out();
    expect(await verdict('slow1.json')).toMatch(/p50_latency.*worse/);
  });

  it('keeps no run that distrusts itself, and still shows it', async () => {
    const io = capturedIo();
    const words = [fileIn('doubtful.json'), '--save-baseline', fileIn('never.json')];
    await expect(reportCommand(io).parseAsync(words, { from: 'user' })).rejects.toMatchObject({ code: 'untrusted' });
    expect(io.out()).toContain('doubtful.json');
    expect(() => readFileSync(fileIn('never.json'))).toThrow('ENOENT');
  });
});
