/**
 * Shell-like patterns on the user part of a Request-URI: `?` is any one character, `*` any number of them, `[0-9]` one of a set, `[!0-9]`
 * one that is not in it; every other character is itself. The user `*98` is matched by `[*]98`.
 *
 * Matching takes at most (length of the pattern) × (length of the text) steps: the text comes from the wire.
 */

/** One character of the text, or any number of them. */
type Token = { readonly any: 'run' } | { readonly any: 'one' } | { readonly any: 'of'; readonly set: CharacterSet };

interface CharacterSet {
  readonly negated: boolean;
  /** Inclusive; a single character is a range of one. */
  readonly ranges: readonly (readonly [from: string, to: string])[];
}

export type CompiledPattern = { readonly pattern: UserPattern } | { readonly fault: string };

export class UserPattern {
  readonly #tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Whether all of `text` is described; case counts, as in RFC 3261 §19.1.4. */
  matches(text: string): boolean {
    const characters = Array.from(text);
    let at = 0;
    let token = 0;
    // Where to go on when the last `*` has to swallow one more character.
    let afterRun = -1;
    let swallowed = 0;
    while (at < characters.length) {
      const wanted = this.#tokens[token];
      if (wanted?.any === 'run') {
        token += 1;
        afterRun = token;
        swallowed = at;
      } else if (wanted !== undefined && isDescribed(characters[at] ?? '', wanted)) {
        at += 1;
        token += 1;
      } else if (afterRun >= 0) {
        swallowed += 1;
        at = swallowed;
        token = afterRun;
      } else return false;
    }
    return this.#tokens.slice(token).every((rest) => rest.any === 'run');
  }
}

export function compileUserPattern(text: string): CompiledPattern {
  const characters = Array.from(text);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const c = characters[at] ?? '';
    if (c === '?') tokens.push({ any: 'one' });
    else if (c === '*') tokens.push({ any: 'run' });
    else if (c === '[') {
      const read = readSet(characters, at + 1);
      if ('fault' in read) return read;
      tokens.push({ any: 'of', set: read.set });
      at = read.end;
    } else tokens.push({ any: 'of', set: { negated: false, ranges: [[c, c]] } });
  }
  return { pattern: new UserPattern(tokens) };
}

/** @param from behind the opening bracket. A `]` right there is a member of the set. */
function readSet(
  characters: readonly string[],
  from: number,
): { readonly set: CharacterSet; readonly end: number } | { readonly fault: string } {
  const negated = characters[from] === '!' || characters[from] === '^';
  const first = negated ? from + 1 : from;
  const end = characters.indexOf(']', first + 1);
  if (end < 0) return { fault: 'the [ has no ], or nothing stands between them' };
  const ranges: (readonly [string, string])[] = [];
  for (let at = first; at < end; at++) {
    const low = characters[at] ?? '';
    // A `-` at either end of the set is itself.
    const isRange = characters[at + 1] === '-' && at + 2 < end;
    const high = isRange ? (characters[at + 2] ?? '') : low;
    if (codePoint(high) < codePoint(low)) return { fault: `${low}-${high} runs backwards` };
    ranges.push([low, high]);
    if (isRange) at += 2;
  }
  return { set: { negated, ranges }, end };
}

function isDescribed(c: string, token: Token): boolean {
  if (token.any !== 'of') return true;
  const point = codePoint(c);
  const inside = token.set.ranges.some(([from, to]) => point >= codePoint(from) && point <= codePoint(to));
  return inside !== token.set.negated;
}

function codePoint(c: string): number {
  return c.codePointAt(0) ?? 0;
}
