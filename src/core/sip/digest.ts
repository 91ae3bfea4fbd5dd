/**
 * Digest access authentication, the side of the client: RFC 3261 §22, RFC 7616, and RFC 8760 for its use in SIP.
 *
 *     parseChallenges()     the WWW-Authenticate and Proxy-Authenticate fields of a 401 or 407
 *     answerChallenge()     picks one of them, or says why none is answered
 *     DigestSession         the header fields for as long as the server takes the nonce
 *
 * MD5, MD5-sess, SHA-256 and SHA-256-sess with qop "auth" or without qop. Not "auth-int" (what passes a proxy may change bodies),
 * and no user names hashed (RFC 7616 §3.4.4): nothing offers them in SIP.
 */

import { asciiSet, isBlank, isIn, Scanner } from './scanner.ts';

/** The digest of the UTF-8 bytes of a text, in lower-case hexadecimal digits. */
export type DigestHash = (algorithm: 'MD5' | 'SHA-256', text: string) => string;

export interface DigestTools {
  readonly hash: DigestHash;
  /** That many unpredictable bytes, in hexadecimal digits. */
  readonly random: (bytes: number) => string;
}

export interface DigestCredentials {
  /** Only challenges of this realm are answered; undefined: of any. Set it, lest any server that is asked gets a digest to guess on. */
  readonly realm?: string | undefined;
  readonly username: string;
  readonly password: string;
}

/** One challenge of whatever scheme (RFC 7235 §2.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case, values without their quotes and escapes. A token68 is left out. */
  readonly params: ReadonlyMap<string, string>;
}

export type DigestAnswer = { readonly session: DigestSession } | { readonly reason: string };

/** More challenges in a field, or parameters in a challenge, than any server sends. */
const MAX_CHALLENGES = 16;
const MAX_PARAMS = 32;
const TOKEN68 = asciiSet('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/');
const CNONCE_BYTES = 16;
/** What of a peer's text is repeated in an error. */
const SHOWN_CHARACTERS = 80;

interface Algorithm {
  readonly name: string;
  readonly hash: 'MD5' | 'SHA-256';
  /** Whether the secret is bound to the nonces of a session (RFC 7616 §3.4.2). */
  readonly session: boolean;
  readonly strength: number;
}

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map(
  [
    { name: 'MD5', hash: 'MD5', session: false, strength: 1 } as const,
    { name: 'MD5-sess', hash: 'MD5', session: true, strength: 1 } as const,
    { name: 'SHA-256', hash: 'SHA-256', session: false, strength: 2 } as const,
    { name: 'SHA-256-sess', hash: 'SHA-256', session: true, strength: 2 } as const,
  ].map((algorithm) => [algorithm.name.toLowerCase(), algorithm]),
);

/** A Digest challenge that can be answered. */
interface UsableChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: Algorithm;
  /** Whether the server named its algorithm; without a name it is MD5, and the answer has none either. */
  readonly algorithmNamed: boolean;
  /** Whether the server offered qop "auth"; else the answer is that of RFC 2069. */
  readonly qop: boolean;
  readonly stale: boolean;
}

/**
 * The challenges of one header field, in order. What cannot be read ends the list: a field that is cut off or has an odd quote gives
 * the challenges before that place.
 */
export function parseChallenges(field: string): readonly Challenge[] {
  const scanner = new Scanner(field);
  const challenges: Challenge[] = [];
  while (challenges.length < MAX_CHALLENGES) {
    const challenge = nextChallenge(scanner);
    if (challenge === undefined) break;
    challenges.push(challenge);
  }
  return challenges;
}

/**
 * Chooses among the challenges of a response: the strongest algorithm, and of equal ones the first. RFC 8760 §2.4 would have the first
 * of all "unless a local policy dictates otherwise"; ours does, because whoever can reorder the fields on the way could else always
 * get MD5 (§3).
 *
 * @returns what makes the header fields, or one line that says why no challenge is answered.
 */
export function answerChallenge(challenges: readonly Challenge[], credentials: DigestCredentials, tools: DigestTools): DigestAnswer {
  let best: UsableChallenge | undefined;
  let refused: string | undefined;
  for (const challenge of challenges) {
    const usable = usableChallenge(challenge, credentials.realm);
    if (typeof usable === 'string') refused ??= usable;
    else if (best === undefined || usable.algorithm.strength > best.algorithm.strength) best = usable;
  }
  if (best !== undefined) return { session: new DigestSession(best, credentials, tools) };
  return { reason: refused ?? 'no challenge that can be read came with it' };
}

/** The answers to one challenge: one for each request that is sent while the server takes the nonce (RFC 7616 §3.4). */
export class DigestSession {
  readonly nonce: string;
  /** The challenge said that the credentials before were right and only their nonce was too old (RFC 7616 §3.3). */
  readonly stale: boolean;
  readonly #challenge: UsableChallenge;
  readonly #username: string;
  readonly #hash: DigestHash;
  /**
   * The same for the whole session: the secret of the -sess algorithms is made of the first one, and the count alone tells requests
   * apart.
   */
  readonly #cnonce: string;
  /** H(A1), RFC 7616 §3.4.2. */
  readonly #secret: string;
  #count = 0;

