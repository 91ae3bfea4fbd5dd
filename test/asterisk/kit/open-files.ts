/** Connections that use up the files of a server. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

const HOST = '127.0.0.1';
/** What keeps a connection open: a ping that SIP over TCP answers (RFC 5626 §3.5.1), and an event stream. */
const SIP = '\r\n\r\n';
const HTTP = `GET /events HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;

/** A connection that was taken, or `undefined` where it was closed at once. */
async function taken(port: number, request: string): Promise<Socket | undefined> {
  const socket = connect(port, HOST);
  socket.on('error', () => undefined);
  socket.write(request);
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
  socket.once('data', () => resolve(socket));
  socket.once('close', () => resolve(undefined));
  return promise;
}

/** Connects until no connection is taken, and takes what becomes free later. @returns lets all of them go. */
export async function exhaustFiles(port: number, protocol: 'sip' | 'http'): Promise<() => Promise<void>> {
  const request = protocol === 'sip' ? SIP : HTTP;
  const held: Socket[] = [];
  const fill = async (): Promise<void> => {
    for (let socket = await taken(port, request); socket !== undefined; socket = await taken(port, request)) held.push(socket);
  };
  await fill();
  let filling: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    filling = filling.then(fill);
  }, 100);
  return async () => {
    clearInterval(timer);
    await filling;
    for (const socket of held) socket.destroy();
  };
}
