/** What both server machines do alike: keep the request until its answer, send answers, and end with a reason. */
import type { SipRequest, SipResponse } from '../message.ts';
import { serialize } from '../message.ts';
import { Machine, sameFlow } from './machine.ts';
import type { MachineHost } from './machine.ts';
import type { ServerEnd, ServerState, ServerTransaction, SipFlow } from './types.ts';
import { answerFlow } from './via.ts';

export abstract class ServerMachine extends Machine implements ServerTransaction {
  readonly method: string;
  request: SipRequest | undefined;
  state: ServerState;
  onEnd: ((reason: ServerEnd, nowMs: number) => void) | undefined = undefined;
  /** What a retransmission of the request gets. */
  #last: Uint8Array | undefined = undefined;
  /** Where answers go, which may be another port than the request's (RFC 3261 §18.2.2). */
  readonly #out: SipFlow;

  constructor(host: MachineHost, id: string, flow: SipFlow, request: SipRequest, state: ServerState) {
    super(host, id, flow);
    this.method = request.method;
    this.request = request;
    this.state = state;
    this.#out = answerFlow(request, flow);
  }

  abstract respond(response: SipResponse, nowMs: number): void;

  /** The request came again. */
  retransmitted(): void {
    this.host.counts.retransmissionsIn += 1;
    this.sendAgain();
  }

  override flowFailed(nowMs: number): void {
    const { onEnd } = this;
    if (this.request === undefined && onEnd === undefined) return;
    this.onEnd = undefined;
    this.host.counts.failures += 1;
    onEnd?.('transport error', nowMs);
  }

  override uses(flow: SipFlow): boolean {
    return sameFlow(this.flow, flow) || sameFlow(this.#out, flow);
  }

  protected send(response: SipResponse): void {
    this.#out.send(serialize(response));
  }

  /** Sends it, and again at each retransmission of the request. */
  protected sendAndKeep(response: SipResponse): void {
    this.#last = serialize(response);
    this.#out.send(this.#last);
  }

  protected sendAgain(): void {
    if (this.#last === undefined) return;
    this.host.counts.retransmissionsOut += 1;
    this.#out.send(this.#last);
  }

  /** Retransmissions of the request get no answer any more. */
  protected forgetAnswer(): void {
    this.#last = undefined;
  }

  protected override end(): void {
    this.state = 'Terminated';
    this.request = undefined;
    this.onEnd = undefined;
    super.end();
  }
}
