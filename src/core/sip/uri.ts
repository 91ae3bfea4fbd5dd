/** SIP and SIPS URIs (RFC 3261 §19.1). */
import { formatHostPort } from '../values/address.ts';
import { ALPHANUMERIC, asciiSet, isIn, isUriText, MAXIMUM_PARAMETERS, Scanner } from './scanner.ts';

/** Every part unescaped (`%41` is `A`; §19.1.2), so that equal parts are equal strings. */
export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** An IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  /** By their name in lower case; undefined for one without a value (`lr`). */
  readonly params: ReadonlyMap<string, string | undefined>;
  /** By their name in lower case; the values of a header that is named twice are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
}

const MARK = "-_.!~*'()";
/** The characters that each part may have besides letters and digits; all others are written as `%HH` of their UTF-8. */
const USER = asciiSet(`${MARK}&=+$,;?/`);
const PASSWORD = asciiSet(`${MARK}&=+$,`);
const PARAMETER = asciiSet(`${MARK}[]/:&+$`);
const HEADER = asciiSet(`${MARK}[]/?:+$`);
const PERCENT = 0x25;

/** A URI that has one of these and one that has not are never equal (§19.1.4), though the default may be the same. */
const NEVER_IGNORED = ['user', 'ttl', 'method', 'maddr', 'transport'] as const;

/** A byte order mark is a character like others here: without it, two users would be one. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * @returns undefined when `text` is no SIP or SIPS URI. In the user part more characters are taken than the grammar has (a `#`
 * that should have been `%23`), but none that could end it elsewhere. Escapes that are not UTF-8 become U+FFFD.
 */
export function parseUri(text: string): SipUri | undefined {
  const colon = text.indexOf(':');
  const scheme = colon === 3 || colon === 4 ? text.slice(0, colon).toLowerCase() : '';
  if ((scheme !== 'sip' && scheme !== 'sips') || !isUriText(text)) return undefined;

  let user: string | undefined;
  let password: string | undefined;
  const scanner = new Scanner(text);
  scanner.at = colon + 1;
  const at = text.indexOf('@', scanner.at);
  if (at !== -1) {
    // A question mark and a semicolon may be part of the user; only the colon is not (§25.1).
    const separator = text.indexOf(':', scanner.at);
    const userEnd = separator === -1 || separator > at ? at : separator;
    user = percentDecode(text.slice(scanner.at, userEnd));
    if (user === undefined || user === '') return undefined;
    if (userEnd !== at) {
      password = percentDecode(text.slice(userEnd + 1, at));
      if (password === undefined) return undefined;
    }
    scanner.at = at + 1;
  }

  const host = scanner.host();
  if (host === undefined) return undefined;
  let port: number | undefined;
  if (scanner.take(':')) {
    port = scanner.port();
    if (port === undefined) return undefined;
  }
  const question = text.indexOf('?', scanner.at);
  const params = readParameters(text, scanner.at, question === -1 ? text.length : question);
  const headers = question === -1 ? new Map<string, string>() : readHeaders(text.slice(question + 1));
  if (params === undefined || headers === undefined) return undefined;
  return { scheme, user, password, host, port, params, headers };
}

/**
 * The URI of a Contact or a Record-Route as the Request-URI of a message to it: without headers, which none may have (§19.1.1).
 *
 * @returns undefined for a malformed SIP or SIPS URI, which whoever gets it would refuse to read. Other schemes stay as they are.
 */
export function asRequestUri(text: string): string | undefined {
  const scheme = text.slice(0, Math.max(0, text.indexOf(':'))).toLowerCase();
  if (scheme !== 'sip' && scheme !== 'sips') return isUriText(text) ? text : undefined;
  const uri = parseUri(text);
  if (uri === undefined) return undefined;
  return uri.headers.size === 0 ? text : formatUri({ ...uri, headers: new Map() });
}

