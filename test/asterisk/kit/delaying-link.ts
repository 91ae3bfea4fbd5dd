/**
 * A network between one caller and an Asterisk on this host that delays their RTP and RTCP, the same in both directions. It passes their SIP
 * on with ports and an address of its own in the descriptions of the media.
 */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';

export interface DelayingLinkOptions {
  /** Its own, of as many characters as that of both sides: so much stays as long as it was. */
  readonly address: string;
  readonly sides: string;
  readonly sipPort: number;
  /** One way. */
  readonly delayMs: number;
}

/** Its ports in place of the caller's and of Asterisk's: in ranges of nobody, of five digits, even ones for even ones. */
const PORTS = { caller: 25_000, server: 11_000, each: 7_000 } as const;

export async function delayingLink({ address, sides, sipPort, delayMs }: DelayingLinkOptions): Promise<{ close(): void }> {
  const sockets: Socket[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const bind = async (port: number): Promise<Socket> => {
    const socket = createSocket('udp4');
    sockets.push(socket);
    socket.bind(port, address);
    await once(socket, 'listening');
    return socket;
  };
  /** What comes to the one socket leaves by the other, to that port. */
  const lead = (from: Socket, by: Socket, port: number): void => {
    from.on('message', (bytes) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        by.send(bytes, port, sides);
      }, delayMs);
      timers.add(timer);
    });
  };
  const here = { caller: 0, server: 0 };
  const joinMedia = async (): Promise<void> => {
    for (const next of [0, 1]) {
      const caller = await bind(PORTS.caller + (here.caller % PORTS.each) + next);
      const server = await bind(PORTS.server + (here.server % PORTS.each) + next);
      lead(caller, server, here.caller + next);
      lead(server, caller, here.server + next);
    }
  };
  const sip = await bind(sipPort);
  let callerSip = 0;
  const pass = async (bytes: Buffer, fromPort: number): Promise<void> => {
    const side = fromPort === sipPort ? 'server' : 'caller';
    if (side === 'caller') callerSip = fromPort;
    const text = bytes.toString('latin1');
    const body = text.indexOf('\r\n\r\n');
    const port = /\r\nm=audio (\d+) /.exec(text.slice(body))?.[1];
    let shown = text;
    if (port !== undefined) {
      const first = here[side] === 0;
      here[side] = Number(port);
      if (first && here.caller > 0 && here.server > 0) await joinMedia();
      const ours = PORTS[side] + (Number(port) % PORTS.each);
      shown = text.slice(0, body) + text.slice(body).replaceAll(sides, address).replace(`m=audio ${port} `, `m=audio ${ours} `);
    }
    sip.send(Buffer.from(shown, 'latin1'), side === 'server' ? callerSip : sipPort, sides);
  };
  sip.on('message', (bytes, { port }) => void pass(bytes, port));
  return {
    close: () => {
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets) socket.close();
    },
  };
}
