/** Questions over UDP with a deadline, each from a socket of its own: an RTP packet to the echo, an OPTIONS to a SIP server. */
import { randomBytes } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../rtp/packet.ts';
import { createPortableEngine } from '../../udp/portable.ts';
import type { UdpSocket } from '../../udp/engine.ts';
import { resolveHost } from '../../udp/resolve.ts';
import { formatHostPort } from '../../values/address.ts';
import type { HostPort } from '../../values/address.ts';
import { OptionsQuestion } from '../sip-options.ts';
import { failed, passed } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';
import { withDeadline } from './deadline.ts';

/** What a G.711 packet of 20 ms carries. */
const PAYLOAD_BYTES = 160;

type Answer = (verdict: Verdict) => void;

/** What is asked on a connected socket. */
interface Question {
  begin(): void;
  received(bytes: Uint8Array): void;
  end(): void;
}

const engine = createPortableEngine();

/**
 * A packet of random bytes that has to come back unchanged. Others, such as the echo of one before it, are passed over.
 *
 * @param ended nobody wants the answer any more.
 */
export function checkEcho(target: HostPort, timeoutMs: number, ended?: AbortSignal): Promise<Verdict> {
  let strange = 0;
  const late = (): Verdict => {
    const where = formatHostPort(target.host, target.port);
    if (strange > 0) return failed('wrong_answer', `the probe to ${where} came back changed`);
    return failed('timeout', `no answer to the probe of ${where} within ${timeoutMs} ms`);
  };
  return askOverUdp({ target, timeoutMs, late, ended }, (socket, answer) => {
    const sent = rtpPacket();
    let sentMs = 0;
    return {
      begin: () => {
        sentMs = performance.now();
        socket.send(sent, 0, sent.length);
      },
      received: (bytes) => {
        if (Buffer.compare(sent, bytes) === 0) answer(passed(performance.now() - sentMs));
        else strange += 1;
      },
      end: () => {},
    };
  });
}

/** @param ended nobody wants the answer any more. */
export function checkSip(target: HostPort, timeoutMs: number, ended?: AbortSignal): Promise<Verdict> {
  let strange = 0;
  const late = (): Verdict => {
    const where = formatHostPort(target.host, target.port);
    if (strange > 0) return failed('wrong_answer', `${where} answered OPTIONS with something else than an answer to it`);
    return failed('timeout', `no answer to OPTIONS from ${where} within ${timeoutMs} ms`);
  };
  return askOverUdp({ target, timeoutMs, late, ended }, (socket, answer, remote) => {
    const startedMs = performance.now();
    let timer: NodeJS.Timeout | undefined;
    let answered = false;
    const question = new OptionsQuestion({
      flow: {
        transport: 'UDP',
        reliable: false,
        local: socket.local,
        remote,
        send: (bytes) => void socket.send(bytes, 0, bytes.length),
      },
      random: (bytes) => randomBytes(bytes).toString('hex'),
      answered: () => {
        answered = true;
        answer(passed(performance.now() - startedMs));
      },
    });
    const wait = (): void => {
      const { dueMs } = question;
      // Nothing more to send: a timer of for ever would be one of a millisecond.
      if (dueMs === Number.POSITIVE_INFINITY) return;
      timer = setTimeout(
        () => {
          question.tick(performance.now());
          wait();
        },
        Math.max(0, dueMs - performance.now()),
      );
    };
    return {
      begin: () => {
        question.send(performance.now());
        wait();
      },
      received: (bytes) => {
        question.received(bytes, performance.now());
        if (!answered) strange += 1;
      },
      end: () => clearTimeout(timer),
    };
  });
}

interface Asking {
  readonly target: HostPort;
  readonly timeoutMs: number;
  readonly late: () => Verdict;
  readonly ended: AbortSignal | undefined;
}

function askOverUdp(
  { target, timeoutMs, late, ended }: Asking,
  ask: (socket: UdpSocket, answer: Answer, remote: { readonly address: string; readonly port: number }) => Question,
): Promise<Verdict> {
  const answer = async (signal: AbortSignal): Promise<Verdict> => {
    try {
      const remote = { address: await resolveHost(target.host), port: target.port };
      const any = remote.address.includes(':') ? '::' : '0.0.0.0';
      const socket = await engine.bind({ address: any, port: 0, connect: remote });
      const { promise, resolve } = Promise.withResolvers<Verdict>();
      const question = ask(socket, resolve, remote);
      signal.addEventListener('abort', () => {
        question.end();
        void socket.close();
      });
      if (signal.aborted) await socket.close();
      else {
        socket.receive({
          packet: (buffer, offset, length) => question.received(buffer.slice(offset, offset + length)),
          error: (code) => {
            const where = formatHostPort(target.host, target.port);
            const refused = code === 'ECONNREFUSED';
            resolve(failed(refused ? 'refused' : 'wrong_answer', refused ? `nothing listens on ${where}` : `cannot ask ${where}: ${code}`));
          },
        });
        question.begin();
      }
      return await promise;
    } catch (error) {
      return failed('refused', `cannot ask ${formatHostPort(target.host, target.port)}: ${messageOf(error)}`);
    }
  };
  return withDeadline(timeoutMs, late, answer, ended);
}

function rtpPacket(): Uint8Array {
  const random = randomBytes(10 + PAYLOAD_BYTES);
  const packet = new Uint8Array(RTP_HEADER_BYTES + PAYLOAD_BYTES);
  writeRtpHeader(packet, 0, {
    marker: false,
    payloadType: 0,
    sequence: random.readUInt16BE(0),
    timestamp: random.readUInt32BE(2),
    ssrc: random.readUInt32BE(6),
  });
  packet.set(random.subarray(10), RTP_HEADER_BYTES);
  return packet;
}
