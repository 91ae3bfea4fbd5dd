/**
 * Session descriptions (SDP, RFC 8866) as offers and answers of audio use them: read and validated. What is made of them is in
 * `sdp-offer.ts`.
 *
 * The lines are read by sdp-transform. It works with regular expressions and takes any number for a port, so it gets only the few
 * kinds of lines that are wanted here, whose expressions are linear, and everything it returns is checked.
 */
import { parse } from 'sdp-transform';
import { readSdes } from '../srtp/sdes.ts';
import type { SdesKey } from '../srtp/sdes.ts';
import { parseDecimal } from './scanner.ts';
import { isHostName, isIpv4, isIpv6, isUnicast } from './sdp-address.ts';

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** One of the formats of a media line over RTP. */
export interface SdpCodec {
  /** 0 … 127. */
  readonly payloadType: number;
  /** Encoding name in upper case: names do not differ by case (RFC 8866 §6.6). */
  readonly name: string;
  readonly clockRateHz: number;
  readonly channels: number;
}

/** Where media goes. */
export interface MediaAddress {
  /** A unicast address, or the host name that the peer wrote. 0.0.0.0 or :: mean: nowhere (RFC 3264 §8.4). */
  readonly address: string;
  readonly port: number;
}

/** One m= line with what belongs to it. */
export interface SdpMedia {
  /** `audio`, `video`, `image` … */
  readonly type: string;
  /** 0 … 65535; 0: refused, or given up. */
  readonly port: number;
  /** `RTP/AVP`, `RTP/SAVPF`, `udptl` … */
  readonly protocol: string;
  /** As written; at least one. */
  readonly formats: readonly string[];
  /** The formats that are known, in their order, for `audio` over `RTP/AVP` and `RTP/SAVP`; empty for all else. */
  readonly codecs: readonly SdpCodec[];
  /** undefined without an address that media can be sent to: none was given, or it is multicast or no address. */
  readonly address: string | undefined;
  /** Where a=rtcp wants RTCP (RFC 3605). */
  readonly rtcp: MediaAddress | undefined;
  /** RTP and RTCP on one port is offered or agreed to (RFC 5761 §5.1.1). */
  readonly rtcpMux: boolean;
  readonly direction: Direction;
  /** Keys of SRTP, in their order, those of suites that are spoken here; missing where there are none. */
  readonly crypto?: readonly SdesKey[];
  /** Whole ms; undefined when not given, or not a whole number. */
  readonly ptimeMs: number | undefined;
  readonly maxPtimeMs: number | undefined;
}

export type ParsedSdp = { readonly media: readonly SdpMedia[] } | { readonly problem: string };

const MAX_BYTES = 16_384;
const MAX_MEDIA = 16;
const MAX_FORMATS = 128;
const MAX_PAYLOAD_TYPE = 127;
const MAX_PORT = 65_535;
const MAX_CLOCK_RATE_HZ = 1_000_000;
const MAX_CHANNELS = 255;
const MAX_PTIME_MS = 1_000;
/** RFC 4568 §9.1. */
const MAX_TAG = 999_999_999;

const ATTRIBUTES: ReadonlySet<string> = new Set([
  'rtpmap',
  'ptime',
  'maxptime',
  'rtcp',
  'rtcp-mux',
  'crypto',
  'sendrecv',
  'sendonly',
  'recvonly',
  'inactive',
]);

/** RFC 3551 §6, those that a telephone uses: they may come without a=rtpmap. */
const STATIC_CODECS: ReadonlyMap<number, SdpCodec> = new Map(
  (
    [
      [0, 'PCMU'],
      [3, 'GSM'],
      [4, 'G723'],
      [8, 'PCMA'],
      [9, 'G722'],
      [13, 'CN'],
      [18, 'G729'],
    ] as const
  ).map(([payloadType, name]) => [payloadType, { payloadType, name, clockRateHz: 8_000, channels: 1 }]),
);

