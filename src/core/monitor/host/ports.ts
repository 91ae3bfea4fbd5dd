/** Whether somebody has a port already: asked before a service is started that wants it. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { errnoOf } from '../../errors.ts';
import { formatHostPort } from '../../values/address.ts';
import type { ServicePort } from '../plan.ts';

/** @returns `UDP port 127.0.0.1:4000 is in use (…)` for the first that is; undefined when all are free, or on another host. */
export async function portInUse(ports: readonly ServicePort[]): Promise<string | undefined> {
  for (const each of ports) {
    const code = await (each.transport === 'UDP' ? bindUdp(each) : listenTcp(each));
    if (code !== 'EADDRINUSE') continue;
    const flags = each.transport === 'UDP' ? '-lunp' : '-ltnp';
    const who = `see who holds it: ss ${flags} 'sport = :${each.port}'`;
    return `${each.transport} port ${formatHostPort(each.host, each.port)} is in use (${who})`;
  }
  return undefined;
}

async function bindUdp({ host, port }: ServicePort): Promise<string | undefined> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    const listening = once(socket, 'listening');
    socket.bind({ address: host, port, exclusive: true });
    await listening;
    return undefined;
  } catch (error) {
    return errnoOf(error);
  } finally {
    socket.on('error', () => {}).close();
  }
}

async function listenTcp({ host, port }: ServicePort): Promise<string | undefined> {
  const server = createServer();
  try {
    const listening = once(server, 'listening');
    server.listen({ host, port, exclusive: true });
    await listening;
    return undefined;
  } catch (error) {
    return errnoOf(error);
  } finally {
    server.close();
  }
}
