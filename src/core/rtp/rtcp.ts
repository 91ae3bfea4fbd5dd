/**
 * RTCP packets (RFC 3550 §6): sender and receiver reports, the CNAME, BYE. What else a compound packet holds is stepped over.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|  count  |      PT       |    length in words − 1        |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                         SSRC of sender                        |
 * +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 * |  SR alone: NTP timestamp (2 words), RTP timestamp, packets, octets
 * +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 * |                 SSRC of the source reported on                | × count
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | fraction lost |       cumulative number of packets lost       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |           extended highest sequence number received           |
 * |                      interarrival jitter                      |
 * |                         last SR (LSR)                         |
 * |                   delay since last SR (DLSR)                  |
 * +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 */

const VERSION_SHIFT = 6;
const RTCP_VERSION = 2;
const PADDING_BIT = 0x20;
const COUNT_MASK = 0x1f;
const HEADER_BYTES = 4;
const SENDER_INFO_BYTES = 20;
const BLOCK_BYTES = 24;
const SR = 200;
const RR = 201;
const SDES = 202;
const BYE = 203;
const CNAME_ITEM = 1;
/** What one length byte can say. */
const MOST_CNAME_BYTES = 255;
/** Seconds from 1900, the NTP epoch, to 1970. */
const NTP_TO_UNIX_S = 2_208_988_800;
/** A round trip may come out below 0 by so much, for two clocks that do not run quite alike. */
const CLOCK_ERROR_MS = 1;

/** An NTP timestamp: seconds since 1900 and fractions of one, 32 bits each, unsigned. */
export interface NtpTime {
  readonly seconds: number;
  readonly fraction: number;
}

/** What a receiver says of one source (§6.4.1). */
export interface ReportBlock {
  readonly ssrc: number;
  /** Since the report before, in 1/256. */
  readonly fractionLost: number;
  /** Signed: duplicates make it fall. */
  readonly cumulativeLost: number;
  /** With the cycles in the upper 16 bits. */
  readonly highestSequence: number;
  /** In units of the RTP timestamp. */
  readonly jitterTicks: number;
  /** The middle 32 bits of the NTP timestamp of the last SR of the source; 0 when there was none. */
  readonly lastSr: number;
  /** From its arrival to this report, in 1/65536 s. */
  readonly delaySinceLastSr: number;
}

export interface SenderInfo {
  readonly ntp: NtpTime;
  /** The same instant on the clock of the media. */
  readonly rtpTimestamp: number;
  readonly packets: number;
  /** Of payload. */
  readonly octets: number;
}

export type RtcpPacket =
  | { readonly kind: 'report'; readonly ssrc: number; readonly sender: SenderInfo | undefined; readonly blocks: readonly ReportBlock[] }
  | { readonly kind: 'cname'; readonly ssrc: number; readonly cname: string }
  | { readonly kind: 'bye'; readonly ssrcs: readonly number[] }
  /** Of a type that means nothing here: APP, feedback, XR. */
  | { readonly kind: 'other'; readonly type: number };

/** Why bytes are not a compound RTCP packet. `first`: it begins with something else than an SR or RR · `content`: a part ends too soon. */
export type RtcpRejection = 'too-short' | 'version' | 'first' | 'length' | 'padding' | 'content';

/**
 * Reads the compound packet in `buffer[offset … offset+length)`, as strictly as RFC 3550 A.2 asks for. Never throws.
 *
 * @returns its parts in order, or why it is none.
 */
