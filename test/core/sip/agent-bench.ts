/** A user agent and a scripted caller with a simulated network between them. */
import { createRequest, createResponse, serialize } from '../../../src/core/sip/message.ts';
import type { SipRequest, SipResponse } from '../../../src/core/sip/message.ts';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import type { Refusal } from '../../../src/core/sip/request-checks.ts';
import type { CallEnd, CallListener, Reoffer, ServerCall } from '../../../src/core/sip/server-call.ts';
import { TransactionLayer } from '../../../src/core/sip/transactions.ts';
import type { ClientTransaction, SipFlow } from '../../../src/core/sip/transactions.ts';
import { UserAgent } from '../../../src/core/sip/user-agent.ts';
import { layerNode, seededHex, SipNetwork } from '../../kit/sip-network.ts';
import type { NetworkOptions, SipNode } from '../../kit/sip-network.ts';

export const OURS = { address: '192.0.2.10', port: 5060 };
export const CALLER = { address: '192.0.2.20', port: 5070 };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Datagrams as a transport gives them to an agent. */
export function agentNode(agent: UserAgent): SipNode {
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

/** The listener of one call, which writes down what it is told. */
export class Heard implements CallListener {
  readonly call: ServerCall;
  readonly told: string[] = [];
  readonly ends: CallEnd[] = [];
  reoffer: Reoffer = { status: 200, body: encoder.encode('answer') };

  constructor(call: ServerCall) {
    this.call = call;
  }

  acked(body: Uint8Array): void {
    this.told.push(`acked ${decoder.decode(body)}`.trim());
  }

  reoffered(body: Uint8Array): Reoffer {
    this.told.push(`reoffered ${decoder.decode(body)}`.trim());
    return this.reoffer;
  }

  info(request: SipRequest): number {
    this.told.push(`info ${decoder.decode(request.body)}`);
    return 200;
  }

  ended(end: CallEnd): void {
    this.told.push('ended');
    this.ends.push(end);
  }
}

export interface BenchOptions extends NetworkOptions {
  readonly transport?: SipFlow['transport'];
  readonly admits?: () => Refusal | undefined;
  readonly invited?: (heard: Heard, request: SipRequest, nowMs: number) => void;
  readonly leastSessionSeconds?: number;
}

/** What the caller sent, and the answers that it got. */
export interface Sent {
  readonly request: SipRequest;
  readonly transaction: ClientTransaction;
  readonly responses: SipResponse[];
  /** Final status, `timeout` or `failed`; empty while there is none. */
  readonly final: string[];
}

export class AgentBench {
  readonly network: SipNetwork;
  readonly agent: UserAgent;
  readonly caller: TransactionLayer;
  readonly heard: Heard[] = [];
  /** URIs that the agent asked a way to. */
  readonly targets: string[] = [];
  /** Requests that the caller got. */
  readonly asked: SipRequest[] = [];
  readonly flow: SipFlow;
  /** Whether the caller acknowledges each 2xx to INVITE, again and again. */
  acknowledges = true;
  /** Status that the caller answers with; none where it stays silent. */
  answersWith: number | undefined = 200;
  #sequence = 0;

  constructor(options: BenchOptions = {}) {
    const seed = options.seed ?? 1;
    this.network = new SipNetwork(options);
    this.agent = new UserAgent({
      random: seededHex(seed),
      contact: () => '<sip:192.0.2.10:5060>',
      server: 'bench/1',
      leastSessionSeconds: options.leastSessionSeconds ?? 90,
      flowTo: (uri) => {
        this.targets.push(uri);
        return undefined;
      },
      admits: () => options.admits?.(),
      invited: (call, request, nowMs) => {
        const heard = new Heard(call);
        this.heard.push(heard);
        call.serve(heard);
        options.invited?.(heard, request, nowMs);
      },
    });
    this.caller = new TransactionLayer(
      {
        request: (request, transaction, nowMs) => {
          this.asked.push(request);
          if (this.answersWith !== undefined) transaction.respond(createResponse(request, this.answersWith), nowMs);
        },
        ack: () => undefined,
        cancelled: () => undefined,
        strayResponse: () => undefined,
      },
      { random: seededHex(seed + 1000) },
    );
    this.network.attach(OURS, agentNode(this.agent));
    this.network.attach(CALLER, layerNode(this.caller));
    this.flow = this.network.flow(CALLER, OURS, options.transport ?? 'UDP');
  }

  /** The listener of the only call. */
  get only(): Heard {
    const [heard, second] = this.heard;
    if (heard === undefined || second !== undefined) throw new Error(`${this.heard.length} calls`);
    return heard;
  }

  get nowMs(): number {
    return this.network.nowMs;
  }

  /** A request of the caller outside of a dialog unless `to` has a tag; the fields given replace those of the same name. */
  send(method: string, fields: Readonly<Record<string, string>> = {}, body = '', uri = 'sip:bob@192.0.2.10'): Sent {
    this.#sequence += 1;
    const headers = {
      From: '<sip:alice@192.0.2.20>;tag=alice',
      To: '<sip:bob@192.0.2.10>',
      'Call-ID': 'call-1',
      CSeq: `${this.#sequence} ${method}`,
      Contact: '<sip:alice@192.0.2.20:5070>',
      'Max-Forwards': '70',
      ...(body === '' ? {} : { 'Content-Type': 'application/sdp' }),
      ...fields,
    };
    const request = createRequest(method, uri, Object.entries(headers), encoder.encode(body));
    const responses: SipResponse[] = [];
    const final: string[] = [];
    const transaction = this.caller.request(
      request,
      this.flow,
      {
        response: (response) => {
          responses.push(response);
          if (response.status >= 200) {
            if (final.length === 0) final.push(String(response.status));
            if (method === 'INVITE' && response.status < 300 && this.acknowledges) this.ack(response);
          }
        },
        timeout: () => final.push('timeout'),
        failed: () => final.push('failed'),
      },
      this.nowMs,
    );
    return { request, transaction, responses, final };
  }

  /** The ACK of a 2xx. */
  ack(response: SipResponse, body = ''): void {
    const ack = createRequest(
      'ACK',
      'sip:192.0.2.10:5060',
      [
        ['Via', `SIP/2.0/UDP 192.0.2.20:5070;branch=z9hG4bKack${response.cseq?.number ?? 0}`],
        ['From', response.headers.get('From') ?? ''],
        ['To', response.headers.get('To') ?? ''],
        ['Call-ID', response.callId ?? ''],
        ['CSeq', `${response.cseq?.number ?? 0} ACK`],
        ['Max-Forwards', '70'],
      ],
      encoder.encode(body),
    );
    this.flow.send(serialize(ack));
  }

  /** A request in the dialog of the only call. */
  inDialog(method: string, fields: Readonly<Record<string, string>> = {}, body = ''): Sent {
    return this.send(method, { To: `<sip:bob@192.0.2.10>;tag=${this.only.call.dialog.localTag}`, ...fields }, body, 'sip:192.0.2.10:5060');
  }

  advance(ms: number): void {
    this.network.advance(ms);
  }

  /** A call that is up. */
  connect(fields: Readonly<Record<string, string>> = {}): Heard {
    this.send('INVITE', fields, 'offer');
    this.advance(10);
    this.only.call.answer(encoder.encode('answer'), this.nowMs);
    this.advance(10);
    if (this.only.call.state !== 'confirmed') throw new Error(`the call is ${this.only.call.state}`);
    return this.only;
  }

  /** First lines of what one side sent, with the time since the first of all messages. */
  wire(from: typeof OURS): string[] {
    const start = this.network.sent[0]?.sentMs ?? 0;
    return this.network.sent
      .filter((transit) => transit.from.address === from.address)
      .map(({ sentMs, text }) => {
        const [first = '', second = ''] = text.split(' ', 2);
        return `+${sentMs - start} ${first.startsWith('SIP/') ? second : first}`;
      });
  }

  /** Texts of the requests that we sent. */
  get byes(): readonly string[] {
    return this.network.sent.filter(({ from, text }) => from.address === OURS.address && text.startsWith('BYE ')).map(({ text }) => text);
  }
}
