/**
 * `rtplat report` of a capture of 1 GB next to tshark's `-q -z rtp,streams` of the same file, one after the other so that a busy moment
 * of the machine hits both. The capture is made into a temporary folder first: 100 calls and their echoes. The short form takes a
 * tenth of it, without tshark.
 *
 *     node bench/capture.ts [--short] [--write]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeCapture } from './capture/write.ts';
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

const CALLS = 100;
const FIRST_PORT = 20_000;
const SECONDS_BAR = 10;
const MEGABYTES_BAR = 200;
const FASTER_BAR = 5;
const ROUNDS = 3;

await main(async () => {
  const { short, write } = benchOptions([]);
  const machine = thisMachine();
  const packets = short ? 435_000 : 4_350_000;
  const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'calls.pcap');
  writeCapture(file, { packets, calls: CALLS, firstPort: FIRST_PORT });
  const megabytes = statSync(file).size / 1e6;

  const ours: Subject = { name: 'rtplat report', command: process.execPath, args: rtplatArgs('report', file) };
  const subjects = short ? [ours] : [ours, tsharkOn(file)];
  const values = await interleave(subjects, ROUNDS, runToEnd);
  const bars = new Bars(short);
  const all = [...values.values()];
  const own = all[0] ?? [];
  const peer = all[1];
  const seconds = (of: readonly Measured[]): readonly number[] => of.map((value) => value.seconds);
  const most = (of: readonly Measured[]): number => Math.max(...of.map((value) => value.megabytes));
  const verdicts = [
    `Seconds ${bars.atMost('seconds', median(seconds(own)), short ? SECONDS_BAR / 10 : SECONDS_BAR)}`,
    `megabytes ${bars.atMost('megabytes of memory', most(own), MEGABYTES_BAR)}`,
  ];
  if (peer !== undefined) {
    const { ratio, low, high } = ratioOfMedians(seconds(peer), seconds(own));
    const kept = bars.atLeast('times as fast as tshark', ratio, FASTER_BAR);
    verdicts.push(`${ratio.toFixed(1)} times as fast as tshark (${low.toFixed(1)}–${high.toFixed(1)}), ${kept}`);
  }
  const rows = [...values].map(([{ name }, of]) => {
    const time = median(seconds(of));
    return `| ${name} | ${time.toFixed(2)} | ${Math.round(packets / time / 1_000)} | ${most(of).toFixed(0)} |`;
  });
  const tables = [
    `${packets.toLocaleString('en')} RTP packets of ${CALLS} calls and their echoes, ${megabytes.toFixed(0)} MB; medians of ${ROUNDS} rounds, the most memory of any.`,
    '',
    '| | s | thousand packets/s | resident memory, MB |',
    '|---|---|---|---|',
    ...rows,
    '',
    `${verdicts.join('; ')}.`,
  ].join('\n');
  record(
    'capture',
    {
      title: 'A capture measured offline',
      command: `npm run bench -- capture${short ? ' --short' : ''}`,
      machine,
      tables,
      charts: [],
      values: Object.fromEntries([...values].map(([{ name }, of]) => [name, of])),
    },
    write,
  );
  bars.conclude();
});

function tsharkOn(file: string): Subject {
  const ports = `udp.port==${FIRST_PORT}-${FIRST_PORT + CALLS - 1},rtp`;
  return {
    name: 'tshark -q -z rtp,streams',
    command: tool('tshark', 'tshark'),
    args: ['-r', file, '-d', ports, '-q', '-z', 'rtp,streams'],
  };
}
