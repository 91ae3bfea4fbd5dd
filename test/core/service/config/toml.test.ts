import { parse } from 'smol-toml';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { readToml } from '../../../../src/core/service/config/toml.ts';
import { chunks, writeToml } from './toml-writer.ts';

const faultLines = (text: string): readonly number[] => readToml(text).faults.map(({ line }) => line);

describe('what is no TOML', () => {
  it('has all of its lines told, and the rest read', () => {
    const read = readToml('[sip]\nport = x\ndomain = "a"\nhost = 0.0.0.0\n\n[media]\nptime = 20 ms\nrange = [1, 2\n');
    expect(read.faults.map(({ line, hint }) => [line, hint])).toEqual([
      [2, 'text stands in quotes'],
      [4, 'text stands in quotes'],
      [7, 'text stands in quotes'],
      [8, 'a quote or a bracket is open'],
    ]);
    expect(read.whole).toBe(false);
    expect(read.tree).toEqual({ sip: { port: '', domain: 'a', host: '' }, media: { ptime: '' } });
  });

  it.each([
    ['a = ', 1, 'a has no value'],
    ['a', 1, 'a setting is written KEY = VALUE'],
    ['[a', 1, 'a table is written [NAME]'],
    ['a = 1\na = 2', 2, 'it stands there twice: take one away'],
    ['[a]\n[b]\n[a]', 3, 'it stands there twice: take one away'],
    ['x = 1\na = "open\nb = 1', 2, 'is its closing quote missing?'],
    ['a b = 1', 1, 'a key has letters, digits, _ and -; any other stands in quotes'],
    ['a = [1\nb = 2', 1, 'a quote or a bracket is open'],
    ['a = [1,\nb = 2', 2, 'it is part of what begins in line 1: is a quote or a bracket open there?'],
    ['x = 1\na = [\n1,\ntwo,\n]', 4, 'it is part of what begins in line 2: is a quote or a bracket open there?'],
    ['a = """\nb = 1\n', 1, 'is its closing quote missing?'],
    ['a = 99999999999999999999', 1, ''],
  ])('%j is at fault in line %i', (text, line, hint) => {
    expect(readToml(text).faults.map((fault) => [fault.line, fault.hint])).toEqual([[line, hint]]);
  });

  it('shows nothing of the text: it may hold a secret', () => {
    const { faults } = readToml('password = hunter2\n"""hunter2""" = 1\npassword = "hunter2\npassword = [hunter2]');
    expect(faults.length).toBeGreaterThan(2);
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });

  it('ends after 20 of them', () => {
    expect(faultLines('a = x\n'.repeat(1_000))).toHaveLength(20);
  });

  it('takes brackets without end', () => {
    expect(faultLines(`a = ${'['.repeat(100_000)}`)).toEqual([1]);
  });
});

test('a document is read as the parser reads it', () => {
  fc.assert(
    fc.property(chunks, (document) => {
      const { text } = writeToml(document);
      expect(readToml(text)).toMatchObject({ tree: parse(text), faults: [], whole: true });
    }),
  );
});

test('one bad line in a document is told by its number, and costs nothing but its value', () => {
  fc.assert(
    fc.property(chunks, chunks, (above, below) => {
      const before = `${writeToml(above).text}[bad-table]\n`;
      // Names of the two halves are the same: only the upper one is sure to stay as it is.
      const text = `${before}bad-key = b a d\n${below.length === 0 ? '' : '# end'}`;
      const { faults, tree, whole } = readToml(text);
      expect(faults.map(({ line }) => line)).toEqual([before.split('\n').length]);
      expect({ ...tree, whole }).toEqual({ ...parse(before), 'bad-table': { 'bad-key': '' }, whole: true });
    }),
    { numRuns: 200 },
  );
});

test('any text is read without an exception', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: fc.constantFrom(...`[]{}"'=.,#\\\n\r a1`), maxLength: 200 }),
  );
  fc.assert(
    fc.property(text, (written) => {
      const { faults, whole } = readToml(written);
      expect(whole || faults.length > 0).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
