/**
 * SRTCP (RFC 3711 §3.4, RFC 7714 §9): all behind the first eight bytes is encrypted, and the index is in the packet: before the tag in counter
 * mode, behind it in GCM.
 */
import { PacketIndexes } from './packet-index.ts';
import { DROPPED } from './receiver.ts';
import { sessionKeysOf } from './session-keys.ts';
import type { SrtpKey } from './suites.ts';
import { transformOf } from './transform.ts';
import type { SrtpTransform } from './transform.ts';

/** The first header and the SSRC of who sends. */
const CLEAR_BYTES = 8;
const SSRC_AT = 4;
const WORD_BYTES = 4;
/** Before the index: the packet is encrypted. */
const ENCRYPTED = 2 ** 31;
/** A far end may begin anew a few times in a call. */
const MOST_SOURCES = 64;

export class SrtcpSender {
  readonly #transform: SrtpTransform;
  readonly #aead: boolean;
  #index = 0;

  constructor(key: SrtpKey) {
    const keys = sessionKeysOf(key, 'rtcp');
    this.#aead = keys.aead;
    this.#transform = transformOf(keys);
  }

  /** @param plain a compound packet. @returns what goes out for it. */
  protect(plain: Uint8Array): Uint8Array {
    const { tagBytes } = this.#transform;
    const sealed = new Uint8Array(plain.length + tagBytes);
    const word = ENCRYPTED + this.#index;
    this.#transform.protect(plain, CLEAR_BYTES, viewOf(plain).getUint32(SSRC_AT), this.#index, sealed, word);
    this.#index += 1;
    const wire = new Uint8Array(sealed.length + WORD_BYTES);
    const wordAt = this.#aead ? sealed.length : plain.length;
    wire.set(sealed.subarray(0, wordAt));
    viewOf(wire).setUint32(wordAt, word);
    wire.set(sealed.subarray(wordAt), wordAt + WORD_BYTES);
    return wire;
  }
}

export class SrtcpReceiver {
  readonly #transform: SrtpTransform;
  readonly #aead: boolean;
  /** By SSRC, the latest one last. */
  readonly #sources = new Map<number, PacketIndexes>();

  constructor(key: SrtpKey) {
    const keys = sessionKeysOf(key, 'rtcp');
    this.#aead = keys.aead;
    this.#transform = transformOf(keys);
  }

  /** Decrypts `buffer[offset … offset+length)` in place. @returns its length without tag and index, or {@link DROPPED}. */
  open(buffer: Uint8Array, offset: number, length: number): number {
    const { tagBytes } = this.#transform;
    const plainLength = length - tagBytes - WORD_BYTES;
    if (plainLength < CLEAR_BYTES) return DROPPED;
    const wire = buffer.subarray(offset, offset + length);
    const wordAt = this.#aead ? length - WORD_BYTES : plainLength;
    const tagAt = this.#aead ? plainLength : plainLength + WORD_BYTES;
    const word = viewOf(wire).getUint32(wordAt);
    const ssrc = viewOf(wire).getUint32(SSRC_AT);
    const index = word - ENCRYPTED;
    const known = this.#sources.get(ssrc);
    const indexes = known ?? new PacketIndexes();
    // One that is not encrypted was not agreed on: its index is negative.
    if (!indexes.isFresh(index)) return DROPPED;
    const tag = wire.subarray(tagAt, tagAt + tagBytes);
    if (!this.#transform.open(wire.subarray(0, plainLength), CLEAR_BYTES, tag, ssrc, index, word)) return DROPPED;
    indexes.accept(index);
    if (known === undefined) {
      if (this.#sources.size >= MOST_SOURCES) this.#sources.delete(this.#sources.keys().next().value as number);
      this.#sources.set(ssrc, indexes);
    }
    return plainLength;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
