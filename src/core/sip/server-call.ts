/**
 * An incoming call as its user agent server sees it: INVITE, answers, ACK, requests within the dialog, BYE (RFC 3261 §12, §13.3,
 * §14.2, §15). Without input and output: time comes in as an argument, what is sent goes to transactions, what happens is told to
 * a listener.
 *
 *     received ─▶ ringing ─▶ answered ─▶ confirmed ─▶ ending ─▶ ended
 *         └──────────┴─ rejected, cancelled ───┴─ BYE, no ACK ──────▲
 */
import { serverDialog } from './dialog.ts';
import type { Dialog, NextHop } from './dialog.ts';
import { createResponse } from './message.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { Repetition, T2_MS } from './repetition.ts';
import type { Scheduler, Timer } from './scheduler.ts';
import { answerSessionTimer } from './session-timer.ts';
import type { ClientUser, ServerTransaction, SipFlow } from './transactions.ts';

export type CallState = 'received' | 'ringing' | 'answered' | 'confirmed' | 'ending' | 'ended';

export interface CallEnd {
  readonly by: 'caller' | 'us' | 'network';
  /** The final answer to the INVITE. */
  readonly status: number;
  readonly reason: string;
}

/** What becomes of an offer within the call. */
export interface Reoffer {
  readonly status: number;
  readonly headers?: Iterable<readonly [string, string]>;
  readonly body?: Uint8Array;
}

/** Whoever answers the call. */
export interface CallListener {
  /** The caller has our 2xx, to the INVITE or to a later one: the session is up. @param body of the ACK, where the answer is if that INVITE had no offer. */
  acked(body: Uint8Array, nowMs: number): void;
  /** Session description in a re-INVITE or an UPDATE; empty where the peer wants ours. */
  reoffered(body: Uint8Array, nowMs: number): Reoffer;
  /** @returns the status of the answer. */
  info(request: SipRequest, nowMs: number): number;
  /** Once, whatever happened. */
  ended(end: CallEnd, nowMs: number): void;
}

/** What a call needs of its user agent. */
export interface CallHost {
  readonly scheduler: Scheduler;
  /** Field value for Contact, in answers to a request that came on the flow. */
  contact(request: SipRequest, flow: SipFlow): string;
  /** Sessions that want to be refreshed more often than this are refused, seconds. */
  readonly leastSessionSeconds: number;
  /** Fields of every 2xx to INVITE: Allow, Supported and the like. */
  readonly offered: readonly (readonly [string, string])[];
  send(hop: NextHop, user: ClientUser, nowMs: number): void;
  /** A number from 0 up to `below`. */
  randomNumber(below: number): number;
  /** A BYE of ours got its 2xx after so long. */
  disconnected(delayMs: number): void;
  /** The dialog is no more. */
  forget(call: ServerCall): void;
}

/** A request that comes too early is to be tried again after so many seconds, up to (§14.2). */
const RETRY_SECONDS = 10;

/** A provisional answer is repeated so often (§13.3.1.1), one that has arrived for certain less often (RFC 3262 §3). */
const RING_AGAIN_MS = 60_000;
const RELIABLE_RING_AGAIN_MS = 150_000;
const NO_BODY = new Uint8Array(0);

export class ServerCall {
  readonly dialog: Dialog;
  readonly receivedMs: number;
  readonly flow: SipFlow;
  readonly #host: CallHost;
  /** Field value for Contact. */
  readonly #contact: string;
  readonly #inviteSequence: number;
  /** The caller insists on reliable provisional answers (RFC 3262). */
  readonly #reliable: boolean;
  #listener: CallListener | undefined;
  #state: CallState = 'received';
  /** Of the INVITE, until its final answer. */
  #invite: ServerTransaction | undefined;
  #status = 0;
  #rseq = 0;
  #provisional: Repetition | undefined;
  /** RSeq that PRACK may still come for, after the final answer too (RFC 3262 §3). */
  #unpracked: number | undefined;
  /** 2xx of the INVITE or of a re-INVITE. */
  #success: Repetition | undefined;
  #ringing: Timer | undefined;
  #expiry: Timer | undefined;
  /** Why to hang up as soon as that is allowed. */
  #leaving: string | undefined;

  /** @param request the INVITE, with all mandatory fields valid. */
  constructor(host: CallHost, request: SipRequest, invite: ServerTransaction, localTag: string, nowMs: number) {
    this.#host = host;
    this.flow = invite.flow;
    this.dialog = serverDialog(request, localTag, invite.flow);
    this.#contact = host.contact(request, invite.flow);
    this.receivedMs = nowMs;
    this.#invite = invite;
    invite.onEnd = (reason, later) => {
      if (reason === 'transport error') this.#connectionLost(later);
    };
    this.#inviteSequence = request.cseq?.number ?? 0;
    this.#reliable = request.headers.values('Require').some((tag) => tag.toLowerCase() === '100rel');
  }

