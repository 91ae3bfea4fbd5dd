/**
 * How long `rtplat --version` takes to start, against `node -e 0`, one after the other so that a busy moment of the machine hits
 * both. The bar is a ratio of medians of 1.5. `--short`: fewer rounds, and failed only at twice the bar, for a shared machine.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const BAR = 1.5;
const short = process.argv.includes('--short');
const rounds = short ? 15 : 60;
const bar = short ? 2 * BAR : BAR;
const binary = path.join(import.meta.dirname, '..', 'dist', 'bin', 'rtplat.js');

/** Milliseconds from spawning to the end. */
function timeOf(args: readonly string[]): number {
  const start = performance.now();
  const run = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (run.status !== 0) throw new Error(`node ${args.join(' ')} ended with ${run.status}; run 'npm run build' first`);
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const bare: number[] = [];
const ours: number[] = [];
for (let round = -2; round < rounds; round++) {
  const [bareMs, oursMs] = [timeOf(['-e', '0']), timeOf([binary, '--version'])];
  if (round < 0) continue; // warms the page cache
  bare.push(bareMs);
  ours.push(oursMs);
}
const ratio = median(ours) / median(bare);
process.stdout.write(
  `rtplat --version ${median(ours).toFixed(1)} ms, node -e 0 ${median(bare).toFixed(1)} ms: ${ratio.toFixed(2)}× (bar ${bar}×, ${rounds} rounds)\n`,
);
if (ratio > bar) process.exitCode = 3;
