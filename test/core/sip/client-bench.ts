/** A user agent client and a scripted far end with a simulated network between them. */
import { createHash } from 'node:crypto';
import { ClientAgent } from '../../../src/core/sip/client-agent.ts';
import type { CallOrder, ClientCall, ClientCallEnd, ClientCallListener } from '../../../src/core/sip/client-call.ts';
import { createRequest, createResponse } from '../../../src/core/sip/message.ts';
import type { SipRequest, SipResponse } from '../../../src/core/sip/message.ts';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import type { Reoffer } from '../../../src/core/sip/server-call.ts';
import { TransactionLayer } from '../../../src/core/sip/transactions.ts';
import type { ServerTransaction, SipFlow } from '../../../src/core/sip/transactions.ts';
import { layerNode, seededHex, SipNetwork } from '../../kit/sip-network.ts';
import type { NetworkOptions, SipNode } from '../../kit/sip-network.ts';

export const OURS = { address: '192.0.2.10', port: 5060 };
export const FAR = { address: '192.0.2.20', port: 5070 };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export function clientNode(agent: ClientAgent): SipNode {
  return {
    get dueMs() {
      return agent.dueMs;
    },
    tick: (nowMs) => agent.tick(nowMs),
    received: (bytes, flow, nowMs) => {
      const parsed = parseMessage(bytes);
      if ('message' in parsed) agent.received(parsed.message, flow, nowMs);
      else if (parsed.request !== undefined) agent.malformed(parsed.request, { status: parsed.status, reason: parsed.problem }, flow);
    },
  };
}

export function clientAgent(seed: number): ClientAgent {
  return new ClientAgent({
    tools: {
      hash: (algorithm, text) =>
        createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
          .update(text)
          .digest('hex'),
      random: seededHex(seed),
    },
    userAgent: 'bench/1',
    flowTo: () => undefined,
  });
}

/** The listener of one call, which writes down what it is told. */
export class Told implements ClientCallListener {
  readonly told: string[] = [];
  readonly ends: ClientCallEnd[] = [];
  reoffer: Reoffer = { status: 200, body: encoder.encode('ours') };

  progress(status: number, body: Uint8Array): void {
    this.told.push(`${status} ${decoder.decode(body)}`.trim());
  }

  answered(body: Uint8Array): void {
    this.told.push(`answered ${decoder.decode(body)}`);
  }

  reoffered(body: Uint8Array): Reoffer {
    this.told.push(`reoffered ${decoder.decode(body)}`.trim());
    return this.reoffer;
  }

  ending(): void {
    this.told.push('ending');
  }

  ended(end: ClientCallEnd): void {
    this.ends.push(end);
  }
}

export interface ClientBenchOptions extends NetworkOptions {
  readonly transport?: SipFlow['transport'];
  readonly credentials?: CallOrder['credentials'];
  readonly routes?: readonly string[];
}

/** What the far end was asked, and by which transaction it answers. */
export interface Asked {
  readonly request: SipRequest;
  readonly transaction: ServerTransaction;
}

export class ClientBench {
  readonly network: SipNetwork;
  readonly agent: ClientAgent;
  readonly far: TransactionLayer;
  readonly heard = new Told();
  readonly call: ClientCall;
  readonly asked: Asked[] = [];
  /** ACKs that no refusal waited for: those of 2xx. */
  readonly acks: SipRequest[] = [];
  cancels = 0;
  /** What the far end does with requests other than INVITE: 200 unless told otherwise. */
  otherwise: (asked: Asked, nowMs: number) => void = ({ request, transaction }, nowMs) =>
    transaction.respond(createResponse(request, 200), nowMs);
  readonly #farFlow: SipFlow;
  #farSequence = 100;

