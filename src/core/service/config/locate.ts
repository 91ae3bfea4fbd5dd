/**
 * The lines that the keys of a TOML document stand on; the parser tells values only.
 *
 * A scanner of structure: tables, arrays of tables, dotted keys, inline tables, arrays, strings over several lines, comments
 * (https://toml.io/en/v1.1.0). It takes a document that the parser has accepted, and checks nothing again; of any other text it may
 * tell wrong lines, but it ends.
 */
import { parse } from 'smol-toml';
import type { ConfigPath } from './problem.ts';

/** Deeper nesting of values is not looked into. The parser is told the same. */
export const MOST_NESTING = 32;

export class TomlLines {
  readonly #root = new TomlNode(1);

  constructor(text: string) {
    new Scanner(text).document(this.#root);
  }

  /** The line, from 1, of the key, table header or array element, or of the innermost thing around it that is written down. */
  lineOf(path: ConfigPath): number {
    let node = this.#root;
    for (const part of path) {
      const next = typeof part === 'number' ? node.items[part] : node.children.get(part);
      if (next === undefined) break;
      node = next;
    }
    return node.line;
  }
}

class TomlNode {
  line: number;
  readonly children = new Map<string, TomlNode>();
  readonly items: TomlNode[] = [];

  constructor(line: number) {
    this.line = line;
  }

  child(name: string, line: number): TomlNode {
    const known = this.children.get(name);
    if (known !== undefined) return known;
    const made = new TomlNode(line);
    this.children.set(name, made);
    return made;
  }

  item(line: number): TomlNode {
    const made = new TomlNode(line);
    this.items.push(made);
    return made;
  }

  /** What a header that names an array of tables speaks of: its last table. */
  get latest(): TomlNode {
    return this.items.at(-1) ?? this;
  }
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #nesting = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith('\ufeff')) this.#at = 1;
  }

  document(root: TomlNode): void {
    let table = root;
    this.#skipBlank();
    while (this.#at < this.#text.length) {
      const before = this.#at;
      if (this.#next === '[') table = this.#header(root);
      else this.#entry(table);
      if (this.#at === before) this.#advance();
      this.#skipBlank();
    }
  }

  /** `[a.b]` opens a table; `[[a.b]]` appends one. */
  #header(root: TomlNode): TomlNode {
    const line = this.#line;
    const brackets = this.#text.startsWith('[[', this.#at) ? 2 : 1;
    this.#at += brackets;
    const key = this.#key();
    for (let i = 0; i < brackets && this.#next === ']'; i++) this.#at += 1;
    let node = root;
    for (const part of key) node = node.latest.child(part, line);
    if (brackets === 2) return node.item(line);
    // A table that `[a.b]` has made in passing belongs to its own header once there is one.
    node.line = line;
    return node;
  }

  /** `a.b = value` */
  #entry(table: TomlNode): void {
    const line = this.#line;
    let node = table;
    for (const part of this.#key()) node = node.child(part, line);
    if (this.#next !== '=') return;
    this.#at += 1;
    this.#value(node);
  }

  #key(): readonly string[] {
    const parts: string[] = [];
    for (;;) {
      this.#skipSpaces();
      parts.push(this.#keyPart());
      this.#skipSpaces();
      if (this.#next !== '.') return parts;
      this.#at += 1;
    }
  }

  #keyPart(): string {
    const from = this.#at;
    if (this.#next === '"' || this.#next === "'") {
      this.#skipString();
      return unquoted(this.#text.slice(from, this.#at));
    }
    while (isBare(this.#next)) this.#at += 1;
    return this.#text.slice(from, this.#at);
  }

  #value(node: TomlNode): void {
    this.#skipSpaces();
    if ((this.#next === '[' || this.#next === '{') && this.#nesting < MOST_NESTING) {
      this.#nesting += 1;
      if (this.#next === '[') this.#list(']', () => this.#value(node.item(this.#line)));
      else this.#list('}', () => this.#entry(node));
      this.#nesting -= 1;
    } else if (this.#next === '"' || this.#next === "'") {
      this.#skipString();
    } else {
      while (this.#at < this.#text.length && !',]}#\n'.includes(this.#next)) this.#at += 1;
    }
  }

  /** What stands between brackets, with its commas; line breaks and comments are allowed anywhere. */
  #list(end: ']' | '}', element: () => void): void {
    this.#at += 1;
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return;
      if (this.#next === end) {
        this.#at += 1;
        return;
      }
      const before = this.#at;
      element();
      this.#skipBlank();
      if (this.#next === ',') this.#at += 1;
      else if (this.#at === before) this.#advance();
    }
  }

  #skipString(): void {
    const quote = this.#next;
    const escapes = quote === '"';
    const several = this.#text.startsWith(quote.repeat(3), this.#at);
    const end = several ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(end, this.#at)) {
      if (!several && this.#next === '\n') return;
      if (escapes && this.#next === '\\') this.#advance();
      this.#advance();
    }
    this.#at += end.length;
    // Up to two more quotes before the closing ones belong to the text.
    const extra = several ? 2 : 0;
    for (let i = 0; i < extra && this.#next === quote; i++) this.#at += 1;
  }

  #skipBlank(): void {
    for (;;) {
      this.#skipSpaces();
      this.#skipComment();
      if (this.#next !== '\n' && this.#next !== '\r') return;
      this.#advance();
    }
  }

  #skipComment(): void {
    if (this.#next !== '#') return;
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }

  #skipSpaces(): void {
    while (this.#next === ' ' || this.#next === '\t') this.#at += 1;
  }

  #advance(): void {
    if (this.#next === '\n') this.#line += 1;
    this.#at += 1;
  }

  /** Empty at the end of the text. */
  get #next(): string {
    return this.#text[this.#at] ?? '';
  }
}

function isBare(c: string): boolean {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c === '-' || c === '_';
}

/** The parser knows the escapes. */
function unquoted(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    const { name } = parse(`name = ${quoted}`);
    return typeof name === 'string' ? name : quoted;
  } catch {
    return quoted;
  }
}
