/** The outcome of a run as people read it. */

export interface TargetOutcome {
  readonly name: string;
  readonly seed: number;
  readonly inputs: number;
  readonly seconds: number;
  readonly blocks: { readonly reached: number; readonly all: number };
  readonly slowestMs: number | null;
  readonly growthBytes: number | null;
  readonly corpus: number;
  readonly findings: readonly { readonly what: string; readonly file: string }[];
}

const HEAD = [
  '| target | inputs | time | blocks of its code reached | heap growth | corpus | found |',
  '|---|---:|---:|---:|---:|---:|---:|',
];

export function renderFuzzTable(rows: readonly TargetOutcome[]): string {
  return [...HEAD, ...rows.map(renderRow)].join('\n');
}

function renderRow({ name, inputs, seconds, blocks, growthBytes, corpus, findings }: TargetOutcome): string {
  const share = blocks.all === 0 ? '–' : `${blocks.reached} of ${blocks.all} (${Math.round((100 * blocks.reached) / blocks.all)} %)`;
  const growth = growthBytes === null ? '–' : `${Math.round(growthBytes / 1_024).toLocaleString('en')} kB`;
  return `| ${name} | ${inputs.toLocaleString('en')} | ${Math.round(seconds)} s | ${share} | ${growth} | ${corpus} | ${findings.length} |`;
}

/** `10,000,000 inputs of 27 targets in 900 s of fuzzing`. */
export function totalsOf(rows: readonly TargetOutcome[]): string {
  const inputs = rows.reduce((sum, row) => sum + row.inputs, 0);
  const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
  return `${inputs.toLocaleString('en')} inputs of ${rows.length} targets in ${Math.round(seconds).toLocaleString('en')} s of fuzzing`;
}
