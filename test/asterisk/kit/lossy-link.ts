/** A link that loses datagrams in both directions, by a generator that a seed repeats. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { SeededRandom } from '../../../src/core/probe/random.ts';

export interface LossyLinkOptions {
  /** Its own address, which either side takes for the other; one that neither has. */
  readonly address: string;
  /** Its own port, and that of the caller: answers go to the port that the caller wrote into its Via. */
  readonly port: number;
  readonly caller: string;
  readonly server: { readonly address: string; readonly port: number };
  /** Share of the datagrams that are lost, 0 … 1. */
  readonly loss: number;
  readonly seed: number;
}

export interface LinkCounts {
  passed: number;
  lost: number;
}

export interface LossyLink {
  readonly toServer: Readonly<LinkCounts>;
  readonly toCaller: Readonly<LinkCounts>;
  close(): void;
}

export async function lossyLink({ address, port, caller, server, loss, seed }: LossyLinkOptions): Promise<LossyLink> {
  const random = new SeededRandom(seed);
  const toServer = { passed: 0, lost: 0 };
  const toCaller = { passed: 0, lost: 0 };
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
  socket.on('message', (bytes, from) => {
    const fromServer = from.address === server.address && from.port === server.port;
    const counts = fromServer ? toCaller : toServer;
    if (random.uint32() / 2 ** 32 < loss) {
      counts.lost += 1;
      return;
    }
    counts.passed += 1;
    if (fromServer) socket.send(bytes, port, caller);
    else socket.send(bytes, server.port, server.address);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
  return { toServer, toCaller, close: () => socket.close() };
}
