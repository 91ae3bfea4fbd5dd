/**
 * The codecs of a call: PCMU and PCMA (RFC 3551 §4.5.14) at 8 kHz, L16 (§4.5.11, big-endian) at 8 and 16 kHz. Nothing is
 * allocated by encoding or decoding.
 */
import { ALAW_OF_LINEAR, LINEAR_OF_ALAW, LINEAR_OF_ULAW, ULAW_OF_LINEAR } from './g711.ts';
import { readL16, writeL16 } from './pcm.ts';

export type CodecName = 'PCMU' | 'PCMA' | 'L16';

/** One channel. The arrays must be long enough for `count` samples: what lies beyond their end is lost, or read as 0. */
export interface AudioCodec {
  readonly name: CodecName;
  readonly clockRateHz: number;
  readonly bytesPerSample: 1 | 2;
  /** A payload filled with this byte is silence. */
  readonly silenceByte: number;
  /** Writes `samples[at … at+count)` to `out` from `offset` on, `count * bytesPerSample` bytes. */
  encode(samples: Int16Array, at: number, count: number, out: Uint8Array, offset: number): void;
  /** Reads `count` samples from `bytes[offset …]` into `out` from `at` on. */
  decode(bytes: Uint8Array, offset: number, count: number, out: Int16Array, at: number): void;
}

const PCMU: AudioCodec = g711('PCMU', ULAW_OF_LINEAR, LINEAR_OF_ULAW);
const PCMA: AudioCodec = g711('PCMA', ALAW_OF_LINEAR, LINEAR_OF_ALAW);
const L16_8K: AudioCodec = l16(8_000);
const L16_16K: AudioCodec = l16(16_000);

/** The codec of an SDP encoding name, in any case, and its clock rate; undefined for one that is not known here. */
export function codecOf(name: string, clockRateHz: number): AudioCodec | undefined {
  switch (`${name.toUpperCase()}/${clockRateHz}`) {
    case 'PCMU/8000':
      return PCMU;
    case 'PCMA/8000':
      return PCMA;
    case 'L16/8000':
      return L16_8K;
    case 'L16/16000':
      return L16_16K;
    default:
      return undefined;
  }
}

function g711(name: 'PCMU' | 'PCMA', codeOf: Uint8Array, sampleOf: Int16Array): AudioCodec {
  return {
    name,
    clockRateHz: 8_000,
    bytesPerSample: 1,
    silenceByte: codeOf[0] as number,
    encode: (samples, at, count, out, offset) => {
      for (let i = 0; i < count; i++) out[offset + i] = codeOf[(samples[at + i] as number) & 0xffff] as number;
    },
    decode: (bytes, offset, count, out, at) => {
      for (let i = 0; i < count; i++) out[at + i] = sampleOf[bytes[offset + i] as number] as number;
    },
  };
}

function l16(clockRateHz: number): AudioCodec {
  return { name: 'L16', clockRateHz, bytesPerSample: 2, silenceByte: 0, encode: writeL16, decode: readL16 };
}
