/** A configuration file as every command reads it, and what is said of it. */
import { readFile } from 'node:fs/promises';
import { messageOf, RtplatError } from '../core/errors.ts';
import type { ConfigOverride } from '../core/service/config/layers.ts';
import { describeProblem } from '../core/service/config/problem.ts';
import type { ConfigReading } from '../core/service/config/read.ts';
import type { CommandIo } from './io.ts';

/** Where the value of an option is from, by its name; `env` for the environment. */
export type SourceOf = (name: string) => string | undefined;

/** @param file of `--config`; no file is an empty one. @throws RtplatError `usage` when it cannot be read. */
export async function readConfigText(file: string | undefined): Promise<string> {
  if (file === undefined) return '';
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new RtplatError('usage', `cannot read --config ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** A line for each problem and each warning, on standard error. */
export function tellReading(io: CommandIo, { problems, warnings }: Pick<ConfigReading<unknown>, 'problems' | 'warnings'>): void {
  for (const problem of problems) io.stderr.write(`rtplat: ${describeProblem(problem)}\n`);
  for (const warning of warnings) io.stderr.write(`rtplat: warning: ${describeProblem(warning)}\n`);
}

/** An option over keys of the file. */
export type OverrideRow<Options, Config> = readonly [
  name: keyof Options & string,
  flag: string,
  env: string,
  values: ConfigOverride<Config>['values'],
];

/** What flags and the environment say, each with its name for messages. */
export function overridesOf<Options, Config>(
  options: Options,
  sourceOf: SourceOf,
  rows: readonly OverrideRow<Options, Config>[],
): readonly ConfigOverride<Config>[] {
  return rows
    .filter(([name]) => options[name] !== undefined)
    .map(([name, flag, env, values]) => ({ origin: sourceOf(name) === 'env' ? env : flag, values }));
}
