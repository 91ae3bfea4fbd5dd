/** What the four transaction machines have in common: a key, a flow, and two times of which the earlier one is in the queue. */
import type { SipRequest, SipResponse } from '../message.ts';
import type { Timed, TimerQueue } from '../timer-queue.ts';
import type { Timing } from './timers.ts';
import type { ClientState, ClientTransaction, ClientUser, SipFlow, TransactionCounts, TransactionUser } from './types.ts';

export type Counters = { -readonly [name in keyof TransactionCounts]: number };

/** What a machine needs of the layer that holds it. */
export interface MachineHost {
  readonly user: TransactionUser;
  readonly timing: Timing;
  readonly queue: TimerQueue<Machine>;
  readonly counts: Counters;
  /** Refusals of INVITEs that go out again and again until they are acknowledged, by the address that they go to. */
  readonly unacknowledged: Map<string, number>;
  /** Starts a client transaction whose Via is already there. */
  start(request: SipRequest, branch: string, flow: SipFlow, user: ClientUser, nowMs: number): void;
  /** The machine has ended; nothing more comes to it. */
  remove(machine: Machine): void;
}

/**
 * A transition sets the state and the timers first, sends next and tells the user last: whatever happens in between, even a
 * transport that answers at once, meets a machine that is whole.
 */
export abstract class Machine implements Timed {
  dueMs: number = Number.POSITIVE_INFINITY;
  queueIndex = -1;
  readonly id: string;
  readonly flow: SipFlow;
  protected readonly host: MachineHost;
  /** When something is sent again. */
  #repeatAtMs = Number.POSITIVE_INFINITY;
  /** When the state gives up or has lasted long enough. */
  #expireAtMs = Number.POSITIVE_INFINITY;

  constructor(host: MachineHost, id: string, flow: SipFlow) {
    this.host = host;
    this.id = id;
    this.flow = flow;
  }

  /** Which of the counts it is in. */
  abstract readonly kind: 'inviteServers' | 'otherServers' | 'inviteClients' | 'otherClients';

  /** To be called when the queue says that it is due. */
  tick(nowMs: number): void {
    if (this.#expireAtMs <= nowMs) this.expired(nowMs);
    else this.repeat(nowMs);
  }

  /** A transport error (RFC 3261 §17.1.4, §17.2.4). */
  abstract flowFailed(nowMs: number): void;

  /** Whether the flow carries what it sends; datagram flows are alike when their ends are. */
  abstract uses(flow: SipFlow): boolean;

  protected abstract expired(nowMs: number): void;
  protected abstract repeat(nowMs: number): void;

  /** Sets both times; Infinity is never. */
  protected wait(repeatAtMs: number, expireAtMs: number): void {
    this.#repeatAtMs = repeatAtMs;
    this.#expireAtMs = expireAtMs;
    this.host.queue.schedule(this, Math.min(repeatAtMs, expireAtMs));
  }

  /** Sets the time of the next repetition alone. */
  protected repeatAt(atMs: number): void {
    this.wait(atMs, this.#expireAtMs);
  }

  /** Sets the time of the expiry alone. */
  protected expireAt(atMs: number): void {
    this.wait(this.#repeatAtMs, atMs);
  }

  protected end(): void {
    this.host.queue.cancel(this);
    this.host.remove(this);
  }
}

/** A machine for a request of ours. */
export abstract class ClientMachine extends Machine implements ClientTransaction {
  readonly request: SipRequest;
  abstract state: ClientState;
  protected readonly user: ClientUser;

  constructor(host: MachineHost, id: string, flow: SipFlow, request: SipRequest, user: ClientUser) {
    super(host, id, flow);
    this.request = request;
    this.user = user;
  }

  abstract cancel(nowMs: number, headers?: Iterable<readonly [string, string]>): void;

  /** Sends the request. */
  abstract start(nowMs: number): void;
  abstract received(response: SipResponse, flow: SipFlow, nowMs: number): void;

  /** Whether the final answer is still to come. */
  protected get waits(): boolean {
    return this.state === 'Calling' || this.state === 'Trying' || this.state === 'Proceeding';
  }

  override flowFailed(nowMs: number): void {
    const { waits } = this;
    this.end();
    if (!waits) return;
    this.host.counts.failures += 1;
    this.user.failed(nowMs);
  }

  protected override expired(nowMs: number): void {
    const { waits } = this;
    this.end();
    if (!waits) return;
    this.host.counts.timeouts += 1;
    this.user.timeout(nowMs);
  }

  protected override end(): void {
    this.state = 'Terminated';
    super.end();
  }

  override uses(flow: SipFlow): boolean {
    return sameFlow(this.flow, flow);
  }
}

export function sameFlow(a: SipFlow, b: SipFlow): boolean {
  if (a === b) return true;
  // Connections are told apart by their objects: the same two ends may be connected again.
  if (a.reliable || b.reliable) return false;
  const { local, remote } = a;
  return (
    remote.port === b.remote.port && remote.address === b.remote.address && local.port === b.local.port && local.address === b.local.address
  );
}
