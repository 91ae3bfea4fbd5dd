/**
 * The client transaction of every request but INVITE and ACK (RFC 3261 §17.1.2, figure 6).
 *
 *                request of the user: send
 *                      ▼
 *      timer E: ┌─▶ Trying ─────────┬── 200–699 ─▶ Completed    final again: nothing
 *      send     └──────┤            │                 │
 *                 1xx  │            │                 │ timer K
 *                      ▼            │                 ▼
 *      timer E: ┌─▶ Proceeding ─────┴── timer F ─▶ Terminated
 *      send     └──────┘
 */
import type { SipRequest, SipResponse } from '../message.ts';
import { serialize } from '../message.ts';
import { ClientMachine } from './machine.ts';
import type { MachineHost } from './machine.ts';
import type { ClientState, ClientUser, SipFlow } from './types.ts';

export class OtherClient extends ClientMachine {
  override readonly kind = 'otherClients';
  override state: ClientState = 'Trying';
  /** What is sent again, until the final answer. */
  #bytes: Uint8Array | undefined;
  /** Timer E. */
  #intervalMs: number;

  constructor(host: MachineHost, id: string, flow: SipFlow, request: SipRequest, user: ClientUser) {
    super(host, id, flow, request, user);
    this.#bytes = serialize(request);
    this.#intervalMs = host.timing.t1Ms;
  }

  override start(nowMs: number): void {
    const { t1Ms, longMs } = this.host.timing;
    this.wait(this.flow.reliable ? Number.POSITIVE_INFINITY : nowMs + t1Ms, nowMs + longMs);
    this.#send();
  }

  /** Only an INVITE takes so long that it is worth a CANCEL (RFC 3261 §9.1). */
  override cancel(): void {}

  override received(response: SipResponse, flow: SipFlow, nowMs: number): void {
    if (this.state === 'Completed') {
      this.host.counts.retransmissionsIn += 1;
      return;
    }
    if (response.status < 200) this.state = 'Proceeding';
    else if (this.flow.reliable) this.end();
    else {
      this.state = 'Completed';
      this.#bytes = undefined;
      this.wait(Number.POSITIVE_INFINITY, nowMs + this.host.timing.t4Ms);
    }
    this.user.response(response, flow, nowMs);
  }

  protected override repeat(nowMs: number): void {
    const { t2Ms } = this.host.timing;
    this.#intervalMs = this.state === 'Proceeding' ? t2Ms : Math.min(2 * this.#intervalMs, t2Ms);
    this.repeatAt(nowMs + this.#intervalMs);
    this.host.counts.retransmissionsOut += 1;
    this.#send();
  }

  #send(): void {
    if (this.#bytes !== undefined) this.flow.send(this.#bytes);
  }
}
