/** From a SIP URI to addresses to try (RFC 3263), where the transport is chosen already. */
import { lookup, resolveSrv } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Endpoint } from '../../values/address.ts';
import type { SipUri } from '../uri.ts';

/** RFC 3261 §19.1.2. */
const DEFAULT_PORT = 5060;
const DEFAULT_TLS_PORT = 5061;

/**
 * In the order in which they are to be tried (§4.2): a number or a port in the URI speaks for itself, else SRV records, else the name.
 *
 * @throws Error of the resolver when the name has no address.
 */
export async function resolveSip(uri: SipUri, transport: 'udp' | 'tcp' | 'tls'): Promise<readonly Endpoint[]> {
  const host = uri.host.startsWith('[') ? uri.host.slice(1, -1) : uri.host;
  const usual = transport === 'tls' ? DEFAULT_TLS_PORT : DEFAULT_PORT;
  if (isIP(host) !== 0) return [{ address: host, port: uri.port ?? usual }];
  if (uri.port === undefined) {
    const served = await servers(host, transport);
    if (served.length > 0) return served;
  }
  return addressesOf(host, uri.port ?? usual);
}

async function servers(host: string, transport: 'udp' | 'tcp' | 'tls'): Promise<readonly Endpoint[]> {
  const service = transport === 'tls' ? '_sips._tcp' : `_sip._${transport}`;
  try {
    const records = await resolveSrv(`${service}.${host}`);
    const found: Endpoint[] = [];
    // RFC 2782: the lowest priority first; among equals the weight is a preference.
    for (const { name, port } of records.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)) {
      try {
        found.push(...(await addressesOf(name, port)));
      } catch {
        // The next one may have an address.
      }
    }
    return found;
  } catch {
    // No such record, as most names: the name itself is asked for.
    return [];
  }
}

async function addressesOf(host: string, port: number): Promise<readonly Endpoint[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => ({ address, port }));
}
