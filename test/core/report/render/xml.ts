/** A reader of XML 1.0 for the tests, without declarations, comments, CDATA and namespaces: it throws at anything that is not well-formed. */

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly inside: readonly XmlElement[];
  /** All of its own text. */
  readonly text: string;
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['#39', "'"],
]);

export function parseXml(document: string): XmlElement {
  for (const c of document) {
    const code = c.codePointAt(0) ?? 0;
    // https://www.w3.org/TR/xml/#charsets
    const isChar =
      code === 9 || code === 10 || code === 13 || (code >= 0x20 && code <= 0xd7ff) || (code >= 0xe000 && code <= 0xfffd) || code > 0xffff;
    if (!isChar) throw new Error(`U+${code.toString(16)} is no character of XML`);
  }
  const reader = new Reader(document);
  reader.skip(/<\?xml version="1.0" encoding="UTF-8"\?>\s*/y);
  const root = reader.element();
  reader.skip(/\s*/y);
  if (!reader.atEnd) throw new Error('something stands behind the root');
  return root;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  skip(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? undefined;
    this.#at += match?.[0].length ?? 0;
    return match;
  }

  element(): XmlElement {
    const name = this.skip(/<([a-z][a-z0-9-]*)/y)?.[1];
    if (name === undefined) throw new Error(`no element at ${this.#at}`);
    const attributes = new Map<string, string>();
    for (
      let found = this.skip(/\s+([a-z][a-z0-9-]*)="([^"<]*)"/iy);
      found !== undefined;
      found = this.skip(/\s+([a-z][a-z0-9-]*)="([^"<]*)"/iy)
    ) {
      const [, key = '', value = ''] = found;
      if (attributes.has(key)) throw new Error(`${key} stands twice`);
      attributes.set(key, unescaped(value));
    }
    if (this.skip(/\s*\/>/y) !== undefined) return { name, attributes, inside: [], text: '' };
    if (this.skip(/\s*>/y) === undefined) throw new Error(`<${name} is not closed at ${this.#at}`);
    const inside: XmlElement[] = [];
    let text = '';
    for (;;) {
      text += unescaped(this.skip(/[^<]*/y)?.[0] ?? '');
      if (this.skip(new RegExp(`</${name}>`, 'y')) !== undefined) return { name, attributes, inside, text };
      inside.push(this.element());
    }
  }
}

function unescaped(text: string): string {
  if (text.includes(']]>')) throw new Error(']]> stands in text');
  return text.replaceAll(/&(#?[a-z0-9]*)(;?)/g, (_, name: string, end: string) => {
    const meant = ENTITIES.get(name);
    if (meant === undefined || end === '') throw new Error(`&${name} is no entity`);
    return meant;
  });
}
