/** Writes captures for the tests and benchmarks: both formats, several link types, times to the nanosecond. */
import { writeRtpHeader } from '../../src/core/rtp/packet.ts';

export type Link = 'ethernet' | 'vlan' | 'qinq' | 'cooked' | 'cooked2' | 'raw' | 'null';

const LINK_TYPES: Readonly<Record<Link, number>> = { ethernet: 1, vlan: 1, qinq: 1, cooked: 113, cooked2: 276, raw: 101, null: 0 };

export interface Packet {
  /** Since 1970. */
  readonly atNs: bigint;
  readonly frame: Buffer;
  /** How long the frame was, when the capture cut it. */
  readonly length?: number;
}

export interface Datagram {
  /** Addresses of the same family, IPv4 in dots or IPv6 with all of its eight groups. */
  readonly from: readonly [address: string, port: number];
  readonly to: readonly [address: string, port: number];
  readonly payload: Buffer;
}

export interface RtpFields {
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payloadType?: number;
  readonly marker?: boolean;
  /** Bytes of payload, 160 when left out. */
  readonly bytes?: number;
}

export function rtp({ sequence, timestamp, ssrc, payloadType = 0, marker = false, bytes = 160 }: RtpFields): Buffer {
  const packet = Buffer.alloc(12 + bytes, 0xd5);
  writeRtpHeader(packet, 0, { sequence, timestamp, ssrc, payloadType, marker });
  return packet;
}

/** A frame of that link with the datagram in IP and UDP. @param fragment what stands in the fragment field of IPv4. */
export function frame(link: Link, datagram: Datagram, fragment = 0): Buffer {
  const ip = ipPacket(datagram, fragment);
  const v6 = datagram.from[0].includes(':');
  const etherType = v6 ? [0x86, 0xdd] : [0x08, 0x00];
  switch (link) {
    case 'ethernet':
      return Buffer.concat([Buffer.alloc(12, 2), Buffer.from(etherType), ip]);
    case 'vlan':
      return Buffer.concat([Buffer.alloc(12, 2), Buffer.from([0x81, 0, 0, 7, ...etherType]), ip]);
    case 'qinq':
      return Buffer.concat([Buffer.alloc(12, 2), Buffer.from([0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, ...etherType]), ip]);
    case 'cooked':
      return Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, ...etherType]), ip]);
    case 'cooked2':
      return Buffer.concat([Buffer.from([...etherType, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0]), ip]);
    case 'raw':
      return ip;
    case 'null':
      return Buffer.concat([Buffer.from([v6 ? 10 : 2, 0, 0, 0]), ip]);
  }
}

function ipPacket({ from, to, payload }: Datagram, fragment: number): Buffer {
  const udp = Buffer.alloc(8 + payload.length);
  udp.writeUInt16BE(from[1], 0);
  udp.writeUInt16BE(to[1], 2);
  udp.writeUInt16BE(udp.length, 4);
  payload.copy(udp, 8);
  if (from[0].includes(':')) {
    const header = Buffer.alloc(40);
    header[0] = 0x60;
    header.writeUInt16BE(udp.length, 4);
    header[6] = 17;
    header[7] = 64;
    groups(from[0]).copy(header, 8);
    groups(to[0]).copy(header, 24);
    return Buffer.concat([header, udp]);
  }
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + udp.length, 2);
  header.writeUInt16BE(fragment, 6);
  header[8] = 64;
  header[9] = 17;
  Buffer.from(from[0].split('.').map(Number)).copy(header, 12);
  Buffer.from(to[0].split('.').map(Number)).copy(header, 16);
  return Buffer.concat([header, udp]);
}

function groups(address: string): Buffer {
  return Buffer.from(address.split(':').flatMap((group) => [Number.parseInt(group, 16) >>> 8, Number.parseInt(group, 16) & 0xff]));
}

export interface FileOptions {
  readonly link?: Link;
  readonly bigEndian?: boolean;
  readonly nanoseconds?: boolean;
  /** Frames are cut after so many bytes. */
  readonly snapLength?: number;
}

