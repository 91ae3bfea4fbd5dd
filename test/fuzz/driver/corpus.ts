/** The inputs that are kept in the repository: a folder a target, a file an input. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const CORPUS = fileURLToPath(new URL('../corpus/', import.meta.url));
/** Inputs that were bugs: they stay whatever the others are. */
const CRASH = 'crash-';

export interface CorpusFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** By name. Empty for a target that has none. */
export function readCorpus(target: string): readonly CorpusFile[] {
  const folder = path.join(CORPUS, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(path.join(folder, name))) }));
}

/** Replaces all but the bugs. */
export function writeCorpus(target: string, inputs: readonly Uint8Array[]): void {
  const folder = path.join(CORPUS, target);
  mkdirSync(folder, { recursive: true });
  for (const { name } of readCorpus(target)) if (!name.startsWith(CRASH)) rmSync(path.join(folder, name));
  for (const input of inputs) writeFileSync(path.join(folder, nameOf(input)), input);
}

/** @returns the path of the file. */
export function writeCrash(folder: string, target: string, input: Uint8Array): string {
  const file = path.join(folder, target, `${CRASH}${nameOf(input)}`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, input);
  return file;
}

function nameOf(input: Uint8Array): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 12);
}
