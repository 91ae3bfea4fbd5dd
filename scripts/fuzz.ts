/**
 * Feeds the readers of foreign bytes with inputs that nobody would send: `npm run fuzz -- [TARGET…] [--inputs N] [--seed S]`.
 *
 * Each target (test/fuzz/targets/) runs in a process of its own. Bugs are files in `fuzz-findings/`, replayed by
 * `npm run fuzz -- TARGET --input FILE`. docs/fuzzing.md has it all.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { replay } from '../test/fuzz/driver/replay.ts';
import { renderFuzzTable, totalsOf } from '../test/fuzz/driver/table.ts';
import type { TargetOutcome } from '../test/fuzz/driver/table.ts';
import { TARGET_NAMES } from '../test/fuzz/targets/index.ts';

const ROOT = path.join(import.meta.dirname, '..');
const CHILD = path.join(ROOT, 'test', 'fuzz', 'driver', 'child.ts');
const PAGE = path.join(ROOT, 'docs', 'fuzzing.md');
const RESULTS = path.join(ROOT, 'bench', 'results', 'fuzz.json');
const MARKS = ['<!-- fuzz -->', '<!-- /fuzz -->'] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Of each target; without it those of a full run. */
    inputs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    /** Most seconds of each target. */
    seconds: { type: 'string', default: '0' },
    /** Processes at once. */
    jobs: { type: 'string', default: '1' },
    /** One input, once. */
    input: { type: 'string' },
    findings: { type: 'string', default: 'fuzz-findings' },
    /** Replaces the corpus by what was found. */
    save: { type: 'boolean', default: false },
    /** Stores the results of these targets, and brings their rows in docs/fuzzing.md up to date. */
    write: { type: 'boolean', default: false },
  },
});

const unknown = positionals.find((name) => !TARGET_NAMES.includes(name));
if (unknown !== undefined) fail(`there is no target ${unknown}; there are: ${TARGET_NAMES.join(' ')}`);
for (const option of ['inputs', 'seed', 'seconds', 'jobs'] as const) {
  const text = values[option];
  if (text !== undefined && !/^[0-9]{1,9}$/.test(text)) fail(`--${option} ${text}: a whole number is wanted`);
}
if (values.input === undefined) process.exitCode = await runAll(positionals.length === 0 ? TARGET_NAMES : positionals);
else {
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) fail('--input FILE is for one target: npm run fuzz -- TARGET --input FILE');
  process.exitCode = await replay(name, values.input);
}

async function runAll(names: readonly string[]): Promise<0 | 1> {
  const waiting = [...names];
  const outcomes = new Map<string, TargetOutcome>();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const outcome = await runOne(name);
      if (outcome === undefined || outcome.findings.length > 0) failed = true;
      if (outcome === undefined) continue;
      outcomes.set(name, outcome);
      if (values.write) store(outcome);
    }
  };
  const started = Date.now();
  await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, worker));
  const wallSeconds = (Date.now() - started) / 1_000;
  const rows = names.flatMap((name) => outcomes.get(name) ?? []);
  const table = renderFuzzTable(rows);
  process.stdout.write(`\n${table}\n\n${totalsOf(rows)}, in ${Math.round(wallSeconds)} s\n`);
  return failed ? 1 : 0;
}

/** The row of a target, in place of the one before. */
function store(outcome: TargetOutcome): void {
  const before = existsSync(RESULTS)
    ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as { readonly targets: readonly TargetOutcome[] }).targets
    : [];
  const rows = TARGET_NAMES.flatMap((name) => (name === outcome.name ? outcome : (before.find((row) => row.name === name) ?? [])));
  const text = readFileSync(PAGE, 'utf8');
  const [from, to] = MARKS.map((mark) => text.indexOf(mark));
  if (from === undefined || to === undefined || from < 0 || to < from) throw new Error(`docs/fuzzing.md lacks ${MARKS.join(' … ')}`);
  writeFileSync(PAGE, `${text.slice(0, from + MARKS[0].length)}\n\n${totalsOf(rows)}:\n\n${renderFuzzTable(rows)}\n\n${text.slice(to)}`);
  writeFileSync(RESULTS, `${JSON.stringify({ targets: rows })}\n`);
  execFileSync(path.join(ROOT, 'node_modules', '.bin', 'oxfmt'), [RESULTS], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** @returns undefined when the process ended without an outcome: an input that never ended, or a crash of Node itself. */
async function runOne(name: string): Promise<TargetOutcome | undefined> {
  const { inputs = '0', seed, findings, seconds, save } = values;
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, CHILD, name, inputs, seed, findings, seconds, save ? 'save' : ''], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  const last = text.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) {
    process.stdout.write(
      `${name}: ended by ${child.signalCode ?? `status ${child.exitCode}`}; if there is ${findings}/${name}/hang, that input did not end\n`,
    );
    return undefined;
  }
  const outcome = { name, seed: Number(seed), ...(JSON.parse(last) as Omit<TargetOutcome, 'name' | 'seed'>) };
  process.stdout.write(`${renderFuzzTable([outcome]).split('\n').at(-1)}\n`);
  for (const { what, file } of outcome.findings) process.stdout.write(`  ${what}\n    npm run fuzz -- ${name} --input ${file}\n`);
  return outcome;
}

function fail(message: string): never {
  process.stderr.write(`fuzz: ${message}\n`);
  process.exit(2);
}
