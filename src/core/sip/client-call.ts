/**
 * A call that we place: INVITE, challenges, provisional answers, CANCEL, ACK, BYE (RFC 3261 §9.1, §13.2, §15.1, §22; RFC 3262 where
 * the far end insists on it). Without input and output: time comes in as an argument, what is sent goes to transactions, what happens
 * is told to a listener.
 *
 *     calling ─▶ ringing ─▶ established ─▶ ending ─▶ ended
 *        └──────────┴─ refused, cancelled, no answer ──▲
 *
 * The INVITE has an offer. A forked INVITE may be answered more than once: the first 2xx is the call, each other gets ACK and BYE
 * (§13.2.2.4). A redirection is told, not followed: nothing here calls anybody whom the user did not name.
 */
import { ClientCredentials } from './client-credentials.ts';
import { ClientSession } from './client-session.ts';
import type { SessionHost, SessionUser } from './client-session.ts';
import { clientDialog } from './dialog.ts';
import type { Dialog } from './dialog.ts';
import type { DigestCredentials, DigestTools } from './digest.ts';
import { createRequest, parseNameAddr } from './message.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { causeOf } from './reason-header.ts';
import type { Cause } from './reason-header.ts';
import { parseDecimal } from './scanner.ts';
import type { Timer } from './scheduler.ts';
import type { Reoffer } from './server-call.ts';
import type { ClientTransaction, ClientUser, ServerTransaction, SipFlow } from './transactions.ts';

export interface CallOrder {
  /** Request-URI. */
  readonly uri: string;
  /** URIs of From, without a tag, and of To. */
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  /** Tag of From. */
  readonly tag: string;
  /** Value of Contact. */
  readonly contact: string;
  /** Values of Route: of an outbound proxy (§8.1.2). */
  readonly routes: readonly string[];
  /** Session description that is offered. */
  readonly offer: Uint8Array;
  readonly credentials: DigestCredentials | undefined;
}

/** Why a call is over. What is the peer's text in it is to be escaped before it is shown. */
export type ClientCallEnd =
  /** A final answer that is none to a challenge: 300 to 699. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly reason: string;
      readonly cause: Cause | null;
      readonly detail: string | null;
    }
  /** 401 or 407. @see ClientCredentials */
  | { readonly kind: 'credentials'; readonly status: number; readonly reason: string; readonly detail: string }
  /** Given up by us before it was answered. */
  | { readonly kind: 'cancelled'; readonly rang: boolean }
  /** Nobody answered the INVITE at all (timer B), or a proxy fell silent after a provisional answer. */
  | { readonly kind: 'timeout'; readonly rang: boolean }
  /** The transport failed. */
  | { readonly kind: 'unreachable' }
  /** We hung up. @param answered the BYE got its answer. */
  | { readonly kind: 'hung-up'; readonly why: string | null; readonly answered: boolean; readonly disconnectMs: number | null }
  /** The peer did. */
  | { readonly kind: 'left'; readonly cause: Cause | null };

export interface ClientCallListener {
  /** A provisional answer other than 100. @param body session description of early media; empty without. */
  progress(status: number, body: Uint8Array, nowMs: number): void;
  /** The 2xx has come, and its ACK is sent. @param body the answer to the offer; that of early media where the 2xx has none. */
  answered(body: Uint8Array, nowMs: number): void;
  /** Session description in a re-INVITE or an UPDATE; empty where the peer wants ours. */
  reoffered(body: Uint8Array, nowMs: number): Reoffer;
  /** We are hanging up, or the peer has: no more media. Not told of a call that was not answered. */
  ending(nowMs: number): void;
  /** Once, whatever happened. */
  ended(end: ClientCallEnd, nowMs: number): void;
}

export interface ClientCallHost extends Omit<SessionHost, 'credentials'> {
  readonly tools: DigestTools;
  readonly userAgent: string;
  invite(request: SipRequest, flow: SipFlow, user: ClientUser, nowMs: number): ClientTransaction;
  forget(call: ClientCall): void;
}

export type ClientCallState = 'calling' | 'ringing' | 'established' | 'ending' | 'ended';

