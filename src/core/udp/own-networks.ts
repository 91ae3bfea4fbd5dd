/** Whose packets are this host's own. */
import { networkInterfaces } from 'node:os';
import { parseNetwork } from '../values/networks.ts';
import type { Network } from '../values/networks.ts';

/** The addresses of this host now, as networks of one address. */
export function ownNetworks(): readonly Network[] {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return all.flatMap(({ address }) => parseNetwork(address) ?? []);
}
