/** Runs made of random numbers: latencies with a tail, seconds that are alike, and a machine whose mood changes from run to run. */
import { SeededRandom } from '../../../../src/core/probe/random.ts';
import type { NamedRun } from '../../../../src/core/report/merge.ts';
import type { RunParts, RunSummary } from '../../../../src/core/report/run.ts';
import { SecondSeries } from '../../../../src/core/report/series.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { makeRun } from '../make-run.ts';

export interface Simulation {
  readonly seed: number;
  readonly seconds?: number;
  readonly packetsPerSecond?: number;
  /** Of the median, ms. */
  readonly medianMs?: number;
  /** Added to each packet, ms. */
  readonly shiftMs?: number;
  /** By how much a second may be off, as a part of the latency, and how much of it stays for the next second. */
  readonly unrest?: number;
  readonly memory?: number;
  /** By how much a whole run may be off, as a part of the latency. */
  readonly mood?: number;
  readonly parts?: Partial<RunParts>;
  /** Instead of what the summary would say. */
  readonly summary?: Partial<RunSummary>;
}

const NS_PER_MS = 1e6;

export function simulate(simulation: Simulation): NamedRun {
  const { seed, seconds = 20, packetsPerSecond = 500, medianMs = 10, shiftMs = 0, unrest = 0.01, memory = 0.7, mood = 0 } = simulation;
  const random = new SeededRandom(seed);
  const latency = new LatencyHistogram();
  const series = new SecondSeries(2e9);
  const moodFactor = 1 + mood * normal(random);
  let state = 0;
  for (let second = 0; second < seconds; second++) {
    state = memory * state + Math.sqrt(1 - memory * memory) * normal(random);
    for (let packet = 0; packet < packetsPerSecond; packet++) {
      const dueNs = (second + packet / packetsPerSecond) * 1e9;
      // A tail of one in two hundred.
      const tail = uniform(random) < 0.005 ? 1 + uniform(random) : 1;
      const valueMs = shiftMs + medianMs * moodFactor * (1 + unrest * state) * (1 + 0.05 * normal(random)) * tail;
      const valueNs = Math.max(1_000, Math.round(valueMs * NS_PER_MS));
      series.sent(dueNs);
      series.received(dueNs, valueNs, false);
      latency.record(valueNs);
    }
  }
  const run = makeRun({
    latency,
    clock: 'kernel',
    durationSeconds: seconds,
    series: series.finish((seconds + 3) * 1e9, 0),
    counts: {
      totalChannels: 1,
      activeChannels: 0,
      sent: latency.count,
      received: latency.count,
      lost: 0,
      late: 0,
      duplicates: 0,
      reordered: 0,
      inFlight: 0,
      socketDrops: 0,
    },
    ...simulation.parts,
  });
  return { name: `run ${seed}`, run: { ...run, summary: { ...run.summary, ...simulation.summary } } };
}

function uniform(random: SeededRandom): number {
  return (random.uint32() + 0.5) / 2 ** 32;
}

/** Box & Muller. */
function normal(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(uniform(random))) * Math.cos(2 * Math.PI * uniform(random));
}
