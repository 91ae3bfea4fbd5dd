/**
 * The INVITE server transaction (RFC 3261 §17.2.1, figure 7, with the Accepted state of RFC 6026 §7.1).
 *
 *                INVITE: tell the user, send 100
 *                     ▼
 *              ┌─▶ Proceeding ──────────── 2xx ─────────▶ Accepted      INVITE again: nothing
 *     1xx, or  └──────┤                                     │           2xx of the user: send
 *     INVITE again    │ 300–699                             │           ACK: tell the user
 *                     ▼                                     │
 *               Completed   INVITE again, timer G: send     │
 *                 │   └──── timer H: tell the user ────┐    │
 *                 │ ACK                                ▼    ▼ timer L
 *                 └──▶ Confirmed ──── timer I ──────▶ Terminated
 */
import type { SipRequest, SipResponse } from '../message.ts';
import { createResponse } from '../message.ts';
import type { MachineHost } from './machine.ts';
import { ServerMachine } from './server-machine.ts';
import { TRYING_AFTER_MS } from './timers.ts';
import type { SipFlow } from './types.ts';

export class InviteServer extends ServerMachine {
  override readonly kind = 'inviteServers';
  #cancelled = false;
  /** The tag that our answers gave the To field of a request without one. */
  toTag: string | undefined = undefined;
  /** Between retransmissions of the refusal: timer G. */
  #intervalMs = 0;

  constructor(host: MachineHost, id: string, flow: SipFlow, request: SipRequest) {
    super(host, id, flow, request, 'Proceeding');
  }

  /** 100 Trying, now or when the user has given no answer within 200 ms. */
  start(trying: 'at once' | 'after 200 ms', nowMs: number): void {
    if (trying === 'at once') this.#try();
    else this.repeatAt(nowMs + TRYING_AFTER_MS);
  }

  override respond(response: SipResponse, nowMs: number): void {
    if (this.state === 'Proceeding') this.#answer(response, nowMs);
    else if (this.state === 'Accepted' && isSuccess(response)) {
      this.host.counts.retransmissionsOut += 1;
      this.send(response);
    } else this.host.counts.withheld += 1;
  }

  /** @returns whether the ACK is for the user: that of a 2xx, sent with the branch of its INVITE or by a client of RFC 2543. */
  acknowledged(nowMs: number): boolean {
    if (this.state !== 'Completed') return this.state === 'Accepted';
    this.#owe(-1);
    this.onEnd = undefined;
    this.forgetAnswer();
    if (this.flow.reliable) this.end();
    else {
      this.state = 'Confirmed';
      this.wait(Number.POSITIVE_INFINITY, nowMs + this.host.timing.t4Ms);
    }
    return false;
  }

  /** A CANCEL came for it; only the first one counts, and none after a final answer (RFC 3261 §9.2). */
  cancelled(nowMs: number): void {
    if (this.state !== 'Proceeding' || this.#cancelled) return;
    this.#cancelled = true;
    this.host.user.cancelled(this, nowMs);
  }

  protected override repeat(nowMs: number): void {
    if (this.state === 'Proceeding') {
      this.#try();
      return;
    }
    this.#intervalMs = Math.min(2 * this.#intervalMs, this.host.timing.t2Ms);
    this.repeatAt(nowMs + this.#intervalMs);
    this.sendAgain();
  }

  protected override expired(nowMs: number): void {
    if (this.state !== 'Completed') {
      this.end();
      return;
    }
    const { onEnd } = this;
    this.host.counts.unacknowledged += 1;
    this.end();
    onEnd?.('no ACK', nowMs);
  }

  protected override end(): void {
    if (this.state === 'Completed') this.#owe(-1);
    super.end();
  }

  /** @param change of the refusals that wait for their ACK. */
  #owe(change: 1 | -1): void {
    if (this.flow.reliable) return;
    const { unacknowledged } = this.host;
    const { address } = this.flow.remote;
    const owed = (unacknowledged.get(address) ?? 0) + change;
    if (owed === 0) unacknowledged.delete(address);
    else unacknowledged.set(address, owed);
  }

  #try(): void {
    this.repeatAt(Number.POSITIVE_INFINITY);
    if (this.request !== undefined) this.sendAndKeep(createResponse(this.request, 100));
  }

  #answer(response: SipResponse, nowMs: number): void {
    if (this.request?.toTag === undefined) this.toTag ??= response.toTag;
    const { longMs, t1Ms } = this.host.timing;
    if (response.status < 200) {
      this.repeatAt(Number.POSITIVE_INFINITY);
      this.sendAndKeep(response);
      return;
    }
    this.request = undefined;
    if (isSuccess(response)) {
      this.state = 'Accepted';
      this.forgetAnswer();
      this.wait(Number.POSITIVE_INFINITY, nowMs + longMs);
      this.send(response);
      return;
    }
    this.state = 'Completed';
    this.#owe(1);
    this.#intervalMs = t1Ms;
    this.wait(this.flow.reliable ? Number.POSITIVE_INFINITY : nowMs + t1Ms, nowMs + longMs);
    this.sendAndKeep(response);
  }
}

function isSuccess(response: SipResponse): boolean {
  return response.status >= 200 && response.status < 300;
}
