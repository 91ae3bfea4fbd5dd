/** Addresses as numbers, and the networks that they are in, as users write them (RFC 4632, RFC 4291 §2.3). */

/** Four words of 32 bits, the first the most significant; an IPv4 address is the IPv6 address that stands for it (RFC 4291 §2.5.5.2). */
export const ADDRESS_WORDS = 4;
/** The third word of an IPv4 address. */
export const MAPPED = 0xffff;
const BITS = 128;
const MAPPED_BITS = 96;

/** All addresses that begin with the same bits. */
export interface Network {
  /** {@link ADDRESS_WORDS} of them, what is behind the prefix 0. */
  readonly words: Int32Array;
  readonly masks: Int32Array;
}

/** @param out gets {@link ADDRESS_WORDS} words. @returns false, and nothing to rely on, when the text is no numeric address. */
export function parseAddressWords(text: string, out: Int32Array): boolean {
  out.fill(0);
  if (!text.includes(':')) {
    const ipv4 = parseIpv4(text);
    if (ipv4 === undefined) return false;
    out[2] = MAPPED;
    out[3] = ipv4;
    return true;
  }
  const scope = text.indexOf('%');
  const groups = parseGroups(scope < 0 ? text : text.slice(0, scope));
  if (groups === undefined) return false;
  for (const [i, group] of groups.entries()) out[i >>> 1] = (out[i >>> 1] as number) | (group << (i % 2 === 0 ? 16 : 0));
  return true;
}

/** `192.0.2.0/24`, `2001:db8::/32`, or one address. Bits behind the prefix are passed over. @returns undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const words = new Int32Array(ADDRESS_WORDS);
  const address = slash < 0 ? text : text.slice(0, slash);
  if (!parseAddressWords(address, words)) return undefined;
  const before = address.includes(':') ? 0 : MAPPED_BITS;
  const bits = slash < 0 ? BITS - before : parseNumber(text.slice(slash + 1), BITS - before);
  if (bits === undefined) return undefined;
  const masks = Int32Array.from({ length: ADDRESS_WORDS }, (_, i) => maskOf(before + bits - 32 * i));
  return { words: words.map((word, i) => word & (masks[i] as number)), masks };
}

/** @param bits the first ones of the word that count; fewer than 0 is none, more than 32 all. */
function maskOf(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : ~(0xffff_ffff >>> bits);
}

export function isIn(address: Int32Array, { words, masks }: Network): boolean {
  return (
    // The last word tells most of them apart.
    ((address[3] as number) & (masks[3] as number)) === words[3] &&
    ((address[2] as number) & (masks[2] as number)) === words[2] &&
    ((address[1] as number) & (masks[1] as number)) === words[1] &&
    ((address[0] as number) & (masks[0] as number)) === words[0]
  );
}

export function isIpv4Words(address: Int32Array): boolean {
  return address[2] === MAPPED && address[1] === 0 && address[0] === 0;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopbackWords(address: Int32Array): boolean {
  if (address[0] !== 0 || address[1] !== 0) return false;
  return address[2] === MAPPED ? (address[3] as number) >>> 24 === 127 : address[2] === 0 && address[3] === 1;
}

/** As people write it; IPv6 with its zeros left out (RFC 5952), without a scope. */
export function formatAddressWords(address: Int32Array): string {
  if (isIpv4Words(address)) {
    const word = address[3] as number;
    return [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, i) => ((address[i >>> 1] as number) >>> (i % 2 === 0 ? 16 : 0)) & 0xffff);
  let [start, length] = [0, 1];
  for (let from = 0; from < groups.length; from++) {
    let to = from;
    while (groups[to] === 0) to += 1;
    if (to - from > length) [start, length] = [from, to - from];
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function parseIpv4(text: string): number | undefined {
  const parts = text.split('.', 5).map((part) => parseNumber(part, 255));
  if (parts.length !== 4) return undefined;
  let word = 0;
  for (const part of parts) {
    if (part === undefined) return undefined;
    word = (word << 8) | part;
  }
  return word;
}

/** Eight groups of 16 bits. */
function parseGroups(text: string): readonly number[] | undefined {
  const gap = text.indexOf('::');
  if (gap < 0) return groupsOf(text, 8);
  const head = text.slice(0, gap);
  const tail = text.slice(gap + 2);
  const front = head === '' ? [] : groupsOf(head);
  const back = tail === '' ? [] : groupsOf(tail);
  if (front === undefined || back === undefined || front.length + back.length > 7 || head.includes('.')) return undefined;
  return [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
}

/** @param exactly how many there must be. */
function groupsOf(text: string, exactly?: number): readonly number[] | undefined {
  const parts = text.split(':', 9);
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    const ipv4 = i === parts.length - 1 && part.includes('.') ? parseIpv4(part) : undefined;
    if (ipv4 === undefined) {
      const group = parseNumber(part, 0xffff, 16);
      if (group === undefined) return undefined;
      groups.push(group);
    } else groups.push(ipv4 >>> 16, ipv4 & 0xffff);
  }
  return groups.length > 8 || (exactly !== undefined && groups.length !== exactly) ? undefined : groups;
}

const DIGITS = '0123456789abcdef';

/** Digits alone, without a zero in front where they are decimal. */
function parseNumber(text: string, most: number, base: 10 | 16 = 10): number | undefined {
  if (text === '' || text.length > 4 || (base === 10 && text.length > 1 && text.startsWith('0'))) return undefined;
  let value = 0;
  for (const character of text.toLowerCase()) {
    const digit = DIGITS.indexOf(character);
    if (digit < 0 || digit >= base) return undefined;
    value = value * base + digit;
  }
  return value > most ? undefined : value;
}
