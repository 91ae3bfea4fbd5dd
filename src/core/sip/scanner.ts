/**
 * The reading steps that every SIP field is made of (RFC 3261 §25.1). Forward only, by index: each character is looked at a
 * bounded number of times, so the time is linear in the input whatever it says. What they read has been unfolded, so that its
 * only linear white space is SP and HTAB.
 */

const HTAB = 0x09;
const SP = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const LESS_THAN = 0x3c;
const EQUALS = 0x3d;
const GREATER_THAN = 0x3e;
const LEFT_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;
/** No character has this code: what {@link Scanner.peek} says at the end. */
const END = -1;

/** Parameters that one field may have. */
export const MAXIMUM_PARAMETERS = 64;
const MAXIMUM_PORT = 65_535;

const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A set of ASCII characters, for {@link isIn}. */
export function asciiSet(characters: string): Uint8Array {
  const set = new Uint8Array(128);
  for (let i = 0; i < characters.length; i += 1) set[characters.charCodeAt(i)] = 1;
  return set;
}

export function isIn(set: Uint8Array, code: number): boolean {
  return code >= 0 && code < 128 && set[code] === 1;
}

export const ALPHANUMERIC: Uint8Array = asciiSet(LETTERS_AND_DIGITS);
const TOKEN = asciiSet(`${LETTERS_AND_DIGITS}-.!%*_+\`'~`);
/** Letters of host names, with the underscore that the RFC forbids and container networks use. */
const HOST = asciiSet(`${LETTERS_AND_DIGITS}-._`);
/** Letters of an IPv6 address, one that ends as an IPv4 address included. */
const IPV6 = asciiSet('0123456789abcdefABCDEF:.');

/** SP or HTAB. */
export function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}

/** Whether all of `text` is a `token`: one character of it at least. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (!isIn(TOKEN, text.charCodeAt(i))) return false;
  return text !== '';
}

/** `text[from … to)` without the blanks around it. Not `trim()`, which would take a byte order mark or a no-break space as well. */
export function sliceTrimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** @returns the number that the decimal digits of `text` say, leading zeros allowed; undefined when above `maximum` or not only digits. */
export function parseDecimal(text: string, maximum: number): number | undefined {
  let value = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
    if (value > maximum) return undefined;
  }
  return text === '' ? undefined : value;
}

/**
 * Whether `text` must not stand in a message: it has a CR or LF, which would end the field and begin another, or a NUL that is
 * not a `quoted-pair` (the one place where the grammar allows it).
 */
export function hasForbiddenControl(text: string): boolean {
  if (text.includes('\r') || text.includes('\n')) return true;
  for (let at = text.indexOf('\0'); at !== -1; at = text.indexOf('\0', at + 1)) {
    if (at === 0 || text.charCodeAt(at - 1) !== BACKSLASH) return true;
  }
  return false;
}

/** Whether `text` may stand where a URI is written out: a scheme, a colon, and then no blank, control character, quote or angle bracket. */
export function isUriText(text: string): boolean {
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1) return false;
  const first = text.charCodeAt(0) | 0x20;
  if (first < 0x61 || first > 0x7a) return false;
  for (let i = 1; i < colon; i += 1) {
    const code = text.charCodeAt(i);
    if (!isIn(ALPHANUMERIC, code) && code !== 0x2b && code !== 0x2d && code !== 0x2e) return false;
  }
  for (let i = colon + 1; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code <= SP || code === DELETE || code === QUOTE || code === LESS_THAN || code === GREATER_THAN) return false;
  }
  return true;
}

/** The values of a list header, split at the commas that are outside of quotes and angle brackets; empty ones are left out. */
export function splitAtCommas(text: string): string[] {
  const values: string[] = [];
  let start = 0;
  let inQuotes = false;
  let inAngle = false;
  for (let i = 0; i <= text.length; i += 1) {
    const code = i < text.length ? text.charCodeAt(i) : END;
    if (inQuotes) {
      if (code === BACKSLASH) i += 1;
      else if (code === QUOTE) inQuotes = false;
    } else if (inAngle) {
      if (code === GREATER_THAN) inAngle = false;
    } else if (code === QUOTE) inQuotes = true;
    else if (code === LESS_THAN) inAngle = true;
    else if (code === COMMA) {
      const value = sliceTrimmed(text, start, i);
      if (value !== '') values.push(value);
      start = i + 1;
    }
  }
  const last = sliceTrimmed(text, start, text.length);
  if (last !== '') values.push(last);
  return values;
}

