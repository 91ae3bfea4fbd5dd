/**
 * A link for one call after the other, between a caller and an Asterisk: SIP passes, and RTP and RTCP pass through ports of its own that it
 * writes into the answer. In one direction it loses a burst of RTP in each second.
 */
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';

export interface MediaLinkOptions {
  readonly sipPort: number;
  /** An even one of five digits, as Asterisk's are; RTCP takes the next one. */
  readonly rtpPort: number;
  readonly server: { readonly address: string; readonly port: number };
  /** Of each second of RTP, so many packets in a row. */
  readonly burst: number;
  readonly direction: 'to the server' | 'to the caller' | 'none';
  /** In its direction everything is lost from this packet on. */
  readonly deadFrom?: number;
}

const PACKETS_A_SECOND = 50;
const KEEP_ALIVE_BYTES = 4;

async function bound(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Passes on what comes from either side of the port; the server's is told later. */
function relay(
  socket: Socket,
  server: () => { readonly address: string; readonly port: number } | undefined,
  lose: (toServer: boolean) => boolean,
): void {
  let caller: RemoteInfo | undefined;
  socket.on('message', (bytes, from) => {
    const to = server();
    const fromServer = from.port === to?.port;
    if (!fromServer) caller = from;
    if (lose(!fromServer)) return;
    if (!fromServer && to !== undefined) socket.send(bytes, to.port, to.address);
    if (fromServer && caller !== undefined) socket.send(bytes, caller.port, caller.address);
  });
}

export async function mediaLink({
  sipPort,
  rtpPort,
  server,
  burst,
  direction,
  deadFrom = Infinity,
}: MediaLinkOptions): Promise<{ close: () => void }> {
  const [sip, rtp, rtcp] = await Promise.all([bound(sipPort), bound(rtpPort), bound(rtpPort + 1)]);
  let media: number | undefined;
  let passed = 0;
  const lose = (toServer: boolean): boolean => {
    if (direction !== (toServer ? 'to the server' : 'to the caller')) return false;
    passed += 1;
    return passed % PACKETS_A_SECOND < burst || passed >= deadFrom;
  };
  relay(rtp, () => (media === undefined ? undefined : { address: server.address, port: media }), lose);
  relay(
    rtcp,
    () => (media === undefined ? undefined : { address: server.address, port: media + 1 }),
    () => false,
  );
  let caller: RemoteInfo | undefined;
  sip.on('message', (bytes, from) => {
    if (from.port !== server.port) {
      // A keep-alive (RFC 5626 §3.5.1) comes from another port than the call does.
      if (bytes.length > KEEP_ALIVE_BYTES) caller = from;
      sip.send(bytes, server.port, server.address);
      return;
    }
    const text = bytes.toString('latin1');
    const at = text.indexOf('m=audio ');
    if (at < 0 || caller === undefined) return void (caller === undefined || sip.send(bytes, caller.port, caller.address));
    const port = text.slice(at + 8, at + 13);
    media = Number(port);
    sip.send(Buffer.from(text.replace(`m=audio ${port}`, `m=audio ${rtpPort}`), 'latin1'), caller.port, caller.address);
  });
  return { close: () => [sip, rtp, rtcp].forEach((socket) => socket.close()) };
}
