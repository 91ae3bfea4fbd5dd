/** Host names to numeric addresses, once and before anything is measured: a socket never asks DNS. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { errnoOf, RtplatError } from '../errors.ts';

/**
 * The first address of `host`, in the order that the system gives; a numeric address is its own.
 *
 * @throws RtplatError `network` when the name has no address.
 */
export async function resolveHost(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    const { address } = await lookup(host);
    return address;
  } catch (error) {
    const code = errnoOf(error);
    throw new RtplatError('network', `cannot find the address of ${host}: ${code}${code === 'ENOTFOUND' ? ' (no such host)' : ''}`, {
      hint: 'check the name, or write a numeric address',
      cause: error,
    });
  }
}
