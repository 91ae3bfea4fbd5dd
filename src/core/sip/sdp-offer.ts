/**
 * Offer and answer (RFC 3264) for one stream of audio.
 *
 *     answerOffer()     their offer, our media     → our answer and what was agreed to, or a refusal
 *     acceptOffer()     the same                   → what was agreed to, for an answer when our port is known
 *     createOffer()     our media                  → our offer
 *     readAnswer()      our offer, their answer    → what was agreed to
 *
 * Of their media lines the first one of audio over RTP/AVP with a codec of ours is accepted, all others are refused with port 0 (§6); over
 * RTP/SAVP with a key of a suite of ours, where we have keys (RFC 4568): never the one for the other.
 * The same codec and the same payload types are used in both directions.
 */
import { formatSdes } from '../srtp/sdes.ts';
import type { SdesKey } from '../srtp/sdes.ts';
import type { SrtpKeys } from '../srtp/suites.ts';
import { parseSdp } from './sdp.ts';
import type { Direction, MediaAddress, SdpCodec, SdpMedia } from './sdp.ts';

export interface AudioCodec {
  readonly name: 'PCMU' | 'PCMA' | 'G722' | 'L16';
  /** Of the timestamps: 8000 of G.722 too, which has 16,000 samples a second (RFC 3551 §4.5.2). */
  readonly clockRateHz: number;
}

/** What we have to offer, or to answer with. */
export interface LocalMedia {
  /** Numeric. */
  readonly address: string;
  /** Of RTP; RTCP is on the next one, or on the same one where that was agreed to. */
  readonly port: number;
  /** In the order in which we would have them. */
  readonly codecs: readonly AudioCodec[];
  /** Whether DTMF is received as events (RFC 4733). */
  readonly telephoneEvent: boolean;
  /** A multiple of 10, from 10 to 60. */
  readonly ptimeMs: number;
  readonly direction: Direction;
  /** Keys that we send with, of those suites that we have; without them nothing is encrypted. */
  readonly crypto?: readonly SdesKey[] | undefined;
  /** Digits; the same for the whole session (RFC 8866 §5.2). */
  readonly sessionId: string;
  /** Of the first description of the session. */
  readonly version: number;
}

/** The same before there is a port. */
export type UnboundMedia = Omit<LocalMedia, 'port'>;

/** A description that was sent. Hand it to the next offer or answer of the session, which count on from it. */
export interface SentDescription {
  readonly text: string;
  readonly version: number;
}

/** What both sides agreed to. */
export interface NegotiatedMedia {
  /** What we send: the peer's payload type. */
  readonly codec: AudioCodec & { readonly payloadType: number };
  /** Payload type of the telephone events that we send; undefined when there are none. */
  readonly dtmf: number | undefined;
  /** Payload types of what we receive. They differ from those that we send only where the peer answered with others than we offered. */
  readonly receive: { readonly payloadType: number; readonly dtmf: number | undefined };
  readonly ptimeMs: number;
  /** Where to send RTP, as the peer wrote it: a host name is possible. */
  readonly remote: MediaAddress;
  /** Where to send RTCP; undefined when the next port is no port. */
  readonly rtcp: MediaAddress | undefined;
  /** Whether RTCP comes to, and goes from, the port of RTP. */
  readonly rtcpMux: boolean;
  /** Missing where nothing is encrypted. */
  readonly srtp?: NegotiatedSrtp;
  /** Seen from here: `recvonly` when the peer has us on hold. */
  readonly direction: Direction;
}

export interface NegotiatedSrtp extends SrtpKeys {
  /** Of both lines, the offer's and the answer's. */
  readonly tag: number;
}

export interface Answer extends SentDescription {
  readonly media: NegotiatedMedia;
}

/** Why there is no session. `warning` is the value of a Warning header (RFC 3261 §20.43). */
export interface Refusal {
  readonly status: 488;
  readonly reason: string;
  readonly warning: string;
}

export interface Offer extends SentDescription {
  readonly ours: LocalMedia;
}

const EVENT = 'TELEPHONE-EVENT';
/** Digits, *, # and A to D (RFC 4733 §3.2). */
const EVENTS = '0-15';
const FIRST_DYNAMIC = 96;
/** What most telephones use for events at 8 kHz; at other rates the ones above. */
const FIRST_EVENT = 101;
const LEAST_PTIME_MS = 10;
const MOST_PTIME_MS = 60;
/** Payload that fits into an Ethernet frame beside the headers of IPv6, UDP and RTP. */
const MOST_PAYLOAD_BYTES = 1_400;

/** RFC 3261 §20.43. */
const WARNING = { address: 301, transport: 302, media: 304, format: 305, parameter: 307 } as const;

