/** What is wrong with a configuration, and where. */
import { escapeControl } from '../../values/terminal.ts';

/** From the root of the document: names of tables and keys, and numbers (from 0) of the entries of a list. */
export type ConfigPath = readonly (string | number)[];

export interface ConfigProblem {
  /** The file, or what else said it: `--port`, `RTPLAT_PORT`. */
  readonly source: string;
  /** From 1; undefined where there are no lines. */
  readonly line: number | undefined;
  readonly message: string;
  /** What to do about it; empty when the message says it. */
  readonly hint: string;
}

/** `FILE:LINE: what is wrong (what to do)`, one line. */
export function describeProblem(problem: ConfigProblem): string {
  const where = problem.line === undefined ? problem.source : `${problem.source}:${problem.line}`;
  return escapeControl(`${where}: ${problem.message}${problem.hint === '' ? '' : ` (${problem.hint})`}`);
}

/** In the order of the file; what came from elsewhere stays behind it, in the order it was found. */
export function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const rank = ({ line }: ConfigProblem): number => line ?? Number.MAX_SAFE_INTEGER;
  return problems.toSorted((a, b) => rank(a) - rank(b));
}

/** `sip.tls.port`; entries of a list of tables are told apart by their lines, not by their numbers. */
export function keyName(path: ConfigPath): string {
  return path.filter((part) => typeof part === 'string').join('.');
}

/** `[sip.tls]`, `[[route]]`, or what the file as a whole is. */
export function tableName(path: ConfigPath): string {
  if (path.length === 0) return 'the top level';
  return typeof path.at(-1) === 'number' ? `[[${keyName(path)}]]` : `[${keyName(path)}]`;
}
