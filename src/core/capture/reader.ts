/** The frames of a capture, whatever its format: bytes go in piece by piece, frames come out. Memory does not grow with the file. */
import { RtplatError } from '../errors.ts';
import { PcapngReader, SECTION_HEADER } from './pcapng.ts';
import { isPcap, PcapReader } from './pcap.ts';
import type { CapturedFrame, FormatReader } from './frame.ts';

const MAGIC_BYTES = 4;
/** What a buffer must hold for a record always to fit: see `FRAME_BYTES`, and the headers around a frame. */
export const LEAST_BUFFER_BYTES = 131_072;

/** @returns whether a file that begins so is a capture of any kind, read or not. */
export function looksLikeCapture(head: Uint8Array): boolean {
  if (head.length < MAGIC_BYTES) return false;
  const magic = magicOf(head, 0);
  return magic === SECTION_HEADER || isPcap(magic);
}

export class CaptureReader {
  readonly #name: string;
  readonly #onFrame: (frame: CapturedFrame) => void;
  readonly #frame: CapturedFrame = { bytes: new Uint8Array(0), offset: 0, length: 0, atNs: 0, linkType: 0 };
  #reader: FormatReader | undefined;
  #fileOffset = 0;
  /** Bytes that are not needed and have not come yet. */
  #skip = 0;
  #frames = 0;

  /** @param name of the file, for messages. */
  constructor(name: string, onFrame: (frame: CapturedFrame) => void) {
    this.#name = name;
    this.#onFrame = onFrame;
  }

  /**
   * Takes the next bytes of the file.
   *
   * @param bytes begins with what was left over the last time, and has room for {@link LEAST_BUFFER_BYTES}.
   * @returns how many of the first `length` bytes were taken; the rest must be given again, with more behind it.
   * @throws RtplatError `format`: no capture, one that is not read, or a damaged one; with the offset.
   */
  take(bytes: Uint8Array, length: number): number {
    const skipped = Math.min(this.#skip, length);
    this.#skip -= skipped;
    this.#fileOffset += skipped;
    if (this.#reader === undefined) {
      if (length < MAGIC_BYTES) return 0;
      this.#reader = this.#readerFor(magicOf(bytes, 0));
    }
    const next = this.#reader.take(bytes, skipped, length, this.#fileOffset);
    const taken = Math.min(next, length);
    this.#skip += next - taken;
    this.#fileOffset += taken - skipped;
    return taken;
  }

  /**
   * The file has ended, with so many bytes left over.
   *
   * @returns a warning when the end of the last record is missing; undefined when the capture is whole.
   * @throws RtplatError `format` when there was not even a beginning.
   */
  finish(rest: number): string | undefined {
    if (this.#reader === undefined || (this.#frames === 0 && rest > 0 && this.#fileOffset === 0)) {
      const size = this.#fileOffset + rest;
      throw new RtplatError('format', `${this.#name} is not a capture: it ends after ${size} bytes, within its header`);
    }
    if (rest === 0 && this.#skip === 0) return undefined;
    return `the file is cut: it ends at byte ${this.#fileOffset + rest}, within the record behind frame ${this.#frames}`;
  }

  get format(): 'pcap' | 'pcapng' | undefined {
    return this.#reader?.format;
  }

  /** Wall clock of the first frame with a time, ns since 1970. */
  get baseNs(): bigint | undefined {
    return this.#reader?.baseNs;
  }

  /** Frames of link types that are not looked into. */
  get foreign(): number {
    return this.#reader?.foreign ?? 0;
  }

  /** Frames that are not in the file although they were there; null when the file does not say. */
  get dropped(): number | null {
    return this.#reader?.dropped ?? null;
  }

  /** Frames handed on. */
  get frames(): number {
    return this.#frames;
  }

  /** Bytes of the file so far. */
  get bytes(): number {
    return this.#fileOffset;
  }

  #readerFor(magic: number): FormatReader {
    const frame = this.#frame;
    const onFrame = (): void => {
      this.#frames += 1;
      this.#onFrame(frame);
    };
    if (magic === SECTION_HEADER) return new PcapngReader(this.#name, frame, onFrame);
    if (isPcap(magic)) return new PcapReader(this.#name, frame, onFrame);
    throw new RtplatError('format', `${this.#name} is not a capture: its first four bytes are ${magic.toString(16).padStart(8, '0')}`, {
      hint: 'pcap and pcapng are read, also compressed with gzip',
    });
  }
}

function magicOf(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}
