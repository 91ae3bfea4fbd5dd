/**
 * The classic capture format (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of a header of 16 bytes and a frame. Both
 * byte orders, microseconds and nanoseconds.
 */
import { RtplatError } from '../errors.ts';
import { FRAME_BYTES, isKnownLink, MAX_FRAME_BYTES } from './frame.ts';
import type { CapturedFrame, FormatReader } from './frame.ts';

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const MICROSECONDS = 0xa1b2_c3d4;
const NANOSECONDS = 0xa1b2_3c4d;
/** Kuznetzov's variant, whose records have another header. */
const MODIFIED = 0xa1b2_cd34;
const MAJOR = 2;
const MINOR = 4;
/** Above the link type stand the length of the frame check sequence and a bit that says so. */
const LINK_TYPE_MASK = 0x03ff_ffff;

/** @returns whether a file that begins with these four bytes (big endian) is of this format. */
export function isPcap(magic: number): boolean {
  return [MICROSECONDS, NANOSECONDS, MODIFIED].some((known) => magic === known || magic === swapped(known));
}

export class PcapReader implements FormatReader {
  readonly format = 'pcap';
  readonly foreign = 0;
  readonly dropped = null;
  readonly #name: string;
  readonly #frame: CapturedFrame;
  readonly #onFrame: () => void;
  #begun = false;
  #little = false;
  #unitNs = 1_000;
  #baseSeconds = 0;
  #baseFraction = 0;
  #base: bigint | undefined;
  #linkType = 0;

  /** @param frame is filled before each call of `onFrame`. */
  constructor(name: string, frame: CapturedFrame, onFrame: () => void) {
    this.#name = name;
    this.#frame = frame;
    this.#onFrame = onFrame;
  }

  get baseNs(): bigint | undefined {
    return this.#base;
  }

  take(bytes: Uint8Array, start: number, end: number, fileOffset: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = start;
    if (!this.#begun) {
      if (end - at < FILE_HEADER) return at;
      this.#begin(view, at);
      at += FILE_HEADER;
    }
    const frame = this.#frame;
    const little = this.#little;
    frame.bytes = bytes;
    frame.linkType = this.#linkType;
    while (end - at >= RECORD_HEADER) {
      const length = view.getUint32(at + 8, little);
      if (length > MAX_FRAME_BYTES) {
        throw new RtplatError(
          'format',
          `${this.#name} is damaged: the frame at byte ${fileOffset + at - start} says it is ${length} bytes long, at most ${MAX_FRAME_BYTES} can be`,
        );
      }
      const wanted = length < FRAME_BYTES ? length : FRAME_BYTES;
      if (end - at - RECORD_HEADER < wanted) return at;
      frame.atNs = this.#timeOf(view.getUint32(at, little), view.getUint32(at + 4, little));
      frame.offset = at + RECORD_HEADER;
      frame.length = wanted;
      this.#onFrame();
      at += RECORD_HEADER + length;
    }
    return at;
  }

  #timeOf(seconds: number, fraction: number): number {
    if (this.#base === undefined) {
      this.#base = BigInt(seconds) * 1_000_000_000n + BigInt(fraction * this.#unitNs);
      this.#baseSeconds = seconds;
      this.#baseFraction = fraction;
    }
    return (seconds - this.#baseSeconds) * 1e9 + (fraction - this.#baseFraction) * this.#unitNs;
  }

  #begin(view: DataView, at: number): void {
    const magic = view.getUint32(at);
    this.#little = magic !== MICROSECONDS && magic !== NANOSECONDS && magic !== MODIFIED;
    const kind = view.getUint32(at, this.#little);
    if (kind === MODIFIED) {
      throw new RtplatError('format', `${this.#name} is of a variant of pcap that is not read: its first bytes are a1 b2 cd 34`, {
        hint: 'tshark -r FILE -w OUT.pcapng makes a capture of it that is read',
      });
    }
    this.#unitNs = kind === NANOSECONDS ? 1 : 1_000;
    const major = view.getUint16(at + 4, this.#little);
    const minor = view.getUint16(at + 6, this.#little);
    if (major !== MAJOR || minor !== MINOR) {
      throw new RtplatError('format', `${this.#name} is pcap of version ${major}.${minor} (bytes 4 to 7); only ${MAJOR}.${MINOR} is read`);
    }
    this.#linkType = view.getUint32(at + 20, this.#little) & LINK_TYPE_MASK;
    if (!isKnownLink(this.#linkType)) {
      throw new RtplatError('format', `${this.#name} has frames of link type ${this.#linkType} (byte 20), which is not read`, {
        hint: 'Ethernet, Linux cooked, raw IP and loopback are: capture on such an interface',
      });
    }
    this.#begun = true;
  }
}

function swapped(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
