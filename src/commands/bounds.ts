/** `--fail-on` and `--thresholds` of the commands that judge, and the exit status of what they say. */
import { readFile } from 'node:fs/promises';
import type { Option } from 'commander';
import { errnoOf, RtplatError } from '../core/errors.ts';
import type { Bound } from '../core/report/gate/expression.ts';
import type { Verdict } from '../core/report/run.ts';
import type { CommandIo, ExitStatus } from './io.ts';
import { option, repeated } from './options.ts';

export const STATUS_OF: Readonly<Record<Verdict, ExitStatus>> = { pass: 0, fail: 3, insufficient: 4, inconclusive: 4 };

export interface BoundOptions {
  readonly failOn?: readonly string[];
  readonly thresholds?: string;
}

export function boundOptions(): readonly Option[] {
  return [
    option(
      '--fail-on <bound>',
      "what must hold, else exit status 3, or 4 when it cannot be told: 'p99<20ms', 'call:loss<1%'; may be repeated",
      {
        parse: repeated,
      },
    ),
    option('--thresholds <file>', 'TOML file of such bounds: bounds = ["p99<20ms", "loss<0.2%"]', {}),
  ];
}

/**
 * All bounds, each once; undefined after it has told what is wrong with them, one line each, and asked for status 2.
 *
 * @throws RtplatError `usage` when the file of thresholds cannot be read.
 */
export async function readBounds({ failOn = [], thresholds }: BoundOptions, io: CommandIo): Promise<readonly Bound[] | undefined> {
  if (failOn.length === 0 && thresholds === undefined) return [];
  const [{ describeFault, parseBound }, { readThresholds }, { describeProblem }, { escapeControl }] = await Promise.all([
    import('../core/report/gate/expression.ts'),
    import('../core/report/gate/thresholds.ts'),
    import('../core/service/config/problem.ts'),
    import('../core/values/terminal.ts'),
  ]);
  const bounds = new Map<string, Bound>();
  const problems: string[] = [];
  for (const text of failOn) {
    const read = parseBound(text);
    if ('bound' in read) bounds.set(read.bound.text, read.bound);
    else problems.push(`--fail-on ${JSON.stringify(text)}: ${describeFault(read.fault)}`);
  }
  if (thresholds !== undefined) {
    const read = readThresholds(await textOf(thresholds), thresholds);
    for (const bound of read.bounds) bounds.set(bound.text, bound);
    problems.push(...read.problems.map(describeProblem));
  }
  if (problems.length === 0) return [...bounds.values()];
  for (const problem of problems) io.stderr.write(`rtplat: ${escapeControl(problem)}\n`);
  io.exit(2);
  return undefined;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    const why = errno === 'ENOENT' ? 'there is no such file' : errno === 'EISDIR' ? 'it is a directory' : errno;
    throw new RtplatError('usage', `cannot read --thresholds ${file}: ${why}`, { cause: error });
  }
}
