/** Calls that are refused as fast as they can be placed: each leaves almost 8 kB in the log, and as much in the call records. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { SIP_PORT } from './sip-server.ts';

const HOST = '127.0.0.1';
/** Below what a header line may have. */
const LONG = 'x'.repeat(3_700);
/** So many at a time: nobody's buffer is to overflow but the one that is meant. */
const AT_ONCE = 50;

/** Places the calls over one connection, for users that begin with `user`; settles when each has had its 486. */
export async function flood(user: string, calls: number): Promise<void> {
  const socket = connect(SIP_PORT, HOST).setNoDelay(true).setEncoding('latin1');
  await once(socket, 'connect');
  const send = (method: string, call: number): void => {
    const to = `sip:${user}${LONG}@${HOST}`;
    const lines = [
      `${method} ${to} SIP/2.0`,
      `Via: SIP/2.0/TCP ${HOST};branch=z9hG4bK${user}${call}`,
      `From: <sip:${LONG}@${HOST}>;tag=flood`,
      `To: <${to}>`,
      `Call-ID: ${user}-${call}`,
      `CSeq: 1 ${method}`,
      `Contact: <sip:${HOST};transport=tcp>`,
      'Max-Forwards: 70',
      'Content-Length: 0',
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  };
  let text = '';
  let refused = 0;
  let placed = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const place = (): void => {
    for (; placed < Math.min(calls, refused + AT_ONCE); placed++) send('INVITE', placed);
  };
  socket.on('data', (chunk: string) => {
    const parts = (text + chunk).split('\r\n\r\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      if (!part.startsWith('SIP/2.0 486 ')) continue;
      send('ACK', Number(/^Call-ID: .*-(\d+)$/m.exec(part)?.[1]));
      refused += 1;
    }
    if (refused === calls) resolve();
    else place();
  });
  socket.once('close', () => reject(new Error(`the connection was closed after ${refused} of ${calls} calls`)));
  place();
  await promise;
  socket.destroy();
}
