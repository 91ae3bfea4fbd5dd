/** Request lines and status lines (RFC 3261 §7.1, §7.2). */
import { isBlank, isToken, isUriText, parseDecimal, sliceTrimmed } from './scanner.ts';
import { parseUri } from './uri.ts';

/** What is wrong with a message, and the status that says so to who sent a request. */
export interface Fault {
  readonly problem: string;
  readonly status: number;
}

/** With a fault, the members are what could be made out all the same. */
export type StartLine =
  | { readonly kind: 'request'; readonly method: string; readonly uri: string; readonly fault: Fault | undefined }
  | { readonly kind: 'response'; readonly status: number; readonly reason: string; readonly fault: Fault | undefined };

const VERSION = 'SIP/2.0';
const SP = 0x20;

/** @returns undefined when the line is not of SIP at all. */
export function readStartLine(line: string): StartLine | undefined {
  return hasPrefix(line, 'SIP/') ? readStatusLine(line) : readRequestLine(line);
}

/** `SIP/2.0 200 OK`. The reason may be empty, and with it the space before it (RFC 4475 §3.1.1.13). */
function readStatusLine(line: string): StartLine {
  const reason = line.slice(VERSION.length + 5);
  const status = parseDecimal(line.slice(VERSION.length + 1, VERSION.length + 4), 699);
  const separated =
    line.charCodeAt(VERSION.length) === SP && (line.length === VERSION.length + 4 || line.charCodeAt(VERSION.length + 4) === SP);
  let problem: string | undefined;
  if (!hasPrefix(line, VERSION)) problem = 'Version Not Supported';
  else if (!separated || status === undefined || status < 100) problem = 'Malformed Status Line';
  else if (reason.includes('\0')) problem = 'NUL in the Reason';
  return { kind: 'response', status: status ?? 0, reason, fault: problem === undefined ? undefined : { problem, status: 400 } };
}

/** `INVITE sip:bob@biloxi.com SIP/2.0`, with one space each. With more of them it is malformed, but still readable. */
function readRequestLine(line: string): StartLine | undefined {
  const text = sliceTrimmed(line, 0, line.length);
  let methodEnd = 0;
  while (methodEnd < text.length && !isBlank(text.charCodeAt(methodEnd))) methodEnd += 1;
  let versionStart = text.length;
  while (versionStart > methodEnd && !isBlank(text.charCodeAt(versionStart - 1))) versionStart -= 1;
  const method = text.slice(0, methodEnd);
  const version = text.slice(versionStart);
  if (!isToken(method) || !hasPrefix(version, 'SIP/')) return undefined;
  const uri = sliceTrimmed(text, methodEnd, versionStart);

  let fault: Fault | undefined;
  if (version.toUpperCase() !== VERSION) fault = { problem: 'Version Not Supported', status: 505 };
  else if (line !== `${method} ${uri} ${version}`) fault = { problem: 'Malformed Request Line', status: 400 };
  else if (!isRequestUri(uri)) fault = { problem: 'Malformed Request-URI', status: 400 };
  return { kind: 'request', method, uri, fault };
}

/** A good SIP or SIPS URI without headers (§19.1.1), or a URI of any other scheme, which somebody else may understand. */
function isRequestUri(text: string): boolean {
  if (hasPrefix(text, 'sip:') || hasPrefix(text, 'sips:')) {
    const uri = parseUri(text);
    return uri !== undefined && uri.headers.size === 0;
  }
  return isUriText(text);
}

/** @param prefix compared whatever its case. */
function hasPrefix(text: string, prefix: string): boolean {
  return text.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase();
}
