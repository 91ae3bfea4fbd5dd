/**
 * What matching costs: 100 calls at once, of which the audio or the payload comes back in other packets, on one core in real time. Next to
 * it, what the search alone costs by others' hands: C that sums at every lag (bench/peers/correlate.c), and FFTW
 * (bench/peers/correlate-fftw.c). And how often a marker is found in an hour of audio that has none.
 *
 *     node bench/match.ts [--short] [--write]
 *
 * Bars: each case takes one core at the most; found by chance: never. The short form takes a minute of audio instead of an hour and is
 * without FFTW.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { searchForeign } from './match/foreign.ts';
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { machineLine, thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { compile } from './lib/peers.ts';
import { record } from './lib/record.ts';
import { interleave, median, ratioOfMedians, spread } from './lib/rounds.ts';

const CALLS = 100;
const CORES_BAR = 1;
const WINDOWS_PER_SECOND = 8_000 / 2_048;
/** Blocks of 2048 lags that are searched: around a known delay, and for all of 4 s. */
const BLOCKS_NEAR = 2;
const BLOCKS_ALL = 19;
const LAGS = 2_048;

interface Subject {
  readonly group: string;
  readonly name: string;
  /** Processor cores that 100 calls keep busy. */
  readonly cores: () => number;
}

await main(async () => {
  const { short, write } = benchOptions([]);
  const machine = thisMachine();
  const [rounds, seconds, foreignSeconds] = short ? [2, 5, 60] : [5, 30, 3_600];
  process.stdout.write(`${machineLine(machine)}\n`);
  const subjects = subjectsOf(short, seconds);
  const values = await interleave(subjects, rounds, async ({ cores }) => Promise.resolve(cores()));
  const bars = new Bars(short);
  const rows = subjects.map((subject) => {
    const of = values.get(subject) ?? [];
    const ours = subjects.find(({ group, name }) => group === subject.group && name === 'rtplat') ?? subject;
    const own = subject === ours;
    const { ratio, low, high } = ratioOfMedians(of, values.get(ours) ?? []);
    const against = own ? '' : `${ratio.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)})`;
    const bar = own ? bars.atMost(`cores, ${subject.group}`, median(of), CORES_BAR) : '';
    return `| ${[subject.group, subject.name, median(of).toFixed(3), `${(100 * spread(of)).toFixed(1)} %`, against, bar].join(' | ')} |`;
  });
  const foreign = searchForeign(foreignSeconds);
  const foreignRows = foreign.map(({ kind, windows, found, matched }) => {
    const bar = bars.atMost(`found by chance in ${kind}`, found + matched, 0);
    return `| ${[kind, (foreignSeconds / 60).toFixed(0), windows.toLocaleString('en'), found, matched, bar].join(' | ')} |`;
  });
  const tables = [
    `${CALLS} calls of PCMU, packets of 20 ms, one in 31 lost, ${seconds} s as fast as possible; medians of ${rounds} rounds. rtplat does all of a call's`,
    'work, judges each packet and makes the reference; the others search only.',
    '',
    '| | | cores | spread | against rtplat (95 %) | bar |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    'Audio that has no marker of the call in it:',
    '',
    '| | minutes | windows searched | found | packets matched | bar |',
    '|---|---|---|---|---|---|',
    ...foreignRows,
  ].join('\n');
  const raw = { cores: subjects.map((subject) => ({ case: subject.group, subject: subject.name, rounds: values.get(subject) })), foreign };
  record('match', { title: 'Matching', command: 'node bench/match.ts', machine, tables, charts: [], values: raw }, write);
  bars.conclude();
});

function subjectsOf(short: boolean, seconds: number): readonly Subject[] {
  const near = 'audio, delay known';
  const all = 'audio, nothing to find in 4 s';
  const direct = (group: string, blocks: number): Subject => ({
    group,
    name: 'C, sum by sum',
    cores: () => peerCores(compile('correlate'), blocks * LAGS, short ? 20 : 100),
  });
  const subjects = [
    ours(near, 'found', seconds),
    direct(near, BLOCKS_NEAR),
    ours(all, 'nothing', seconds),
    direct(all, BLOCKS_ALL),
    ours('payload, 20 ms come back as 30', 'payload', seconds),
  ];
  if (short) return subjects;
  const fftw = (group: string, blocks: number): Subject => ({
    group,
    name: 'FFTW in C',
    cores: () => peerCores(fftwProgram(), blocks, 2_000),
  });
  return [...subjects, fftw(near, BLOCKS_NEAR), fftw(all, BLOCKS_ALL)];
}

function fftwProgram(): string {
  try {
    return compile('correlate-fftw', ['fftw3', 'm']);
  } catch (error) {
    throw new Error('FFTW is missing: install the Debian package libfftw3-dev (scripts/bench-peers.sh installs all peers)', {
      cause: error,
    });
  }
}

function ours(group: string, name: string, seconds: number): Subject {
  const program = path.join(import.meta.dirname, 'subjects', 'match-calls.ts');
  return {
    group,
    name: 'rtplat',
    cores: () => {
      const told = execFileSync(process.execPath, [program, name, String(CALLS), String(seconds)], { encoding: 'utf8' });
      const { cpuSeconds, matched } = JSON.parse(told) as { readonly cpuSeconds: number; readonly matched: number };
      if (matched > 0 !== (name !== 'nothing')) throw new Error(`${group}: ${matched} packets were matched`);
      return cpuSeconds / seconds;
    },
  };
}

/** From the CPU seconds of some windows to those of all windows that 100 calls make in a second. */
function peerCores(program: string, size: number, windows: number): number {
  const cpuSeconds = Number(execFileSync(program, [String(size), String(windows)], { encoding: 'utf8' }));
  return (cpuSeconds / windows) * WINDOWS_PER_SECOND * CALLS;
}