/** @returns one line that says what is wrong, in place of the media, when the text cannot be relied on. Never throws. */
export function parseSdp(body: Uint8Array): ParsedSdp {
  if (body.length > MAX_BYTES) return { problem: `the session description has ${body.length} bytes, more than ${MAX_BYTES}` };
  const wanted = wantedLines(new TextDecoder().decode(body));
  if ('problem' in wanted) return wanted;
  const session = parse(wanted.lines.join('\r\n'));
  const media: SdpMedia[] = [];
  for (const description of session.media) {
    const line = mediaOf(description, session);
    if ('problem' in line) return line;
    media.push(line);
  }
  return media.length === 0 ? { problem: 'the session description has no media line' } : { media };
}

/** The lines that sdp-transform is given. */
function wantedLines(text: string): { readonly lines: readonly string[] } | { readonly problem: string } {
  const lines: string[] = [];
  let media = 0;
  let start = 0;
  for (let number = 1; start < text.length; number++) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end > start && text[end - 1] === '\r' ? end - 1 : end);
    start = end + 1;
    if (line === '') continue;
    if (line[1] !== '=') return { problem: `line ${number} of the session description is not "type=value"` };
    if (lines.length === 0 && line !== 'v=0') return { problem: 'the session description does not begin with v=0' };
    if (!isWanted(line)) continue;
    if (hasControlCharacter(line)) return { problem: `line ${number} of the session description has a control character` };
    if (line.startsWith('m=')) media += 1;
    if (media > MAX_MEDIA) return { problem: `the session description has more than ${MAX_MEDIA} media lines` };
    lines.push(line);
  }
  return lines.length === 0 ? { problem: 'the session description is empty' } : { lines };
}

function isWanted(line: string): boolean {
  const type = line[0];
  if (type === 'a') {
    const colon = line.indexOf(':');
    return ATTRIBUTES.has(line.slice(2, colon === -1 ? undefined : colon));
  }
  return type === 'v' || type === 'c' || type === 'm';
}