export function parseRtcp(buffer: Uint8Array, offset: number, length: number): readonly RtcpPacket[] | RtcpRejection {
  if (length < 2 * HEADER_BYTES || offset + length > buffer.length) return 'too-short';
  const view = new DataView(buffer.buffer, buffer.byteOffset + offset, length);
  const packets: RtcpPacket[] = [];
  for (let at = 0; at < length;) {
    if (at + HEADER_BYTES > length) return 'length';
    const first = view.getUint8(at);
    const type = view.getUint8(at + 1);
    if (first >>> VERSION_SHIFT !== RTCP_VERSION) return 'version';
    const padded = (first & PADDING_BIT) !== 0;
    if (at === 0 && type !== SR && type !== RR) return 'first';
    const end = at + HEADER_BYTES * (view.getUint16(at + 2) + 1);
    if (end > length) return 'length';
    // Only the last part of a compound packet may be padded, and the first one never is (A.2).
    if (padded && (at === 0 || end < length)) return 'padding';
    let padding = 0;
    if (padded) {
      padding = view.getUint8(end - 1);
      if (padding === 0 || padding % 4 !== 0 || padding > end - at - HEADER_BYTES) return 'padding';
    }
    if (!parsePart(view, type, first & COUNT_MASK, at + HEADER_BYTES, end - padding, packets)) return 'content';
    at = end;
  }
  return packets;
}

/** @returns whether the content `at … end)` holds what `count` promises. */
function parsePart(view: DataView, type: number, count: number, at: number, end: number, out: RtcpPacket[]): boolean {
  switch (type) {
    case SR:
    case RR:
      return parseReport(view, type === SR, count, at, end, out);
    case SDES:
      return parseSdes(view, count, at, end, out);
    case BYE: {
      if (at + 4 * count > end) return false;
      out.push({ kind: 'bye', ssrcs: Array.from({ length: count }, (_, i) => view.getUint32(at + 4 * i)) });
      return true;
    }
    default:
      out.push({ kind: 'other', type });
      return true;
  }
}

function parseReport(view: DataView, sends: boolean, count: number, at: number, end: number, out: RtcpPacket[]): boolean {
  const blocksAt = at + 4 + (sends ? SENDER_INFO_BYTES : 0);
  if (blocksAt + BLOCK_BYTES * count > end) return false;
  const sender = sends
    ? {
        ntp: { seconds: view.getUint32(at + 4), fraction: view.getUint32(at + 8) },
        rtpTimestamp: view.getUint32(at + 12),
        packets: view.getUint32(at + 16),
        octets: view.getUint32(at + 20),
      }
    : undefined;
  const blocks = Array.from({ length: count }, (_, i) => readBlock(view, blocksAt + BLOCK_BYTES * i));
  out.push({ kind: 'report', ssrc: view.getUint32(at), sender, blocks });
  return true;
}

function readBlock(view: DataView, at: number): ReportBlock {
  return {
    ssrc: view.getUint32(at),
    fractionLost: view.getUint8(at + 4),
    // 24 bits, signed.
    cumulativeLost: (view.getUint32(at + 4) << 8) >> 8,
    highestSequence: view.getUint32(at + 8),
    jitterTicks: view.getUint32(at + 12),
    lastSr: view.getUint32(at + 16),
    delaySinceLastSr: view.getUint32(at + 20),
  };
}

/** Chunks of an SSRC, items of type, length and text, and a null byte up to the next word (§6.5). */
function parseSdes(view: DataView, count: number, at: number, end: number, out: RtcpPacket[]): boolean {
  let next = at;
  for (let chunk = 0; chunk < count; chunk++) {
    if (next + 4 > end) return false;
    const ssrc = view.getUint32(next);
    next += 4;
    for (;;) {
      if (next >= end) return false;
      const item = view.getUint8(next);
      if (item === 0) break;
      if (next + 2 > end) return false;
      const size = view.getUint8(next + 1);
      if (next + 2 + size > end) return false;
      if (item === CNAME_ITEM) {
        const text = new Uint8Array(view.buffer, view.byteOffset + next + 2, size);
        out.push({ kind: 'cname', ssrc, cname: new TextDecoder().decode(text) });
      }
      next += 2 + size;
    }
    // The terminating null, and on to a whole word.
    next += 4 - ((next - at) % 4);
    if (next > end) return false;
  }
  return true;
}

/** What {@link writeRtcp} writes: an SR, or an RR for one who has not sent, with a CNAME, and a BYE as the last word. */
export interface RtcpReport {
  readonly ssrc: number;
  readonly sender: SenderInfo | undefined;
  readonly block: ReportBlock | undefined;
  readonly cname: string;
  readonly bye: boolean;
}

