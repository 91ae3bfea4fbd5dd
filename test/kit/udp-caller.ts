/** A caller with a socket of its own that places one SIP call after the other, and acknowledges and hangs up in order. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';

const HOST = '127.0.0.1';

export class UdpCaller {
  readonly #signalling: Socket;
  readonly #media: Socket;
  readonly #to: number;
  readonly #got: string[] = [];
  #serial = 0;

  private constructor(signalling: Socket, media: Socket, to: number) {
    this.#signalling = signalling;
    this.#media = media;
    this.#to = to;
    signalling.on('message', (message) => this.#got.push(message.toString('latin1')));
  }

  /** @param port of the server on 127.0.0.1. */
  static async open(port: number): Promise<UdpCaller> {
    const sockets = [createSocket('udp4'), createSocket('udp4')] as const;
    for (const socket of sockets) {
      socket.bind(0, HOST);
      await once(socket, 'listening');
    }
    return new UdpCaller(...sockets, port);
  }

  /** Sends an INVITE. @returns the call once it is answered 200 and acknowledged, or the start line of a refusal. */
  async call(user: string): Promise<PlacedCall | string> {
    this.#serial += 1;
    const call = new PlacedCall(this, user, `call-${this.#serial}-${this.#port}`);
    const media = this.#media.address().port;
    const body = ['v=0', `o=- 1 1 IN IP4 ${HOST}`, 's=-', `c=IN IP4 ${HOST}`, 't=0 0', `m=audio ${media} RTP/AVP 0`, ''].join('\r\n');
    this.send('INVITE', call, 1, body);
    const answer = await this.next((text) => text.startsWith('SIP/2.0') && !text.startsWith('SIP/2.0 1') && belongs(text, call));
    call.tag = /^To:.*tag=([^\r;]+)/m.exec(answer)?.[1] ?? '';
    this.send('ACK', call, 1);
    const [line = ''] = answer.split('\r\n', 1);
    return line.startsWith('SIP/2.0 2') ? call : line;
  }

  get #port(): number {
    return this.#signalling.address().port;
  }

  /** Waits for the first message that is not taken yet and does. */
  async next(wanted: (text: string) => boolean): Promise<string> {
    for (;;) {
      const at = this.#got.findIndex(wanted);
      if (at >= 0) return this.#got.splice(at, 1)[0] as string;
      await once(this.#signalling, 'message');
    }
  }

  send(method: string, call: PlacedCall, cseq: number, body = ''): void {
    // RFC 3261 §17.1.1.3: only the ACK of a refusal has the branch of its INVITE; of a 2xx any other will do as well.
    const branch = method === 'ACK' ? 'INVITE' : method;
    this.#transmit([
      `${method} sip:${call.user}@${HOST} SIP/2.0`,
      `Via: SIP/2.0/UDP ${HOST}:${this.#port};branch=z9hG4bK${branch}${call.callId}`,
      'From: <sip:alice@example.org>;tag=alice',
      `To: <sip:${call.user}@${HOST}>${call.tag === '' ? '' : `;tag=${call.tag}`}`,
      `Call-ID: ${call.callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:alice@${HOST}:${this.#port}>`,
      'Max-Forwards: 70',
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
      '',
      body,
    ]);
  }

  /** 200 to a request of the server. */
  accept(request: string): void {
    const fields = request.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
    this.#transmit(['SIP/2.0 200 OK', ...fields, 'Content-Length: 0', '', '']);
  }

  #transmit(lines: readonly string[]): void {
    this.#signalling.send(lines.join('\r\n'), this.#to, HOST);
  }

  close(): void {
    this.#signalling.close();
    this.#media.close();
  }
}

export class PlacedCall {
  readonly user: string;
  readonly callId: string;
  tag = '';
  readonly #caller: UdpCaller;

  constructor(caller: UdpCaller, user: string, callId: string) {
    this.#caller = caller;
    this.user = user;
    this.callId = callId;
  }

  async hangUp(): Promise<void> {
    this.#caller.send('BYE', this, 2);
    await this.#caller.next((text) => text.startsWith('SIP/2.0 200') && text.includes('CSeq: 2 BYE') && belongs(text, this));
  }

  /** Waits until the server hangs up, and accepts. */
  async hungUp(): Promise<void> {
    this.#caller.accept(await this.#caller.next((text) => text.startsWith('BYE ') && belongs(text, this)));
  }
}

function belongs(text: string, { callId }: PlacedCall): boolean {
  return text.includes(`Call-ID: ${callId}\r\n`);
}
