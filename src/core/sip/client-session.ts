/**
 * A session that an INVITE of ours began, once it is answered: the requests of the peer within its dialog, its session timer, and the
 * BYE of either side (RFC 3261 §12.2, §14.2, §15; RFC 3311, 4028). Without input and output.
 */
import type { Dialog, NextHop } from './dialog.ts';
import { createResponse } from './message.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { Repetition, T2_MS } from './repetition.ts';
import type { Scheduler, Timer } from './scheduler.ts';
import type { Reoffer } from './server-call.ts';
import { agreedTimer, answerSessionTimer, LEAST_SESSION_SECONDS } from './session-timer.ts';
import type { ClientUser, ServerTransaction } from './transactions.ts';

type Field = readonly [name: string, value: string];

/** What a session needs of whoever placed its call. */
export interface SessionHost {
  readonly scheduler: Scheduler;
  /** Fields of every 2xx to INVITE: Allow, Supported and the like. */
  readonly offered: readonly Field[];
  send(hop: NextHop, user: ClientUser, nowMs: number): void;
  /** Sends what is no transaction: the ACK of a 2xx. */
  sendAck(hop: NextHop): void;
  /** Credentials for a request, where there are any. */
  credentials(method: string, uri: string): readonly Field[];
}

export interface SessionUser {
  /** Session description in a re-INVITE or an UPDATE; empty where the peer wants ours. */
  reoffered(body: Uint8Array, nowMs: number): Reoffer;
  /** The peer has ended it. */
  left(bye: SipRequest, nowMs: number): void;
  /** It is to be ended by us. @param reason one line. */
  broken(reason: string, nowMs: number): void;
}

const NO_BODY = new Uint8Array(0);

export class ClientSession {
  readonly dialog: Dialog;
  readonly #host: SessionHost;
  readonly #user: SessionUser;
  readonly #contact: string;
  /** Our offer, for a refresh by re-INVITE. */
  readonly #offer: Uint8Array;
  readonly #updates: boolean;
  /** 2xx to a re-INVITE of the peer, until its ACK. */
  #success: Repetition | undefined;
  #timer: Timer | undefined;
  #over = false;

  /** @param response the 2xx that began it. */
  constructor(
    host: SessionHost,
    user: SessionUser,
    parts: { readonly dialog: Dialog; readonly contact: string; readonly offer: Uint8Array },
    response: SipResponse,
    nowMs: number,
  ) {
    this.#host = host;
    this.#user = user;
    this.dialog = parts.dialog;
    this.#contact = parts.contact;
    this.#offer = parts.offer;
    this.#updates = response.headers.values('Allow').some((method) => method.toUpperCase() === 'UPDATE');
    this.#watch(response, nowMs);
  }