/** Room for what {@link writeRtcp} writes: SR with a block, SDES with the longest CNAME, BYE. */
export const LONGEST_RTCP_BYTES: number = HEADER_BYTES + 4 + SENDER_INFO_BYTES + BLOCK_BYTES + (HEADER_BYTES + 4 + 2 + 255 + 4) + 8;

/**
 * Writes a compound packet at the start of `buffer`, which has room for {@link LONGEST_RTCP_BYTES}.
 *
 * @returns its length, bytes.
 */
export function writeRtcp(buffer: Uint8Array, report: RtcpReport): number {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  const { sender, block, ssrc } = report;
  let at = HEADER_BYTES;
  view.setUint32(at, ssrc);
  at += 4;
  if (sender !== undefined) {
    for (const word of [sender.ntp.seconds, sender.ntp.fraction, sender.rtpTimestamp, sender.packets, sender.octets]) {
      view.setUint32(at, word);
      at += 4;
    }
  }
  if (block !== undefined) at = writeBlock(view, at, block);
  writeHeader(view, 0, at, sender === undefined ? RR : SR, block === undefined ? 0 : 1);
  const sdes = at;
  at += HEADER_BYTES;
  view.setUint32(at, ssrc);
  const name = new Uint8Array(buffer.buffer, buffer.byteOffset + at + 6, MOST_CNAME_BYTES);
  const { written } = new TextEncoder().encodeInto(report.cname, name);
  view.setUint8(at + 4, CNAME_ITEM);
  view.setUint8(at + 5, written);
  at += 6 + written;
  do view.setUint8(at++, 0);
  while (at % 4 !== 0);
  writeHeader(view, sdes, at, SDES, 1);
  if (!report.bye) return at;
  view.setUint32(at + HEADER_BYTES, ssrc);
  writeHeader(view, at, at + HEADER_BYTES + 4, BYE, 1);
  return at + HEADER_BYTES + 4;
}

function writeBlock(view: DataView, at: number, block: ReportBlock): number {
  view.setUint32(at, block.ssrc);
  view.setUint32(at + 4, block.cumulativeLost);
  view.setUint8(at + 4, block.fractionLost);
  view.setUint32(at + 8, block.highestSequence);
  view.setUint32(at + 12, block.jitterTicks);
  view.setUint32(at + 16, block.lastSr);
  view.setUint32(at + 20, block.delaySinceLastSr);
  return at + BLOCK_BYTES;
}

function writeHeader(view: DataView, at: number, end: number, type: number, count: number): void {
  view.setUint8(at, (RTCP_VERSION << VERSION_SHIFT) | count);
  view.setUint8(at + 1, type);
  view.setUint16(at + 2, (end - at) / HEADER_BYTES - 1);
}

/** @param unixNs nanoseconds since 1970: exact to a fraction of a microsecond, as doubles of that size are. */
export function ntpTime(unixNs: number): NtpTime {
  const seconds = Math.floor(unixNs / 1e9);
  const fraction = Math.floor(((unixNs - seconds * 1e9) / 1e9) * 2 ** 32);
  return { seconds: (seconds + NTP_TO_UNIX_S) % 2 ** 32, fraction: Math.max(0, Math.min(2 ** 32 - 1, fraction)) };
}

/** The middle 32 bits of an NTP timestamp, which LSR has: units of 1/65536 s. */
export function middleOf({ seconds, fraction }: NtpTime): number {
  return (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
}

/**
 * The round trip that a report block about ourselves tells (§6.4.1): A − LSR − DLSR, A − LSR by our own clock.
 *
 * @param sinceSentNs from when the SR that it speaks of left, to when the block arrived.
 * @returns ms, not below 0; undefined when the block has no LSR, or says what cannot be.
 */
export function roundTripMs(sinceSentNs: number, { lastSr, delaySinceLastSr }: ReportBlock): number | undefined {
  if (lastSr === 0) return undefined;
  const ms = sinceSentNs / 1e6 - (delaySinceLastSr * 1_000) / 65_536;
  return ms < -CLOCK_ERROR_MS ? undefined : Math.max(0, ms);
}
