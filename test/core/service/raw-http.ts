/** HTTP as bytes: what no client library would send. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** @param host the address that it connects from and to. */
export async function dial(port: number, host = '127.0.0.1', from?: string): Promise<Socket> {
  const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
  await once(socket, 'connect');
  // A connection that is reset is one of the ways to be refused.
  socket.on('error', () => {});
  return socket;
}

/** All that comes until the server ends the connection, which it has to. */
export async function untilClosed(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (part) => (text += part.toString('latin1')));
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

/** Sends the bytes and reads until the connection is closed by the server. */
export async function say(port: number, bytes: string | Buffer): Promise<string> {
  const socket = await dial(port);
  const answer = untilClosed(socket);
  socket.write(bytes);
  return answer;
}

/** The status codes of the answers in a text, in order. */
export function statusesOf(text: string): readonly number[] {
  return [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
}
