/** Writes TOML documents of every structure that there is, and remembers the line that each key was written on. */
import * as fc from 'fast-check';
import type { ConfigPath } from '../../../../src/core/service/config/problem.ts';

export type Value =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Value[]; readonly gap: string }
  | { readonly kind: 'inline'; readonly entries: readonly Entry[]; readonly gap: string };

export interface Entry {
  readonly style: 'bare' | 'basic' | 'literal' | 'dotted';
  readonly value: Value;
}

/** A table and the entries of it. */
export interface Chunk {
  readonly header: 'none' | 'table' | 'inner' | 'list' | 'again' | 'reversed';
  readonly before: string;
  readonly entries: readonly Entry[];
}

const PLAIN = [
  '1',
  '-0.5e3',
  'true',
  'inf',
  '1979-05-27 07:32:00',
  '"text"',
  `"quote \\" bracket ] comma , hash # equals ="`,
  `'literal \\ " # ]'`,
  '""',
  `''`,
  '"""one line"""',
  '"""\n[not.a.table]\nkey = 1 # no comment\n"""',
  '"""ends with quotes"""""',
  '"""an escaped \\""" is no end\n\\\n   go on"""',
  `'''\n[[nor.this]]\n\\'''`,
  `'''two more'''''`,
];
/** Between the elements of arrays and inline tables. */
const GAPS = ['', ' ', '\n', ' # comment ] } " \n\n  '];
const BEFORE = ['', '\n', '# comment [x] = "\n', '\n   \n\t# end\n'];

const { entry } = fc.letrec<{ value: Value; entry: Entry }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'value' },
    fc.record({ kind: fc.constant('plain' as const), text: fc.constantFrom(...PLAIN) }),
    fc.record({
      kind: fc.constant('list' as const),
      items: fc.array(tie('value'), { maxLength: 3, depthIdentifier: 'value' }),
      gap: fc.constantFrom(...GAPS),
    }),
    fc.record({
      kind: fc.constant('inline' as const),
      entries: fc.array(tie('entry'), { maxLength: 3, depthIdentifier: 'value' }),
      gap: fc.constantFrom(...GAPS),
    }),
  ),
  entry: fc.record({ style: fc.constantFrom('bare', 'basic', 'literal', 'dotted'), value: tie('value') }),
}));

export const chunks: fc.Arbitrary<readonly Chunk[]> = fc.array(
  fc.record({
    header: fc.constantFrom('none', 'table', 'inner', 'list', 'again', 'reversed'),
    before: fc.constantFrom(...BEFORE),
    entries: fc.array(entry, { maxLength: 3 }),
  }),
  { maxLength: 8 },
);

export interface Written {
  readonly text: string;
  /** Every key, table and element of a list, with its line. */
  readonly places: readonly (readonly [path: ConfigPath, line: number])[];
}

export function writeToml(document: readonly Chunk[]): Written {
  const writer = new Writer();
  for (const chunk of document) writer.chunk(chunk);
  return { text: writer.text, places: writer.places };
}

class Writer {
  text = '';
  readonly places: (readonly [ConfigPath, number])[] = [];
  /** Names are never used twice. */
  #names = 0;
  #table: ConfigPath = [];
  #lists: { readonly name: string; length: number }[] = [];

  chunk({ header, before, entries }: Chunk): void {
    this.text += before;
    const name = this.#name('t');
    const last = this.#lists.at(-1);
    if (header === 'table') this.#header('[', [name], [name]);
    // Of the table that is open, which may be one of a list.
    else if (header === 'inner')
      this.#header('[ ', [...this.#table.filter((part) => typeof part === 'string'), name], [...this.#table, name]);
    else if (header === 'list' || (header === 'again' && last === undefined)) {
      this.#lists.push({ name, length: 1 });
      this.#place([name]);
      this.#header('[[', [name], [name, 0]);
    } else if (header === 'again' && last !== undefined) {
      this.#header('[[', [last.name], [last.name, last.length]);
      last.length += 1;
    } else if (header === 'reversed') {
      this.#header('[', [name, 'inner'], [name, 'inner']);
      for (const entry of entries) this.#entry(entry, [name, 'inner'], '\n');
      this.#header('[', [name], [name]);
    }
    for (const entry of entries) this.#entry(entry, this.#table, '\n');
  }

  #header(open: string, names: readonly string[], path: ConfigPath): void {
    this.#place(path);
    this.#table = path;
    const close = open.replaceAll('[', ']').trim();
    this.text += `${open}${names.join(open === '[ ' ? ' . ' : '.')}${close} # [comment]\n`;
  }

  #entry({ style, value }: Entry, table: ConfigPath, end: string): void {
    const name = this.#name('k');
    let path = [...table, name];
    let key = name;
    if (style === 'basic') {
      path = [...table, `${name}.#="é`];
      key = `"${name}.#=\\"\\u00e9"`;
    } else if (style === 'literal') {
      path = [...table, `${name}\\]=`];
      key = `'${name}\\]='`;
    } else if (style === 'dotted') {
      this.#place(path);
      path = [...path, 'inner'];
      key = `${name} . "inner"`;
    }
    this.#place(path);
    this.text += `${key} = `;
    this.#value(value, path);
    this.text += end;
  }

  #value(value: Value, path: ConfigPath): void {
    if (value.kind === 'plain') {
      this.text += value.text;
      return;
    }
    const { gap } = value;
    const elements = value.kind === 'list' ? value.items : value.entries;
    this.text += value.kind === 'list' ? '[' : '{';
    for (const [index, element] of elements.entries()) {
      this.text += `${index === 0 ? '' : ','}${gap}`;
      if ('style' in element) this.#entry(element, path, '');
      else {
        this.#place([...path, index]);
        this.#value(element, [...path, index]);
      }
    }
    this.text += `${gap}${value.kind === 'list' ? ']' : '}'}`;
  }

  #name(letter: string): string {
    this.#names += 1;
    return `${letter}${this.#names}`;
  }

  /** The line that is being written. */
  #place(path: ConfigPath): void {
    this.places.push([path, this.text.split('\n').length]);
  }
}
