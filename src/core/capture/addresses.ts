/** The text of the addresses that a datagram has as words. */
import { formatHostPort } from '../values/address.ts';

/** `192.0.2.1:4000` or `[2001:db8::1]:4000`. @param endpoints as in a `Datagram`. @param side 0 of the source, 1 of the destination. */
export function endpointAt(endpoints: Uint32Array, side: 0 | 1): string {
  const ports = endpoints[8] as number;
  const words = endpoints.subarray(4 * side, 4 * side + 4);
  const host = endpoints[9] === 4 ? ipv4(words[0] as number) : ipv6(words);
  return formatHostPort(host, side === 0 ? ports >>> 16 : ports & 0xffff);
}

function ipv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

/** By RFC 5952: the longest run of zeros, the first of several, is left out. */
function ipv6(words: Uint32Array): string {
  const groups = Array.from(words, (word) => [word >>> 16, word & 0xffff]).flat();
  let [from, length] = [-1, 1];
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end += 1;
    if (end - start > length) [from, length] = [start, end - start];
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return from < 0 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`;
}
