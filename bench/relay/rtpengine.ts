/** Calls through rtpengine, set up over its `ng` control protocol: a cookie and a bencoded dictionary in a UDP datagram each way. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';

const ANSWER_WITHIN_MS = 5000;
/** 127.1.0.0, where the callers are: the first of bench/peers/load-relay.c. */
const FIRST_CALLER = [127, 1];

/**
 * Sets up calls, one offer and one answer each: PCMU, from a caller on 127.1.0.0 + i to an echo on 127.0.0.1.
 *
 * @returns the port where rtpengine takes the packets of each caller.
 * @throws Error with its words when rtpengine refuses, or with the request when it does not answer.
 */
export async function openCalls(controlPort: number, calls: number, callerPort: number, echoPort: number): Promise<readonly number[]> {
  const socket = createSocket('udp4');
  try {
    socket.connect(controlPort, '127.0.0.1');
    await once(socket, 'connect');
    const ports: number[] = [];
    for (let i = 0; i < calls; i++) {
      const caller = [...FIRST_CALLER, i >> 8, i & 0xff].join('.');
      const call = { 'call-id': `call-${i}`, 'from-tag': 'caller' };
      await ask(socket, { ...call, command: 'offer', sdp: sdp(caller, callerPort) });
      const answer = await ask(socket, { ...call, command: 'answer', 'to-tag': 'echo', sdp: sdp('127.0.0.1', echoPort) });
      ports.push(mediaPort(answer['sdp'] ?? ''));
    }
    return ports;
  } finally {
    socket.close();
  }
}

/** Sends a request and waits for what it is answered. */
async function ask(socket: Socket, request: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
  const what = `rtpengine, ${request['command']} of ${request['call-id']}`;
  // A cookie of its own, or it would be taken for the last one sent again.
  const cookie = `${request['command']}-${request['call-id']}`;
  // One request at a time: the next datagram is its answer.
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  socket.send(`${cookie} ${bencode(request)}`);
  const [datagram] = (await answer.catch((cause: unknown) => {
    throw new Error(`${what}: no answer within ${ANSWER_WITHIN_MS} ms`, { cause });
  })) as [Buffer];
  const fields = bdecode(datagram.toString('latin1').slice(cookie.length + 1));
  if (fields['result'] !== 'ok') throw new Error(`${what}: ${fields['error-reason'] ?? fields['result'] ?? 'unreadable answer'}`);
  return fields;
}

function sdp(address: string, port: number): string {
  const lines = ['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', `m=audio ${port} RTP/AVP 0`, 'a=sendrecv'];
  return lines.map((line) => `${line}\r\n`).join('');
}

function mediaPort(text: string): number {
  const media = text.split('\r\n').find((line) => line.startsWith('m=audio '));
  return Number(media?.split(' ')[1]);
}

/** A dictionary of ASCII strings. */
function bencode(fields: Readonly<Record<string, string>>): string {
  const parts = Object.entries(fields).map(([key, value]) => `${key.length}:${key}${value.length}:${value}`);
  return `d${parts.join('')}e`;
}

/** The strings of a dictionary that holds strings alone, which the answers to offer and answer are. */
function bdecode(text: string): Readonly<Record<string, string>> {
  const strings: string[] = [];
  for (let at = 1; text[at] !== 'e' && at < text.length;) {
    const colon = text.indexOf(':', at);
    const length = Number(text.slice(at, colon));
    if (colon < 0 || !Number.isSafeInteger(length)) throw new Error(`rtpengine answered ${JSON.stringify(text.slice(0, 200))}`);
    strings.push(text.slice(colon + 1, colon + 1 + length));
    at = colon + 1 + length;
  }
  const pairs = Array.from({ length: strings.length >> 1 }, (_, i) => [strings[2 * i], strings[2 * i + 1]]);
  return Object.fromEntries(pairs) as Record<string, string>;
}
