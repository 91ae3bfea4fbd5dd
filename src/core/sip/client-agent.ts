/**
 * The user agent client: transactions below, calls that we place above. It knows which answer and which request belong to which call,
 * and takes no calls itself. Pure: messages, time and random numbers come in.
 */
import { ClientCall } from './client-call.ts';
import type { CallOrder, ClientCallHost, ClientCallListener } from './client-call.ts';
import { clientDialog } from './dialog.ts';
import type { NextHop } from './dialog.ts';
import type { DigestTools } from './digest.ts';
import { createResponse, serialize } from './message.ts';
import type { SipMessage, SipRequest, SipResponse } from './message.ts';
import { ACCEPT, ALLOW, refusalOf, SUPPORTED } from './request-checks.ts';
import type { Refusal } from './request-checks.ts';
import { Scheduler } from './scheduler.ts';
import { TransactionLayer } from './transactions.ts';
import type { ClientTransaction, ClientUser, ServerTransaction, SipFlow, TransactionUser } from './transactions.ts';
import { MAGIC_COOKIE } from './transaction/keys.ts';
import { viaOf } from './transaction/via.ts';

export interface ClientAgentOptions {
  /** Of digests, branches and tags. */
  readonly tools: DigestTools;
  /** Field value for User-Agent. */
  readonly userAgent: string;
  /** The way to a URI; undefined where there is none but back through the flow. */
  readonly flowTo: (uri: string, like: SipFlow) => SipFlow | undefined;
}

const TAG_BYTES = 8;
const BRANCH_BYTES = 12;
/** Calls that a late answer may still belong to. */
const REMEMBERED_CALLS = 10_000;
/** §8.1.1.5: below 2^31, with room for the requests of the call. */
const FIRST_SEQUENCES = 2 ** 20;

export class ClientAgent implements TransactionUser, ClientCallHost {
  readonly scheduler: Scheduler = new Scheduler();
  readonly layer: TransactionLayer;
  readonly tools: DigestTools;
  readonly userAgent: string;
  readonly offered: readonly (readonly [string, string])[] = [
    ['Allow', ALLOW],
    ['Supported', SUPPORTED.join(', ')],
  ];
  readonly #options: ClientAgentOptions;
  /** By our tag, which is unique. */
  readonly #calls = new Map<string, ClientCall>();
  /** Tags of the calls that were placed last, those that are over among them. */
  readonly #placed = new Set<string>();

  constructor(options: ClientAgentOptions) {
    this.#options = options;
    this.tools = options.tools;
    this.userAgent = options.userAgent;
    this.layer = new TransactionLayer(this, { random: options.tools.random });
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
    if (request.method !== 'ACK') flow.send(serialize(this.#answer(request, refusal)));
  }

  /** A call, which is begun by its {@link ClientCall.start}. */
  place(order: Omit<CallOrder, 'tag'>, flow: SipFlow, listener: ClientCallListener): ClientCall {
    const tag = this.tools.random(TAG_BYTES);
    const first = 1 + (Number.parseInt(this.tools.random(4), 16) % FIRST_SEQUENCES);
    const call = new ClientCall(this, { ...order, tag }, flow, listener, first);
    this.#calls.set(tag, call);
    this.#placed.add(tag);
    if (this.#placed.size > REMEMBERED_CALLS) this.#placed.delete(this.#placed.values().next().value ?? '');
    return call;
  }

  invite(request: SipRequest, flow: SipFlow, user: ClientUser, nowMs: number): ClientTransaction {
    return this.layer.request(request, flow, user, nowMs);
  }

  send({ request, target, flow }: NextHop, user: ClientUser, nowMs: number): void {
    this.layer.request(request, this.#wayTo(target, flow), user, nowMs);
  }

  /** An ACK of a 2xx is a request without a transaction (RFC 3261 §17.1): with a branch of its own, and never sent again by a timer. */
  sendAck({ request, target, flow }: NextHop): void {
    const way = this.#wayTo(target, flow);
    request.headers.prepend('Via', viaOf(way, MAGIC_COOKIE + this.tools.random(BRANCH_BYTES)));
    way.send(serialize(request));
  }

  forget(call: ClientCall): void {
    this.#calls.delete(call.order.tag);
  }

  request(request: SipRequest, transaction: ServerTransaction, nowMs: number): void {
    const respond = (refusal: Refusal): void => transaction.respond(this.#answer(request, refusal), nowMs);
    const refusal = refusalOf(request, transaction.flow.transport === 'TLS');
    if (refusal !== undefined) return respond(refusal);
    const call = this.#callOf(request);
    if (request.method === 'OPTIONS') {
      if (request.toTag !== undefined && call === undefined) return respond({ status: 481 });
      return respond({ status: 200, headers: [['Accept', ACCEPT]] });
    }
    if (call !== undefined) return call.request(request, transaction, (status) => respond({ status }), nowMs);
    if (request.toTag !== undefined) return respond({ status: 481 });
    // Whoever places calls to measure them takes none.
    return respond(
      request.method === 'INVITE' ? { status: 480, reason: 'Takes No Calls' } : { status: request.method === 'REFER' ? 603 : 481 },
    );
  }

  ack(request: SipRequest): void {
    this.#callOf(request)?.acked(request);
  }

  cancelled(invite: ServerTransaction, nowMs: number): void {
    const { request } = invite;
    if (request !== undefined) invite.respond(this.#answer(request, { status: 487 }), nowMs);
  }

  /** A 2xx to an INVITE whose transaction is over: somebody has a call that nobody wants any more (§13.2.2.4). */
  strayResponse(response: SipResponse, flow: SipFlow, nowMs: number): void {
    const { headers } = response;
    const invite = {
      callId: response.callId,
      fromTag: response.fromTag,
      headers,
      uri: response.to?.uri ?? '',
      cseq: response.cseq,
    };
    // Only of a call of ours: what anybody makes up must not make us send to somebody else.
    if (invite.uri === '' || response.toTag === undefined || !this.#placed.has(response.fromTag ?? '')) return;
    const dialog = clientDialog(invite, response, flow);
    this.sendAck(dialog.createAck(response.cseq?.number ?? 0));
    this.send(dialog.createRequest('BYE'), { response: () => undefined, timeout: () => undefined, failed: () => undefined }, nowMs);
  }

  #wayTo(target: string | undefined, flow: SipFlow): SipFlow {
    return (target === undefined ? undefined : this.#options.flowTo(target, flow)) ?? flow;
  }

  #callOf(request: SipRequest): ClientCall | undefined {
    const call = this.#calls.get(request.toTag ?? '');
    return call?.has(request) === true ? call : undefined;
  }

  #answer(request: SipRequest, { status, reason, headers = [] }: Refusal): SipResponse {
    const all = [...this.offered.filter(([name]) => !headers.some(([given]) => given === name)), ...headers];
    const toTag = request.toTag === undefined ? { toTag: this.tools.random(TAG_BYTES) } : {};
    return createResponse(request, status, { ...(reason === undefined ? {} : { reason }), headers: all, ...toTag });
  }
}
