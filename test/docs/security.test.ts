/** SECURITY.md promises nothing that no test holds. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './markdown.ts';

const page = readFileSync(path.join(ROOT, 'SECURITY.md'), 'utf8');
const [, promises = ''] = page.split('\n## Promises\n');
const rows = promises
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| promise |'))
  .map((line) => line.slice(2, -2).split(' | '));

test('there are promises', () => {
  expect(rows.length).toBeGreaterThan(30);
});

test.each(rows)('%s', (_promise, proof = '', ...more) => {
  expect(more).toEqual([]);
  const links = [...proof.matchAll(/\[([^\]]+)\]\(([^)]+\.test\.ts)\)/g)];
  expect(links).not.toHaveLength(0);
  // Nothing but links, so that each of them was looked at.
  expect(proof.replaceAll(/\[[^\]]+\]\([^)]+\.test\.ts\)/g, '').replaceAll(', ', '')).toBe('');
  for (const [, title = '', file = ''] of links) {
    expect(file).toMatch(/^test\//);
    const source = readFileSync(path.join(ROOT, file), 'utf8');
    const quoted = ["'", '`', '"'].some((quote) => source.includes(`(${quote}${title}${quote}`));
    expect(quoted, `${file} has no test of the name: ${title}`).toBe(true);
  }
});
