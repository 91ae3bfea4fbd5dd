/**
 * REGISTER as a client (RFC 3261 §10.2): a registrar learns where we are reached, and is told again before it forgets. Without input
 * and output: one object that is driven by time and responses, and hands out requests.
 *
 *     unregistered ─▶ registering ─▶ registered ⇄ refreshing
 *           ▲             ▲   │                       │
 *           │             └ waiting ◀──── failed ─────┘
 *           └─ unregistering ◀─ stop()
 *
 * At most one request is on its way at any time (§10.2). All have the same Call-ID and a CSeq that grows (§10.2.4).
 */
import { backoffMs } from '../ari/backoff.ts';
import { answerChallenge, parseChallenges } from './digest.ts';
import type { DigestCredentials, DigestSession, DigestTools } from './digest.ts';
import { parseNameAddr } from './headers-values.ts';
import { createRequest } from './message.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { parseDecimal, Scanner } from './scanner.ts';
import { parseUri, sameUri } from './uri.ts';

export interface RegistrationOptions {
  /** Request-URI: the domain of the registrar, without a user part: `sip:pbx.example.com`. */
  readonly registrar: string;
  /** What is registered, To and From: `sip:100@pbx.example.com`. */
  readonly addressOfRecord: string;
  /** Where we are reached: `sip:100@192.0.2.7:5060;transport=tcp`. Asked for with each request: it may change with the way. */
  readonly contact: string;
  /** URN that says it is us again after a restart at another address (RFC 5626 §4.1); undefined: not said. */
  readonly instance?: string | undefined;
  /** What is asked for; the registrar may grant less, or insist on more. */
  readonly expiresSeconds: number;
  readonly credentials: DigestCredentials;
  readonly callId: string;
  readonly userAgent: string;
  readonly tools: DigestTools;
}

export type RegistrationState = 'unregistered' | 'registering' | 'registered' | 'refreshing' | 'waiting' | 'unregistering';

export interface RegistrationFailure {
  /** One line: what came back, and what to do where that is known. */
  readonly reason: string;
  /** The final status, or what there was instead of one. */
  readonly outcome: number | 'timeout' | 'unreachable';
  readonly retryAtMs: number;
}

/** Who sends for a registration and hears of it. All are called last, so that they may call back. */
export interface RegistrationUser {
  /**
   * Wants {@link Registration.response}, {@link Registration.timeout} or {@link Registration.unreachable} for it, in the end.
   *
   * @param make gives the request, with the contact of then: for when the way to the registrar is found. To be called once at most.
   */
  send(make: () => SipRequest, nowMs: number): void;
  /** At first, and again at every refresh. @param delayMs from the first REGISTER to the 200, a challenge in between included. */
  registered(expiresSeconds: number, delayMs: number, nowMs: number): void;
  failed(failure: RegistrationFailure, nowMs: number): void;
  /** After {@link Registration.stop}. @param problem why the registrar may still have us in its list; undefined when it has not. */
  unregistered(problem: string | undefined, nowMs: number): void;
}

/** Back-off where trying again may help: no answer, no network, 5xx. */
const BACKOFF = { firstMs: 2_000, capMs: 300_000 };
/** Before trying again what only a human can put right: 5 to 6 minutes. */
const LONG_WAIT_MS = 300_000;
const LONG_WAIT_SPREAD_MS = 60_000;
/** A registrar may not put us off for longer by Retry-After. */
const MOST_RETRY_AFTER_SECONDS = 3_600;
/** Nor insist on being asked less often than that. */
const MOST_MIN_EXPIRES_SECONDS = 86_400;
const MOST_SECONDS = 2 ** 32 - 1;
/** REGISTER, again for the proxy, again for the registrar, with a fresh nonce each, again for a 423; and no endless argument. */
const MAX_SENDS = 6;
/** What of a peer's text is repeated in an error. */
const SHOWN_CHARACTERS = 80;
/** The refresh leaves that part of the time, and at least that long, for retransmissions. */
const REFRESH_AT = 0.9;
const REFRESH_MARGIN_MS = 5_000;