  constructor(challenge: UsableChallenge, credentials: DigestCredentials, tools: DigestTools) {
    this.nonce = challenge.nonce;
    this.stale = challenge.stale;
    this.#challenge = challenge;
    this.#username = credentials.username;
    this.#hash = tools.hash;
    this.#cnonce = tools.random(CNONCE_BYTES);
    const { algorithm, realm, nonce } = challenge;
    const secret = tools.hash(algorithm.hash, `${credentials.username}:${realm}:${credentials.password}`);
    this.#secret = algorithm.session ? tools.hash(algorithm.hash, `${secret}:${nonce}:${this.#cnonce}`) : secret;
  }

  /**
   * The value of Authorization or Proxy-Authorization for the next request.
   *
   * @param uri the Request-URI, as the request has it.
   */
  authorize(method: string, uri: string): string {
    const { algorithm, algorithmNamed, realm, nonce, opaque, qop } = this.#challenge;
    this.#count += 1;
    const count = this.#count.toString(16).padStart(8, '0');
    const request = this.#hash(algorithm.hash, `${method}:${uri}`);
    const between = qop ? `${nonce}:${count}:${this.#cnonce}:auth` : nonce;
    const response = this.#hash(algorithm.hash, `${this.#secret}:${between}:${request}`);
    const params = [
      `username=${quoted(this.#username)}`,
      `realm=${quoted(realm)}`,
      `nonce=${quoted(nonce)}`,
      `uri=${quoted(uri)}`,
      `response="${response}"`,
    ];
    if (algorithmNamed) params.push(`algorithm=${algorithm.name}`);
    if (opaque !== undefined) params.push(`opaque=${quoted(opaque)}`);
    // Neither may be sent to a server that offered no qop (RFC 2617 §3.2.2).
    if (qop) params.push('qop=auth', `nc=${count}`, `cnonce=${quoted(this.#cnonce)}`);
    return `Digest ${params.join(', ')}`;
  }
}

/** The challenge when it can be answered for this realm, else the reason why not. */
function usableChallenge(challenge: Challenge, ownRealm: string | undefined): UsableChallenge | string {
  if (challenge.scheme !== 'digest') return `the scheme ${shown(challenge.scheme)} is not supported, only Digest`;
  const { params } = challenge;
  const realm = params.get('realm');
  const nonce = params.get('nonce');
  if (realm === undefined || nonce === undefined) return 'the challenge has no realm or no nonce';
  if (ownRealm !== undefined && realm !== ownRealm) return `the challenge is for realm ${shown(realm)}, the account for ${shown(ownRealm)}`;
  const algorithmName = params.get('algorithm');
  const algorithm = ALGORITHMS.get((algorithmName ?? 'MD5').toLowerCase());
  if (algorithm === undefined) return `the algorithm ${shown(algorithmName ?? '')} is not supported, only MD5 and SHA-256`;
  const offered = params.get('qop');
  const qop = offered?.split(',').some((option) => option.trim().toLowerCase() === 'auth') ?? false;
  if (offered !== undefined && !qop) return `the quality of protection ${shown(offered)} is not supported, only "auth"`;
  // Its secret has the client's nonce in it, which cannot be told without qop: no server could check the answer.
  if (algorithm.session && !qop) return `the algorithm ${algorithm.name} cannot be answered without qop "auth"`;
  return {
    realm,
    nonce,
    opaque: params.get('opaque'),
    algorithm,
    algorithmNamed: algorithmName !== undefined,
    qop,
    stale: params.get('stale')?.toLowerCase() === 'true',
  };
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function shown(text: string): string {
  return quoted(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
}

/**
 * Reads one of `1#challenge` (RFC 7235 §2.1). The comma stands between parameters and between challenges alike, so only a name without
 * "=" after it tells that the next challenge begins.
 */
function nextChallenge(scanner: Scanner): Challenge | undefined {
  skipCommas(scanner);
  const scheme = scanner.token().toLowerCase();
  if (scheme === '') return undefined;
  const params = new Map<string, string>();
  if (scanner.atEnd || scanner.atComma) return { scheme, params };
  if (!isBlank(scanner.peek())) return undefined;
  scanner.skipBlanks();
  if (scanner.atEnd || scanner.atComma || skipToken68(scanner)) return { scheme, params };
  for (;;) {
    const start = scanner.at;
    const name = scanner.token().toLowerCase();
    scanner.skipBlanks();
    if (name === '') return undefined;
    if (!scanner.take('=')) {
      scanner.at = start;
      return params.size === 0 ? undefined : { scheme, params };
    }
    scanner.skipBlanks();
    const value = scanner.atQuote ? scanner.quoted() : scanner.token() || undefined;
    // Each name once: of two realms, which would be ours?
    if (value === undefined || hasControlCharacter(value) || params.has(name) || params.size === MAX_PARAMS) return undefined;
    params.set(name, value);
    scanner.skipBlanks();
    if (!scanner.atEnd && !scanner.atComma) return undefined;
    skipCommas(scanner);
    if (scanner.atEnd) return { scheme, params };
  }
}

function skipCommas(scanner: Scanner): void {
  do scanner.skipBlanks();
  while (scanner.take(','));
}

/** Base64 and the like in place of parameters. It fills its element, which a parameter never does. */
function skipToken68(scanner: Scanner): boolean {
  const start = scanner.at;
  while (isIn(TOKEN68, scanner.peek())) scanner.at += 1;
  const isSome = scanner.at > start;
  while (scanner.take('=')) continue;
  scanner.skipBlanks();
  if (isSome && (scanner.atEnd || scanner.atComma)) return true;
  scanner.at = start;
  return false;
}

/** It would break the header field that repeats the value. */
function hasControlCharacter(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
