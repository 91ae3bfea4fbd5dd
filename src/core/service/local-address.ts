/** Which address of this host faces another one. */
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { messageOf, RtplatError } from '../errors.ts';
import type { UdpEngine } from '../udp/engine.ts';
import { isLoopback, unmapAddress } from '../values/address.ts';

/** Any port: a connected UDP socket only asks the routing table, nothing is sent. */
const ROUTE_PORT = 9;

/**
 * The numeric address that packets to `host` leave from.
 *
 * @param bindAddress `0.0.0.0` or `::`; decides the family.
 * @throws RtplatError `network` when the name does not resolve or there is no way to it.
 */
export async function localAddressTowards(engine: UdpEngine, host: string, bindAddress: string): Promise<string> {
  const family = bindAddress.includes(':') ? 0 : 4;
  const hint = family === 4 ? 'only IPv4 addresses are reached from --bind 0.0.0.0; --bind :: reaches both' : '';
  let address: string;
  try {
    address = (await lookup(bare(host), { family })).address;
  } catch (error) {
    throw new RtplatError('network', `cannot resolve ${host}: ${messageOf(error)}`, { hint, cause: error });
  }
  // A numeric address is its own, whatever family was asked for.
  if (family === 4 && address.includes(':')) throw new RtplatError('network', `no way from ${bindAddress} to ${host}`, { hint });
  const socket = await engine.bind({ address: bindAddress, port: 0, connect: { address, port: ROUTE_PORT } });
  const local = unmapAddress(socket.local.address);
  await socket.close();
  return local;
}

/** Whether the host name or address is one of this host's own. A name that does not resolve is not. */
export async function isOwnHost(host: string): Promise<boolean> {
  try {
    return isOwnAddress((await lookup(bare(host))).address);
  } catch {
    return false;
  }
}

export function isOwnAddress(address: string): boolean {
  const plain = unmapAddress(address);
  if (isLoopback(plain)) return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some((own) => own.address === plain));
}

/** A URL's host name without the brackets of an IPv6 address. */
function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
