/**
 * WAV files: PCM of 16 bits, µ-law and A-law, one or two channels, at 8 or 16 kHz to read; PCM of 16 bits to write.
 */
import { RtplatError } from '../errors.ts';
import { LINEAR_OF_ALAW, LINEAR_OF_ULAW } from './g711.ts';
import { readPcm16 } from './pcm.ts';

export interface WavAudio {
  /** One channel: the mean of two. */
  readonly samples: Int16Array;
  readonly rateHz: 8_000 | 16_000;
}

/** Bytes of {@link wavHeader}; the samples follow, little-endian. */
export const WAV_HEADER_BYTES = 44;

const FORMAT_PCM = 1;
const FORMAT_ALAW = 6;
const FORMAT_ULAW = 7;
/** The real format is then the beginning of a GUID. */
const FORMAT_EXTENSIBLE = 0xfffe;
const EXTENSIBLE_BYTES = 40;
const SUBFORMAT_OFFSET = 24;
const RIFF_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const FMT_BYTES = 16;
/** What stands for a size that is not known: that of a file still being written, or cut off. */
const SIZE_UNKNOWN = 0xffff_ffff;

interface WavFormat {
  readonly code: number;
  readonly channels: number;
  readonly rateHz: 8_000 | 16_000;
  readonly bits: number;
}

/**
 * Reads a WAV file. A file that was cut off is read as far as it goes. Throws `format`, with what the file has and what it should have.
 *
 * @param name of the file, for the message.
 */
export function readWav(bytes: Uint8Array, name: string): WavAudio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < RIFF_BYTES || tagAt(bytes, 0) !== 'RIFF' || tagAt(bytes, 8) !== 'WAVE') {
    throw unreadable(name, 'is not a WAV file');
  }
  let format: WavFormat | undefined;
  let at = RIFF_BYTES;
  while (at + CHUNK_HEADER_BYTES <= bytes.length) {
    const tag = tagAt(bytes, at);
    const size = view.getUint32(at + 4, true);
    const from = at + CHUNK_HEADER_BYTES;
    const length = Math.min(size, bytes.length - from);
    if (tag === 'fmt ') format = readFormat(view, from, length, name);
    if (tag === 'data') {
      if (format === undefined) throw unreadable(name, 'has samples before their format (no "fmt " chunk)');
      return { samples: readSamples(bytes, from, length, format), rateHz: format.rateHz };
    }
    // Chunks begin at even places.
    at = from + size + (size & 1);
  }
  throw unreadable(name, 'has no samples (no "data" chunk)');
}

function readFormat(view: DataView, from: number, length: number, name: string): WavFormat {
  if (length < FMT_BYTES) throw unreadable(name, `has a format of ${length} bytes instead of ${FMT_BYTES}`);
  let code = view.getUint16(from, true);
  if (code === FORMAT_EXTENSIBLE && length >= EXTENSIBLE_BYTES) code = view.getUint16(from + SUBFORMAT_OFFSET, true);
  const channels = view.getUint16(from + 2, true);
  const rateHz = view.getUint32(from + 4, true);
  const bits = view.getUint16(from + 14, true);
  if (code !== FORMAT_PCM && code !== FORMAT_ULAW && code !== FORMAT_ALAW) throw unreadable(name, `has samples of format ${code}`);
  const expectedBits = code === FORMAT_PCM ? 16 : 8;
  if (bits !== expectedBits) throw unreadable(name, `has ${bits} bits a sample`);
  if (channels !== 1 && channels !== 2) throw unreadable(name, `has ${channels} channels`);
  if (rateHz !== 8_000 && rateHz !== 16_000) throw unreadable(name, `has ${rateHz} samples a second`);
  return { code, channels, rateHz, bits };
}

function readSamples(bytes: Uint8Array, from: number, length: number, format: WavFormat): Int16Array {
  const count = Math.floor(length / (format.channels * (format.bits / 8)));
  const all = new Int16Array(count * format.channels);
  if (format.code === FORMAT_PCM) {
    readPcm16(bytes, from, all.length, all, 0);
  } else {
    const sampleOf = format.code === FORMAT_ULAW ? LINEAR_OF_ULAW : LINEAR_OF_ALAW;
    for (let i = 0; i < all.length; i++) all[i] = sampleOf[bytes[from + i] as number] as number;
  }
  if (format.channels === 1) return all;
  const mixed = new Int16Array(count);
  for (let i = 0; i < count; i++) mixed[i] = ((all[2 * i] as number) + (all[2 * i + 1] as number)) / 2;
  return mixed;
}

function tagAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function unreadable(name: string, what: string): RtplatError {
  return new RtplatError('format', `${name} ${what}`, {
    hint: 'PCM of 16 bits, µ-law or A-law, one or two channels, 8000 or 16000 samples a second can be played; sox converts: sox IN -r 8000 -c 1 -b 16 OUT.wav',
  });
}

/**
 * The header of a file of 16-bit samples, one channel.
 *
 * @param dataBytes bytes of samples; undefined while the file is being written: programs then read to its end, so that a file that was
 * never finished can be heard. Write the header again when the number is known.
 */
export function wavHeader(rateHz: number, dataBytes: number | undefined): Uint8Array {
  const header = new Uint8Array(WAV_HEADER_BYTES);
  const view = new DataView(header.buffer);
  writeTag(header, 0, 'RIFF');
  view.setUint32(4, sizeOf(dataBytes, WAV_HEADER_BYTES - 8), true);
  writeTag(header, 8, 'WAVE');
  writeTag(header, 12, 'fmt ');
  view.setUint32(16, FMT_BYTES, true);
  view.setUint16(20, FORMAT_PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  writeTag(header, 36, 'data');
  view.setUint32(40, sizeOf(dataBytes, 0), true);
  return header;
}

/** More than 4 GiB cannot be said either. */
function sizeOf(dataBytes: number | undefined, more: number): number {
  return dataBytes === undefined ? SIZE_UNKNOWN : Math.min(SIZE_UNKNOWN, dataBytes + more);
}

function writeTag(bytes: Uint8Array, at: number, tag: string): void {
  for (let i = 0; i < tag.length; i++) bytes[at + i] = tag.charCodeAt(i);
}
