/**
 * RTP packets (RFC 3550 §5.1).
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                           timestamp                           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |           synchronization source (SSRC) identifier            |
 * +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 * |            contributing source (CSRC) identifiers             |
 * |                             ....                              |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

export const RTP_VERSION = 2;
/** Bytes of the fixed header. */
export const RTP_HEADER_BYTES = 12;

const VERSION_SHIFT = 6;
const PADDING_BIT = 0x20;
const EXTENSION_BIT = 0x10;
const CSRC_COUNT_MASK = 0x0f;
const MARKER_BIT = 0x80;
const PAYLOAD_TYPE_MASK = 0x7f;
const EXTENSION_HEADER_BYTES = 4;

/** RTCP packet types 192–223 seen in the second byte (RFC 5761 §4): a datagram that is not RTP although its version is 2. */
const RTCP_FIRST = 192;
const RTCP_LAST = 223;

/** One parsed packet. Reused from call to call by {@link parseRtp}: copy what must be kept. */
export interface RtpPacket {
  marker: boolean;
  payloadType: number;
  /** 16 bits. */
  sequence: number;
  /** 32 bits, unsigned, in units of the media clock. */
  timestamp: number;
  /** 32 bits, unsigned. */
  ssrc: number;
  /** Number of contributing sources, 0 to 15. */
  csrcCount: number;
  /** Whether a header extension (RFC 3550 §5.3.1) stands before the payload. */
  extension: boolean;
  /** First byte of the payload, counted from the start of the packet. */
  payloadOffset: number;
  /** Bytes of payload, padding taken off. */
  payloadLength: number;
}

/** Why bytes are not an RTP packet. */
export type RtpRejection = 'too-short' | 'version' | 'rtcp' | 'csrc-overrun' | 'extension-overrun' | 'padding-overrun';

export function createRtpPacket(): RtpPacket {
  return {
    marker: false,
    payloadType: 0,
    sequence: 0,
    timestamp: 0,
    ssrc: 0,
    csrcCount: 0,
    extension: false,
    payloadOffset: 0,
    payloadLength: 0,
  };
}

/**
 * Reads the RTP packet in `buffer[offset … offset+length)` into `out`. Does not allocate and never throws.
 *
 * @returns undefined when `out` holds the packet, else why the bytes are not RTP (then `out` is unspecified).
 */
export function parseRtp(buffer: Uint8Array, offset: number, length: number, out: RtpPacket): RtpRejection | undefined {
  const rejection = parseUnpaddedRtp(buffer, offset, length, out);
  if (rejection !== undefined || ((buffer[offset] as number) & PADDING_BIT) === 0) return rejection;
  // The last byte counts the padding, itself included (§5.1), so 0 is not a valid count.
  const padding = buffer[offset + length - 1] as number;
  if (padding === 0 || padding > out.payloadLength) return 'padding-overrun';
  out.payloadLength -= padding;
  return undefined;
}

/** The same, with padding as part of the payload: where it is encrypted, its length is (RFC 3711 §3.1). */
export function parseUnpaddedRtp(buffer: Uint8Array, offset: number, length: number, out: RtpPacket): RtpRejection | undefined {
  if (length < RTP_HEADER_BYTES || offset + length > buffer.length) return 'too-short';
  const first = buffer[offset] as number;
  const second = buffer[offset + 1] as number;
  if (first >>> VERSION_SHIFT !== RTP_VERSION) return 'version';
  if (second >= RTCP_FIRST && second <= RTCP_LAST) return 'rtcp';

  const csrcCount = first & CSRC_COUNT_MASK;
  let header = RTP_HEADER_BYTES + 4 * csrcCount;
  if (header > length) return 'csrc-overrun';
  const extension = (first & EXTENSION_BIT) !== 0;
  if (extension) {
    if (header + EXTENSION_HEADER_BYTES > length) return 'extension-overrun';
    const words = readUint16(buffer, offset + header + 2);
    header += EXTENSION_HEADER_BYTES + 4 * words;
    if (header > length) return 'extension-overrun';
  }
  readFixedHeader(buffer, offset, second, out);
  out.csrcCount = csrcCount;
  out.extension = extension;
  out.payloadOffset = header;
  out.payloadLength = length - header;
  return undefined;
}

/**
 * Reads the fixed header alone, of a packet whose end is missing: marker, payload type, sequence number, timestamp and SSRC of `out`
 * are set, all else of it is unspecified. Does not allocate and never throws.
 *
 * @param length bytes that are there, of a packet that is longer.
 */
export function parseCutRtp(buffer: Uint8Array, offset: number, length: number, out: RtpPacket): RtpRejection | undefined {
  if (length < RTP_HEADER_BYTES || offset + length > buffer.length) return 'too-short';
  const second = buffer[offset + 1] as number;
  if ((buffer[offset] as number) >>> VERSION_SHIFT !== RTP_VERSION) return 'version';
  if (second >= RTCP_FIRST && second <= RTCP_LAST) return 'rtcp';
  readFixedHeader(buffer, offset, second, out);
  return undefined;
}

function readFixedHeader(buffer: Uint8Array, offset: number, second: number, out: RtpPacket): void {
  out.marker = (second & MARKER_BIT) !== 0;
  out.payloadType = second & PAYLOAD_TYPE_MASK;
  out.sequence = readUint16(buffer, offset + 2);
  out.timestamp = readUint32(buffer, offset + 4);
  out.ssrc = readUint32(buffer, offset + 8);
}

/** The fields of a header without CSRCs, extension or padding. */
export interface RtpHeader {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
}

/**
 * Writes a 12-byte header at `offset`; every field is taken modulo its width.
 *
 * @returns the offset of the payload.
 */
export function writeRtpHeader(buffer: Uint8Array, offset: number, header: RtpHeader): number {
  buffer[offset] = RTP_VERSION << VERSION_SHIFT;
  buffer[offset + 1] = (header.marker ? MARKER_BIT : 0) | (header.payloadType & PAYLOAD_TYPE_MASK);
  writeUint16(buffer, offset + 2, header.sequence);
  writeUint32(buffer, offset + 4, header.timestamp);
  writeUint32(buffer, offset + 8, header.ssrc);
  return offset + RTP_HEADER_BYTES;
}

/** RTP clock rate in Hz of the static payload types (RFC 3551 §6); 8000 for a dynamic type, the rate of telephony. */
export function clockRateOf(payloadType: number): number {
  switch (payloadType) {
    case 6: // DVI4
      return 16_000;
    case 10: // L16 stereo
    case 11: // L16 mono
      return 44_100;
    case 14: // MPA
      return 90_000;
    case 16: // DVI4
      return 11_025;
    case 17: // DVI4
      return 22_050;
    default:
      // Video (25 to 34) runs at 90 kHz; everything else that is static, G.722 included (RFC 3551 §4.5.2), at 8 kHz.
      return payloadType >= 25 && payloadType <= 34 ? 90_000 : 8_000;
  }
}

function readUint16(buffer: Uint8Array, offset: number): number {
  return ((buffer[offset] as number) << 8) | (buffer[offset + 1] as number);
}

function readUint32(buffer: Uint8Array, offset: number): number {
  return ((readUint16(buffer, offset) << 16) | readUint16(buffer, offset + 2)) >>> 0;
}

function writeUint16(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 8;
  buffer[offset + 1] = value;
}

function writeUint32(buffer: Uint8Array, offset: number, value: number): void {
  writeUint16(buffer, offset, value >>> 16);
  writeUint16(buffer, offset + 2, value);
}
