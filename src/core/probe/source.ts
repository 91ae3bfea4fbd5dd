/** The packets of a stream: silence under an RTP header that follows from a seed and the packet's number alone. */
import { RTP_HEADER_BYTES, writeRtpHeader } from '../rtp/packet.ts';
import { SeededRandom } from './random.ts';

/** PCMU (RFC 3551 §6). */
export const PAYLOAD_TYPE = 0;
export const CLOCK_RATE_HZ = 8_000;
/** μ-law silence. */
const SILENCE = 0xff;
const NS_PER_TICK = 1e9 / CLOCK_RATE_HZ;

/** A packet of silence for streams to write their headers into: they may share it, since a send is done with it when it returns. */
export function silentPacket(ptimeNs: number): Uint8Array {
  return new Uint8Array(RTP_HEADER_BYTES + Math.round(ptimeNs / NS_PER_TICK)).fill(SILENCE);
}

export interface SourceOptions {
  readonly streams: number;
  /** Between two packets of one stream. */
  readonly intervalNs: number;
  readonly seed: number;
}

/** The streams of a probe, the same for the same options in every thread. */
export function streamSources({ streams, intervalNs, seed }: SourceOptions): StreamSource[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: streams }, () => new StreamSource(intervalNs, random));
}

export class StreamSource {
  readonly #header = { marker: true, payloadType: PAYLOAD_TYPE, sequence: 0, timestamp: 0, ssrc: 0 };
  readonly #firstSequence: number;
  readonly #firstTimestamp: number;
  readonly #ticks: number;

  constructor(intervalNs: number, random: SeededRandom) {
    this.#header.ssrc = random.uint32();
    this.#firstSequence = random.uint16();
    this.#firstTimestamp = random.uint32();
    this.#ticks = intervalNs / NS_PER_TICK;
  }

  get ssrc(): number {
    return this.#header.ssrc;
  }

  /**
   * Writes the header of packet `index`. Its timestamp is the media time at which it is due, whatever the audio in it: lateness
   * is judged by timestamps.
   */
  write(packet: Uint8Array, index: number): void {
    const header = this.#header;
    // The start of a talkspurt is marked (RFC 3551 §4.1).
    header.marker = index === 0;
    header.sequence = this.sequenceOf(index);
    header.timestamp = (this.#firstTimestamp + Math.round(index * this.#ticks)) % 2 ** 32;
    writeRtpHeader(packet, 0, header);
  }

  sequenceOf(index: number): number {
    return (this.#firstSequence + index) & 0xffff;
  }

  /** @returns the number of the packet with that sequence number, of the 65,536 up to packet `last`; negative when it is none of ours. */
  indexOf(sequence: number, last: number): number {
    return last - ((this.sequenceOf(last) - sequence) & 0xffff);
  }
}