function hasControlCharacter(line: string): boolean {
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/**
 * What sdp-transform gives. Its declared types are those of correct lines; in truth any member is missing when its line was not
 * understood, and a number is text when it has leading zeros or no digits at all.
 */
interface ReadConnection {
  readonly version?: unknown;
  readonly ip?: unknown;
}
interface ReadMedia {
  readonly type?: unknown;
  readonly port?: unknown;
  readonly protocol?: unknown;
  readonly payloads?: unknown;
  readonly connection?: ReadConnection | undefined;
  readonly direction?: Direction | undefined;
  readonly rtp: readonly { readonly payload?: unknown; readonly codec?: unknown; readonly rate?: unknown; readonly encoding?: unknown }[];
  readonly rtcp?: { readonly port?: unknown; readonly ipVer?: unknown; readonly address?: unknown } | undefined;
  readonly rtcpMux?: unknown;
  readonly crypto?: readonly {
    readonly id?: unknown;
    readonly suite?: unknown;
    readonly config?: unknown;
    readonly sessionConfig?: unknown;
  }[];
  readonly ptime?: unknown;
  readonly maxptime?: unknown;
}

/** @param session what holds for all media lines that do not say otherwise. */
function mediaOf(
  read: ReadMedia,
  session: { readonly connection?: ReadConnection | undefined; readonly direction?: Direction | undefined },
): SdpMedia | { readonly problem: string } {
  const type = textOf(read.type);
  const protocol = textOf(read.protocol);
  const formats = textOf(read.payloads)
    .split(' ')
    .filter((format) => format !== '');
  if (type === '' || protocol === '' || formats.length === 0) return { problem: 'a media line is not "m=type port protocol formats"' };
  if (formats.length > MAX_FORMATS) return { problem: `a media line has more than ${MAX_FORMATS} formats` };
  const port = wholeNumber(read.port, MAX_PORT);
  if (port === undefined) return { problem: `a media line has no port from 0 to ${MAX_PORT}` };
  const codecs = isRtpAudio({ type, protocol }) ? codecsOf(formats, read.rtp) : [];
  if ('problem' in codecs) return codecs;
  const crypto = keysOf(read.crypto ?? []);
  const connection = read.connection ?? session.connection;
  const address = mediaAddress(connection?.version, connection?.ip);
  return {
    type,
    port,
    protocol,
    formats,
    codecs,
    address,
    rtcp: rtcpOf(read.rtcp, address),
    rtcpMux: read.rtcpMux !== undefined,
    direction: read.direction ?? session.direction ?? 'sendrecv',
    ...(crypto.length === 0 ? {} : { crypto }),
    ptimeMs: milliseconds(read.ptime),
    maxPtimeMs: milliseconds(read.maxptime),
  };
}

/** Audio over RTP without feedback, plain or encrypted: the only kinds that are spoken here. */
function isRtpAudio({ type, protocol }: { readonly type: string; readonly protocol: string }): boolean {
  return type === 'audio' && (protocol === 'RTP/AVP' || protocol === 'RTP/SAVP');
}

function keysOf(lines: NonNullable<ReadMedia['crypto']>): readonly SdesKey[] {
  return lines.flatMap(({ id, suite, config, sessionConfig }) => {
    const tag = wholeNumber(id, MAX_TAG);
    return tag === undefined ? [] : (readSdes(tag, textOf(suite), textOf(config), textOf(sessionConfig)) ?? []);
  });
}

function codecsOf(formats: readonly string[], maps: ReadMedia['rtp']): readonly SdpCodec[] | { readonly problem: string } {
  const named = new Map<number, SdpCodec>();
  for (const { payload, codec, rate, encoding } of maps) {
    const payloadType = wholeNumber(payload, MAX_PAYLOAD_TYPE);
    const clockRateHz = wholeNumber(rate, MAX_CLOCK_RATE_HZ);
    const channels = encoding === undefined ? 1 : wholeNumber(encoding, MAX_CHANNELS);
    // A format that is not told right is one that we do not have; the others may still do.
    if (payloadType === undefined || !clockRateHz || !channels) continue;
    named.set(payloadType, { payloadType, name: textOf(codec).toUpperCase(), clockRateHz, channels });
  }
  const codecs: SdpCodec[] = [];
  for (const format of formats) {
    const payloadType = wholeNumber(format, MAX_PAYLOAD_TYPE);
    if (payloadType === undefined) return { problem: `an audio line has a payload type that is not 0 to ${MAX_PAYLOAD_TYPE}` };
    const codec = named.get(payloadType) ?? STATIC_CODECS.get(payloadType);
    if (codec !== undefined) codecs.push(codec);
  }
  return codecs;
}

/** The address when media can be sent to it. */
function mediaAddress(version: unknown, text: unknown): string | undefined {
  const address = textOf(text);
  const isAddress = version === 4 ? isIpv4(address) : version === 6 && isIpv6(address);
  if (isAddress) return isUnicast(address) ? address : undefined;
  return (version === 4 || version === 6) && isHostName(address) ? address : undefined;
}

function rtcpOf(attribute: ReadMedia['rtcp'], mediaLineAddress: string | undefined): MediaAddress | undefined {
  if (attribute === undefined) return undefined;
  const port = wholeNumber(attribute.port, MAX_PORT);
  const address = attribute.address === undefined ? mediaLineAddress : mediaAddress(attribute.ipVer, attribute.address);
  return !port || address === undefined ? undefined : { address, port };
}

function milliseconds(value: unknown): number | undefined {
  return wholeNumber(value, MAX_PTIME_MS) || undefined;
}

function wholeNumber(value: unknown, most: number): number | undefined {
  return parseDecimal(textOf(value), most);
}

function textOf(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
}
