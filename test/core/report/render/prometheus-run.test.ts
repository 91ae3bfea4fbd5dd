import { expect, test } from 'vitest';
import { renderRunsPrometheus } from '../../../../src/core/report/render/prometheus-run.ts';
import { histogramOf, makeRun } from '../make-run.ts';

const latency = histogramOf([100_000, 400_000, 400_000, 7_000_000]);

test('a run as gauges and a histogram, with what was judged', async () => {
  const rows = [
    { group: 'bounds', name: 'p99<"20"ms', expected: '', value: '', status: 'pass', detail: '', violations: [] },
    { group: 'bounds', name: 'mos>4', expected: '', value: '', status: 'insufficient', detail: '', violations: [] },
  ] as const;
  await expect(
    renderRunsPrometheus([{ name: 'runs/a "b".json', run: makeRun({ latency }), endedAtSeconds: 1795278373.25 }], rows),
  ).toMatchFileSnapshot('__snapshots__/run.prom');
});

test('several runs are told apart, and what was not measured is left out', () => {
  const runs = [
    { name: 'a', run: makeRun({ latency, mos: 4.4 }), endedAtSeconds: 1 },
    { name: 'b', run: makeRun({ latency, jitterMs: null }), endedAtSeconds: 2 },
  ];
  const text = renderRunsPrometheus(runs, []);
  expect(text).toContain('rtplat_run_latency_seconds_count{run="a"} 4\n');
  expect(text).toContain('rtplat_run_latency_seconds_count{run="b"} 4\n');
  expect(text).toContain('rtplat_run_mos{run="a"} 4.4\n');
  expect(text).not.toContain('rtplat_run_mos{run="b"}');
  expect(text).not.toContain('rtplat_run_jitter_seconds{run="b"}');
  expect(text).not.toContain('bound_held');
});