  constructor(options: ClientBenchOptions = {}) {
    const { seed = 1, transport = 'UDP' } = options;
    this.network = new SipNetwork(options);
    this.agent = clientAgent(seed);
    this.far = new TransactionLayer(
      {
        request: (request, transaction, nowMs) => {
          const asked = { request, transaction };
          this.asked.push(asked);
          if (request.method !== 'INVITE') this.otherwise(asked, nowMs);
        },
        ack: (request) => this.acks.push(request),
        cancelled: (invite, nowMs) => {
          this.cancels += 1;
          if (invite.request !== undefined) invite.respond(createResponse(invite.request, 487, { toTag: 'far' }), nowMs);
        },
        strayResponse: () => undefined,
      },
      { random: seededHex(seed + 1000) },
    );
    this.network.attach(OURS, clientNode(this.agent));
    this.network.attach(FAR, layerNode(this.far));
    this.#farFlow = this.network.flow(FAR, OURS, transport);
    const { credentials, routes = [] } = options;
    this.call = this.agent.place(
      {
        uri: 'sip:600@192.0.2.20:5070',
        from: 'sip:me@192.0.2.20',
        to: 'sip:600@192.0.2.20:5070',
        callId: 'call-1',
        contact: '<sip:me@192.0.2.10:5060>',
        routes,
        offer: encoder.encode('offer'),
        credentials,
      },
      this.network.flow(OURS, FAR, transport),
      this.heard,
    );
  }

  get nowMs(): number {
    return this.network.nowMs;
  }

  /** The INVITEs that came, in order. */
  get invites(): readonly Asked[] {
    return this.asked.filter(({ request }) => request.method === 'INVITE');
  }

  /** The last of them. */
  get invite(): Asked {
    const last = this.invites.at(-1);
    if (last === undefined) throw new Error('no INVITE came');
    return last;
  }

  methods(): string[] {
    return this.asked.map(({ request }) => request.method);
  }

  start(): void {
    this.call.start(this.nowMs);
    this.advance(10);
  }

  /** The far end answers its last INVITE. */
  answer(status: number, fields: Readonly<Record<string, string>> = {}, body = '', toTag = 'far'): SipResponse {
    const { request, transaction } = this.invite;
    const made = responseTo(request, status, fields, body, toTag);
    transaction.respond(made, this.nowMs);
    this.advance(10);
    return made;
  }

  /** A call that is up. */
  connect(fields: Readonly<Record<string, string>> = {}): void {
    this.start();
    this.answer(200, fields, 'answer');
  }

  /** A request of the far end within the dialog. @returns the statuses of its answers. */
  ask(method: string, fields: Readonly<Record<string, string>> = {}, body = ''): number[] {
    this.#farSequence += 1;
    const headers = {
      From: '<sip:600@192.0.2.20:5070>;tag=far',
      To: `<sip:me@192.0.2.20>;tag=${this.call.order.tag}`,
      'Call-ID': 'call-1',
      CSeq: `${this.#farSequence} ${method}`,
      'Max-Forwards': '70',
      ...(method === 'INVITE' || method === 'UPDATE' ? { Contact: '<sip:600@192.0.2.20:5070>' } : {}),
      ...(body === '' ? {} : { 'Content-Type': 'application/sdp' }),
      ...fields,
    };
    const statuses: number[] = [];
    const request = createRequest(method, 'sip:me@192.0.2.10:5060', Object.entries(headers), encoder.encode(body));
    this.far.request(
      request,
      this.#farFlow,
      { response: ({ status }) => statuses.push(status), timeout: () => undefined, failed: () => undefined },
      this.nowMs,
    );
    this.advance(10);
    return statuses;
  }

  advance(ms: number): void {
    this.network.advance(ms);
  }

  /** Lets everything come to its end. */
  settle(): void {
    this.network.settle(1_000_000);
  }

  get end(): ClientCallEnd {
    const [end, second] = this.heard.ends;
    if (end === undefined || second !== undefined) throw new Error(`${this.heard.ends.length} ends`);
    return end;
  }

  /** First words of all that we sent. */
  sent(method: string): readonly string[] {
    return this.network.sent
      .filter(({ from, text }) => from.address === OURS.address && text.startsWith(`${method} `))
      .map(({ text }) => text);
  }
}

export function responseTo(
  request: SipRequest,
  status: number,
  fields: Readonly<Record<string, string>>,
  body: string,
  toTag: string,
): SipResponse {
  const headers = Object.entries({
    ...(status > 100 && status < 300 ? { Contact: '<sip:600@192.0.2.20:5070>' } : {}),
    ...(body === '' ? {} : { 'Content-Type': 'application/sdp' }),
    ...fields,
  });
  return createResponse(request, status, { headers, toTag, body: encoder.encode(body) });
}
