/**
 * Whether a peer is behind a network address translator, so that what it says of its own address leads nowhere. Then requests of ours
 * go back to where its request came from, as RFC 3581 does with answers. Pure.
 */
import type { Endpoint } from '../values/address.ts';
import { isLoopback, isPrivate, isUnspecified, unmapAddress } from '../values/address.ts';
import type { SipRequest } from './message.ts';
import { isIpv4, isIpv6, isUnicast } from './sdp-address.ts';

/**
 * Whether the request says that it comes from another address than it does, and asks for `rport`. Only of a peer that sent it
 * itself: behind a proxy, the address of the proxy tells nothing about the caller's.
 */
export function isTranslated(request: SipRequest, source: Endpoint): boolean {
  const { via, headers } = request;
  if (via === undefined || !via.params.has('rport') || headers.values('Via').length !== 1) return false;
  return isNumeric(via.host) && !isSame(via.host, source.address);
}

/**
 * Whether nothing of ours can arrive at an address that the peer names: a private one of a peer outside, the peer's own loopback,
 * or none that is a single host's.
 *
 * @param host of a URI; a name can be reached, as far as is known here.
 */
export function isUnreachable(host: string, source: Endpoint): boolean {
  if (!isNumeric(host) || isSame(host, source.address)) return false;
  if (isUnspecified(host) || !isUnicast(unmapAddress(host))) return true;
  if (isLoopback(host)) return !isLoopback(source.address);
  return isPrivate(host) && !isPrivate(source.address);
}

function isNumeric(host: string): boolean {
  return isIpv4(host) || isIpv6(host);
}

function isSame(a: string, b: string): boolean {
  return unmapAddress(a.toLowerCase()) === unmapAddress(b.toLowerCase());
}
