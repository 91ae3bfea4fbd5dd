import { parse } from 'smol-toml';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { TomlLines } from '../../../../src/core/service/config/locate.ts';
import { chunks, writeToml } from './toml-writer.ts';

describe('the line of a key', () => {
  const lines = new TomlLines(`# comment
top = 1

[sip] # sip
bind_address = [
  "a", # one
  "b",
]
tls.port = 5061
note = """
port = 1
[media]
"""
port = 5060

[[route]]
match = "6"
[[route]]
match = "7"
[route.inner]
x = { y = 1, z = [ 2,
 3 ] }
`);

  it.each([
    [['top'], 2],
    [['sip'], 4],
    [['sip', 'bind_address'], 5],
    [['sip', 'bind_address', 0], 6],
    [['sip', 'bind_address', 1], 7],
    [['sip', 'tls'], 9],
    [['sip', 'tls', 'port'], 9],
    [['sip', 'note'], 10],
    [['sip', 'port'], 14],
    [['route'], 16],
    [['route', 0], 16],
    [['route', 0, 'match'], 17],
    [['route', 1], 18],
    [['route', 1, 'match'], 19],
    [['route', 1, 'inner'], 20],
    [['route', 1, 'inner', 'x', 'y'], 21],
    [['route', 1, 'inner', 'x', 'z', 1], 22],
  ])('%j: %i', (path, line) => {
    expect(lines.lineOf(path)).toBe(line);
  });

  it.each([
    [[], 1],
    [['nowhere'], 1],
    [['sip', 'cert'], 4],
    [['route', 1, 'action'], 18],
    [['sip', 'bind_address', 2], 5],
  ])('of what is not written down, %j, is that of what is around it: %i', (path, line) => {
    expect(lines.lineOf(path)).toBe(line);
  });

  it('is the same with a byte order mark and with CRLF', () => {
    const crlf = new TomlLines('\ufeffa = """\r\nb = 1\r\n"""\r\n\r\n[c]\r\nd = 1\r\n');
    expect([['a'], ['c'], ['c', 'd']].map((path) => crlf.lineOf(path))).toEqual([1, 5, 6]);
  });

  it('is not led astray by names that every object has', () => {
    const odd = new TomlLines('\n__proto__ = 1\n\nconstructor.toString = 1');
    expect([['__proto__'], ['constructor'], ['constructor', 'toString'], ['valueOf']].map((path) => odd.lineOf(path))).toEqual([
      2, 4, 4, 1,
    ]);
  });
});

function hasPath(tree: unknown, path: readonly (string | number)[]): boolean {
  let value = tree;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return false;
    value = (value as Record<string | number, unknown>)[part];
  }
  return true;
}

test('every key of every document is found on its line', () => {
  fc.assert(
    fc.property(chunks, fc.constantFrom('\n', '\r\n'), fc.constantFrom('', '\ufeff'), (document, newline, mark) => {
      const { text, places } = writeToml(document);
      const written = mark + text.replaceAll('\n', newline);
      const tree: unknown = parse(written);
      const lines = new TomlLines(written);
      for (const [path, line] of places) {
        expect(hasPath(tree, path), `${JSON.stringify(path)} in\n${text}`).toBe(true);
        expect(lines.lineOf(path), `${JSON.stringify(path)} in\n${text}`).toBe(line);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('any text has lines', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: fc.constantFrom(...`[]{}"'=.,#\\\n\r a1`), maxLength: 200 }),
  );
  fc.assert(
    fc.property(text, (written) => {
      const line = new TomlLines(written).lineOf(['a', 0, '1']);
      expect(line).toBeGreaterThanOrEqual(1);
      expect(line).toBeLessThanOrEqual(written.split('\n').length);
    }),
    { numRuns: 2_000 },
  );
});

test('brackets without end are no stack overflow', () => {
  expect(new TomlLines(`a = ${'['.repeat(200_000)}`).lineOf(['a'])).toBe(1);
  expect(new TomlLines(`a = ${'{a='.repeat(200_000)}`).lineOf(['a'])).toBe(1);
});