/** An offer that was accepted. */
export interface Acceptance {
  readonly media: NegotiatedMedia;
  /** All media lines of the offer, and the one of them that was accepted. */
  readonly lines: readonly SdpMedia[];
  readonly accepted: SdpMedia;
}

/**
 * Answers the offer of a re-INVITE or UPDATE.
 *
 * @param previous what we sent last in this session: its version stays when nothing changed, else it grows by 1 (RFC 3264 §8).
 */
export function answerOffer(offer: Uint8Array, ours: LocalMedia, previous?: SentDescription): Answer | Refusal {
  const acceptance = acceptOffer(offer, ours);
  return 'status' in acceptance ? acceptance : { ...describeAnswer(acceptance, ours, previous), media: acceptance.media };
}

/** What comes of the offer of an INVITE, before there is a port to answer it with. */
export function acceptOffer(offer: Uint8Array, ours: UnboundMedia): Acceptance | Refusal {
  const parsed = parseSdp(offer);
  if ('problem' in parsed) return refusal(ours, WARNING.parameter, parsed.problem);
  for (const accepted of parsed.media) {
    const media = negotiate(accepted, ours);
    if (media !== undefined) return { media, lines: parsed.media, accepted };
  }
  return explain(parsed.media, ours);
}

/** The answer to an offer that was accepted. @param ours as then, and the port. */
export function describeAnswer({ media, lines, accepted }: Acceptance, ours: LocalMedia, previous?: SentDescription): SentDescription {
  const answers = lines.flatMap((line) => (line === accepted ? acceptedLines(media, ours) : [refusedLine(line)]));
  return describe(ours, answers, previous);
}

/** An offer of all that we have, for the 200 to an INVITE without one, or for a call of our own. */
export function createOffer(ours: LocalMedia, previous?: SentDescription): Offer {
  const formats = offeredFormats(ours);
  const lines = [
    `m=audio ${ours.port} ${protocolOf(ours)} ${formats.map(({ payloadType }) => payloadType).join(' ')}`,
    ...formats.flatMap(formatLines),
    ...(ours.crypto ?? []).map((key) => `a=crypto:${formatSdes(key)}`),
    `a=ptime:${ours.ptimeMs}`,
    `a=${ours.direction}`,
  ];
  return { ...describe(ours, lines, previous), ours };
}

/** What the answer to our offer agreed to, or one line that says why there is no session. */
export function readAnswer({ ours }: Offer, answer: Uint8Array): { readonly media: NegotiatedMedia } | { readonly problem: string } {
  const parsed = parseSdp(answer);
  if ('problem' in parsed) return parsed;
  const [line, ...more] = parsed.media;
  if (line === undefined || more.length > 0) return { problem: `the answer has ${parsed.media.length} media lines, the offer has 1` };
  if (!isOurs(line, ours))
    return { problem: `the answer has ${line.type} over ${line.protocol}, the offer audio over ${protocolOf(ours)}` };
  if (line.port === 0) return { problem: 'the answer refuses the audio' };
  if (line.address === undefined) return { problem: 'the answer has no address that media can be sent to' };
  const srtp = ours.crypto === undefined ? undefined : answeredSrtp(line, ours.crypto);
  if (srtp !== undefined && 'problem' in srtp) return srtp;
  const offered = offeredFormats(ours);
  for (const codec of line.codecs) {
    const ourCodec = ours.codecs.find((candidate) => isSameCodec(codec, candidate));
    if (ourCodec === undefined) continue;
    const event = eventOf(line, codec.clockRateHz);
    const offeredType = (name: string): number | undefined =>
      offered.find((format) => format.name === name && format.clockRateHz === codec.clockRateHz)?.payloadType;
    const receivedEvent = offeredType(EVENT);
    return {
      media: {
        ...agreed(line, line.address, ours, ourCodec, codec.payloadType),
        dtmf: receivedEvent === undefined ? undefined : event,
        receive: {
          payloadType: offeredType(codec.name) ?? codec.payloadType,
          dtmf: event === undefined ? undefined : receivedEvent,
        },
        // We do not offer it.
        rtcpMux: false,
        ...(srtp === undefined ? {} : { srtp }),
      },
    };
  }
  return { problem: 'the answer has no codec of the offer' };
}

