/** What a request asks for: the target of its first line (RFC 9112 §3.2), and the host that it means. */
import { isIP } from 'node:net';

export interface Target {
  /** Decoded, without the query, starting with `/`. */
  readonly path: string;
  /** As it came, without the question mark. */
  readonly query: string;
  /** `host:port` of an absolute target, which a Host header does not overrule (RFC 9112 §3.2.2). */
  readonly authority: string | undefined;
}

/** @returns undefined when it is neither a path nor an http address, or no valid percent-encoding. */
export function parseTarget(text: string): Target | undefined {
  if (text.startsWith('/')) return split(text, undefined);
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '')
    return undefined;
  return split(url.pathname + url.search, url.host);
}

function split(text: string, authority: string | undefined): Target | undefined {
  const mark = text.indexOf('?');
  try {
    const path = decodeURIComponent(mark < 0 ? text : text.slice(0, mark));
    return { path, query: mark < 0 ? '' : text.slice(mark + 1), authority };
  } catch {
    return undefined;
  }
}

/** The host of `host:port` or `[address]:port`, in small letters and without brackets; undefined when there is none. */
export function hostOf(authority: string): string | undefined {
  const end = authority.startsWith('[') ? authority.indexOf(']') : authority.indexOf(':');
  const bracketed = authority.startsWith('[');
  if (bracketed && end < 0) return undefined;
  const host = bracketed ? authority.slice(1, end) : end < 0 ? authority : authority.slice(0, end);
  const rest = bracketed ? authority.slice(end + 1) : end < 0 ? '' : authority.slice(end);
  if (host === '' || (rest !== '' && !isPortPart(rest)) || (bracketed && isIP(host) !== 6)) return undefined;
  return (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase();
}

function isPortPart(text: string): boolean {
  if (!text.startsWith(':') || text.length > 6) return false;
  for (let i = 1; i < text.length; i++) if (text.charAt(i) < '0' || text.charAt(i) > '9') return false;
  return true;
}
