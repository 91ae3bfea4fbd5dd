/**
 * Markup that cannot be forgotten to be escaped: {@link html} escapes whatever is put into it that is not markup itself, in the text of
 * elements and in attributes, which must stand in double quotes. Nothing put in may stand anywhere else.
 */

/** Markup, made of templates of this program and escaped text. */
export class Html {
  readonly #text: string;

  /** @param text of the program itself, never of a file or a peer. */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type Part = Html | string | number | readonly Part[];

/** The tag of a template: html`<b title="${any}">${any}</b>`. */
export function html(strings: readonly string[], ...parts: readonly Part[]): Html {
  let out = strings[0] ?? '';
  for (const [i, part] of parts.entries()) out += written(part) + (strings[i + 1] ?? '');
  return new Html(out);
}

export const NOTHING: Html = new Html('');

function written(part: Part): string {
  if (part instanceof Html) return part.toString();
  if (typeof part === 'number') return String(part);
  return typeof part === 'string' ? escapeHtml(part) : part.map(written).join('');
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

/** Text that means nothing but itself: no markup, nothing that turns the direction of what follows, nothing that is no character. */
export function escapeHtml(text: string): string {
  if (isPlain(text)) return text;
  let out = '';
  for (const c of text) {
    const point = c.codePointAt(0) ?? 0;
    if (isUnseen(point)) out += point < 0x100 ? `\\x${point.toString(16).padStart(2, '0')}` : `\\u${point.toString(16)}`;
    else out += ENTITIES.get(c) ?? c;
  }
  return out;
}

/** Visible ASCII without an entity, as nearly everything is: the paths of a picture are long, and one is drawn every second. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x26 || code === 0x27 || code === 0x3c || code === 0x3e) return false;
  }
  return true;
}

/** Controls, marks of direction, separators of lines, halves of surrogate pairs, and what HTML forbids. */
function isUnseen(point: number): boolean {
  return (
    point < 0x20 ||
    (point >= 0x7f && point < 0xa0) ||
    point === 0x61c ||
    (point >= 0x200b && point <= 0x200f) ||
    (point >= 0x2028 && point <= 0x202e) ||
    (point >= 0x2060 && point <= 0x206f) ||
    (point >= 0xd800 && point <= 0xdfff) ||
    (point >= 0xfdd0 && point <= 0xfdef) ||
    point === 0xfeff ||
    (point & 0xfffe) === 0xfffe
  );
}
