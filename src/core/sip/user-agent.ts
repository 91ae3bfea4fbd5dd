/**
 * The user agent server: transactions below, calls above. It knows which request belongs to which call, refuses what cannot be
 * served, and answers OPTIONS (RFC 3261 §8.2, §11, §12.2.2). Pure: messages, time and random numbers come in.
 */
import { createResponse, serialize } from './message.ts';
import type { SipMessage, SipRequest } from './message.ts';
import type { NextHop } from './dialog.ts';
import { ACCEPT, ALLOW, isSecure, refusalOf, SUPPORTED } from './request-checks.ts';
import type { Refusal } from './request-checks.ts';
import { Scheduler } from './scheduler.ts';
import { ServerCall } from './server-call.ts';
import type { CallHost } from './server-call.ts';
import { answerSessionTimer } from './session-timer.ts';
import { TransactionLayer } from './transactions.ts';
import type { ClientUser, ServerTransaction, SipFlow, TransactionUser } from './transactions.ts';

export interface UserAgentOptions {
  /** So many random bytes, in hexadecimal digits. */
  readonly random: (bytes: number) => string;
  /** Field value for Contact, as a peer of this flow reaches us. @param secure it is to be a `sips:` URI. */
  readonly contact: (flow: SipFlow, secure: boolean) => string;
  /** Field value for Server. */
  readonly server: string;
  /** Sessions that want to be refreshed more often than this are refused (RFC 4028), seconds. */
  readonly leastSessionSeconds: number;
  /** The way to a URI; undefined where there is none but back through the flow. */
  readonly flowTo: (uri: string, like: SipFlow) => SipFlow | undefined;
  /** Why no call is taken now, for INVITE and OPTIONS alike; undefined when one is. */
  readonly admits: (request: SipRequest, flow: SipFlow) => Refusal | undefined;
  /** Whether that INVITE is answered 503 before it is looked at, once: as its sender may be forged, what it costs must be small. */
  readonly turnsAway?: (invite: SipRequest, flow: SipFlow) => boolean;
  /** A BYE of ours got its 2xx after so long. */
  readonly disconnected?: (delayMs: number) => void;
  /** A call came in. It is to be served, and answered or rejected. */
  readonly invited: (call: ServerCall, request: SipRequest, nowMs: number) => void;
}

export class UserAgent implements TransactionUser, CallHost {
  readonly scheduler: Scheduler = new Scheduler();
  readonly layer: TransactionLayer;
  readonly offered: readonly (readonly [string, string])[];
  readonly leastSessionSeconds: number;
  readonly #options: UserAgentOptions;
  /** By our tag, which is unique. */
  readonly #calls = new Map<string, ServerCall>();
  /** By what a copy of their INVITE that came by another way has in common with it (§8.2.2.2). */
  readonly #invites = new Map<string, ServerCall>();
  readonly #byTransaction = new WeakMap<ServerTransaction, ServerCall>();

  constructor(options: UserAgentOptions) {
    this.#options = options;
    this.leastSessionSeconds = options.leastSessionSeconds;
    const { turnsAway, random } = options;
    this.layer = new TransactionLayer(this, {
      random,
      turnsAway: (request, flow) => request.method === 'INVITE' && request.toTag === undefined && turnsAway?.(request, flow) === true,
    });
    this.offered = [
      ['Allow', ALLOW],
      ['Supported', SUPPORTED.join(', ')],
      ['Server', options.server],
    ];
  }

  /** Calls, those whose BYE is on its way among them. */
  get calls(): number {
    return this.#calls.size;
  }

  get dueMs(): number {
    return Math.min(this.layer.dueMs, this.scheduler.dueMs);
  }

  tick(nowMs: number): void {
    this.layer.tick(nowMs);
    this.scheduler.tick(nowMs);
  }

  received(message: SipMessage, flow: SipFlow, nowMs: number): void {
    this.layer.received(message, flow, nowMs);
  }