/** What RFC 3262 has in our INVITE: reliable provisional answers are understood, and so are session timers. */
const SUPPORTED = '100rel, timer';
/** A cancelled INVITE is answered within a round trip; a far end that does not is not waited for longer than this. */
const CANCEL_PATIENCE_MS = 4_000;
const MOST_RSEQ = 2 ** 32 - 1;
const NO_BODY = new Uint8Array(0);

/** A dialog that a provisional answer began. */
interface EarlyDialog {
  readonly dialog: Dialog;
  /** RSeq of the last one that was acknowledged (RFC 3262 §4). */
  rseq: number;
}

export class ClientCall implements SessionUser {
  readonly order: CallOrder;
  readonly #host: ClientCallHost;
  /** Until it is over: the transaction of the INVITE, which waits for copies of the answer, keeps nothing of its owner alive. */
  #listener: ClientCallListener | undefined;
  readonly #flow: SipFlow;
  readonly #credentials: ClientCredentials;
  readonly #sessionHost: SessionHost;
  /** By the tag of the far end: a forked INVITE has several. */
  readonly #early = new Map<string, EarlyDialog>();
  /** What comes of other branches that were answered. */
  readonly #others = new Map<string, Dialog>();
  #state: ClientCallState = 'calling';
  #invite: ClientTransaction | undefined;
  #sequence: number;
  #session: ClientSession | undefined;
  #earlyBody: Uint8Array = NO_BODY;
  #cancelled = false;
  #patience: Timer | undefined;

