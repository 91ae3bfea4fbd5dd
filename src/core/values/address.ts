/** Addresses and `host:port` pairs, and their text. */
import { parsePort } from './ports.ts';

/** An address the way the kernel names it: numeric, never a host name. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface HostPort {
  /** Numeric address or host name, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** @returns the two halves of `host:port`, `[::1]:port`; undefined when there are no such halves. */
export function parseHostPort(text: string): HostPort | undefined {
  const colon = text.lastIndexOf(':');
  if (colon <= 0) return undefined;
  const port = parsePort(text.slice(colon + 1));
  let host = text.slice(0, colon);
  if (host.startsWith('[') && host.endsWith(']')) host = host.slice(1, -1);
  else if (host.includes(':')) return undefined;
  if (port === undefined || host === '') return undefined;
  return { host, port };
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The IPv4 address inside an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2), else the address itself. */
export function unmapAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** 127.0.0.0/8, ::1, or the name that stands for them. */
export function isLoopback(address: string): boolean {
  const plain = unmapAddress(address);
  return plain.startsWith('127.') || plain === '::1' || plain === 'localhost';
}

/**
 * Whether an address means nothing to those outside: RFC 1918, shared (RFC 6598), link-local and loopback addresses, and unique local
 * ones (RFC 4193).
 */
export function isPrivate(address: string): boolean {
  const plain = unmapAddress(address).toLowerCase();
  if (plain.includes(':')) {
    if (plain === '::1') return true;
    const group = Number.parseInt(plain.slice(0, plain.indexOf(':')), 16);
    return (group & 0xfe00) === 0xfc00 || (group & 0xffc0) === 0xfe80;
  }
  const [first = -1, second = -1] = plain.split('.', 2).map(Number);
  switch (first) {
    case 10:
    case 127:
      return true;
    case 100:
      return second >= 64 && second < 128;
    case 169:
      return second === 254;
    case 172:
      return second >= 16 && second < 32;
    case 192:
      return second === 168;
    default:
      return false;
  }
}

export function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** The endpoint as a socket of `family` names it: an IPv6 socket knows IPv4 peers by their mapped address. */
export function toFamily(endpoint: Endpoint, family: 'IPv4' | 'IPv6'): Endpoint {
  const plain = unmapAddress(endpoint.address);
  const address = family === 'IPv6' && !plain.includes(':') ? `::ffff:${plain}` : plain;
  return { address, port: endpoint.port };
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}
