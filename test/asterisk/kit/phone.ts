/**
 * A telephone for what SIPp and Asterisk cannot do: it sends the RTP that a test wants, packet by packet, and keeps every packet
 * that comes. All is on loopback, where nothing is lost: it repeats no request. It shares no code with what it calls.
 */
import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { SIP_PORT } from './sip-server.ts';

const HOST = '127.0.0.1';
const ANSWER_MS = 10_000;

export interface RtpFields {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
}

export interface HeardPacket extends RtpFields {
  readonly payload: Uint8Array;
}

/** A packet, and when it leaves, in ms from the first. */
export interface TimedPacket {
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

export interface Phone {
  /** RTP so far, in the order of its coming. */
  readonly heard: readonly HeardPacket[];
  /** Sends each packet when it is due, or at once when it is late; settles after the last. */
  send(packets: readonly TimedPacket[]): Promise<void>;
  /** A digit by INFO, as telephones do. @returns the status of its answer. */
  info(digit: string): Promise<number>;
  /** Settles when the other side has hung up. */
  readonly ended: Promise<void>;
  /** BYE. @returns the status of its answer. */
  hangUp(): Promise<number>;
  /** Closes the sockets, without a word. */
  close(): void;
}

export interface DialOptions {
  readonly port?: number;
  /** Formats of the media line, and attributes; default PCMU and telephone events. */
  readonly formats?: string;
  readonly attributes?: readonly string[];
}

/** Calls `user`; settles when the call is up. Rejects when it is not answered with 200. */
export async function dial(user: string, options: DialOptions = {}): Promise<Phone> {
  const { port = SIP_PORT, formats = '0 101', attributes = ['a=rtpmap:101 telephone-event/8000'] } = options;
  const sip = await bound();
  const rtp = await bound();
  const heard: HeardPacket[] = [];
  rtp.on('message', (bytes) => heard.push(readRtp(bytes)));
  const ended = Promise.withResolvers<void>();
  const awaited = new Map<string, (message: string) => void>();
  sip.on('message', (bytes) => {
    const message = bytes.toString();
    if (message.startsWith('BYE ')) {
      const kept = message.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line));
      sip.send(['SIP/2.0 200 OK', ...kept, 'Content-Length: 0', '', ''].join('\r\n'), port, HOST);
      ended.resolve();
    } else if (!message.startsWith('SIP/2.0 1')) awaited.get(/^CSeq: *(.+)$/im.exec(message)?.[1] ?? '')?.(message);
  });

  const local = `${HOST}:${sip.address().port}`;
  const callId = randomUUID();
  const request = (method: string, cseq: number, to: string, body = '', type = 'application/sdp'): void => {
    const lines = [
      `${method} sip:${user}@${HOST}:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP ${local};branch=z9hG4bK${randomUUID()};rport`,
      `From: <sip:phone@${local}>;tag=${callId}`,
      `To: ${to}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:phone@${local}>`,
      'Max-Forwards: 70',
      ...(body === '' ? [] : [`Content-Type: ${type}`]),
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    sip.send(`${lines.join('\r\n')}\r\n\r\n${body}`, port, HOST);
  };
  const answer = (cseq: string): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => reject(new Error(`no answer to ${cseq} for ${user}`)), ANSWER_MS);
    awaited.set(cseq, (message) => {
      clearTimeout(timer);
      resolve(message);
    });
    return promise;
  };
  const close = (): void => {
    sip.close();
    rtp.close();
  };

  const offer = ['v=0', `o=- 1 1 IN IP4 ${HOST}`, 's=-', `c=IN IP4 ${HOST}`, 't=0 0', `m=audio ${rtp.address().port} RTP/AVP ${formats}`];
  const answered = answer('1 INVITE');
  request('INVITE', 1, `<sip:${user}@${HOST}>`, [...offer, ...attributes, ''].join('\r\n'));
  const final = await answered;
  const to = /^To: *(.+)$/im.exec(final)?.[1] ?? '';
  const remotePort = Number(/^m=audio (\d+) /m.exec(final)?.[1]);
  if (!final.startsWith('SIP/2.0 200 ')) {
    close();
    throw new Error(`${user}: ${final.split('\r\n', 1)[0] ?? ''}`);
  }
  request('ACK', 1, to);
  let cseq = 1;
  /** A request within the dialog. @returns the status of its answer. */
  const ask = async (method: string, body?: string, type?: string): Promise<number> => {
    cseq += 1;
    const said = answer(`${cseq} ${method}`);
    request(method, cseq, to, body, type);
    return Number((await said).split(' ', 2)[1]);
  };
  return {
    heard,
    ended: ended.promise,
    send: async (packets) => {
      const startMs = performance.now();
      for (const { atMs, bytes } of packets) {
        const waitMs = startMs + atMs - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        rtp.send(bytes, remotePort, HOST);
      }
    },
    info: (digit) => ask('INFO', `Signal=${digit}\r\nDuration=100\r\n`, 'application/dtmf-relay'),
    hangUp: async () => {
      const status = await ask('BYE');
      close();
      return status;
    },
    close,
  };
}