/** What a media line of an offer comes to; undefined when it is not for us. */
function negotiate(line: SdpMedia, ours: UnboundMedia): NegotiatedMedia | undefined {
  if (!isOurs(line, ours) || line.port === 0 || line.address === undefined) return undefined;
  const srtp = ours.crypto === undefined ? undefined : acceptedSrtp(line, ours.crypto);
  if (ours.crypto !== undefined && srtp === undefined) return undefined;
  for (const ourCodec of ours.codecs) {
    const codec = line.codecs.find((candidate) => isSameCodec(candidate, ourCodec));
    if (codec === undefined) continue;
    const dtmf = ours.telephoneEvent ? eventOf(line, codec.clockRateHz) : undefined;
    const media = agreed(line, line.address, ours, ourCodec, codec.payloadType);
    return { ...media, dtmf, receive: { payloadType: codec.payloadType, dtmf }, ...(srtp === undefined ? {} : { srtp }) };
  }
  return undefined;
}

type ProtocolChoice = Pick<LocalMedia, 'crypto'>;

function protocolOf({ crypto }: ProtocolChoice): 'RTP/AVP' | 'RTP/SAVP' {
  return crypto === undefined ? 'RTP/AVP' : 'RTP/SAVP';
}

function isOurs({ type, protocol }: SdpMedia, ours: ProtocolChoice): boolean {
  return type === 'audio' && protocol === protocolOf(ours);
}

/** Of the keys of an offer the first one whose suite we have (RFC 4568 §5.1.2). */
function acceptedSrtp({ crypto = [] }: SdpMedia, ours: readonly SdesKey[]): NegotiatedSrtp | undefined {
  for (const { tag, key } of crypto) {
    const own = ours.find((each) => each.key.suite === key.suite);
    if (own !== undefined) return { tag, send: own.key, receive: key };
  }
  return undefined;
}

/** The one line of the answer, with the tag and the suite of one that was offered (RFC 4568 §5.1.3). */
function answeredSrtp({ crypto = [] }: SdpMedia, ours: readonly SdesKey[]): NegotiatedSrtp | { readonly problem: string } {
  const [answered, ...more] = crypto;
  const own = ours.find(({ tag, key }) => tag === answered?.tag && key.suite === answered.key.suite);
  if (answered === undefined || own === undefined || more.length > 0)
    return { problem: 'the answer has no key (a=crypto) for one that was offered' };
  return { tag: answered.tag, send: own.key, receive: answered.key };
}

type Agreed = Omit<NegotiatedMedia, 'dtmf' | 'receive' | 'srtp'>;

function agreed(line: SdpMedia, address: string, ours: UnboundMedia, { name, clockRateHz }: AudioCodec, payloadType: number): Agreed {
  const remote = { address, port: line.port };
  return {
    codec: { name, payloadType, clockRateHz },
    ptimeMs: ptimeOf(line, ours, { name, clockRateHz }),
    remote,
    rtcp: line.rtcpMux ? remote : (line.rtcp ?? nextPort(remote)),
    rtcpMux: line.rtcpMux,
    direction: directionOf(line, address, ours.direction),
  };
}

function isSameCodec(theirs: SdpCodec, ours: AudioCodec): boolean {
  return theirs.name === ours.name && theirs.clockRateHz === ours.clockRateHz && theirs.channels === 1;
}

/** Events count on the clock of the audio that they interrupt (RFC 4733 §2.1): those of another rate are none for us. */
function eventOf(line: SdpMedia, clockRateHz: number): number | undefined {
  return line.codecs.find((codec) => codec.name === EVENT && codec.clockRateHz === clockRateHz)?.payloadType;
}

/** RTCP goes to the port after that of RTP (RFC 3550 §11). */
function nextPort({ address, port }: MediaAddress): MediaAddress | undefined {
  return port === 65_535 ? undefined : { address, port: port + 1 };
}

/** Theirs where we can, never above their maximum, and never a packet that has to be fragmented. */
function ptimeOf(line: SdpMedia, ours: UnboundMedia, { name, clockRateHz }: AudioCodec): number {
  const { ptimeMs: asked, maxPtimeMs } = line;
  const isOurs = asked !== undefined && asked % 10 === 0 && asked >= LEAST_PTIME_MS && asked <= MOST_PTIME_MS;
  const bytesPerMs = (clockRateHz / 1_000) * (name === 'L16' ? 2 : 1);
  const mostMs = Math.min(MOST_PTIME_MS, MOST_PAYLOAD_BYTES / bytesPerMs, maxPtimeMs ?? MOST_PTIME_MS);
  const wantedMs = isOurs ? asked : ours.ptimeMs;
  return wantedMs <= mostMs ? wantedMs : Math.max(LEAST_PTIME_MS, Math.floor(mostMs / 10) * 10);
}