  /** A request within the dialog, of a method that is supported; OPTIONS excepted. */
  request(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    if (request.method === 'BYE') {
      respond(transaction, request, 200, nowMs);
      if (!this.#over) this.#user.left(request, nowMs);
    } else if (this.#over) respond(transaction, request, 481, nowMs);
    else if (!this.dialog.inOrder(request)) respond(transaction, request, 500, nowMs, [], 'Out of Order');
    else if (request.method === 'INVITE' || request.method === 'UPDATE') this.#reoffer(request, transaction, nowMs);
    // What a caller has no use for is taken note of, and no more.
    else if (request.method === 'INFO') respond(transaction, request, 200, nowMs);
    else if (request.method === 'REFER') respond(transaction, request, 603, nowMs);
    else respond(transaction, request, 481, nowMs);
  }

  /** The ACK of a 2xx of ours. */
  acked(request: SipRequest): void {
    if (request.cseq?.number !== this.#success?.number) return;
    this.#success?.cancel();
    this.#success = undefined;
  }

  /** No timers any more, and nothing but 481 for the peer. */
  end(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#success?.cancel();
    this.#success = undefined;
  }

  /** §14.2, RFC 3311 §5.2. */
  #reoffer(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    const isInvite = request.method === 'INVITE';
    const timer = answerSessionTimer(request, LEAST_SESSION_SECONDS);
    if (timer.kind === 'refuse') return respond(transaction, request, timer.status, nowMs, timer.headers);
    if (this.#success !== undefined && (isInvite || request.body.length > 0)) return respond(transaction, request, 491, nowMs);
    const outcome: Reoffer = isInvite || request.body.length > 0 ? this.#user.reoffered(request.body, nowMs) : { status: 200 };
    const { status, headers = [], body } = outcome;
    if (status >= 300) return respond(transaction, request, status, nowMs, headers);
    this.dialog.refreshTarget(request, transaction.flow);
    this.#timer?.cancel();
    if (timer.kind === 'timer') this.#hangUpAt(nowMs + timer.hangUpAfterMs);
    const fields: Field[] = [
      ['Contact', this.#contact],
      ...this.#host.offered,
      ...(timer.kind === 'timer' ? timer.headers : []),
      ...headers,
    ];
    const response = responseOf(request, 200, fields, body);
    transaction.respond(response, nowMs);
    if (!isInvite) return undefined;
    const repeated = {
      send: (later: number) => transaction.respond(response, later),
      mostMs: T2_MS,
      giveUp: (later: number) => {
        this.#success = undefined;
        this.#user.broken('the far end sent no ACK', later);
      },
    };
    this.#success = new Repetition(this.#host.scheduler, request.cseq?.number ?? 0, repeated, nowMs);
    return undefined;
  }

  /** Refreshes the session, or watches whether the peer does (RFC 4028 §7.2, §10). */
  #watch(response: SipResponse, nowMs: number): void {
    this.#timer?.cancel();
    const agreed = agreedTimer(response);
    if (agreed.kind === 'theirs') this.#hangUpAt(nowMs + agreed.hangUpAfterMs);
    else if (agreed.kind === 'ours') {
      this.#timer = this.#host.scheduler.at(nowMs + agreed.refreshAfterMs, (later) => this.#refresh(agreed.refreshAfterMs * 2, later));
    }
  }

  #hangUpAt(atMs: number): void {
    this.#timer = this.#host.scheduler.at(atMs, (later) => this.#user.broken('the far end did not refresh the session', later));
  }

  #refresh(intervalMs: number, nowMs: number): void {
    const method = this.#updates ? 'UPDATE' : 'INVITE';
    const fields: Field[] = [
      ['Contact', this.#contact],
      ['Supported', 'timer'],
      ['Session-Expires', `${Math.round(intervalMs / 1000)};refresher=uac`],
      ...this.#host.credentials(method, this.dialog.remoteTarget),
    ];
    if (method === 'INVITE') fields.push(['Content-Type', 'application/sdp']);
    const hop = this.dialog.createRequest(method, fields, method === 'INVITE' ? this.#offer : NO_BODY);
    const sequence = this.dialog.localSequence;
    const failed = (later: number): void => {
      if (!this.#over) this.#user.broken('the far end did not answer to the refresh of the session', later);
    };
    const user: ClientUser = {
      response: (response, _flow, later) => {
        if (response.status < 200) return;
        if (response.status < 300) {
          if (method === 'INVITE')
            this.#host.sendAck(this.dialog.createAck(sequence, this.#host.credentials('ACK', this.dialog.remoteTarget)));
          this.dialog.answered(response);
          if (!this.#over) this.#watch(response, later);
        } else if (response.status === 408 || response.status === 481) failed(later);
      },
      timeout: failed,
      failed,
    };
    this.#host.send(hop, user, nowMs);
  }
}

/** An answer within a dialog: the request has our tag. */
export function respond(
  transaction: ServerTransaction,
  request: SipRequest,
  status: number,
  nowMs: number,
  headers: Iterable<Field> = [],
  reason?: string,
): void {
  transaction.respond(createResponse(request, status, { headers, ...(reason === undefined ? {} : { reason }) }), nowMs);
}

function responseOf(request: SipRequest, status: number, headers: readonly Field[], body: Uint8Array | undefined): SipResponse {
  if (body === undefined || body.length === 0) return createResponse(request, status, { headers });
  return createResponse(request, status, { headers: [...headers, ['Content-Type', 'application/sdp']], body });
}
