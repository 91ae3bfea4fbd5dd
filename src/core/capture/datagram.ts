/**
 * From a captured frame to the UDP datagram in it: Ethernet with VLAN tags (802.1Q, 802.1ad), Linux cooked captures, raw IP and
 * loopback; IPv4, and IPv6 with its extension headers. Nothing is allocated, and no length of the frame is believed.
 */
import { LINK } from './frame.ts';
import type { CapturedFrame } from './frame.ts';

/** Source address, destination address (four words each; an IPv4 address is the first), both ports, and the version of IP. */
export const ENDPOINT_WORDS = 10;

/** Reused from frame to frame. */
export interface Datagram {
  /** {@link ENDPOINT_WORDS} of them. */
  readonly endpoints: Uint32Array;
  /** Of the UDP payload in the bytes of the frame. */
  offset: number;
  /** Bytes of it that are in the file. */
  length: number;
  /** Bytes of it as they were sent: more than `length` when the capture cut the frame, or the datagram came in fragments. */
  sentLength: number;
}

/**
 * `fragment`: a further part of a fragmented datagram; its first part is a `udp`. `broken`: a header that is cut short or
 * contradicts itself.
 */
export type FrameKind = 'udp' | 'not-ip' | 'not-udp' | 'fragment' | 'broken';

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const VLAN_TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);
const MAX_VLAN_TAGS = 4;
const PROTOCOL_UDP = 17;
const UDP_HEADER = 8;
const IPV6_HEADER = 40;
/** RFC 8200 §4; the authentication header counts its length in words of 32 bits, less two (RFC 4302). */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
const MOBILITY = 135;
const MAX_EXTENSIONS = 16;

export function createDatagram(): Datagram {
  return { endpoints: new Uint32Array(ENDPOINT_WORDS), offset: 0, length: 0, sentLength: 0 };
}

/** Reads the datagram in `frame` into `out`, which is unspecified for every answer but `udp`. */
export function readDatagram(frame: CapturedFrame, out: Datagram): FrameKind {
  const { bytes, offset } = frame;
  const end = offset + frame.length;
  switch (frame.linkType) {
    case LINK.ethernet:
      return ethernet(bytes, offset + 12, end, out);
    case LINK.linuxCooked:
      return ethernet(bytes, offset + 14, end, out);
    case LINK.linuxCooked2:
      return end - offset < 20 ? 'broken' : network(bytes, offset + 20, end, word16(bytes, offset), out);
    case LINK.null:
    case LINK.loop:
      // The number of the address family differs between systems, and its byte order: the version says the same.
      return raw(bytes, offset + 4, end, out);
    default:
      return raw(bytes, offset, end, out);
  }
}

/** @param at of the EtherType. */
function ethernet(bytes: Uint8Array, at: number, end: number, out: Datagram): FrameKind {
  for (let tags = 0; tags <= MAX_VLAN_TAGS; tags++) {
    if (at + 2 > end) return 'broken';
    const type = word16(bytes, at);
    if (!VLAN_TAGS.has(type)) return network(bytes, at + 2, end, type, out);
    at += 4;
  }
  return 'not-ip';
}

function network(bytes: Uint8Array, at: number, end: number, type: number, out: Datagram): FrameKind {
  if (type === ETHERTYPE_IPV4) return ipv4(bytes, at, end, out);
  return type === ETHERTYPE_IPV6 ? ipv6(bytes, at, end, out) : 'not-ip';
}

function raw(bytes: Uint8Array, at: number, end: number, out: Datagram): FrameKind {
  if (at >= end) return 'broken';
  const version = (bytes[at] as number) >>> 4;
  if (version === 4) return ipv4(bytes, at, end, out);
  return version === 6 ? ipv6(bytes, at, end, out) : 'not-ip';
}

function ipv4(bytes: Uint8Array, at: number, end: number, out: Datagram): FrameKind {
  if (end - at < 20) return 'broken';
  const first = bytes[at] as number;
  const header = (first & 0x0f) * 4;
  if (first >>> 4 !== 4 || header < 20 || at + header > end) return 'broken';
  if (bytes[at + 9] !== PROTOCOL_UDP) return 'not-udp';
  const fragment = word16(bytes, at + 6);
  if ((fragment & 0x1fff) !== 0) return 'fragment';
  // 0 where the network card was to fill it in.
  const total = word16(bytes, at + 2);
  if (total !== 0 && total < header + UDP_HEADER) return 'broken';
  const { endpoints } = out;
  endpoints.fill(0);
  endpoints[0] = word32(bytes, at + 12);
  endpoints[4] = word32(bytes, at + 16);
  endpoints[9] = 4;
  return udp(bytes, at + header, total === 0 ? end : Math.min(end, at + total), (fragment & 0x2000) !== 0, out);
}

function ipv6(bytes: Uint8Array, at: number, end: number, out: Datagram): FrameKind {
  if (end - at < IPV6_HEADER) return 'broken';
  if ((bytes[at] as number) >>> 4 !== 6) return 'broken';
  const payload = word16(bytes, at + 4);
  const last = payload === 0 ? end : Math.min(end, at + IPV6_HEADER + payload);
  let next = bytes[at + 6] as number;
  let header = at + IPV6_HEADER;
  let more = false;
  for (let extensions = 0; next !== PROTOCOL_UDP; extensions++) {
    if (extensions === MAX_EXTENSIONS) return 'broken';
    let size: number;
    switch (next) {
      case HOP_BY_HOP:
      case ROUTING:
      case DESTINATION_OPTIONS:
      case MOBILITY:
        if (header + 2 > last) return 'broken';
        size = ((bytes[header + 1] as number) + 1) * 8;
        break;
      case AUTHENTICATION:
        if (header + 2 > last) return 'broken';
        size = ((bytes[header + 1] as number) + 2) * 4;
        break;
      case FRAGMENT: {
        if (header + 8 > last) return 'broken';
        const fragment = word16(bytes, header + 2);
        if (fragment >>> 3 !== 0) return 'fragment';
        more = (fragment & 1) !== 0;
        size = 8;
        break;
      }
      default:
        return 'not-udp';
    }
    next = bytes[header] as number;
    header += size;
  }
  if (header > last) return 'broken';
  const { endpoints } = out;
  for (let i = 0; i < 8; i++) endpoints[i] = word32(bytes, at + 8 + 4 * i);
  endpoints[9] = 6;
  return udp(bytes, header, last, more, out);
}

function udp(bytes: Uint8Array, at: number, end: number, more: boolean, out: Datagram): FrameKind {
  if (end - at < UDP_HEADER) return 'broken';
  // 0 of a jumbogram, and of what the kernel had not split yet.
  const length = word16(bytes, at + 4);
  if (length !== 0 && length < UDP_HEADER) return 'broken';
  out.endpoints[8] = word32(bytes, at);
  out.offset = at + UDP_HEADER;
  const captured = end - at - UDP_HEADER;
  out.sentLength = length === 0 ? captured : length - UDP_HEADER;
  out.length = Math.min(captured, out.sentLength);
  // The rest of the datagram is in other frames, whatever its length says.
  if (more && out.length === out.sentLength) return 'broken';
  return 'udp';
}

function word16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function word32(bytes: Uint8Array, at: number): number {
  return ((word16(bytes, at) << 16) | word16(bytes, at + 2)) >>> 0;
}
