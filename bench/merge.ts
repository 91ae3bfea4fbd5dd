/**
 * `rtplat report FOLDER` of 1,000 run files of 100,000 round trips each, one after the other with what others take to merge the same
 * histograms: HdrHistogram's own Java library (the HistogramLogProcessor in it), and hdr-histogram-js. These two read a histogram log
 * (`.hlog`) that holds nothing but the histograms; `report` reads, checks and adds up whole runs. The files are made into a temporary
 * folder first. The short form writes each of 50 runs 20 times, and leaves out Java.
 *
 *     node bench/merge.ts [--short] [--write]
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { tool } from './lib/peers.ts';
import { record } from './lib/record.ts';
import { interleave, median, ratioOfMedians } from './lib/rounds.ts';
import { rtplatArgs } from './lib/rtplat.ts';
import { runToEnd } from './lib/to-end.ts';
import type { Measured, Subject } from './lib/to-end.ts';
import { histogramLog, SAMPLES, writeRuns } from './merge/write.ts';

const RUNS = 1_000;
const SHORT_DISTINCT = 50;
const SECONDS_BAR = 2;
const MEGABYTES_BAR = 200;
const ROUNDS = 5;

await main(async () => {
  const { short, write } = benchOptions([]);
  const machine = thisMachine();
  const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const runs = path.join(folder, 'runs');
  const log = path.join(folder, 'runs.hlog');
  const histograms = writeRuns(runs, RUNS, short ? SHORT_DISTINCT : RUNS);
  writeFileSync(log, histogramLog(histograms));

  const ours: Subject = { name: 'rtplat report FOLDER', command: process.execPath, args: rtplatArgs('report', runs) };
  const inJs: Subject = {
    name: 'hdr-histogram-js',
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'merge', 'hdr-js.ts'), log],
  };
  const values = await interleave(short ? [ours, inJs] : [ours, inJs, inJava(log)], ROUNDS, runToEnd);
  const bars = new Bars(short);
  const secondsOf = (subject: Subject): readonly number[] => (values.get(subject) ?? []).map(({ seconds }) => seconds);
  const most = (of: readonly Measured[]): number => Math.max(...of.map(({ megabytes }) => megabytes));
  const { ratio, low, high } = ratioOfMedians(secondsOf(ours), secondsOf(inJs));
  const verdicts = [
    `Seconds ${bars.atMost('seconds', median(secondsOf(ours)), SECONDS_BAR)}`,
    `megabytes ${bars.atMost('megabytes of memory', most(values.get(ours) ?? []), MEGABYTES_BAR)}`,
    `whole runs take ${ratio.toFixed(1)} times as long (${low.toFixed(1)}–${high.toFixed(1)}) as their histograms take hdr-histogram-js`,
  ];
  const rows = [...values].map(
    ([subject, of]) => `| ${subject.name} | ${median(secondsOf(subject)).toFixed(2)} | ${most(of).toFixed(0)} |`,
  );
  const tables = [
    `${RUNS.toLocaleString('en')} runs of ${SAMPLES.toLocaleString('en')} round trips; medians of ${ROUNDS} rounds, start-up included, the most memory of any.`,
    '',
    '| | s | resident memory, MB |',
    '|---|---|---|',
    ...rows,
    '',
    `${verdicts.join('; ')}.`,
  ].join('\n');
  record(
    'merge',
    {
      title: 'A thousand runs merged',
      command: `npm run bench -- merge${short ? ' --short' : ''}`,
      machine,
      tables,
      charts: [],
      values: Object.fromEntries([...values].map(([{ name }, of]) => [name, of])),
    },
    write,
  );
  bars.conclude();
});

/** @throws Error naming what is to be installed. */
function inJava(log: string): Subject {
  const peers = process.env['RTPLAT_PEERS'] ?? path.join(homedir(), '.cache', 'rtplat', 'peers');
  const jars = ['/', path.join(peers, 'hdrhistogram')].map((root) => path.join(root, 'usr/share/java/hdrhistogram.jar'));
  const jar = jars.find((file) => existsSync(file));
  if (jar === undefined) throw new Error(`${jars[0]} is missing: install the Debian package libhdrhistogram-java`);
  return {
    name: "HdrHistogram's HistogramLogProcessor (Java)",
    command: tool('java', 'default-jre-headless'),
    args: ['-cp', jar, 'org.HdrHistogram.HistogramLogProcessor', '-i', log],
  };
}