  constructor(host: ClientCallHost, order: CallOrder, flow: SipFlow, listener: ClientCallListener, firstSequence: number) {
    this.#host = host;
    this.order = order;
    this.#flow = flow;
    this.#listener = listener;
    this.#sequence = firstSequence;
    this.#credentials = new ClientCredentials(order.credentials, host.tools);
    this.#sessionHost = {
      scheduler: host.scheduler,
      offered: host.offered,
      send: (hop, user, nowMs) => host.send(hop, user, nowMs),
      sendAck: (hop) => host.sendAck(hop),
      credentials: (method, uri) => this.#credentials.fields(method, uri),
    };
  }

  get state(): ClientCallState {
    return this.#state;
  }

  start(nowMs: number): void {
    this.#sendInvite(nowMs);
  }

  /** BYE when it is answered, CANCEL before that (§9.1, §15). @param why one line, for the end; null at the planned end of the call. */
  hangUp(why: string | null, nowMs: number): void {
    if (this.#state === 'established') this.#bye(why, nowMs);
    else if (this.#state === 'calling' || this.#state === 'ringing') this.#cancel(nowMs);
  }

  /** Whether a request of the peer is of a dialog of this call. */
  has(request: SipRequest): boolean {
    const tag = request.fromTag ?? '';
    return (
      request.callId === this.order.callId && (this.#session?.dialog.remoteTag === tag || this.#early.has(tag) || this.#others.has(tag))
    );
  }

  /** A request within a dialog of this call, of a method that is supported; OPTIONS excepted. */
  request(request: SipRequest, transaction: ServerTransaction, respond: (status: number) => void, nowMs: number): void {
    const session = this.#session;
    if (session !== undefined && session.dialog.remoteTag === request.fromTag) session.request(request, transaction, nowMs);
    // Its offer is ours, and has no final answer yet (RFC 3311 §5.2).
    else if (request.method === 'UPDATE' && this.#early.has(request.fromTag ?? '')) respond(request.body.length === 0 ? 200 : 491);
    else respond(request.method === 'BYE' ? 200 : 481);
  }

  acked(request: SipRequest): void {
    this.#session?.acked(request);
  }

  reoffered(body: Uint8Array, nowMs: number): Reoffer {
    return this.#listener?.reoffered(body, nowMs) ?? { status: 481 };
  }

  left(bye: SipRequest, nowMs: number): void {
    if (this.#state !== 'established') return;
    this.#state = 'ending';
    this.#listener?.ending(nowMs);
    this.#end({ kind: 'left', cause: causeOf(bye) }, nowMs);
  }

  broken(reason: string, nowMs: number): void {
    this.hangUp(reason, nowMs);
  }

  /** The connection that the call goes by is lost, or nothing listens there: nothing will come of an INVITE without an answer. */
  unreachable(nowMs: number): void {
    if (this.#state === 'calling') this.#end({ kind: 'unreachable' }, nowMs);
  }

  #sendInvite(nowMs: number): void {
    const { uri, from, to, callId, tag, contact, routes, offer } = this.order;
    const headers: (readonly [string, string])[] = [
      ...routes.map((route) => ['Route', route] as const),
      ['Max-Forwards', '70'],
      ['From', `<${from}>;tag=${tag}`],
      ['To', `<${to}>`],
      ['Call-ID', callId],
      ['CSeq', `${this.#sequence} INVITE`],
      ['Contact', contact],
      ...this.#host.offered.filter(([name]) => name !== 'Supported'),
      ['Supported', SUPPORTED],
      ['User-Agent', this.#host.userAgent],
      ...this.#credentials.fields('INVITE', uri),
      ['Content-Type', 'application/sdp'],
    ];
    const request = createRequest('INVITE', uri, headers, offer);
    const sequence = this.#sequence;
    const isPresent = (): boolean => sequence === this.#sequence;
    const user: ClientUser = {
      response: (response, _flow, later) => {
        if (response.status < 200) this.#provisional(response, request, later);
        else if (response.status < 300) this.#accepted(response, request, later);
        else if (isPresent()) this.#refused(response, later);
      },
      timeout: (later) => this.#lost({ kind: 'timeout', rang: this.#state === 'ringing' }, later),
      failed: (later) => this.#lost({ kind: 'unreachable' }, later),
    };
    this.#invite = this.#host.invite(request, this.#flow, user, nowMs);
  }

  #provisional(response: SipResponse, invite: SipRequest, nowMs: number): void {
    if (response.status === 100 || (this.#state !== 'calling' && this.#state !== 'ringing')) return;
    this.#state = 'ringing';
    const tag = response.toTag;
    if (tag !== undefined) this.#acknowledgeProvisional(tag, response, invite, nowMs);
    if (isSdp(response)) this.#earlyBody = response.body;
    this.#listener?.progress(response.status, isSdp(response) ? response.body : NO_BODY, nowMs);
  }

  /** PRACK, where the far end insists (RFC 3262 §4): once for each RSeq, in their order. */
  #acknowledgeProvisional(tag: string, response: SipResponse, invite: SipRequest, nowMs: number): void {
    const early = this.#early.get(tag) ?? { dialog: clientDialog(invite, response, this.#flow), rseq: 0 };
    this.#early.set(tag, early);
    if (!response.headers.values('Require').some((option) => option.toLowerCase() === '100rel')) return;
    const rseq = parseDecimal(response.headers.get('RSeq') ?? '', MOST_RSEQ);
    if (rseq === undefined || (early.rseq !== 0 && rseq !== early.rseq + 1)) return;
    early.rseq = rseq;
    const { dialog } = early;
    const fields = [
      ['RAck', `${rseq} ${invite.cseq?.number ?? 0} INVITE`] as const,
      ...this.#credentials.fields('PRACK', dialog.remoteTarget),
    ];
    // Whatever becomes of it, the final answer tells.
    this.#host.send(dialog.createRequest('PRACK', fields), UNHEARD, nowMs);
  }

  #accepted(response: SipResponse, invite: SipRequest, nowMs: number): void {
    const tag = response.toTag ?? '';
    const known = this.#session?.dialog.remoteTag === tag ? this.#session.dialog : this.#others.get(tag);
    // Our ACK was lost.
    if (known !== undefined) return this.#ack(known, invite);
    const dialog = this.#early.get(tag)?.dialog ?? clientDialog(invite, response, this.#flow);
    dialog.answered(response);
    this.#ack(dialog, invite);
    if (this.#session !== undefined || this.#state === 'ended' || this.#state === 'ending') {
      this.#others.set(tag, dialog);
      this.#host.send(dialog.createRequest('BYE', this.#credentials.fields('BYE', dialog.remoteTarget)), UNHEARD, nowMs);
      return undefined;
    }
    this.#patience?.cancel();
    const { contact, offer } = this.order;
    this.#session = new ClientSession(this.#sessionHost, this, { dialog, contact, offer }, response, nowMs);
    this.#state = 'established';
    this.#listener?.answered(isSdp(response) ? response.body : this.#earlyBody, nowMs);
    // The answer and our CANCEL have met each other.
    if (this.#cancelled) this.hangUp('given up', nowMs);
    return undefined;
  }

  #ack(dialog: Dialog, invite: SipRequest): void {
    // §13.2.2.4: the credentials are those of the INVITE.
    const credentials = (['Authorization', 'Proxy-Authorization'] as const).flatMap((name) =>
      invite.headers.all(name).map((value) => [name, value] as const),
    );
    this.#host.sendAck(dialog.createAck(invite.cseq?.number ?? 0, credentials));
  }

  #refused(response: SipResponse, nowMs: number): void {
    const { status, reason } = response;
    if (this.#state !== 'calling' && this.#state !== 'ringing') return undefined;
    if (this.#cancelled) return this.#end({ kind: 'cancelled', rang: this.#state === 'ringing' }, nowMs);
    if (status === 401 || status === 407) {
      const problem = this.#credentials.challenged(response);
      if (problem !== undefined) return this.#end({ kind: 'credentials', status, reason, detail: problem }, nowMs);
      this.#sequence += 1;
      this.#early.clear();
      return this.#sendInvite(nowMs);
    }
    return this.#end({ kind: 'refused', status, reason, cause: causeOf(response), detail: detailOf(response) }, nowMs);
  }

  #lost(end: ClientCallEnd, nowMs: number): void {
    if (this.#state !== 'calling' && this.#state !== 'ringing') return;
    this.#end(this.#cancelled ? { kind: 'cancelled', rang: this.#state === 'ringing' } : end, nowMs);
  }

  #cancel(nowMs: number): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#patience = this.#host.scheduler.at(nowMs + CANCEL_PATIENCE_MS, (later) => {
      this.#lost({ kind: 'cancelled', rang: this.#state === 'ringing' }, later);
    });
    this.#invite?.cancel(nowMs);
  }

  #bye(why: string | null, nowMs: number): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#state = 'ending';
    session.end();
    this.#listener?.ending(nowMs);
    this.#sendBye(session.dialog, why, nowMs, nowMs);
  }

  #sendBye(dialog: Dialog, why: string | null, firstMs: number, nowMs: number): void {
    const over = (answered: boolean, later: number): void => {
      if (this.#state === 'ended') return;
      this.#end({ kind: 'hung-up', why, answered, disconnectMs: answered ? later - firstMs : null }, later);
    };
    const user: ClientUser = {
      response: (response, _flow, later) => {
        if (response.status < 200) return;
        const challenged = response.status === 401 || response.status === 407;
        if (challenged && this.#credentials.challenged(response) === undefined) this.#sendBye(dialog, why, firstMs, later);
        // Whatever the answer is, the dialog is over (§15.1.1).
        else over(response.status < 300, later);
      },
      timeout: (later) => over(false, later),
      failed: (later) => over(false, later),
    };
    this.#host.send(dialog.createRequest('BYE', this.#credentials.fields('BYE', dialog.remoteTarget)), user, nowMs);
  }

  #end(end: ClientCallEnd, nowMs: number): void {
    this.#state = 'ended';
    this.#patience?.cancel();
    this.#session?.end();
    this.#host.forget(this);
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.ended(end, nowMs);
  }
}

const UNHEARD: ClientUser = {
  response: () => undefined,
  timeout: () => undefined,
  failed: () => undefined,
};

function isSdp(response: SipResponse): boolean {
  const type = response.headers.get('Content-Type') ?? '';
  const end = type.indexOf(';');
  return response.body.length > 0 && (end < 0 ? type : type.slice(0, end)).trim().toLowerCase() === 'application/sdp';
}

/** What an answer says beside its status: where it redirects to, or what is wrong with the offer (§20.43). */
function detailOf(response: SipResponse): string | null {
  if (response.status < 400) {
    const uris = response.headers.values('Contact').flatMap((value) => parseNameAddr(value)?.uri ?? []);
    return uris.length === 0 ? null : uris.join(', ');
  }
  return response.headers.get('Warning') ?? null;
}