async function bound(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.bind(0, HOST);
  await once(socket, 'listening');
  return socket;
}

/** RFC 3550 §5.1, of a header without extension and CSRCs. */
export function readRtp(bytes: Buffer): HeardPacket {
  return {
    marker: bytes.readUInt8(1) >= 0x80,
    payloadType: bytes.readUInt8(1) & 0x7f,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: bytes.subarray(12),
  };
}

export function writeRtp({ marker, payloadType, sequence, timestamp, ssrc }: RtpFields, payload: Uint8Array): Uint8Array {
  const header = Buffer.alloc(12);
  header.writeUInt8(0x80, 0);
  header.writeUInt8((marker ? 0x80 : 0) | payloadType, 1);
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(timestamp >>> 0, 4);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, payload]);
}

const PACKET_MS = 20;
const PACKET_TICKS = 160;

/** G.711 in packets of 20 ms, from numbers that wrap around on the way. */
export function audioPackets(audio: Uint8Array, payloadType: number): readonly TimedPacket[] {
  const count = Math.ceil(audio.length / PACKET_TICKS);
  return Array.from({ length: count }, (_, index) => ({
    atMs: index * PACKET_MS,
    bytes: writeRtp(
      {
        ...{ marker: index === 0, payloadType, ssrc: 0x5eed_0001 },
        sequence: 0xffff - 100 + index,
        timestamp: 0xffff_ffff - 100 * PACKET_TICKS + index * PACKET_TICKS,
      },
      audio.subarray(index * PACKET_TICKS, (index + 1) * PACKET_TICKS),
    ),
  }));
}

/** How the packets of a digit travel. */
export interface EventFate {
  /** Of the three at the end, those that do not arrive. */
  readonly lostEnds: readonly number[];
  /** All of it comes twice, the second time a packet later. */
  readonly doubled: boolean;
}

/** The digits as telephone events (RFC 4733 §2.5.1): 60 ms each in packets of 20 ms, the end three times, 60 ms of nothing. */
export function eventPackets(digits: string, payloadType: number, fateOf: (index: number) => EventFate): readonly TimedPacket[] {
  const packets: TimedPacket[] = [];
  let sequence = 0xffff - 50;
  [...digits].forEach((digit, index) => {
    const startMs = index * 120;
    const event = '0123456789*#ABCD'.indexOf(digit);
    const { lostEnds, doubled } = fateOf(index);
    for (let step = 0; step < 6; step++) {
      const end = step >= 3;
      const duration = Math.min(step + 1, 3) * PACKET_TICKS;
      const payload = Buffer.from([event, (end ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]);
      const fields = { marker: step === 0, payloadType, sequence: sequence++, timestamp: startMs * 8, ssrc: 0x5eed_0002 };
      if (end && lostEnds.includes(step - 3)) continue;
      // The two copies of the end follow the first at once.
      const atMs = startMs + Math.min(step, 3) * PACKET_MS + Math.max(0, step - 3);
      packets.push({ atMs, bytes: writeRtp(fields, payload) });
      if (doubled) packets.push({ atMs: atMs + PACKET_MS + 0.5, bytes: writeRtp(fields, payload) });
    }
  });
  return packets.toSorted((a, b) => a.atMs - b.atMs);
}