type CredentialsField = 'Authorization' | 'Proxy-Authorization';

interface Authorization {
  readonly session: DigestSession;
  /** Made in the present attempt: when it is refused, the credentials are wrong, not the nonce. */
  readonly fresh: boolean;
}

interface InFlight {
  readonly sequence: number;
  readonly asksToStay: boolean;
}

export class Registration {
  readonly #options: RegistrationOptions;
  readonly #user: RegistrationUser;
  readonly #fromTag: string;
  readonly #authorizations = new Map<CredentialsField, Authorization>();
  #state: RegistrationState = 'unregistered';
  #wanted = false;
  #inFlight: InFlight | undefined;
  #sequence = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #boundUntilMs = Number.NEGATIVE_INFINITY;
  #askedSeconds: number;
  /** In a row. */
  #failures = 0;
  /** Of the present attempt, which ends with success, failure or silence. */
  #startedAtMs = 0;
  #sends = 0;

  constructor(options: RegistrationOptions, user: RegistrationUser) {
    this.#options = options;
    this.#user = user;
    this.#askedSeconds = options.expiresSeconds;
    this.#fromTag = options.tools.random(8);
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** When {@link tick} is needed next; Infinity while an answer is awaited, or nothing is to be done. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Whether the registrar has us in its list, as far as we know. */
  isBound(nowMs: number): boolean {
    return nowMs < this.#boundUntilMs;
  }

  start(nowMs: number): void {
    if (this.#wanted) return;
    this.#wanted = true;
    if (this.#inFlight === undefined) this.#attempt(nowMs);
  }

  /** Takes us out of the registrar's list, once the request on its way is answered. */
  stop(nowMs: number): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#failures = 0;
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (this.#inFlight === undefined) this.#leave(nowMs);
  }

  tick(nowMs: number): void {
    if (nowMs < this.#dueMs) return;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#attempt(nowMs);
  }

  /** Takes every response; those to an earlier request, and provisional ones, change nothing. */
  response(response: SipResponse, nowMs: number): void {
    const inFlight = this.#inFlight;
    const { status } = response;
    if (inFlight === undefined || status < 200 || response.cseq?.number !== inFlight.sequence) return;
    this.#inFlight = undefined;
    if (status < 300) this.#accepted(response, inFlight, nowMs);
    else if (status === 401) this.#challenged(response, inFlight, 'WWW-Authenticate', 'Authorization', nowMs);
    else if (status === 407) this.#challenged(response, inFlight, 'Proxy-Authenticate', 'Proxy-Authorization', nowMs);
    else if (status === 423) this.#tooBrief(response, inFlight, nowMs);
    else this.#rejected(response, inFlight, nowMs);
  }

  /** No final response came (timer F). */
  timeout(nowMs: number): void {
    this.#lost('timeout', 'the registrar does not answer', nowMs);
  }

  /** The request could not be sent. @param reason one line, as after "not registered: ". */
  unreachable(nowMs: number, reason: string = 'the registrar cannot be reached'): void {
    this.#lost('unreachable', reason, nowMs);
  }

  /** Does not wait with the next refresh for longer than up to then: the registrar may have lost the way to us. */
  refreshBy(atMs: number): void {
    if (this.#state === 'registered') this.#dueMs = Math.min(this.#dueMs, atMs);
  }

  #lost(outcome: 'timeout' | 'unreachable', reason: string, nowMs: number): void {
    const inFlight = this.#inFlight;
    if (inFlight === undefined) return;
    this.#inFlight = undefined;
    this.#fail(inFlight, { outcome, reason, waitMs: this.#backoffMs() }, nowMs);
  }

  #attempt(nowMs: number): void {
    if (!this.#wanted) this.#state = 'unregistering';
    else this.#state = this.isBound(nowMs) ? 'refreshing' : 'registering';
    this.#startedAtMs = nowMs;
    this.#sends = 0;
    for (const [field, { session }] of this.#authorizations) this.#authorizations.set(field, { session, fresh: false });
    this.#send(this.#wanted, nowMs);
  }

  #send(asksToStay: boolean, nowMs: number): void {
    this.#sequence += 1;
    this.#sends += 1;
    this.#inFlight = { sequence: this.#sequence, asksToStay };
    const seconds = asksToStay ? this.#askedSeconds : 0;
    this.#user.send(() => this.#request(seconds), nowMs);
  }

  #request(seconds: number): SipRequest {
    const { registrar, addressOfRecord, contact, instance, callId, userAgent } = this.#options;
    const instanceParam = instance === undefined ? '' : `;+sip.instance="<${instance}>"`;
    const headers: [string, string][] = [
      ['Max-Forwards', '70'],
      ['From', `<${addressOfRecord}>;tag=${this.#fromTag}`],
      ['To', `<${addressOfRecord}>`],
      ['Call-ID', callId],
      ['CSeq', `${this.#sequence} REGISTER`],
      ['Contact', `<${contact}>${instanceParam};expires=${seconds}`],
      ['Expires', String(seconds)],
      ['User-Agent', userAgent],
    ];
    for (const [field, { session }] of this.#authorizations) headers.push([field, session.authorize('REGISTER', registrar)]);
    return createRequest('REGISTER', registrar, headers);
  }

  #accepted(response: SipResponse, inFlight: InFlight, nowMs: number): void {
    if (!inFlight.asksToStay) return this.#left(undefined, nowMs);
    const seconds = this.#grantedSeconds(response);
    if (seconds === 0) {
      const reason = `the registrar answered ${response.status}, but does not keep ${this.#options.contact} in its list`;
      return this.#fail(inFlight, { outcome: response.status, reason, waitMs: this.#backoffMs() }, nowMs);
    }
    const grantedMs = seconds * 1_000;
    this.#failures = 0;
    this.#boundUntilMs = nowMs + grantedMs;
    if (!this.#wanted) return this.#leave(nowMs);
    this.#state = 'registered';
    const refreshMs = Math.min(grantedMs * REFRESH_AT, grantedMs - REFRESH_MARGIN_MS);
    // A registrar that grants seconds is not asked several times in each of them.
    this.#dueMs = nowMs + Math.max(refreshMs, grantedMs / 2, 1_000);
    return this.#user.registered(seconds, nowMs - this.#startedAtMs, nowMs);
  }

  #challenged(
    response: SipResponse,
    inFlight: InFlight,
    challengeField: 'WWW-Authenticate' | 'Proxy-Authenticate',
    credentialsField: CredentialsField,
    nowMs: number,
  ): void {
    const { credentials, tools } = this.#options;
    const before = this.#authorizations.get(credentialsField);
    this.#authorizations.delete(credentialsField);
    const fail = (reason: string): void =>
      this.#fail(inFlight, { outcome: response.status, reason, waitMs: Math.max(this.#longWaitMs(), retryAfterMs(response)) }, nowMs);
    const answer = answerChallenge(response.headers.all(challengeField).flatMap(parseChallenges), credentials, tools);
    if ('reason' in answer) return fail(`the registrar asks for credentials that it does not get: ${answer.reason}`);
    const { session } = answer;
    if (before?.fresh === true && (!session.stale || session.nonce === before.session.nonce)) {
      return fail(`the registrar refuses the credentials of ${credentials.username}: check user name and password`);
    }
    if (this.#sends >= MAX_SENDS) return fail('the registrar asks for credentials again and again');
    this.#authorizations.set(credentialsField, { session, fresh: true });
    return this.#send(inFlight.asksToStay, nowMs);
  }

  /** §10.2.8: asks for what the registrar wants to hear, once it is more than before. */
  #tooBrief(response: SipResponse, inFlight: InFlight, nowMs: number): void {
    const least = parseDecimal(response.headers.get('Min-Expires') ?? '', MOST_MIN_EXPIRES_SECONDS);
    if (!inFlight.asksToStay || least === undefined || least <= this.#askedSeconds || this.#sends >= MAX_SENDS) {
      return this.#rejected(response, inFlight, nowMs);
    }
    this.#askedSeconds = least;
    return this.#send(true, nowMs);
  }

  #rejected(response: SipResponse, inFlight: InFlight, nowMs: number): void {
    const { status } = response;
    // Overload, a registrar behind it that was slow, and failures of the server: the rest is about what was asked.
    const mayPass = status === 408 || status === 429 || status === 480 || (status >= 500 && status < 600);
    const waitMs = Math.max(mayPass ? this.#backoffMs() : this.#longWaitMs(), retryAfterMs(response));
    this.#fail(
      inFlight,
      { outcome: status, reason: `the registrar answers ${status} ${response.reason.slice(0, SHOWN_CHARACTERS)}`, waitMs },
      nowMs,
    );
  }

  #fail(
    inFlight: InFlight,
    { outcome, reason, waitMs }: Pick<RegistrationFailure, 'outcome' | 'reason'> & { readonly waitMs: number },
    nowMs: number,
  ): void {
    // Not again: who stops wants to be gone, and the registrar forgets us by itself.
    if (!inFlight.asksToStay) return this.#left(reason, nowMs);
    if (!this.#wanted) return this.#leave(nowMs);
    this.#failures += 1;
    this.#state = 'waiting';
    this.#dueMs = nowMs + waitMs;
    return this.#user.failed({ reason, outcome, retryAtMs: this.#dueMs }, nowMs);
  }

  #leave(nowMs: number): void {
    if (this.isBound(nowMs)) this.#attempt(nowMs);
    else this.#left(undefined, nowMs);
  }

  #left(problem: string | undefined, nowMs: number): void {
    this.#boundUntilMs = Number.NEGATIVE_INFINITY;
    // Started again meanwhile.
    if (this.#wanted) return this.#attempt(nowMs);
    this.#state = 'unregistered';
    return this.#user.unregistered(problem, nowMs);
  }

  /**
   * §10.2.4: of our contact among all that the registrar has, else for all of them, else as asked. A registrar behind NAT may list us
   * under the address that it sees: then the only contact of the list is ours.
   */
  #grantedSeconds(response: SipResponse): number {
    const own = parseUri(this.#options.contact);
    const contacts = response.headers.values('Contact').flatMap((value) => parseNameAddr(value) ?? []);
    const ours = contacts.find(({ uri }) => {
      const listed = parseUri(uri);
      return listed !== undefined && own !== undefined && sameUri(listed, own);
    });
    const [only, ...others] = contacts;
    const ofContact = (ours ?? (others.length === 0 ? only : undefined))?.params.get('expires');
    return (
      parseDecimal(ofContact ?? '', MOST_SECONDS) ?? parseDecimal(response.headers.get('Expires') ?? '', MOST_SECONDS) ?? this.#askedSeconds
    );
  }

  #backoffMs(): number {
    return backoffMs(this.#failures + 1, this.#chance(), BACKOFF);
  }

  #longWaitMs(): number {
    return LONG_WAIT_MS + LONG_WAIT_SPREAD_MS * this.#chance();
  }

  /** 0 … 1 */
  #chance(): number {
    return Number.parseInt(this.#options.tools.random(4), 16) / 2 ** 32;
  }
}

/** `120`, `18000;duration=3600`, `120 (in a meeting)`: the seconds in front (RFC 3261 §20.33), in ms; 0 without. */
function retryAfterMs(response: SipResponse): number {
  const digits = new Scanner(response.headers.get('Retry-After') ?? '').token();
  const seconds = parseDecimal(digits, Number.MAX_SAFE_INTEGER) ?? 0;
  return Math.min(seconds, MOST_RETRY_AFTER_SECONDS) * 1_000;
}
