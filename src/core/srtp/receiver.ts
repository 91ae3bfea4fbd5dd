/** What comes over the wire, as plain packets: only those that are authentic, and each once. */
import { createRtpPacket, parseUnpaddedRtp } from '../rtp/packet.ts';
import { PacketIndexes } from './packet-index.ts';
import { sessionKeysOf } from './session-keys.ts';
import { transformOf } from './transform.ts';
import type { SrtpTransform } from './transform.ts';
import type { SrtpKey, SrtpSuiteName } from './suites.ts';

/** What came and was dropped: it is in no other number. */
export interface SrtpFacts {
  readonly suite: SrtpSuiteName;
  /** Encrypted with another key, altered, or not encrypted at all. */
  readonly unauthenticated: number;
  /** Came before, or are too old to tell (RFC 3711 §3.3.2). */
  readonly replayed: number;
}

/** The answer of {@link SrtpReceiver.open} for what is to be dropped. */
export const DROPPED = -1;
/** A far end may begin anew a few times in a call; more only somebody with its key can make. */
const MOST_SOURCES = 64;

export class SrtpReceiver {
  readonly #suite: SrtpSuiteName;
  readonly #transform: SrtpTransform;
  /** By SSRC, the latest one last. */
  readonly #sources = new Map<number, PacketIndexes>();
  readonly #header = createRtpPacket();
  #unauthenticated = 0;
  #replayed = 0;

  constructor(key: SrtpKey) {
    this.#suite = key.suite;
    this.#transform = transformOf(sessionKeysOf(key));
  }

  /** Decrypts `buffer[offset … offset+length)` in place. @returns its length without the tag, or {@link DROPPED}. */
  open(buffer: Uint8Array, offset: number, length: number): number {
    const header = this.#header;
    const plainLength = length - this.#transform.tagBytes;
    if (plainLength < 0 || parseUnpaddedRtp(buffer, offset, plainLength, header) !== undefined) return this.#forged();
    const { ssrc, sequence, payloadOffset } = header;
    const known = this.#sources.get(ssrc);
    const indexes = known ?? new PacketIndexes();
    const index = indexes.guess(sequence);
    if (!indexes.isFresh(index)) {
      this.#replayed += 1;
      return DROPPED;
    }
    const packet = buffer.subarray(offset, offset + plainLength);
    const tag = buffer.subarray(offset + plainLength, offset + length);
    if (!this.#transform.open(packet, payloadOffset, tag, ssrc, index)) return this.#forged();
    indexes.accept(index);
    if (known === undefined) this.#remember(ssrc, indexes);
    return plainLength;
  }

  facts(): SrtpFacts {
    return { suite: this.#suite, unauthenticated: this.#unauthenticated, replayed: this.#replayed };
  }

  #forged(): typeof DROPPED {
    this.#unauthenticated += 1;
    return DROPPED;
  }

  #remember(ssrc: number, indexes: PacketIndexes): void {
    if (this.#sources.size >= MOST_SOURCES) this.#sources.delete(this.#sources.keys().next().value as number);
    this.#sources.set(ssrc, indexes);
  }
}
