/**
 * The transaction layer (RFC 3261 §17, RFC 6026, RFC 4320): between transports, which lose, repeat and reorder messages, and a user
 * agent, which is told of every request once and of every outcome of its own requests exactly once.
 *
 * Without input and output: messages and time come in as arguments, what is sent goes out by flows, and the owner calls
 * {@link TransactionLayer.tick} when {@link TransactionLayer.dueMs} has come.
 */
import { createResponse, serialize } from './message.ts';
import type { SipMessage, SipRequest, SipResponse, Via } from './message.ts';
import { TimerQueue } from './timer-queue.ts';
import { InviteClient } from './transaction/invite-client.ts';
import { InviteServer } from './transaction/invite-server.ts';
import { clientKey, hasUniqueBranch, MAGIC_COOKIE, serverKey } from './transaction/keys.ts';
import type { ClientMachine, Counters, Machine, MachineHost } from './transaction/machine.ts';
import { OtherClient } from './transaction/other-client.ts';
import { OtherServer } from './transaction/other-server.ts';
import type { ServerMachine } from './transaction/server-machine.ts';
import { timingOf } from './transaction/timers.ts';
import type { TimerValues, Timing } from './transaction/timers.ts';
import type { ClientTransaction, ClientUser, SipFlow, TransactionCounts, TransactionUser } from './transaction/types.ts';
import { answerFlow, markSource, viaOf } from './transaction/via.ts';

export type { TimerValues } from './transaction/timers.ts';
export type { ClientTransaction, ClientUser, ServerTransaction, SipFlow, TransactionCounts, TransactionUser } from './transaction/types.ts';
export { responseTarget } from './transaction/via.ts';

export interface TransactionOptions {
  /** So many random bytes, as hex: branches must not be guessed. */
  readonly random: (bytes: number) => string;
  readonly timers?: Partial<TimerValues>;
  /** Whether 100 answers an INVITE at once, or only when the user gave nothing within 200 ms. */
  readonly trying?: 'at once' | 'after 200 ms';
  /** Beyond so many, new requests are answered 503; requests of ours are not counted out. */
  readonly maxTransactions?: number;
  /** Whether a new request is answered 503 once, and nothing kept of it: neither is the answer sent again, nor a transaction begun. */
  readonly turnsAway?: (request: SipRequest, flow: SipFlow) => boolean;
}

/** An answered request stays for 32 s: 1,000 calls a second, INVITE and BYE, are 64,000. Each takes less than 2 kB. */
const MAX_TRANSACTIONS = 100_000;
const RETRY_AFTER_SECONDS = 5;
const BRANCH_BYTES = 12;
const TAG_BYTES = 8;

