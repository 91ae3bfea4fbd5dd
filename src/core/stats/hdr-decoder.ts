/**
 * HdrHistogram's V2 encoding, compressed and in base64, read into buckets of one configuration. Kept here, and not in hdr-histogram-js,
 * because the data may be anybody's: that inflates whatever it is given, and walks as far as a header says.
 *
 *     compressed:  cookie | length                                       | zlib data of:
 *     plain:       cookie | payload length | offset | digits | lowest | highest | ratio | payload
 *
 * Integers are big-endian, of 4 bytes, and of 8 from `lowest` on. The payload is a count a bucket, or minus the number of empty ones
 * that follow each other, in ZigZag LEB128 of at most 9 bytes.
 */
import { inflate } from './inflate.ts';

/** With the mark of a word of variable length in the second digit from the right. */
const COMPRESSED_COOKIE = 0x1c849314;
const PLAIN_COOKIE = 0x1c849313;
const COMPRESSED_HEADER = 8;
const PLAIN_HEADER = 40;
/** Of the longest word. */
const WORD_BYTES = 9;

export interface HdrConfiguration {
  readonly lowest: number;
  readonly highest: number;
  readonly digits: number;
}

export interface DecodedBuckets {
  /** Of all buckets. */
  readonly total: number;
  /** The first and the last bucket that is not empty; the number of buckets and 0 when all are. */
  readonly first: number;
  readonly last: number;
}

/**
 * @param counts all 0; a number for every bucket of the configuration.
 * @throws RangeError when this is not such a histogram, or has another configuration. Some of the counts may be set then.
 */
export function decodeHdr(data: string, expected: HdrConfiguration, counts: Uint32Array): DecodedBuckets {
  const compressed = bytesOf(data);
  if (compressed.length < COMPRESSED_HEADER) throw undecodable();
  const outer = viewOf(compressed);
  const length = outer.getInt32(4);
  if (outer.getUint32(0) !== COMPRESSED_COOKIE || length < 0 || length > compressed.length - COMPRESSED_HEADER) throw undecodable();
  const zipped = compressed.subarray(COMPRESSED_HEADER, COMPRESSED_HEADER + length);
  const bytes = unzipped(zipped, PLAIN_HEADER + counts.length * WORD_BYTES);
  if (bytes.length < PLAIN_HEADER) throw undecodable();
  const view = viewOf(bytes);
  const payload = view.getInt32(4);
  if (view.getUint32(0) !== PLAIN_COOKIE || payload < 0 || payload > bytes.length - PLAIN_HEADER) throw undecodable();
  const { lowest, highest, digits } = expected;
  if (view.getInt32(12) !== digits || view.getBigInt64(16) !== BigInt(lowest) || view.getBigInt64(24) !== BigInt(highest)) {
    throw new RangeError('the histogram has another range or precision than 1 µs to 60 s with 3 digits');
  }
  return readPayload(bytes.subarray(PLAIN_HEADER, PLAIN_HEADER + payload), counts);
}

function readPayload(payload: Uint8Array, counts: Uint32Array): DecodedBuckets {
  let total = 0;
  let first = counts.length;
  let last = 0;
  let index = 0;
  let at = 0;
  while (at < payload.length) {
    // Numbers hold 53 bits; what has more is refused below, whatever it was rounded to.
    let word = 0;
    let scale = 1;
    for (let i = 1; ; i++) {
      const byte = payload[at];
      if (byte === undefined) throw undecodable();
      at += 1;
      const isLast = i === WORD_BYTES || byte < 0x80;
      word += (i === WORD_BYTES ? byte : byte & 0x7f) * scale;
      scale *= 0x80;
      if (isLast) break;
    }
    if (word % 2 === 1) {
      index += (word + 1) / 2;
    } else {
      const count = word / 2;
      if (index >= counts.length || count > 0xffff_ffff) throw undecodable();
      if (count > 0) {
        counts[index] = count;
        total += count;
        first = Math.min(first, index);
        last = index;
      }
      index += 1;
    }
    if (index > counts.length) throw undecodable();
  }
  return { total, first, last };
}

function unzipped(zipped: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return inflate(zipped, maxBytes);
  } catch (error) {
    throw undecodable(error);
  }
}

function bytesOf(base64: string): Uint8Array {
  let text: string;
  try {
    text = atob(base64);
  } catch (error) {
    throw undecodable(error);
  }
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function undecodable(cause?: unknown): RangeError {
  return new RangeError('the histogram data cannot be decoded', cause === undefined ? {} : { cause });
}
