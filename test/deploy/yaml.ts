import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT } from '../docs/markdown.ts';

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** One document, with `<<` and without the tags of Compose, as `!reset`. */
export function readYaml(path: string): unknown {
  return parse(readText(path), { merge: true, logLevel: 'error' });
}

/** Every document of a text. Throws for one that is no YAML. */
export function documentsOf(text: string): readonly unknown[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() as unknown;
  });
}
