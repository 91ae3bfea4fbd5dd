/**
 * The server transaction of every request but INVITE and ACK (RFC 3261 §17.2.2, figure 8, with RFC 4320).
 *
 *               request: tell the user
 *                   ▼                         request again: nothing
 *                Trying ────── final ──────────────┐
 *                   │ 100 when timer E of          │
 *                   │ the client has reached T2    │
 *                   ▼                              ▼
 *               Proceeding ─── final ────────▶ Completed      request again: send
 *                   │    request again: send       │
 *                   └─ 64·T1, tell the user ──▶ (no answer)   request again: nothing
 *                                                  │ timer J
 *                                                  ▼
 *                                             Terminated
 *
 * The client gives up after 64·T1 (timer F), when an answer only loads the network: none is sent then, not even 408. A request
 * without an answer stays for T4 more, until its last retransmission must have arrived.
 */
import type { SipRequest, SipResponse } from '../message.ts';
import { createResponse } from '../message.ts';
import type { MachineHost } from './machine.ts';
import { ServerMachine } from './server-machine.ts';
import type { SipFlow } from './types.ts';

export class OtherServer extends ServerMachine {
  override readonly kind = 'otherServers';
  /** Before it, a 100 would only make the client wait longer until it asks again (RFC 4320 §3.1). */
  readonly #quietUntilMs: number;

  constructor(host: MachineHost, id: string, flow: SipFlow, request: SipRequest, nowMs: number) {
    super(host, id, flow, request, 'Trying');
    this.#quietUntilMs = nowMs + host.timing.quietMs;
    this.wait(this.#quietUntilMs, nowMs + host.timing.longMs);
  }

  override respond(response: SipResponse, nowMs: number): void {
    const open = this.state === 'Trying' || this.state === 'Proceeding';
    if (!open || !this.#mayGet(response, nowMs)) {
      this.host.counts.withheld += 1;
      return;
    }
    if (response.status < 200) {
      this.state = 'Proceeding';
      this.repeatAt(Number.POSITIVE_INFINITY);
      this.sendAndKeep(response);
      return;
    }
    this.request = undefined;
    this.onEnd = undefined;
    if (this.flow.reliable) {
      this.end();
      this.send(response);
      return;
    }
    this.state = 'Completed';
    this.wait(Number.POSITIVE_INFINITY, nowMs + this.host.timing.longMs);
    this.sendAndKeep(response);
  }

  protected override repeat(nowMs: number): void {
    if (this.request !== undefined) this.respond(createResponse(this.request, 100), nowMs);
  }

  protected override expired(nowMs: number): void {
    if (this.state === 'Completed') {
      this.end();
      return;
    }
    const { onEnd } = this;
    this.host.counts.unanswered += 1;
    this.request = undefined;
    this.onEnd = undefined;
    this.forgetAnswer();
    if (this.flow.reliable) this.end();
    else {
      this.state = 'Completed';
      this.wait(Number.POSITIVE_INFINITY, nowMs + this.host.timing.t4Ms);
    }
    onEnd?.('timeout', nowMs);
  }

  /** RFC 4320 §4.1 and §4.2. */
  #mayGet(response: SipResponse, nowMs: number): boolean {
    const { status } = response;
    if (status < 200) return status === 100 && (this.flow.reliable || nowMs >= this.#quietUntilMs);
    return status !== 408;
  }
}
