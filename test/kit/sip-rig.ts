/** One transaction layer on a bench: messages go in by hand, what it sends and tells is written down with its time. */
import { createRequest, createResponse } from '../../src/core/sip/message.ts';
import type { SipMessage, SipRequest, SipResponse } from '../../src/core/sip/message.ts';
import { TransactionLayer } from '../../src/core/sip/transactions.ts';
import type {
  ClientTransaction,
  ClientUser,
  ServerTransaction,
  SipFlow,
  TransactionOptions,
  TransactionUser,
} from '../../src/core/sip/transactions.ts';
import type { Endpoint } from '../../src/core/values/address.ts';
import { seededHex } from './sip-network.ts';

export const OURS: Endpoint = { address: '192.0.2.10', port: 5060 };
export const PEER: Endpoint = { address: '192.0.2.20', port: 5070 };
export const BRANCH = 'z9hG4bKnashds7';

/** A flow that keeps what is sent: `+500 486`, `+0 INVITE`. */
export class RigFlow implements SipFlow {
  readonly transport: SipFlow['transport'];
  readonly reliable: boolean;
  readonly local: Endpoint = OURS;
  readonly remote: Endpoint;
  /** Every message as text. */
  readonly texts: string[] = [];
  readonly #rig: Rig;

  constructor(rig: Rig, transport: SipFlow['transport'], remote: Endpoint) {
    this.#rig = rig;
    this.transport = transport;
    this.reliable = transport !== 'UDP';
    this.remote = remote;
  }

  send(bytes: Uint8Array): void {
    const text = new TextDecoder().decode(bytes);
    this.texts.push(text);
    const [first = '', second = ''] = text.split(' ', 2);
    this.#rig.log(this.#rig.wire, first.startsWith('SIP/') ? second : first);
  }
}

export class Rig {
  static readonly startMs = 50_000;
  nowMs = Rig.startMs;
  readonly layer: TransactionLayer;
  /** What was sent, on whatever flow. */
  readonly wire: string[] = [];
  /** What the user was told. */
  readonly told: string[] = [];
  readonly servers: ServerTransaction[] = [];
  readonly flow: RigFlow;

  constructor(
    options: Partial<TransactionOptions> & { readonly transport?: SipFlow['transport']; readonly user?: Partial<TransactionUser> } = {},
  ) {
    const { transport = 'UDP', user, ...rest } = options;
    this.flow = new RigFlow(this, transport, PEER);
    this.layer = new TransactionLayer(
      {
        request: (request, transaction) => {
          this.log(this.told, `request ${request.method}`);
          transaction.onEnd = (reason) => this.log(this.told, reason);
          this.servers.push(transaction);
        },
        ack: () => this.log(this.told, 'ack'),
        cancelled: () => this.log(this.told, 'cancelled'),
        strayResponse: (response) => this.log(this.told, `stray ${response.status}`),
        ...user,
      },
      { random: seededHex(1), ...rest },
    );
  }

  log(list: string[], text: string): void {
    list.push(`+${this.nowMs - Rig.startMs} ${text}`);
  }

  /** The last request that the user was given. */
  get server(): ServerTransaction {
    return this.servers.at(-1)!;
  }

  get alive(): number {
    const { inviteServers, otherServers, inviteClients, otherClients } = this.layer.counts;
    return inviteServers + otherServers + inviteClients + otherClients;
  }

  receive(message: SipMessage, flow: SipFlow = this.flow): void {
    this.layer.received(message, flow, this.nowMs);
  }

  /** The user's answer to the last request, or what would be one after it has ended. */
  respond(status: number, to: SipRequest = request(this.server.method)): void {
    this.server.respond(createResponse(to, status, { toTag: 'ours' }), this.nowMs);
  }

  /** Sends a request whose outcome is written to `told`. */
  send(method: string, headers: Iterable<readonly [string, string]> = []): ClientTransaction {
    const user: ClientUser = {
      response: (response) => this.log(this.told, String(response.status)),
      timeout: () => this.log(this.told, 'timeout'),
      failed: () => this.log(this.told, 'failed'),
    };
    return this.layer.request(outgoing(method, headers), this.flow, user, this.nowMs);
  }

  /** The peer's answer to a request of ours. */
  answer(transaction: ClientTransaction, status: number, toTag = 'theirs'): SipResponse {
    const response = createResponse(transaction.request, status, { toTag });
    this.receive(response);
    return response;
  }

  /** Lets time pass, with a tick whenever one is due. */
  advance(ms: number): void {
    const until = this.nowMs + ms;
    while (this.layer.dueMs <= until) {
      if (this.layer.dueMs < this.nowMs) throw new Error(`due at ${this.layer.dueMs}, before ${this.nowMs}`);
      this.nowMs = this.layer.dueMs;
      this.layer.tick(this.nowMs);
      if (this.layer.dueMs <= this.nowMs) throw new Error(`still due at ${this.nowMs} after its tick`);
    }
    this.nowMs = until;
  }

  /** Lets time pass up to so long after the start. */
  advanceTo(ms: number): void {
    this.advance(Rig.startMs + ms - this.nowMs);
  }
}

/** A request of the peer; the fields given replace those of the same name. */
export function request(method: string, fields: Readonly<Record<string, string>> = {}, uri = 'sip:bob@example.com'): SipRequest {
  const headers = {
    Via: `SIP/2.0/UDP 192.0.2.20:5070;branch=${BRANCH};rport`,
    From: 'Alice <sip:alice@example.com>;tag=theirs',
    To: 'Bob <sip:bob@example.com>',
    'Call-ID': 'a84b4c76e66710@example.com',
    CSeq: `1 ${method}`,
    'Max-Forwards': '70',
    ...fields,
  };
  return createRequest(method, uri, Object.entries(headers));
}

function outgoing(method: string, headers: Iterable<readonly [string, string]>): SipRequest {
  return createRequest(method, 'sip:alice@192.0.2.20:5070', [
    ['From', '<sip:bob@example.com>;tag=ours'],
    ['To', '<sip:alice@example.com>'],
    ['Call-ID', '70710@example.com'],
    ['CSeq', `7 ${method}`],
    ['Max-Forwards', '70'],
    ...headers,
  ]);
}