  /** Answers what could be read of a request that is malformed. Keeps nothing of it. */
  malformed(request: SipRequest, refusal: Refusal, flow: SipFlow): void {
    if (request.method === 'ACK') return;
    flow.send(serialize(this.#refusal(request, refusal)));
  }

  /** A `sips:` URI where the request was for one (§12.1.1). */
  contact(request: SipRequest, flow: SipFlow): string {
    return this.#options.contact(flow, isSecure(request.uri));
  }

  randomNumber(below: number): number {
    return Number.parseInt(this.#options.random(4), 16) % below;
  }

  send({ request, target, flow }: NextHop, user: ClientUser, nowMs: number): void {
    const way = target === undefined ? undefined : this.#options.flowTo(target, flow);
    this.layer.request(request, way ?? flow, user, nowMs);
  }

  disconnected(delayMs: number): void {
    this.#options.disconnected?.(delayMs);
  }

  forget(call: ServerCall): void {
    this.#calls.delete(call.dialog.localTag);
    const key = inviteKey(call.dialog.callId, call.dialog.remoteTag, call.inviteSequence);
    if (this.#invites.get(key) === call) this.#invites.delete(key);
  }

  request(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    const refusal = refusalOf(request, transaction.flow.transport === 'TLS');
    if (refusal !== undefined) transaction.respond(this.#refusal(request, refusal), nowMs);
    else if (request.toTag !== undefined) this.#inDialog(request, transaction, nowMs);
    else if (request.method === 'OPTIONS') this.#answerOptions(request, transaction, nowMs);
    else if (request.method === 'INVITE') this.#invite(request, transaction, nowMs);
    // All else belongs to a dialog.
    else transaction.respond(this.#refusal(request, { status: request.method === 'REFER' ? 603 : 481 }), nowMs);
  }

  ack(request: SipRequest, _flow: SipFlow, nowMs: number): void {
    this.#callOf(request)?.acked(request, nowMs);
  }

  cancelled(invite: ServerTransaction, nowMs: number): void {
    this.#byTransaction.get(invite)?.cancelled(nowMs);
  }

  strayResponse(): void {
    // We place no calls: a 2xx that nobody waits for is nobody's.
  }

  #inDialog(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    const call = this.#callOf(request);
    if (call === undefined) transaction.respond(this.#refusal(request, { status: 481 }), nowMs);
    else if (request.method === 'OPTIONS') this.#answerOptions(request, transaction, nowMs);
    else call.request(request, transaction, nowMs);
  }

  #callOf(request: SipRequest): ServerCall | undefined {
    const call = this.#calls.get(request.toTag ?? '');
    if (call === undefined || call.dialog.callId !== request.callId || call.dialog.remoteTag !== (request.fromTag ?? '')) return undefined;
    return call;
  }

  #invite(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    const key = inviteKey(request.callId ?? '', request.fromTag ?? '', request.cseq?.number ?? 0);
    if (this.#invites.has(key)) {
      transaction.respond(this.#refusal(request, { status: 482 }), nowMs);
      return;
    }
    const timer = answerSessionTimer(request, this.leastSessionSeconds);
    const refusal = timer.kind === 'refuse' ? timer : this.#options.admits(request, transaction.flow);
    if (refusal !== undefined) {
      transaction.respond(this.#refusal(request, refusal), nowMs);
      return;
    }
    const call = new ServerCall(this, request, transaction, this.#options.random(TAG_BYTES), nowMs);
    this.#calls.set(call.dialog.localTag, call);
    this.#invites.set(key, call);
    this.#byTransaction.set(transaction, call);
    try {
      this.#options.invited(call, request, nowMs);
    } catch (error) {
      // Nobody would ever end it.
      call.reject(500, nowMs);
      throw error;
    }
  }

  /** §11.2: as an INVITE would be answered now. */
  #answerOptions(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    const refusal = request.toTag === undefined ? this.#options.admits(request, transaction.flow) : undefined;
    const headers: (readonly [string, string])[] = [
      ['Accept', ACCEPT],
      ['Accept-Encoding', 'identity'],
      ['Accept-Language', 'en'],
      ['Contact', this.contact(request, transaction.flow)],
    ];
    const made: Refusal = refusal ?? { status: 200, headers };
    transaction.respond(this.#refusal(request, made), nowMs);
  }

  #refusal(request: SipRequest, { status, reason, headers = [] }: Refusal) {
    const all = [...this.offered.filter(([name]) => !headers.some(([given]) => given === name)), ...headers];
    const toTag = request.toTag === undefined ? { toTag: this.#options.random(TAG_BYTES) } : {};
    return createResponse(request, status, { ...(reason === undefined ? {} : { reason }), headers: all, ...toTag });
  }
}

/** 64 bits: unique, and not to be guessed (RFC 3261 §19.3 asks for 32). */
const TAG_BYTES = 8;

function inviteKey(callId: string, fromTag: string, sequence: number): string {
  return `${callId} ${fromTag} ${sequence}`;
}
