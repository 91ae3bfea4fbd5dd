/**
 * Audio matched over a real path: the kernel's sch_netem delays, jitters and loses on the way to an Asterisk 22, which passes each call on
 * to an echo in another codec. dumpcap on both sides of the path and behind Asterisk says how long each packet truly took.
 *
 *     scripts/peers.sh && scripts/in-netns.sh node bench/match-netem.ts [--short] [--write]
 *
 * Where the kernel has no sch_netem, a user-mode Linux runs it (scripts/bench-peers.sh installs one). Without either, or where
 * network namespaces are forbidden, this fails: nothing stands in for it.
 *
 * Bars: the median within 2 ms of the captures', after what the codecs hold back; of the packets that come back, 99 % are known. The short
 * form is one path for 10 s.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { machineLine, thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { record } from './lib/record.ts';
import { measure } from './netem/measure.ts';
import type { Measured } from './netem/measure.ts';
import type { Impairment } from './netem/path.ts';

const JITTER_MS = 5;
const DELAYS_MS = [20, 80, 150];
/** With seconds of each: the rarer loss is, the longer. */
const LOSSES = [
  { loss: 0.01, seconds: 180 },
  { loss: 0.03, seconds: 60 },
  { loss: 0.05, seconds: 60 },
];
const SHORT_SECONDS = 10;

const OFF_BAR_MS = 2;
const DETECTED_BAR = 0.99;

await main(async () => {
  const { short, write } = benchOptions([]);
  const machine = thisMachine();
  process.stdout.write(`${machineLine(machine)}\n`);
  const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const paths: readonly (Impairment & { readonly seconds: number })[] = short
    ? [{ delayMs: 80, jitterMs: JITTER_MS, loss: 0.03, seconds: SHORT_SECONDS }]
    : DELAYS_MS.flatMap((delayMs) => LOSSES.map(({ loss, seconds }) => ({ delayMs, jitterMs: JITTER_MS, loss, seconds })));
  const measured: Measured[] = [];
  for (const [index, { seconds, ...impairment }] of paths.entries()) {
    const ofPath = await measure(path.join(folder, String(index)), impairment, seconds);
    for (const one of ofPath) process.stdout.write(`${cells(one).join(', ')}\n`);
    measured.push(...ofPath);
  }

  const bars = new Bars(short);
  const rows = measured.map((one) => {
    const name = `${one.delayMs} ms, ${percent(one.loss, 0)} lost, ${one.call}`;
    if (one.match !== 'audio') throw new Error(`${name}: matched by ${one.match}`);
    const off = bars.atMost(`${name}: median off by ms`, Math.abs(offMs(one)), OFF_BAR_MS);
    const detected = bars.atLeast(`${name}: share detected`, one.detected, DETECTED_BAR);
    return `| ${[...cells(one), `${off}, ${detected}`].join(' | ')} |`;
  });
  const tables = [
    `By ${measured[0]?.by}, on the way there, with a jitter of ${JITTER_MS} ms (standard deviation; packets overtake each other). Truth: captures at both ends of the path and`,
    'behind Asterisk. Probe: `--match auto`, which chose audio, less what the codecs hold back (nothing, and 12.75 ms). Detected: of the packets that',
    'came back by the capture, those that the probe knew by their sound. ms.',
    '',
    '| delay | lost | call | s | packets back | truth p50 | probe p50 | off | truth p95 | probe p95 | detected | score | bar |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
  record(
    'match-netem',
    {
      ...{ title: 'Matching over a path that delays and loses', command: 'scripts/in-netns.sh node bench/match-netem.ts', machine },
      ...{ tables, charts: [], values: measured },
    },
    write,
  );
  bars.conclude();
});

function offMs({ truth, probe }: Measured): number {
  return probe.p50 - truth.p50;
}

function cells(one: Measured): readonly string[] {
  const { delayMs, loss, call, seconds, packets, truth, probe, detected, score } = one;
  const share = `${percent(1 - packets.there / packets.sent, 2)} of ${percent(loss, 0)}`;
  const off = offMs(one);
  return [
    ...[String(delayMs), share, call, String(seconds), packets.came.toLocaleString('en')],
    ...[truth.p50, probe.p50].map((ms) => ms.toFixed(3)),
    `${off < 0 ? '−' : '+'}${Math.abs(off).toFixed(3)}`,
    ...[truth.p95, probe.p95].map((ms) => ms.toFixed(3)),
    ...[percent(detected, 2), score.toFixed(3)],
  ];
}

function percent(share: number, digits: number): string {
  return `${(100 * share).toFixed(digits)} %`;
}
