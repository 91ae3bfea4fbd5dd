/** The packets of one stream as they go over the wire. */
import { RTP_HEADER_BYTES } from '../rtp/packet.ts';
import { sessionKeysOf } from './session-keys.ts';
import { transformOf } from './transform.ts';
import type { SrtpTransform } from './transform.ts';
import type { SrtpKey } from './suites.ts';

export class SrtpSender {
  /** What {@link protect} writes; the same memory for each packet. */
  readonly packet: Uint8Array;
  readonly #transform: SrtpTransform;

  /** @param plainBytes of each packet before it is encrypted. */
  constructor(key: SrtpKey, plainBytes: number) {
    this.#transform = transformOf(sessionKeysOf(key));
    this.packet = new Uint8Array(plainBytes + this.#transform.tagBytes);
  }

  /** @param plain a packet with neither CSRCs nor extension. @param index its sequence number, counted on beyond 65,535. */
  protect(plain: Uint8Array, ssrc: number, index: number): void {
    this.#transform.protect(plain, RTP_HEADER_BYTES, ssrc, index, this.packet);
  }
}