/** The text of a URI, with everything escaped that its place does not allow. */
export function formatUri(uri: SipUri): string {
  let text = `${uri.scheme}:`;
  if (uri.user !== undefined) {
    text += percentEncode(uri.user, USER);
    if (uri.password !== undefined) text += `:${percentEncode(uri.password, PASSWORD)}`;
    text += '@';
  }
  if (uri.port !== undefined) text += formatHostPort(uri.host, uri.port);
  else text += uri.host.includes(':') ? `[${uri.host}]` : uri.host;
  for (const [name, value] of uri.params) {
    text += `;${percentEncode(name, PARAMETER)}`;
    if (value !== undefined) text += `=${percentEncode(value, PARAMETER)}`;
  }
  let separator = '?';
  for (const [name, value] of uri.headers) {
    text += `${separator}${percentEncode(name, HEADER)}=${percentEncode(value, HEADER)}`;
    separator = '&';
  }
  return text;
}

/**
 * Whether both address the same (§19.1.4). One thing is more generous than the rule: a reserved character equals its escape
 * (`;` and `%3B` in a user), as the parts are compared unescaped.
 */
export function sameUri(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.user !== b.user || a.password !== b.password || a.port !== b.port) return false;
  if (!sameText(a.host, b.host)) return false;
  for (const name of NEVER_IGNORED) if (a.params.has(name) !== b.params.has(name)) return false;
  for (const [name, value] of a.params) {
    if (b.params.has(name) && !sameText(value, b.params.get(name))) return false;
  }
  if (a.headers.size !== b.headers.size) return false;
  for (const [name, value] of a.headers) if (b.headers.get(name) !== value) return false;
  return true;
}

function sameText(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.toLowerCase() === b.toLowerCase());
}

/** `*( ";" name [ "=" value ] )` from `from` up to `to`; undefined when malformed, or when a name comes twice (§19.1.1). */
function readParameters(text: string, from: number, to: number): Map<string, string | undefined> | undefined {
  const params = new Map<string, string | undefined>();
  let at = from;
  while (at < to) {
    if (text[at] !== ';' || params.size === MAXIMUM_PARAMETERS) return undefined;
    const next = text.indexOf(';', at + 1);
    const end = next === -1 || next > to ? to : next;
    const pair = readPair(text.slice(at + 1, end));
    if (pair === undefined || params.has(pair.name)) return undefined;
    params.set(pair.name, pair.value);
    at = end;
  }
  return params;
}

/** `name=value *( "&" name=value )`. */
function readHeaders(text: string): Map<string, string> | undefined {
  const headers = new Map<string, string>();
  for (const part of text.split('&', MAXIMUM_PARAMETERS + 1)) {
    const pair = readPair(part);
    if (pair?.value === undefined || headers.size === MAXIMUM_PARAMETERS) return undefined;
    const before = headers.get(pair.name);
    headers.set(pair.name, before === undefined ? pair.value : `${before},${pair.value}`);
  }
  return headers;
}

/** `name[=value]`, unescaped. */
function readPair(text: string): { readonly name: string; readonly value: string | undefined } | undefined {
  const equals = text.indexOf('=');
  const name = percentDecode(equals === -1 ? text : text.slice(0, equals))?.toLowerCase();
  const value = equals === -1 ? undefined : percentDecode(text.slice(equals + 1));
  if (name === undefined || name === '' || (equals !== -1 && value === undefined)) return undefined;
  return { name, value };
}

/** Resolves `%HH`; undefined when a `%` is not followed by two hexadecimal digits. */
function percentDecode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  const from = encoder.encode(text);
  const to = new Uint8Array(from.length);
  let length = 0;
  for (let i = 0; i < from.length; i += 1) {
    let byte = from[i] ?? 0;
    if (byte === PERCENT) {
      byte = hexValue(from[i + 1]) * 16 + hexValue(from[i + 2]);
      if (Number.isNaN(byte)) return undefined;
      i += 2;
    }
    to[length] = byte;
    length += 1;
  }
  return decoder.decode(to.subarray(0, length));
}

/** NaN when the byte is no hexadecimal digit. */
function hexValue(byte: number | undefined): number {
  if (byte === undefined) return Number.NaN;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}

function percentEncode(text: string, allowed: Uint8Array): string {
  let plain = 0;
  while (plain < text.length && isAllowed(text.charCodeAt(plain), allowed)) plain += 1;
  if (plain === text.length) return text;
  let escaped = '';
  for (const byte of encoder.encode(text)) {
    if (isAllowed(byte, allowed)) escaped += String.fromCharCode(byte);
    else escaped += `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
  }
  return escaped;
}

function isAllowed(code: number, allowed: Uint8Array): boolean {
  return isIn(ALPHANUMERIC, code) || isIn(allowed, code);
}
