/**
 * Who is answered: requests to a name or an address that is ours, from no page of somebody else, with the token where one is wanted.
 *
 * A page of a stranger can have a browser ask us, and with a name of its own that is made to lead here it could read the answer too (DNS
 * rebinding). The Host header has that name then; it never is a numeric address, so that addresses need no list.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { HttpRefusal } from './http-counts.ts';
import { hostOf } from './http-target.ts';
import type { Target } from './http-target.ts';

export interface HttpAccess {
  /** What a request must have; undefined where none is wanted. */
  readonly token: string | undefined;
  /** Names, in small letters, that the service is asked under besides `localhost` and numeric addresses. */
  readonly hosts: readonly string[];
}

/** For whom there is no need of either: a service on loopback. */
export const NO_TOKEN: HttpAccess = { token: undefined, hosts: [] };

/** Why a request is not answered. */
export interface Turned {
  readonly status: number;
  readonly why: HttpRefusal;
  readonly error: string;
}

export class HttpGate {
  readonly #hosts: ReadonlySet<string>;
  readonly #token: Buffer | undefined;

  constructor({ token, hosts }: HttpAccess) {
    this.#hosts = new Set(hosts);
    this.#token = token === undefined ? undefined : digest(token);
  }

  /** @returns undefined when the request may be answered. */
  turned(request: IncomingMessage, target: Target): Turned | undefined {
    const { headers } = request;
    const hosts = timesOf(request.rawHeaders, 'host');
    // RFC 9112 §3.2. HTTP/1.0 may have none, which no browser speaks.
    if (hosts > 1 || (hosts === 0 && request.httpVersionMinor > 0)) {
      return { status: 400, why: 'malformed', error: 'there must be one Host header' };
    }
    for (const authority of [target.authority, headers.host]) {
      if (authority === undefined || this.#isOurs(hostOf(authority))) continue;
      return {
        status: 421,
        why: 'host',
        error: 'this is no name of the service: ask for a numeric address, or start it with --http-host NAME',
      };
    }
    if (isOfAnotherPage(headers)) return { status: 403, why: 'origin', error: 'pages of other origins are not answered' };
    if (this.#token !== undefined && !this.#hasToken(headers.authorization)) {
      return { status: 401, why: 'token', error: 'send the token: Authorization: Bearer TOKEN, or as the password of any user' };
    }
    return undefined;
  }

  #isOurs(host: string | undefined): boolean {
    if (host === undefined) return false;
    return isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || this.#hosts.has(host);
  }

  #hasToken(authorization: string | undefined): boolean {
    const given = authorization === undefined ? undefined : credentialsOf(authorization);
    // Digests have one length, and comparing them takes the same time whatever is wrong.
    return given !== undefined && this.#token !== undefined && timingSafeEqual(digest(given), this.#token);
  }
}

/** The token of `Bearer` (RFC 6750), or the password of `Basic` (RFC 7617), which browsers ask for. */
function credentialsOf(authorization: string): string | undefined {
  const blank = authorization.indexOf(' ');
  const scheme = authorization.slice(0, Math.max(0, blank)).toLowerCase();
  const rest = authorization.slice(blank + 1).trim();
  if (scheme === 'bearer') return rest;
  if (scheme !== 'basic') return undefined;
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : pair.slice(colon + 1);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * A browser says so: in Origin (RFC 6454) of what scripts ask across origins, in Sec-Fetch-Site of everything. Following a link to us
 * is no harm: the page that has it sees nothing of the answer.
 */
function isOfAnotherPage(headers: IncomingHttpHeaders): boolean {
  const { origin, host = '' } = headers;
  if (origin !== undefined) {
    const asking = URL.parse(origin);
    if (asking === null || asking.host === '' || asking.host !== URL.parse(`${asking.protocol}//${host}`)?.host) return true;
  }
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  return headers['sec-fetch-mode'] !== 'navigate' || headers['sec-fetch-dest'] !== 'document';
}

/** @param raw names and values in turn. */
function timesOf(raw: readonly string[], name: string): number {
  let times = 0;
  for (let i = 0; i < raw.length; i += 2) if (raw[i]?.toLowerCase() === name) times += 1;
  return times;
}
