/**
 * A process of its own that answers many requests and tells, as JSON on standard output, what each of their transactions keeps
 * after its answer. To be run with --expose-gc.
 */
import { createResponse } from '../../../src/core/sip/message.ts';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import { TransactionLayer } from '../../../src/core/sip/transactions.ts';
import type { SipFlow } from '../../../src/core/sip/transactions.ts';

export interface MemoryOrder {
  readonly method: string;
  /** Whether the request is in a dialog: its To has a tag then, cut from the message. */
  readonly inDialog: boolean;
  readonly transport: SipFlow['transport'];
  readonly status: number;
}

export interface Memory {
  readonly alive: number;
  /** Objects and strings of one, without the bytes of its answer. */
  readonly heapBytes: number;
}

const WARM = 3_000;
const LOOKED_AT = 10_000;

const { method, inDialog, transport, status } = JSON.parse(process.argv[2] ?? '{}') as MemoryOrder;
const collect = globalThis.gc;
if (collect === undefined) throw new Error('needs --expose-gc');

const encoder = new TextEncoder();
const flow: SipFlow = {
  transport,
  reliable: transport !== 'UDP',
  local: { address: '192.0.2.1', port: 5060 },
  remote: { address: '192.0.2.2', port: 5070 },
  send: () => undefined,
};
const layer = new TransactionLayer(
  {
    request: (request, transaction, nowMs) => transaction.respond(createResponse(request, status, { toTag: 'c1f9a2e07d5b4863' }), nowMs),
    ack: () => undefined,
    cancelled: () => undefined,
    strayResponse: () => undefined,
  },
  { random: (bytes) => '00'.repeat(bytes) },
);

function answer(from: number, to: number, nowMs: number): void {
  for (let number = from; number < to; number++) {
    const parsed = parseMessage(encoder.encode(textOf(number)));
    if (!('message' in parsed)) throw new Error(parsed.problem);
    layer.received(parsed.message, flow, nowMs);
  }
}

/** About as long as SIPp's, with a body. */
function textOf(number: number): string {
  const body = 'v=0'.padEnd(160, ' ');
  return [
    `${method} sip:service@192.0.2.1:5060 SIP/2.0`,
    `Via: SIP/2.0/${transport} 192.0.2.2:5070;branch=z9hG4bK-13429-${number}-5;rport`,
    `From: caller <sip:caller@192.0.2.2:5070>;tag=13429SIPpTag00${number}`,
    `To: service <sip:service@192.0.2.1:5060>${inDialog ? ';tag=c1f9a2e07d5b4863' : ''}`,
    `Call-ID: ${number}-13429@192.0.2.2`,
    `CSeq: 1 ${method}`,
    'Contact: <sip:caller@192.0.2.2:5070>',
    'Max-Forwards: 70',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

function heapUsed(): number {
  collect?.();
  collect?.();
  return process.memoryUsage().heapUsed;
}

answer(0, WARM, 0);
layer.tick(100_000);
const before = heapUsed();
answer(WARM, WARM + LOOKED_AT, 200_000);
const memory: Memory = {
  heapBytes: (heapUsed() - before) / LOOKED_AT,
  alive: layer.counts.inviteServers + layer.counts.otherServers,
};
console.log(JSON.stringify(memory));