/** A place in a field's value, moving forward. Its readers return undefined where what they read is not there. */
export class Scanner {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get atEnd(): boolean {
    return this.at >= this.text.length;
  }

  get atComma(): boolean {
    return this.peek() === COMMA;
  }

  get atQuote(): boolean {
    return this.peek() === QUOTE;
  }

  /** Code of the character here; −1 at the end. */
  peek(): number {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : END;
  }

  skipBlanks(): void {
    while (isBlank(this.peek())) this.at += 1;
  }

  /** Steps over the character when it is the one here. */
  take(character: string): boolean {
    if (this.peek() !== character.charCodeAt(0)) return false;
    this.at += 1;
    return true;
  }

  /** The longest `token` here; empty when there is none. */
  token(): string {
    return this.#run(TOKEN);
  }

  /** The content of the `quoted-string` here, its escapes resolved; undefined when none begins here or it does not end. */
  quoted(): string | undefined {
    if (!this.take('"')) return undefined;
    let content = '';
    let start = this.at;
    for (let code = this.peek(); code !== END; code = this.peek()) {
      if (code === QUOTE) {
        content += this.text.slice(start, this.at);
        this.at += 1;
        return content;
      }
      if (code === BACKSLASH) {
        content += this.text.slice(start, this.at);
        start = this.at + 1;
        this.at += 1;
      }
      this.at += 1;
    }
    return undefined;
  }

  /** `host`, without the brackets of an IPv6 reference (RFC 3261 §25.1); undefined when there is none. */
  host(): string | undefined {
    if (this.peek() !== LEFT_BRACKET) {
      const name = this.#run(HOST);
      return name === '' ? undefined : name;
    }
    this.at += 1;
    const address = this.#run(IPV6);
    return address.includes(':') && this.take(']') ? address : undefined;
  }

  /** A port from 1 to 65535; undefined when there is none. */
  port(): number | undefined {
    const start = this.at;
    while (this.peek() >= 0x30 && this.peek() <= 0x39) this.at += 1;
    const port = parseDecimal(this.text.slice(start, this.at), MAXIMUM_PORT);
    return port === 0 ? undefined : port;
  }

  /**
   * `*( SEMI generic-param )`: names in lower case, quoted values without their quotes, undefined for a name alone. Stops before
   * what cannot go on the list. Undefined when a parameter is malformed, named twice (§7.3.1), or one too many.
   */
  parameters(): Map<string, string | undefined> | undefined {
    const parameters = new Map<string, string | undefined>();
    for (;;) {
      this.skipBlanks();
      if (this.peek() !== SEMICOLON) return parameters;
      if (parameters.size === MAXIMUM_PARAMETERS) return undefined;
      this.at += 1;
      this.skipBlanks();
      const name = this.token().toLowerCase();
      if (name === '' || parameters.has(name)) return undefined;
      this.skipBlanks();
      let value: string | undefined;
      if (this.peek() === EQUALS) {
        this.at += 1;
        this.skipBlanks();
        value = this.peek() === QUOTE ? this.quoted() : this.#plainValue();
        if (value === undefined) return undefined;
      }
      parameters.set(name, value);
    }
  }

  /** `token / host`, read generously: what the peer wrote up to the next separator. */
  #plainValue(): string | undefined {
    const start = this.at;
    for (let code = this.peek(); code !== END; code = this.peek()) {
      if (code <= SP || code === DELETE || code === SEMICOLON || code === COMMA || code === QUOTE) break;
      if (code === LESS_THAN || code === GREATER_THAN) break;
      this.at += 1;
    }
    return this.at === start ? undefined : this.text.slice(start, this.at);
  }

  #run(set: Uint8Array): string {
    const start = this.at;
    while (isIn(set, this.peek())) this.at += 1;
    return this.text.slice(start, this.at);
  }
}
