/** Addresses between their two forms: what users read, and the words of a sockaddr. */
import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { unmapAddress } from '../../values/address.ts';
import type { Endpoint } from '../../values/address.ts';
import { AF_INET, AF_INET6, SOCKADDR_IN6_BYTES, SOCKADDR_IN_BYTES } from './layout.ts';

/** 32-bit words of a sockaddr_in6. */
const WORDS = 7;

/** An endpoint that carries its sockaddr with it. The text of the address is made when somebody asks for it. */
export class KernelEndpoint implements Endpoint {
  readonly words: Int32Array;
  /** Bytes of the sockaddr. */
  readonly length: number;
  #text: string | undefined;

  constructor(words: Int32Array, length: number) {
    this.words = words;
    this.length = length;
  }

  get address(): string {
    this.#text ??= this.length === SOCKADDR_IN_BYTES ? textOfIpv4(this.words[1] as number) : textOfIpv6(this.words);
    return this.#text;
  }

  get port(): number {
    const word = this.words[0] as number;
    return ((word >>> 8) & 0xff00) | (word >>> 24);
  }

  equals(other: KernelEndpoint): boolean {
    return this === other || matches(this, other.words, 0, other.length);
  }
}

/** @returns the endpoint as a socket of that family sends to it; undefined when the address is not numeric or of the wrong family. */
export function kernelEndpoint({ address, port }: Endpoint, family: 'IPv4' | 'IPv6'): KernelEndpoint | undefined {
  const words = new Int32Array(WORDS);
  const bytes = new DataView(words.buffer);
  bytes.setUint16(2, port);
  if (family === 'IPv4') {
    const plain = unmapAddress(address);
    if (!isIPv4(plain)) return undefined;
    bytes.setUint16(0, AF_INET, true);
    bytes.setInt32(4, bitsOfIpv4(plain));
    return new KernelEndpoint(words, SOCKADDR_IN_BYTES);
  }
  bytes.setUint16(0, AF_INET6, true);
  if (isIPv4(address)) {
    bytes.setUint16(18, 0xffff);
    bytes.setInt32(20, bitsOfIpv4(address));
  } else {
    if (!isIPv6(address)) return undefined;
    const [plain = '', scope = ''] = address.split('%', 2);
    const index = scope === '' ? 0 : scopeIndex(scope);
    if (index === undefined) return undefined;
    for (const [i, group] of groupsOf(plain).entries()) bytes.setUint16(8 + 2 * i, group);
    bytes.setUint32(24, index, true);
  }
  return new KernelEndpoint(words, SOCKADDR_IN6_BYTES);
}

/** The number of an interface that is given by number or by name (RFC 4007 §11); undefined where there is none of that name. */
function scopeIndex(scope: string): number | undefined {
  const index = Number(scope);
  if (Number.isInteger(index)) return index >= 0 && index < 2 ** 32 ? index : undefined;
  // Where a scope matters, the interface has a link-local address, which has its number.
  return networkInterfaces()[scope]?.find((entry) => entry.family === 'IPv6' && entry.scopeid > 0)?.scopeid;
}

function bitsOfIpv4(address: string): number {
  return address.split('.').reduce((bits, part) => (bits << 8) | Number(part), 0);
}

function textOfIpv4(word: number): string {
  return `${word & 0xff}.${(word >>> 8) & 0xff}.${(word >>> 16) & 0xff}.${word >>> 24}`;
}

/** The eight groups of a valid IPv6 address without its scope. */
function groupsOf(address: string): readonly number[] {
  const [head = '', tail] = address.split('::', 2);
  const front = parts(head);
  if (tail === undefined) return front;
  const back = parts(tail);
  return [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
}

function parts(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const bits = bitsOfIpv4(part);
    return [bits >>> 16, bits & 0xffff];
  });
}

/** RFC 5952: lower case, no leading zeros, the longest run of zero groups as `::`; IPv4-mapped addresses with dots. */
function textOfIpv6(words: Int32Array): string {
  const bytes = new DataView(words.buffer, words.byteOffset, SOCKADDR_IN6_BYTES);
  const groups = Array.from({ length: 8 }, (_, i) => bytes.getUint16(8 + 2 * i));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return `::ffff:${textOfIpv4(words[5] as number)}`;
  const { start, length } = longestZeros(groups);
  const hex = (from: readonly number[]): string => from.map((group) => group.toString(16)).join(':');
  const text = length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
  const scope = bytes.getUint32(24, true);
  return scope === 0 ? text : `${text}%${scope}`;
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let run = 0;
  for (const [i, group] of groups.entries()) {
    run = group === 0 ? run + 1 : 0;
    if (run > best.length) best = { start: i - run + 1, length: run };
  }
  return best;
}

/** Distinct sources that are remembered at once; when there are more, all are forgotten and learned anew. */
const CAPACITY = 16_384;
const HASH = 0x9e37_79b1;

/** Gives the same object for the same sockaddr, so that a source that is known costs no allocation. */
export class EndpointTable {
  readonly #slots: (KernelEndpoint | undefined)[] = Array.from({ length: 2 * CAPACITY });
  #used = 0;

  /**
   * @param words memory that holds a sockaddr from index `at`.
   * @param length of the sockaddr, bytes.
   */
  find(words: Int32Array, at: number, length: number): KernelEndpoint {
    const hash = hashOf(words, at, length);
    for (let slot = hash >>> 17; ; slot = (slot + 1) & (2 * CAPACITY - 1)) {
      const known = this.#slots[slot];
      if (known === undefined) return this.#learn(slot, words, at, length);
      if (matches(known, words, at, length)) return known;
    }
  }

  #learn(slot: number, words: Int32Array, at: number, length: number): KernelEndpoint {
    const copy = new Int32Array(WORDS);
    for (let i = 0; i < length / 4; i++) copy[i] = words[at + i] as number;
    // A flow label is not part of who the peer is (RFC 3493 §3.3).
    if (length !== SOCKADDR_IN_BYTES) copy[1] = 0;
    const endpoint = new KernelEndpoint(copy, length);
    if (this.#used === CAPACITY) {
      this.#slots.fill(undefined);
      this.#used = 0;
      this.#slots[hashOf(words, at, length) >>> 17] = endpoint;
    } else this.#slots[slot] = endpoint;
    this.#used += 1;
    return endpoint;
  }
}

/** Of the port and the address, all of it: peers within one network would else fall upon each other. */
function hashOf(words: Int32Array, at: number, length: number): number {
  let hash = Math.imul((words[at] as number) ^ Math.imul(words[at + 1] as number, HASH), HASH);
  if (length === SOCKADDR_IN_BYTES) return hash;
  hash = words[at] as number;
  for (let i = at + 2; i < at + 6; i++) hash = Math.imul(hash ^ (words[i] as number) ^ (hash >>> 15), HASH);
  return hash;
}

export function matches(known: KernelEndpoint, words: Int32Array, at: number, length: number): boolean {
  const have = known.words;
  if (have[0] !== words[at] || known.length !== length) return false;
  if (length === SOCKADDR_IN_BYTES) return have[1] === words[at + 1];
  return (
    have[5] === words[at + 5] &&
    have[4] === words[at + 4] &&
    have[3] === words[at + 3] &&
    have[2] === words[at + 2] &&
    have[6] === words[at + 6]
  );
}