export class TransactionLayer {
  readonly #user: TransactionUser;
  readonly #random: (bytes: number) => string;
  readonly #trying: 'at once' | 'after 200 ms';
  readonly #max: number;
  readonly #turnsAway: NonNullable<TransactionOptions['turnsAway']>;
  readonly #host: MachineHost;
  readonly #queue = new TimerQueue<Machine>();
  readonly #servers = new Map<string, ServerMachine>();
  readonly #clients = new Map<string, ClientMachine>();
  /** Only connections: their loss is common, and must not cost a look at every transaction. */
  readonly #byConnection = new WeakMap<SipFlow, Set<Machine>>();
  readonly #unacknowledged = new Map<string, number>();
  readonly #counts: Counters = {
    inviteServers: 0,
    otherServers: 0,
    inviteClients: 0,
    otherClients: 0,
    retransmissionsIn: 0,
    retransmissionsOut: 0,
    timeouts: 0,
    unacknowledged: 0,
    unanswered: 0,
    withheld: 0,
    failures: 0,
    refused: 0,
    ignored: 0,
  };

  constructor(user: TransactionUser, options: TransactionOptions) {
    this.#user = user;
    this.#random = options.random;
    this.#trying = options.trying ?? 'at once';
    this.#max = options.maxTransactions ?? MAX_TRANSACTIONS;
    this.#turnsAway = options.turnsAway ?? (() => false);
    const timing: Timing = timingOf(options.timers);
    this.#host = {
      user,
      timing,
      queue: this.#queue,
      counts: this.#counts,
      unacknowledged: this.#unacknowledged,
      start: (request, branch, flow, user, nowMs) => void this.#start(request, branch, flow, user, nowMs),
      remove: (machine) => this.#remove(machine),
    };
  }

  get counts(): TransactionCounts {
    return this.#counts;
  }

  /** Refusals that are sent again and again to that address, by UDP, since their ACK has not come. */
  unacknowledgedOf(address: string): number {
    return this.#unacknowledged.get(address) ?? 0;
  }

  /** When {@link tick} is needed next, ms; Infinity when never. */
  get dueMs(): number {
    return this.#queue.dueMs;
  }

  /** Does everything that is due. */
  tick(nowMs: number): void {
    for (let machine = this.#queue.takeDue(nowMs); machine !== undefined; machine = this.#queue.takeDue(nowMs)) machine.tick(nowMs);
  }

  /** A message that a transport received. The topmost Via of what is to be answered is marked with its source (RFC 3261 §18.2.1). */
  received(message: SipMessage, flow: SipFlow, nowMs: number): void {
    if (message.kind === 'response') this.#response(message, flow, nowMs);
    else this.#request(message, flow, nowMs);
  }

  /**
   * Sends a request of ours, ACK excepted, after putting its Via in front; a request is sent once, one that is tried again (with
   * credentials, or elsewhere) is a new one.
   */
  request(request: SipRequest, flow: SipFlow, user: ClientUser, nowMs: number): ClientTransaction {
    const branch = MAGIC_COOKIE + this.#random(BRANCH_BYTES);
    request.headers.prepend('Via', viaOf(flow, branch));
    return this.#start(request, branch, flow, user, nowMs);
  }

  /** What was sent on the flow does not arrive, or its connection is lost (RFC 3261 §17.1.4, RFC 6026 §8.8). */
  flowFailed(flow: SipFlow, nowMs: number): void {
    const concerned: Machine[] = flow.reliable ? [...(this.#byConnection.get(flow) ?? [])] : [];
    if (!flow.reliable) {
      for (const machine of this.#servers.values()) if (machine.uses(flow)) concerned.push(machine);
      for (const machine of this.#clients.values()) if (machine.uses(flow)) concerned.push(machine);
    }
    // What the user does about the one may end another.
    for (const machine of concerned) if (this.#mapOf(machine).get(machine.id) === machine) machine.flowFailed(nowMs);
  }

  #request(request: SipRequest, flow: SipFlow, nowMs: number): void {
    const via = request.via;
    if (via === undefined) {
      this.#counts.ignored += 1;
      return;
    }
    if (request.method === 'ACK') {
      this.#ack(request, via, flow, nowMs);
      return;
    }
    const key = serverKey(request, via, request.method);
    const known = this.#servers.get(key);
    if (known !== undefined) {
      known.retransmitted();
      return;
    }
    markSource(request, flow);
    if (request.method === 'CANCEL') this.#cancel(request, via, key, flow, nowMs);
    else if (this.#full || this.#turnsAway(request, flow)) {
      this.#counts.refused += 1;
      const headers = [['Retry-After', String(RETRY_AFTER_SECONDS)]] as const;
      const response = createResponse(request, 503, { toTag: statelessTag(key), headers });
      answerFlow(request, flow).send(serialize(response));
    } else this.#begin(request, key, flow, nowMs);
  }

  #begin(request: SipRequest, key: string, flow: SipFlow, nowMs: number): void {
    let machine: ServerMachine;
    if (request.method === 'INVITE') {
      const invite = new InviteServer(this.#host, key, flow, request);
      this.#addServer(invite);
      invite.start(this.#trying, nowMs);
      machine = invite;
    } else machine = this.#otherServer(request, key, flow, nowMs);
    try {
      this.#user.request(request, machine, nowMs);
    } catch (error) {
      // A transaction without an answer would stay for ever.
      if (machine.request !== undefined) machine.respond(createResponse(request, 500, { toTag: this.#random(TAG_BYTES) }), nowMs);
      throw error;
    }
  }

  #otherServer(request: SipRequest, key: string, flow: SipFlow, nowMs: number): OtherServer {
    const machine = new OtherServer(this.#host, key, flow, request, nowMs);
    this.#addServer(machine);
    return machine;
  }

  #ack(request: SipRequest, via: Via, flow: SipFlow, nowMs: number): void {
    const invite = this.#inviteOf(request, via);
    if (invite === undefined || invite.acknowledged(nowMs)) this.#user.ack(request, flow, nowMs);
  }

  /** Only an INVITE can be cancelled: a CANCEL for anything else finds nothing, which makes no difference (RFC 3261 §9.2). */
  #cancel(request: SipRequest, via: Via, key: string, flow: SipFlow, nowMs: number): void {
    const invite = this.#inviteOf(request, via);
    const response = createResponse(request, invite === undefined ? 481 : 200, { toTag: invite?.toTag ?? statelessTag(key) });
    // Even where there is no room to remember it, a CANCEL is worth an answer: it makes room.
    if (this.#full) answerFlow(request, flow).send(serialize(response));
    else this.#otherServer(request, key, flow, nowMs).respond(response, nowMs);
    invite?.cancelled(nowMs);
  }

  /** The INVITE that an ACK or a CANCEL is for (RFC 3261 §17.2.3). */
  #inviteOf(request: SipRequest, via: Via): InviteServer | undefined {
    const found = this.#servers.get(serverKey(request, via, 'INVITE'));
    if (found instanceof InviteServer) return found;
    if (hasUniqueBranch(via)) return undefined;
    // The ACK of a client of RFC 2543 has the To tag of our answer, which the INVITE did not have.
    const untagged = this.#servers.get(serverKey(request, via, 'INVITE', true));
    return untagged instanceof InviteServer && untagged.toTag === request.toTag ? untagged : undefined;
  }

  #response(response: SipResponse, flow: SipFlow, nowMs: number): void {
    const { branch, cseq, headers } = response;
    // Behind a Via of ours there is none: an answer with more of them was meant for somebody else (RFC 3261 §8.1.3.3).
    if (branch === undefined || cseq === undefined || headers.values('Via').length !== 1) {
      this.#counts.ignored += 1;
      return;
    }
    const client = this.#clients.get(clientKey(cseq.method, branch));
    if (client !== undefined) client.received(response, flow, nowMs);
    else if (cseq.method === 'INVITE' && response.status >= 200 && response.status < 300) this.#user.strayResponse(response, flow, nowMs);
    else this.#counts.ignored += 1;
  }

  #start(request: SipRequest, branch: string, flow: SipFlow, user: ClientUser, nowMs: number): InviteClient | OtherClient {
    const key = clientKey(request.method, branch);
    const machine =
      request.method === 'INVITE'
        ? new InviteClient(this.#host, key, flow, request, branch, user)
        : new OtherClient(this.#host, key, flow, request, user);
    this.#clients.set(key, machine);
    this.#added(machine);
    machine.start(nowMs);
    return machine;
  }

  get #full(): boolean {
    return this.#servers.size + this.#clients.size >= this.#max;
  }

  #addServer(machine: ServerMachine): void {
    this.#servers.set(machine.id, machine);
    this.#added(machine);
  }

  #added(machine: Machine): void {
    this.#counts[machine.kind] += 1;
    const { flow } = machine;
    if (!flow.reliable) return;
    const others = this.#byConnection.get(flow);
    if (others === undefined) this.#byConnection.set(flow, new Set([machine]));
    else others.add(machine);
  }

  #remove(machine: Machine): void {
    this.#mapOf(machine).delete(machine.id);
    this.#counts[machine.kind] -= 1;
    this.#byConnection.get(machine.flow)?.delete(machine);
  }

  #mapOf(machine: Machine): Map<string, Machine> {
    return machine.kind === 'inviteServers' || machine.kind === 'otherServers' ? this.#servers : this.#clients;
  }
}

/** The same tag for the same request, without remembering it (RFC 3261 §8.2.7): FNV-1a of its key, as hex. */
function statelessTag(key: string): string {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x0100_0193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