  get state(): CallState {
    return this.#state;
  }

  /** Sequence number of the INVITE: another INVITE with it came by another way (RFC 3261 §8.2.2.2). */
  get inviteSequence(): number {
    return this.#inviteSequence;
  }

  /** Whose call it is from now on. */
  serve(listener: CallListener): void {
    this.#listener = listener;
  }

  /** 180, or another provisional. */
  ring(nowMs: number, status: number = 180): void {
    const { transaction, request } = this.#pending();
    if (transaction === undefined || request === undefined) return;
    this.#state = 'ringing';
    // One at a time: the next one may only follow when this one is acknowledged (RFC 3262 §3).
    if (this.#provisional !== undefined) return;
    this.#ringing?.cancel();
    // A proxy gives up on an INVITE that it hears nothing of for three minutes (§16.6, Timer C).
    const againMs = nowMs + (this.#reliable ? RELIABLE_RING_AGAIN_MS : RING_AGAIN_MS);
    this.#ringing = this.#host.scheduler.at(againMs, (later) => this.ring(later, status));
    const headers: (readonly [string, string])[] = [['Contact', this.#contact]];
    if (!this.#reliable) {
      transaction.respond(this.#response(request, status, headers), nowMs);
      return;
    }
    this.#rseq = this.#rseq === 0 ? 1 + this.#host.randomNumber(2 ** 20) : this.#rseq + 1;
    this.#unpracked = this.#rseq;
    headers.push(['Require', '100rel'], ['RSeq', String(this.#rseq)]);
    const response = this.#response(request, status, headers);
    transaction.respond(response, nowMs);
    const repeated = {
      send: (later: number) => transaction.respond(response, later),
      mostMs: Number.POSITIVE_INFINITY,
      giveUp: (later: number) => {
        this.#provisional = undefined;
        this.reject(504, later, { reason: 'No PRACK' });
      },
    };
    this.#provisional = new Repetition(this.#host.scheduler, this.#rseq, repeated, nowMs);
  }

  /** 200 with a session description. Sent again until the ACK comes (RFC 3261 §13.3.1.4). */
  answer(body: Uint8Array, nowMs: number, more: Iterable<readonly [string, string]> = []): void {
    const { transaction, request } = this.#pending();
    if (transaction === undefined || request === undefined) return;
    this.#finish(200);
    this.#state = 'answered';
    this.#succeed(transaction, request, body, more, nowMs);
  }

  /** A final answer other than 2xx. */
  reject(
    status: number,
    nowMs: number,
    options: { readonly reason?: string; readonly headers?: Iterable<readonly [string, string]> } = {},
  ): void {
    const { transaction, request } = this.#pending();
    if (transaction === undefined || request === undefined) return;
    this.#refuse(transaction, request, status, nowMs, options);
    this.#end({ by: 'us', status, reason: options.reason ?? 'rejected' }, nowMs);
  }

  /** BYE, as soon as it is allowed: not before the ACK (§15). A call that is not answered is rejected with 480. */
  hangUp(reason: string, nowMs: number): void {
    if (this.#state === 'received' || this.#state === 'ringing') this.reject(480, nowMs, { reason });
    else if (this.#state === 'answered') this.#leaving ??= reason;
    else if (this.#state === 'confirmed') this.#bye({ by: 'us', status: this.#status, reason }, nowMs);
  }

  cancelled(nowMs: number): void {
    const { transaction, request } = this.#pending();
    if (transaction === undefined || request === undefined) return;
    this.#refuse(transaction, request, 487, nowMs);
    this.#end({ by: 'caller', status: 487, reason: 'cancelled' }, nowMs);
  }

  /**
   * The connection of the INVITE is no more. Nobody hears the answer then, so that a call without one is over. One that is answered
   * goes on: a dialog does not hang on a connection (§12), and the caller may go on by another.
   */
  #connectionLost(nowMs: number): void {
    const { transaction, request } = this.#pending();
    if (transaction === undefined || request === undefined) return;
    const reason = 'the connection is lost';
    this.#refuse(transaction, request, 480, nowMs, { reason });
    this.#end({ by: 'network', status: 480, reason }, nowMs);
  }

  acked(request: SipRequest, nowMs: number): void {
    const success = this.#success;
    if (success === undefined || request.cseq?.number !== success.number) return;
    success.cancel();
    this.#success = undefined;
    if (this.#state === 'answered') this.#state = 'confirmed';
    this.#listener?.acked(request.body, nowMs);
    if (this.#leaving !== undefined) this.hangUp(this.#leaving, nowMs);
  }

  /** A request within the dialog, of a method that is supported. */
  request(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    if (request.method === 'BYE') this.#byeFromPeer(request, transaction, nowMs);
    else if (this.#state === 'ending' || this.#state === 'ended') this.#respond(transaction, request, 481, nowMs);
    else if (!this.dialog.inOrder(request)) this.#respond(transaction, request, 500, nowMs, { reason: 'Out of Order' });
    else if (request.method === 'INVITE') this.#reinvite(request, transaction, nowMs);
    else if (request.method === 'UPDATE') this.#update(request, transaction, nowMs);
    else if (request.method === 'PRACK') this.#prack(request, transaction, nowMs);
    else if (request.method === 'INFO') this.#respond(transaction, request, this.#listener?.info(request, nowMs) ?? 500, nowMs);
    // Nothing here places a call because a peer says so.
    else if (request.method === 'REFER') this.#respond(transaction, request, 603, nowMs);
    else this.#respond(transaction, request, 405, nowMs, { headers: this.#host.offered });
  }

  #byeFromPeer(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    this.#respond(transaction, request, 200, nowMs);
    const { transaction: invite, request: invited } = this.#pending();
    if (invite !== undefined && invited !== undefined) this.#refuse(invite, invited, 487, nowMs);
    if (this.#state !== 'ending' && this.#state !== 'ended') this.#end({ by: 'caller', status: this.#status, reason: 'BYE' }, nowMs);
  }

  #reinvite(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    if (this.#invite !== undefined) return this.#tooEarly(request, transaction, nowMs);
    // Our answer to the one before is still on its way.
    if (this.#success !== undefined) return this.#respond(transaction, request, 491, nowMs);
    if (this.#tooShort(request, transaction, nowMs)) return undefined;
    const { status, headers = [], body } = this.#reoffered(request, transaction.flow, nowMs);
    if (status >= 300) return this.#respond(transaction, request, status, nowMs, { headers });
    this.#succeed(transaction, request, body ?? NO_BODY, headers, nowMs);
    return undefined;
  }

  #update(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    if (this.#tooShort(request, transaction, nowMs)) return undefined;
    const contact = ['Contact', this.#contact] as const;
    if (request.body.length === 0) {
      this.dialog.refreshTarget(request, transaction.flow);
      return this.#respond(transaction, request, 200, nowMs, { headers: [contact, ...this.#sessionTimer(request, nowMs)] });
    }
    // The offer of the INVITE has no answer yet (RFC 3311 §5.2).
    if (this.#invite !== undefined) return this.#tooEarly(request, transaction, nowMs);
    if (this.#success !== undefined) return this.#respond(transaction, request, 491, nowMs);
    const { status, headers = [], body } = this.#reoffered(request, transaction.flow, nowMs);
    const fields = status >= 300 ? headers : [contact, ...this.#sessionTimer(request, nowMs), ...headers];
    return this.#respond(transaction, request, status, nowMs, { headers: fields, ...(body === undefined ? {} : { body }) });
  }

  /** How long the session lasts unless the peer refreshes it (RFC 4028 §9, §10). @returns what to say about it. */
  #sessionTimer(request: SipRequest, nowMs: number): readonly (readonly [string, string])[] {
    this.#expiry?.cancel();
    const answer = answerSessionTimer(request, this.#host.leastSessionSeconds);
    if (answer.kind !== 'timer') return [];
    const untilMs = nowMs + answer.hangUpAfterMs;
    this.#expiry = this.#host.scheduler.at(untilMs, (later) => this.hangUp('the session was not refreshed', later));
    return answer.headers;
  }

  /** Refuses an interval that is too short. */
  #tooShort(request: SipRequest, transaction: ServerTransaction, nowMs: number): boolean {
    const answer = answerSessionTimer(request, this.#host.leastSessionSeconds);
    if (answer.kind !== 'refuse') return false;
    this.#respond(transaction, request, answer.status, nowMs, { headers: answer.headers });
    return true;
  }

  #reoffered(request: SipRequest, flow: SipFlow, nowMs: number): Reoffer {
    const outcome = this.#listener?.reoffered(request.body, nowMs) ?? { status: 500 };
    if (outcome.status < 300) this.dialog.refreshTarget(request, flow);
    return outcome;
  }

  #prack(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    const acknowledged = request.headers.get('RAck') ?? '';
    if (this.#unpracked === undefined || !isRack(acknowledged, this.#unpracked, this.#inviteSequence)) {
      return this.#respond(transaction, request, 481, nowMs);
    }
    this.#unpracked = undefined;
    this.#provisional?.cancel();
    this.#provisional = undefined;
    return this.#respond(transaction, request, 200, nowMs);
  }

  #tooEarly(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    const headers: [string, string][] = [['Retry-After', String(this.#host.randomNumber(RETRY_SECONDS + 1))]];
    this.#respond(transaction, request, 500, nowMs, { headers });
  }

  #succeed(
    transaction: ServerTransaction,
    request: SipRequest,
    body: Uint8Array,
    more: Iterable<readonly [string, string]>,
    nowMs: number,
  ): void {
    const headers: (readonly [string, string])[] = [
      ['Contact', this.#contact],
      ...this.#host.offered,
      ...this.#sessionTimer(request, nowMs),
      ...more,
    ];
    if (body.length > 0) headers.push(['Content-Type', 'application/sdp']);
    const response = this.#response(request, 200, headers, body);
    transaction.respond(response, nowMs);
    const repeated = {
      send: (later: number) => transaction.respond(response, later),
      mostMs: T2_MS,
      giveUp: (later: number) => {
        this.#success = undefined;
        if (this.#state === 'answered') this.#state = 'confirmed';
        this.#bye({ by: 'network', status: this.#status, reason: 'no ACK' }, later);
      },
    };
    this.#success = new Repetition(this.#host.scheduler, request.cseq?.number ?? 0, repeated, nowMs);
  }

  #bye(end: CallEnd, nowMs: number): void {
    const hop = this.dialog.createRequest('BYE');
    const over = (): void => {
      this.#state = 'ended';
      this.#host.forget(this);
    };
    this.#tellEnd(end, nowMs);
    this.#state = 'ending';
    // Whatever the answer is, the dialog is over (§15.1.1).
    const user: ClientUser = {
      response: ({ status }, _flow, answeredMs) => {
        if (status < 200) return;
        if (status < 300) this.#host.disconnected(answeredMs - nowMs);
        over();
      },
      timeout: over,
      failed: over,
    };
    this.#host.send(hop, user, nowMs);
  }

  #end(end: CallEnd, nowMs: number): void {
    this.#tellEnd(end, nowMs);
    this.#state = 'ended';
    this.#host.forget(this);
  }

  #tellEnd(end: CallEnd, nowMs: number): void {
    for (const timer of [this.#provisional, this.#success, this.#ringing, this.#expiry]) timer?.cancel();
    this.#provisional = undefined;
    this.#success = undefined;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.ended(end, nowMs);
  }

  /** The INVITE while it has no final answer. */
  #pending(): { readonly transaction: ServerTransaction | undefined; readonly request: SipRequest | undefined } {
    return { transaction: this.#invite, request: this.#invite?.request };
  }

  #finish(status: number): void {
    this.#invite = undefined;
    this.#status = status;
    this.#ringing?.cancel();
    this.#ringing = undefined;
    this.#provisional?.cancel();
    this.#provisional = undefined;
  }

  #refuse(
    transaction: ServerTransaction,
    request: SipRequest,
    status: number,
    nowMs: number,
    options: { readonly reason?: string; readonly headers?: Iterable<readonly [string, string]> } = {},
  ): void {
    this.#finish(status);
    this.#respond(transaction, request, status, nowMs, options);
  }

  #respond(
    transaction: ServerTransaction,
    request: SipRequest,
    status: number,
    nowMs: number,
    options: { readonly reason?: string; readonly headers?: Iterable<readonly [string, string]>; readonly body?: Uint8Array } = {},
  ): void {
    const headers = [...(options.headers ?? [])];
    if (options.body !== undefined) headers.push(['Content-Type', 'application/sdp']);
    transaction.respond(createResponse(request, status, { ...options, headers, toTag: this.dialog.localTag }), nowMs);
  }

  #response(request: SipRequest, status: number, headers: Iterable<readonly [string, string]>, body?: Uint8Array): SipResponse {
    return createResponse(request, status, { headers, toTag: this.dialog.localTag, ...(body === undefined ? {} : { body }) });
  }
}

/** RAck: the number of the response, and the CSeq of the INVITE (RFC 3262 §7.2). */
function isRack(value: string, rseq: number, inviteSequence: number): boolean {
  const [response, sequence, method, ...rest] = value.split(' ').filter((part) => part !== '');
  return rest.length === 0 && response === String(rseq) && sequence === String(inviteSequence) && method === 'INVITE';
}