export function pcap(packets: readonly Packet[], options: FileOptions = {}): Buffer {
  const { link = 'ethernet', nanoseconds = false, snapLength = 65_535 } = options;
  const { u16, u32 } = words(options.bigEndian ?? false);
  const parts = [u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4), u16(2), u16(4), u32(0), u32(0), u32(snapLength), u32(LINK_TYPES[link])];
  for (const { atNs, frame, length } of packets) {
    const kept = frame.subarray(0, snapLength);
    const fraction = Number(atNs % 1_000_000_000n);
    parts.push(u32(Number(atNs / 1_000_000_000n)), u32(nanoseconds ? fraction : Math.floor(fraction / 1_000)));
    parts.push(u32(kept.length), u32(length ?? frame.length), kept);
  }
  return Buffer.concat(parts);
}

export interface SectionOptions extends FileOptions {
  /** if_tsresol: 6 for microseconds when left out. */
  readonly timeUnit?: number;
  /** if_tsoffset, seconds. */
  readonly timeOffset?: number;
  /** Simple packet blocks, which have no time. */
  readonly simple?: boolean;
}

/** One section with one interface; sections may follow each other in a file. */
export function pcapng(packets: readonly Packet[], options: SectionOptions = {}): Buffer {
  const { link = 'ethernet', timeUnit = 6, timeOffset = 0, snapLength = 65_535, simple = false } = options;
  const { u16, u32, u64 } = words(options.bigEndian ?? false);
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  const block = (type: number, body: Buffer): Buffer => Buffer.concat([u32(type), u32(body.length + 12), body, u32(body.length + 12)]);
  const option = (code: number, value: Buffer): Buffer => Buffer.concat([u16(code), u16(value.length), padded(value)]);
  const interfaceOptions = Buffer.concat([
    option(2, Buffer.from('eth0')),
    option(9, Buffer.from([timeUnit])),
    option(14, u64(BigInt(timeOffset))),
    u32(0),
  ]);
  const unitsASecond = timeUnit < 128 ? 10n ** BigInt(timeUnit) : 2n ** BigInt(timeUnit & 127);
  const blocks = packets.map(({ atNs, frame, length = frame.length }) => {
    const kept = frame.subarray(0, snapLength);
    if (simple) return block(3, Buffer.concat([u32(length), padded(kept)]));
    const units = ((atNs - BigInt(timeOffset) * 1_000_000_000n) * unitsASecond) / 1_000_000_000n;
    const head = [u32(0), u32(Number(units >> 32n)), u32(Number(units & 0xffff_ffffn)), u32(kept.length), u32(length)];
    return block(6, Buffer.concat([...head, padded(kept)]));
  });
  return Buffer.concat([
    block(0x0a0d0d0a, Buffer.concat([u32(0x1a2b3c4d), u16(1), u16(0), u64(-1n)])),
    block(1, Buffer.concat([u16(LINK_TYPES[link]), u16(0), u32(snapLength), interfaceOptions])),
    ...blocks,
  ]);
}

/** Interface statistics at the end of a section, as dumpcap writes them: so many frames were dropped. */
export function statistics(dropped: bigint): Buffer {
  const block = Buffer.alloc(40);
  block.writeUInt32LE(5, 0);
  block.writeUInt32LE(40, 4);
  block.writeUInt16LE(5, 20);
  block.writeUInt16LE(8, 22);
  block.writeBigUInt64LE(dropped, 24);
  block.writeUInt32LE(40, 36);
  return block;
}

function words(bigEndian: boolean): {
  readonly u16: (value: number) => Buffer;
  readonly u32: (value: number) => Buffer;
  readonly u64: (value: bigint) => Buffer;
} {
  const order = (bytes: Buffer): Buffer => (bigEndian ? Buffer.from(bytes.toReversed()) : bytes);
  const u16 = (value: number): Buffer => {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return order(bytes);
  };
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return order(bytes);
  };
  const u64 = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return order(bytes);
  };
  return { u16, u32, u64 };
}
