/** What a far end that stamps does with a packet that it is about to send back. Pure; no allocation per packet. */
import { createRtpPacket, parseRtp } from '../rtp/packet.ts';
import type { Arrival } from '../udp/engine.ts';
import { asksForStamp, writeStamp } from './stamp.ts';
import type { WallTime } from './wall.ts';

export class Stamper {
  readonly #wall: WallTime;
  readonly #nowNs: () => number;
  readonly #packet = createRtpPacket();

  /** @param nowNs monotonic, as the times of arrivals are. */
  constructor(wall: WallTime, nowNs: () => number) {
    this.#wall = wall;
    this.#nowNs = nowNs;
  }

  /** Writes the stamp into the RTP packet `buffer[offset … offset+length)` if it asks for one; any other datagram stays as it is. */
  stamp(buffer: Uint8Array, offset: number, length: number, arrival: Pick<Arrival, 'atNs' | 'readNs'>): void {
    const packet = this.#packet;
    if (parseRtp(buffer, offset, length, packet) !== undefined) return;
    this.stampPayload(buffer, offset + packet.payloadOffset, packet.payloadLength, arrival);
  }

  /** The same where the payload is known. */
  stampPayload(buffer: Uint8Array, at: number, payloadBytes: number, { atNs, readNs }: Pick<Arrival, 'atNs' | 'readNs'>): void {
    if (!asksForStamp(buffer, at, payloadBytes)) return;
    this.#wall.look(readNs);
    // What no kernel stamped arrived as it was read.
    writeStamp(buffer, at, this.#wall, atNs, this.#nowNs(), atNs !== readNs);
  }
}
