/**
 * OPTIONS (RFC 3261 §11) as a question whether somebody is there: sent again until an answer comes (§17.1.2). Any final answer will do,
 * as with the `qualify` of Asterisk: one that refuses calls because it has enough of them is alive.
 */
import { createRequest } from '../sip/message.ts';
import { parseMessage } from '../sip/parse.ts';
import { TransactionLayer } from '../sip/transactions.ts';
import type { SipFlow } from '../sip/transactions.ts';
import { formatHostPort } from '../values/address.ts';

export interface OptionsSettings {
  /** Towards whom it asks. */
  readonly flow: SipFlow;
  /** So many random bytes, in hexadecimal digits. */
  readonly random: (bytes: number) => string;
  /** Called once, with the status of the final answer. */
  readonly answered: (status: number) => void;
}

const NOBODY = { request: () => {}, ack: () => {}, cancelled: () => {}, strayResponse: () => {} };

export class OptionsQuestion {
  readonly #layer: TransactionLayer;
  readonly #settings: OptionsSettings;
  #done = false;

  constructor(settings: OptionsSettings) {
    this.#settings = settings;
    this.#layer = new TransactionLayer(NOBODY, { random: settings.random });
  }

  /** When {@link tick} is needed next; Infinity when never. */
  get dueMs(): number {
    return this.#layer.dueMs;
  }

  send(nowMs: number): void {
    const { flow, random, answered } = this.#settings;
    const target = `sip:${formatHostPort(flow.remote.address, flow.remote.port)}`;
    const host = formatHostPort(flow.local.address, flow.local.port);
    const request = createRequest('OPTIONS', target, [
      ['Max-Forwards', '70'],
      ['From', `<sip:monitor@${host}>;tag=${random(8)}`],
      ['To', `<${target}>`],
      ['Call-ID', random(16)],
      ['CSeq', '1 OPTIONS'],
      ['Contact', `<sip:monitor@${host}>`],
      ['Accept', 'application/sdp'],
    ]);
    this.#layer.request(
      request,
      flow,
      {
        response: ({ status }) => {
          if (status < 200 || this.#done) return;
          this.#done = true;
          answered(status);
        },
        timeout: () => {},
        failed: () => {},
      },
      nowMs,
    );
  }

  tick(nowMs: number): void {
    this.#layer.tick(nowMs);
  }

  /** A datagram. What is no answer to the question is passed over. */
  received(bytes: Uint8Array, nowMs: number): void {
    const parsed = parseMessage(bytes);
    if ('message' in parsed && parsed.message.kind === 'response') this.#layer.received(parsed.message, this.#settings.flow, nowMs);
  }
}