/** What we may send is what they would receive, and the other way round (RFC 3264 §6.1). */
function directionOf(line: SdpMedia, address: string, ours: Direction): Direction {
  // On hold as RFC 2543 had it: an address that is nowhere (RFC 3264 §8.4).
  const isNowhere = address === '0.0.0.0' || address === '::';
  const send = sends(ours) && receives(line.direction) && !isNowhere;
  const receive = receives(ours) && sends(line.direction);
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

function sends(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

function receives(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}

/** The whole description, with the version that it has to have. */
function describe(ours: LocalMedia, lines: readonly string[], previous: SentDescription | undefined): SentDescription {
  const address = `IN ${ours.address.includes(':') ? 'IP6' : 'IP4'} ${ours.address}`;
  const text = (version: number): string =>
    ['v=0', `o=- ${ours.sessionId} ${version} ${address}`, 's=-', `c=${address}`, 't=0 0', ...lines, ''].join('\r\n');
  if (previous === undefined) return { text: text(ours.version), version: ours.version };
  const version = text(previous.version) === previous.text ? previous.version : previous.version + 1;
  return { text: text(version), version };
}

interface Format {
  readonly payloadType: number;
  readonly name: string;
  readonly clockRateHz: number;
}

function acceptedLines({ codec, dtmf, ptimeMs, direction, rtcpMux, srtp }: NegotiatedMedia, ours: LocalMedia): readonly string[] {
  const formats: Format[] = [codec];
  if (dtmf !== undefined) formats.push({ payloadType: dtmf, name: EVENT, clockRateHz: codec.clockRateHz });
  return [
    `m=audio ${ours.port} ${protocolOf(ours)} ${formats.map(({ payloadType }) => payloadType).join(' ')}`,
    ...formats.flatMap(formatLines),
    ...(srtp === undefined ? [] : [`a=crypto:${formatSdes({ tag: srtp.tag, key: srtp.send })}`]),
    `a=ptime:${ptimeMs}`,
    `a=${direction}`,
    ...(rtcpMux ? ['a=rtcp-mux'] : []),
  ];
}

function formatLines({ payloadType, name, clockRateHz }: Format): readonly string[] {
  if (name !== EVENT) return [`a=rtpmap:${payloadType} ${name}/${clockRateHz}`];
  return [`a=rtpmap:${payloadType} telephone-event/${clockRateHz}`, `a=fmtp:${payloadType} ${EVENTS}`];
}

/** Port 0; the formats then mean nothing, but one has to be there (RFC 3264 §6). */
function refusedLine({ type, protocol, formats }: SdpMedia): string {
  return `m=${type} 0 ${protocol} ${formats[0]}`;
}

/** All our codecs under their payload types, then the events for each of their clock rates. */
function offeredFormats({ codecs, telephoneEvent }: LocalMedia): readonly Format[] {
  let dynamic = FIRST_DYNAMIC;
  const formats = codecs.map(({ name, clockRateHz }): Format => {
    if (name === 'PCMU') return { payloadType: 0, name, clockRateHz };
    if (name === 'PCMA') return { payloadType: 8, name, clockRateHz };
    if (name === 'G722') return { payloadType: 9, name, clockRateHz };
    // 10 and 11 are L16 at 44.1 kHz (RFC 3551 §6), not ours.
    return { payloadType: dynamic++, name, clockRateHz };
  });
  const rates = telephoneEvent ? [...new Set(codecs.map(({ clockRateHz }) => clockRateHz))] : [];
  return [...formats, ...rates.map((clockRateHz, index): Format => ({ payloadType: FIRST_EVENT + index, name: EVENT, clockRateHz }))];
}

/** Why none of the lines was accepted. */
function explain(lines: readonly SdpMedia[], ours: UnboundMedia): Refusal {
  const audio = lines.filter(({ type }) => type === 'audio');
  if (audio.length === 0) return refusal(ours, WARNING.media, 'the offer has no audio');
  const spoken = audio.filter((line) => isOurs(line, ours) && line.port !== 0);
  if (spoken.length === 0) return refusal(ours, WARNING.transport, `the offer has no audio over ${protocolOf(ours)}`);
  if (ours.crypto !== undefined && spoken.every((line) => acceptedSrtp(line, ours.crypto ?? []) === undefined))
    return refusal(ours, WARNING.transport, 'the offer has no key (a=crypto) of a suite that is spoken here');
  const reachable = spoken.filter(({ address }) => address !== undefined);
  if (reachable.length === 0) return refusal(ours, WARNING.address, 'the offer has no address that media can be sent to');
  const codecs = ours.codecs.map(({ name, clockRateHz }) => `${name}/${clockRateHz}`).join(', ');
  return refusal(ours, WARNING.format, `the offer has none of the codecs ${codecs}`);
}

function refusal({ address }: UnboundMedia, code: number, reason: string): Refusal {
  const agent = address.includes(':') ? `[${address}]` : address;
  const text = reason.replaceAll('"', "'");
  return { status: 488, reason, warning: `${code} ${agent} "${text}"` };
}
