/** Header fields with a structure (RFC 3261 §20, §25.1), each from one value. What does not fit the grammar is undefined. */
import { isBlank, isIn, isUriText, ALPHANUMERIC, asciiSet, parseDecimal, Scanner, sliceTrimmed } from './scanner.ts';

export type Parameters = ReadonlyMap<string, string | undefined>;

export interface Via {
  /** Upper case: UDP, TCP, TLS, or what else the peer says. */
  readonly transport: string;
  /** As written, an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  /** By their name in lower case; undefined for one without a value. */
  readonly params: Parameters;
}

/** From, To, Contact, Route, Record-Route, Refer-To and their like. */
export interface NameAddr {
  /** The display name without quotes and escapes; empty when there is none. */
  readonly display: string;
  /** As written, without angle brackets. Of any scheme; `parseUri` reads those of SIP. */
  readonly uri: string;
  /** Parameters of the header, behind the URI. */
  readonly params: Parameters;
}

export interface CSeq {
  /** Below 2^31 (§8.1.1.5). */
  readonly number: number;
  readonly method: string;
}

const CSEQ_MAXIMUM = 2 ** 31 - 1;
const LESS_THAN = 0x3c;
/** What the unquoted words of a display name are made of: the characters of tokens. */
const WORD = asciiSet("-.!%*_+`'~");

/** The first value of a Via field (§20.42); others may follow behind a comma. */
export function parseVia(text: string): Via | undefined {
  const scanner = new Scanner(text);
  if (scanner.token().toUpperCase() !== 'SIP' || !takeSlash(scanner)) return undefined;
  if (scanner.token() !== '2.0' || !takeSlash(scanner)) return undefined;
  const transport = scanner.token().toUpperCase();
  if (transport === '' || !isBlank(scanner.peek())) return undefined;
  scanner.skipBlanks();
  const host = scanner.host();
  if (host === undefined) return undefined;
  scanner.skipBlanks();
  let port: number | undefined;
  if (scanner.take(':')) {
    scanner.skipBlanks();
    port = scanner.port();
    if (port === undefined) return undefined;
  }
  const params = scanner.parameters();
  if (params === undefined || !(scanner.atEnd || scanner.atComma)) return undefined;
  return { transport, host, port, params };
}

/** `name-addr` or `addr-spec` with parameters: all of `text`, so that a list is to be split first. The `*` of a Contact is not one. */
export function parseNameAddr(text: string): NameAddr | undefined {
  const scanner = new Scanner(text);
  scanner.skipBlanks();
  const display = displayName(scanner);
  if (display === undefined) return undefined;
  let uri: string;
  if (scanner.take('<')) {
    const end = text.indexOf('>', scanner.at);
    if (end === -1) return undefined;
    uri = text.slice(scanner.at, end);
    scanner.at = end + 1;
  } else {
    uri = bareUri(scanner);
  }
  if (!isUriText(uri)) return undefined;
  const params = scanner.parameters();
  return params === undefined || !scanner.atEnd ? undefined : { display, uri, params };
}

/** `8 INVITE` (§20.16). */
export function parseCSeq(text: string): CSeq | undefined {
  const scanner = new Scanner(text);
  const digits = scanner.token();
  const number = parseDecimal(digits, CSEQ_MAXIMUM);
  if (number === undefined || !isBlank(scanner.peek())) return undefined;
  scanner.skipBlanks();
  const method = scanner.token();
  return method === '' || !scanner.atEnd ? undefined : { number, method };
}

function takeSlash(scanner: Scanner): boolean {
  scanner.skipBlanks();
  const taken = scanner.take('/');
  scanner.skipBlanks();
  return taken;
}

/**
 * Steps over a display name up to the `<` behind it. Empty, and nothing stepped over, where a URI without brackets may begin.
 * The blank between name and `<` may be missing (RFC 4475 §3.1.1.6), and a name may be UTF-8 without quotes.
 */
function displayName(scanner: Scanner): string | undefined {
  if (scanner.atQuote) {
    const name = scanner.quoted();
    scanner.skipBlanks();
    return scanner.peek() === LESS_THAN ? name : undefined;
  }
  const start = scanner.at;
  for (let code = scanner.peek(); isBlank(code) || isIn(ALPHANUMERIC, code) || isIn(WORD, code) || code >= 0x80; code = scanner.peek()) {
    scanner.at += 1;
  }
  if (scanner.peek() === LESS_THAN) return sliceTrimmed(scanner.text, start, scanner.at);
  scanner.at = start;
  return '';
}

/** An `addr-spec` outside of brackets: it ends before its first semicolon, comma or blank, and a question mark may not be in it (§20). */
function bareUri(scanner: Scanner): string {
  const start = scanner.at;
  for (let code = scanner.peek(); code !== -1 && code !== 0x3b && code !== 0x2c && !isBlank(code); code = scanner.peek()) {
    if (code === 0x3f) return '';
    scanner.at += 1;
  }
  return scanner.text.slice(start, scanner.at);
}
