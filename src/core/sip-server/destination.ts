/** Whether RTP may go where a caller wants it: an offer must not be a way to flood somebody else. Pure. */
import { isIpv4, isIpv6 } from '../sip/sdp-address.ts';
import type { MediaAddress } from '../sip/sdp.ts';
import { isPrivate, isUnspecified, unmapAddress } from '../values/address.ts';

export interface DestinationRules {
  /** Any address is right. */
  readonly thirdParties: boolean;
  /** Whether the address is learnt where the caller cannot know its own. */
  readonly symmetric: 'never' | 'when-private';
}

/** @param signalling where the call came from, numeric. @returns why no media is sent there; undefined where it is. */
export function misdirected({ address }: MediaAddress, signalling: string, rules: DestinationRules): string | undefined {
  if (isUnspecified(address)) return undefined;
  if (!isIpv4(address) && !isIpv6(address)) return `media for ${address} is not sent: names are not resolved`;
  if (rules.thirdParties || unmapAddress(address) === unmapAddress(signalling)) return undefined;
  if (rules.symmetric === 'when-private' && isPrivate(address) && !isPrivate(signalling)) return undefined;
  return `media for ${address} is not sent: the call came from ${signalling} (see media.third_party)`;
}
