/** The packets of a stream: silence, or noise that is known, under an RTP header that follows from a seed and the packet's number alone. */
import { NoisePayload } from '../match/noise-payload.ts';
import { REFERENCE_RATE_HZ } from '../match/reference.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../rtp/packet.ts';
import { SeededRandom } from './random.ts';

/** What the packets of a stream say they carry. Plain data: it goes to another thread. */
export interface ProbeAudio {
  /** Encoding name (RFC 3551 §6). */
  readonly name: string;
  readonly payloadType: number;
  /** Of the timestamps. */
  readonly clockRateHz: number;
  readonly bytesPerSecond: number;
  /** A payload filled with this byte is silence. */
  readonly silenceByte: number;
  /** With it the payload is the reference noise of this seed instead, for a single stream. */
  readonly noiseSeed?: number | undefined;
}

/** RFC 3551 §6; μ-law silence. */
export const PCMU_AUDIO: ProbeAudio = { name: 'PCMU', payloadType: 0, clockRateHz: 8_000, bytesPerSecond: 8_000, silenceByte: 0xff };

/** G.107 has a score for these alone. @param name as in {@link ProbeAudio}. */
export function isG711(name: string): boolean {
  return name === 'PCMU' || name === 'PCMA';
}

/** A packet of silence for streams to write their headers into: they may share it, since a send is done with it when it returns. */
export function silentPacket(ptimeNs: number, { bytesPerSecond, silenceByte }: ProbeAudio = PCMU_AUDIO): Uint8Array {
  return new Uint8Array(RTP_HEADER_BYTES + payloadBytes(ptimeNs, bytesPerSecond)).fill(silenceByte);
}

function payloadBytes(ptimeNs: number, bytesPerSecond: number): number {
  return Math.round((ptimeNs * bytesPerSecond) / 1e9);
}

/** The noise of a stream that sends a packet every ptime; undefined where it sends silence. */
export function noiseOf(ptimeNs: number, audio: ProbeAudio): NoisePayload | undefined {
  if (audio.noiseSeed === undefined) return undefined;
  return new NoisePayload(audio, audio.noiseSeed, (ptimeNs * REFERENCE_RATE_HZ) / 1e9, payloadBytes(ptimeNs, audio.bytesPerSecond));
}

export interface SourceOptions {
  readonly streams: number;
  /** Between two packets of one stream. */
  readonly intervalNs: number;
  readonly seed: number;
  /** PCMU without it. */
  readonly audio?: ProbeAudio | undefined;
  /** Whether the packets are encrypted. */
  readonly srtp?: object | undefined;
}

/** RFC 3711 §3.3.1: lest the number wraps before the far end has got a packet, which then could not know. */
const SRTP_FIRST_SEQUENCES = 0x7fff;

/** The streams of a probe, the same for the same options in every thread. */
export function streamSources({ streams, intervalNs, seed, audio, srtp }: SourceOptions): StreamSource[] {
  const random = new SeededRandom(seed);
  return Array.from(
    { length: streams },
    () => new StreamSource(intervalNs, random, audio, srtp === undefined ? 0xffff : SRTP_FIRST_SEQUENCES),
  );
}

export class StreamSource {
  readonly #header = { marker: true, payloadType: 0, sequence: 0, timestamp: 0, ssrc: 0 };
  readonly #firstSequence: number;
  readonly #firstTimestamp: number;
  readonly #ticks: number;
  readonly #clockRateHz: number;
  readonly #noise: NoisePayload | undefined;

  /** @param firstSequences of the bits of a random number, those that the first sequence number has. */
  constructor(intervalNs: number, random: SeededRandom, audio: ProbeAudio = PCMU_AUDIO, firstSequences: number = 0xffff) {
    const { payloadType, clockRateHz } = audio;
    this.#header.payloadType = payloadType;
    this.#header.ssrc = random.uint32();
    this.#firstSequence = random.uint16() & firstSequences;
    this.#firstTimestamp = random.uint32();
    this.#ticks = (intervalNs * clockRateHz) / 1e9;
    this.#clockRateHz = clockRateHz;
    this.#noise = noiseOf(intervalNs, audio);
  }

  get ssrc(): number {
    return this.#header.ssrc;
  }

  /**
   * Writes the header of packet `index`, and its noise where there is any. Its timestamp is the media time at which it is due, whatever the audio in it: lateness
   * is judged by timestamps.
   */
  write(packet: Uint8Array, index: number): void {
    const header = this.#header;
    // The start of a talkspurt is marked (RFC 3551 §4.1).
    header.marker = index === 0;
    header.sequence = this.sequenceOf(index);
    header.timestamp = (this.#firstTimestamp + Math.round(index * this.#ticks)) % 2 ** 32;
    writeRtpHeader(packet, 0, header);
    this.#noise?.write(packet, RTP_HEADER_BYTES, index);
  }

  /** Of the media at an instant, so long after the first packet was due. */
  timestampAt(elapsedNs: number): number {
    return (this.#firstTimestamp + Math.round((elapsedNs * this.#clockRateHz) / 1e9)) >>> 0;
  }

  sequenceOf(index: number): number {
    return this.countedSequenceOf(index) & 0xffff;
  }

  /** The same, counted on beyond 16 bits. */
  countedSequenceOf(index: number): number {
    return this.#firstSequence + index;
  }

  /** @returns the number of the packet with that sequence number, of the 65,536 up to packet `last`; negative when it is none of ours. */
  indexOf(sequence: number, last: number): number {
    return last - ((this.sequenceOf(last) - sequence) & 0xffff);
  }
}
