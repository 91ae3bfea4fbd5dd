/**
 * The sending side of one RTP stream (RFC 3550 §5.1): sequence numbers, timestamps, the marker at the start of a talkspurt (RFC 3551
 * §4.1), and the counts that a sender report has. Nothing is allocated per packet.
 */
import { RTP_HEADER_BYTES, writeRtpHeader } from './packet.ts';

export interface RtpSenderOptions {
  readonly ssrc: number;
  /** Of the first packet; random (§5.1). */
  readonly sequence: number;
  readonly timestamp: number;
}

export class RtpSender {
  readonly #header: { marker: boolean; payloadType: number; sequence: number; timestamp: number; ssrc: number };
  #packets = 0;
  #octets = 0;

  constructor({ ssrc, sequence, timestamp }: RtpSenderOptions) {
    // Signed, these are small integers, which cost no allocation.
    this.#header = { marker: true, payloadType: 0, sequence: sequence & 0xffff, timestamp: timestamp | 0, ssrc: ssrc | 0 };
  }

  /**
   * Writes the header at the start of `packet`, all of whose other bytes are payload.
   *
   * @param ticks of media in it: how much later the next packet begins.
   */
  write(packet: Uint8Array, payloadType: number, ticks: number): void {
    const header = this.#header;
    header.payloadType = payloadType;
    writeRtpHeader(packet, 0, header);
    header.marker = false;
    header.sequence = (header.sequence + 1) & 0xffff;
    header.timestamp = (header.timestamp + ticks) | 0;
    this.#packets += 1;
    this.#octets += packet.length - RTP_HEADER_BYTES;
  }

  /** Media time goes by without a packet. The next one begins a talkspurt. */
  pause(ticks: number): void {
    this.#header.marker = true;
    this.#header.timestamp = (this.#header.timestamp + ticks) | 0;
  }

  get ssrc(): number {
    return this.#header.ssrc >>> 0;
  }

  /** Of the next packet. */
  get timestamp(): number {
    return this.#header.timestamp >>> 0;
  }

  get packets(): number {
    return this.#packets;
  }

  /** Of payload. */
  get octets(): number {
    return this.#octets;
  }
}
