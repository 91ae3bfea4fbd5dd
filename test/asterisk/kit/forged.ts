/** UDP datagrams with a sender that is not theirs, by a raw socket: needs the rights of `scripts/in-netns.sh`. */
import { AF_INET, AF_INET6 } from '../../../src/core/udp/batch/layout.ts';
import { loadLibc } from '../../../src/core/udp/batch/libc.ts';
import { formatHostPort } from '../../../src/core/values/address.ts';
import type { Endpoint } from '../../../src/core/values/address.ts';
import { parseAddressWords } from '../../../src/core/values/networks.ts';

const SOCK_RAW = 3;
/** The header is ours to write. */
const IPPROTO_RAW = 255;
const IPPROTO_UDP = 17;
const UDP_HEADER_BYTES = 8;
const HOPS = 64;

export interface Forger {
  /** One datagram to the victim of this forger. */
  send(from: Endpoint, payload: Uint8Array): void;
  /** Pieces of one datagram, in this order: IPv4 only. */
  sendPieces(from: Endpoint, payload: Uint8Array, pieces: readonly Piece[]): void;
  close(): void;
}

/** Of a datagram, its UDP header included. */
export interface Piece {
  /** In bytes, a multiple of 8. */
  readonly at: number;
  readonly bytes: number;
  /** Whether more is to follow. */
  readonly more: boolean;
}

/** RFC 791 §3.1: in the flags. */
const MORE_FRAGMENTS = 0x2000;

export function forger(to: Endpoint): Forger {
  const libc = loadLibc();
  const ipv6 = to.address.includes(':');
  const fd = libc.socket(ipv6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (fd < 0) throw new Error(`no raw socket: errno ${libc.errno()}; run the suite by scripts/in-netns.sh`);
  const name = new Uint8Array(ipv6 ? 28 : 16);
  new DataView(name.buffer).setUint16(0, ipv6 ? AF_INET6 : AF_INET, true);
  name.set(bytesOf(to.address), ipv6 ? 8 : 4);
  if (libc.connect(fd, libc.addressOf(name), name.length) < 0) throw new Error(`no way to ${to.address}: errno ${libc.errno()}`);
  const put = (from: Endpoint, packet: Uint8Array): void => {
    if (libc.send(fd, libc.addressOf(packet), packet.length, 0) === packet.length) return;
    throw new Error(`cannot forge a packet from ${formatHostPort(from.address, from.port)}: errno ${libc.errno()}`);
  };
  let fragmented = 0;
  return {
    send: (from, payload) => put(from, ipv6 ? ipv6Packet(from, to, payload) : ipv4Packet(from, to, payload)),
    sendPieces: (from, payload, pieces) => {
      const whole = ipv4Packet(from, to, payload);
      // Of the datagram; 0 would be filled in anew for each piece.
      fragmented += 1;
      for (const { at, bytes, more } of pieces) {
        const packet = new Uint8Array(20 + bytes);
        packet.set(whole.subarray(0, 20));
        const view = new DataView(packet.buffer);
        view.setUint16(4, fragmented);
        view.setUint16(6, (more ? MORE_FRAGMENTS : 0) | (at / 8));
        packet.set(whole.subarray(20 + at, 20 + at + bytes), 20);
        put(from, packet);
      }
    },
    close: () => void libc.close(fd),
  };
}

/** RFC 791 §3.1; the kernel puts in total length and checksum. A UDP checksum of 0 is none. */
function ipv4Packet(from: Endpoint, to: Endpoint, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + UDP_HEADER_BYTES + payload.length);
  packet[0] = 0x45;
  packet[8] = HOPS;
  packet[9] = IPPROTO_UDP;
  packet.set(bytesOf(from.address), 12);
  packet.set(bytesOf(to.address), 16);
  writeUdp(packet, 20, from, to, payload);
  return packet;
}

/** RFC 8200 §3, and §8.1: here a UDP checksum must be. */
function ipv6Packet(from: Endpoint, to: Endpoint, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(40 + UDP_HEADER_BYTES + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x60;
  view.setUint16(4, UDP_HEADER_BYTES + payload.length);
  packet[6] = IPPROTO_UDP;
  packet[7] = HOPS;
  packet.set(bytesOf(from.address), 8);
  packet.set(bytesOf(to.address), 24);
  writeUdp(packet, 40, from, to, payload);
  let sum = UDP_HEADER_BYTES + payload.length + IPPROTO_UDP;
  for (let at = 8; at < packet.length; at += 2) sum += ((packet[at] as number) << 8) | (packet[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(46, sum === 0xffff ? 0xffff : ~sum & 0xffff);
  return packet;
}

function writeUdp(packet: Uint8Array, at: number, from: Endpoint, to: Endpoint, payload: Uint8Array): void {
  const view = new DataView(packet.buffer);
  view.setUint16(at, from.port);
  view.setUint16(at + 2, to.port);
  view.setUint16(at + 4, UDP_HEADER_BYTES + payload.length);
  packet.set(payload, at + UDP_HEADER_BYTES);
}

/** In the order of the network: 4 or 16 of them. */
function bytesOf(address: string): Uint8Array {
  const words = new Int32Array(4);
  if (!parseAddressWords(address, words)) throw new Error(`not an address: ${address}`);
  const bytes = new DataView(new ArrayBuffer(16));
  for (const [i, word] of words.entries()) bytes.setInt32(4 * i, word);
  return new Uint8Array(bytes.buffer).subarray(address.includes(':') ? 0 : 12);
}
