/**
 * The INVITE client transaction (RFC 3261 §17.1.1, figure 5, with the Accepted state of RFC 6026 §7.2).
 *
 *                 INVITE of the user: send
 *                      ▼
 *      timer A: ┌─▶ Calling ───────┬──────────── 2xx ───────────▶ Accepted       2xx again: tell the user
 *      send     └──────┤           │                                 │
 *                 1xx  │ timer B   │ 300–699: send ACK               │
 *                      ▼           ▼                                 │
 *              ┌─▶ Proceeding ─▶ Completed   300–699 again:          │
 *         1xx  └────┘  │           │         send ACK                │
 *                      │ timer C,  │ timer D                         │ timer M
 *                      │ CANCEL    ▼                                 ▼
 *                      └─────▶ Terminated ◀──────────────────────────┘
 */
import type { SipRequest, SipResponse } from '../message.ts';
import { serialize } from '../message.ts';
import { createAck, createCancel } from './follow-ups.ts';
import { ClientMachine } from './machine.ts';
import type { MachineHost } from './machine.ts';
import type { ClientState, ClientUser, SipFlow } from './types.ts';

/** Nobody waits for what becomes of a CANCEL: the answer to the INVITE tells. */
const unheard: ClientUser = {
  response: () => undefined,
  timeout: () => undefined,
  failed: () => undefined,
};

export class InviteClient extends ClientMachine {
  override readonly kind = 'inviteClients';
  override state: ClientState = 'Calling';
  readonly #branch: string;
  /** What is sent again, until the first answer. */
  #bytes: Uint8Array | undefined;
  /** Timer A. */
  #intervalMs: number;
  /** Fields for the CANCEL that waits for a provisional answer. */
  #cancelWith: Iterable<readonly [string, string]> | undefined = undefined;
  #cancelSent = false;

  constructor(host: MachineHost, id: string, flow: SipFlow, request: SipRequest, branch: string, user: ClientUser) {
    super(host, id, flow, request, user);
    this.#branch = branch;
    this.#bytes = serialize(request);
    this.#intervalMs = host.timing.t1Ms;
  }

  override start(nowMs: number): void {
    const { t1Ms, longMs } = this.host.timing;
    this.wait(this.flow.reliable ? Number.POSITIVE_INFINITY : nowMs + t1Ms, nowMs + longMs);
    this.#send();
  }

  override cancel(nowMs: number, headers: Iterable<readonly [string, string]> = []): void {
    if (this.#cancelSent) return;
    if (this.state === 'Calling') this.#cancelWith = headers;
    else if (this.state === 'Proceeding') this.#cancel(headers, nowMs);
  }

  override received(response: SipResponse, flow: SipFlow, nowMs: number): void {
    const { status } = response;
    switch (this.state) {
      case 'Calling':
      case 'Proceeding':
        if (status < 200) this.#provisional(response, flow, nowMs);
        else if (status < 300) this.#accepted(response, flow, nowMs);
        else this.#refused(response, flow, nowMs);
        break;
      case 'Accepted':
        if (status >= 200 && status < 300) this.user.response(response, flow, nowMs);
        break;
      default:
        // Another branch of a forked INVITE was answered after all (RFC 3261 §16.7, step 5): its caller must hang up.
        if (status >= 200 && status < 300) this.host.user.strayResponse(response, flow, nowMs);
        else if (status >= 300) {
          this.host.counts.retransmissionsIn += 1;
          this.#acknowledge(response);
        }
    }
  }

  protected override repeat(nowMs: number): void {
    // Without a limit of T2, unlike all others (§17.1.1.2).
    this.#intervalMs *= 2;
    this.repeatAt(nowMs + this.#intervalMs);
    this.host.counts.retransmissionsOut += 1;
    this.#send();
  }

  protected override expired(nowMs: number): void {
    if (this.state === 'Proceeding' && !this.#cancelSent) {
      this.#cancel([], nowMs);
      return;
    }
    super.expired(nowMs);
  }

  #provisional(response: SipResponse, flow: SipFlow, nowMs: number): void {
    const first = this.state === 'Calling';
    this.state = 'Proceeding';
    this.#bytes = undefined;
    this.repeatAt(Number.POSITIVE_INFINITY);
    // Who rings says so again every minute (§13.3.1.1); 100 only says that the next hop lives.
    if (!this.#cancelSent && (first || response.status > 100)) this.expireAt(nowMs + this.host.timing.cMs);
    if (this.#cancelWith !== undefined) this.#cancel(this.#cancelWith, nowMs);
    this.user.response(response, flow, nowMs);
  }

  #accepted(response: SipResponse, flow: SipFlow, nowMs: number): void {
    this.state = 'Accepted';
    this.#bytes = undefined;
    this.wait(Number.POSITIVE_INFINITY, nowMs + this.host.timing.longMs);
    this.user.response(response, flow, nowMs);
  }

  #refused(response: SipResponse, flow: SipFlow, nowMs: number): void {
    this.#bytes = undefined;
    if (this.flow.reliable) this.end();
    else {
      this.state = 'Completed';
      this.wait(Number.POSITIVE_INFINITY, nowMs + this.host.timing.dMs);
    }
    this.#acknowledge(response);
    this.user.response(response, flow, nowMs);
  }

  #acknowledge(response: SipResponse): void {
    this.flow.send(serialize(createAck(this.request, response)));
  }

  #cancel(headers: Iterable<readonly [string, string]>, nowMs: number): void {
    this.#cancelSent = true;
    this.#cancelWith = undefined;
    this.expireAt(nowMs + this.host.timing.longMs);
    this.host.start(createCancel(this.request, headers), this.#branch, this.flow, unheard, nowMs);
  }

  #send(): void {
    if (this.#bytes !== undefined) this.flow.send(this.#bytes);
  }
}
