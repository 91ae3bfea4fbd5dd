/**
 * G.722 at 64 kbit/s (mode 1), 16,000 samples a second: two sub-bands by a quadrature mirror filter, 6 bits for the lower one and 2
 * for the higher, a byte for two samples. Bit for bit what the Recommendation's arithmetic gives; a sample that the decoder's filter
 * lifts beyond 16 bits is limited.
 *
 * An RTP payload is these bytes; its clock runs at 8,000 Hz, a tick a byte, although the sampling rate is twice that (RFC 3551
 * §4.5.2). Encoder and decoder remember what was before: one of each for a stream. There and back takes 22 samples, 1.375 ms.
 */
import { Band, HIGHER, LOWER, saturate } from './g722-band.ts';

/** Of audio. The RTP clock has half of it. */
export const G722_SAMPLE_RATE_HZ = 16_000;
/** What an encoder and a decoder delay the audio by together, in samples at 16 kHz: the two halves of the filter. */
export const G722_DELAY_SAMPLES = 22;

/** Half of the filter's 24 coefficients, which are symmetric (Table 11), times 8192. */
const QMF: Int32Array = Int32Array.of(3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11);
const HISTORY = 24;

/** Decision levels of the lower band, in 1/4096 of the step (Q6). */
const LOWER_LEVELS: Int32Array = Int32Array.of(
  ...[35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786],
  ...[858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919],
);
/** Decision level of the higher band (Q2). */
const HIGHER_LEVEL = 564;
/** Output levels of the lower band by its upper 4 bits, which the predictor hears (QM4), and by all 6, which the listener does (QM6). */
const OUTPUT_4: Int32Array = Int32Array.of(
  ...[0, -20_456, -12_896, -8968, -6288, -4240, -2584, -1200],
  ...[20_456, 12_896, 8968, 6288, 4240, 2584, 1200, 0],
);
const OUTPUT_6: Int32Array = Int32Array.of(
  ...[-136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192, -10_232, -9360, -8576, -7856],
  ...[-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728],
  ...[24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9360, 8576, 7856, 7192, 6576, 6000, 5456],
  ...[4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136],
);
/** Output levels of the higher band (QM2). */
const OUTPUT_2: Int32Array = Int32Array.of(-7408, -1616, 7408, 1616);
/** What a code does to the logarithm of the step (WL through RL42, WH through RH2). */
const LOWER_CHANGE: Int32Array = Int32Array.of(-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60);
const HIGHER_CHANGE: Int32Array = Int32Array.of(798, -214, 798, -214);

/** The two bands of one direction. */
class Bands {
  readonly lower = new Band(LOWER);
  readonly higher = new Band(HIGHER);
  /** The last 24 samples of the filter, the latest at the end. */
  readonly #history = new Int32Array(HISTORY);
  evenSum = 0;
  oddSum = 0;

  /** Both bands take their code in. Returns the higher one's difference; of the lower one the listener hears a finer reading. */
  adapt(lowerCode: number, higherCode: number): number {
    this.lower.adapt(OUTPUT_4[lowerCode >> 2] as number, LOWER_CHANGE[lowerCode >> 2] as number);
    return this.higher.adapt(OUTPUT_2[higherCode] as number, HIGHER_CHANGE[higherCode] as number);
  }

  /** Moves two samples into the filter and sums both of its phases up. */
  filter(earlier: number, later: number): void {
    const history = this.#history;
    history.copyWithin(0, 2);
    history[HISTORY - 2] = earlier;
    history[HISTORY - 1] = later;
    let even = 0;
    let odd = 0;
    for (let i = 0; i < 12; i++) {
      odd += (history[2 * i] as number) * (QMF[i] as number);
      even += (history[2 * i + 1] as number) * (QMF[11 - i] as number);
    }
    this.evenSum = even;
    this.oddSum = odd;
  }
}

export class G722Encoder {
  readonly #bands = new Bands();

  /** Writes the code of `samples[at … at+2·bytes)` to `out` from `offset` on. */
  encode(samples: Int16Array, at: number, bytes: number, out: Uint8Array, offset: number): void {
    const bands = this.#bands;
    for (let i = 0; i < bytes; i++) {
      bands.filter(samples[at + 2 * i] as number, samples[at + 2 * i + 1] as number);
      const lowerCode = lowerCodeOf(saturate(((bands.evenSum + bands.oddSum) >> 14) - bands.lower.predicted), bands.lower.step);
      const higherCode = higherCodeOf(saturate(((bands.evenSum - bands.oddSum) >> 14) - bands.higher.predicted), bands.higher.step);
      bands.adapt(lowerCode, higherCode);
      out[offset + i] = (higherCode << 6) | lowerCode;
    }
  }
}

export class G722Decoder {
  readonly #bands = new Bands();

  /** Writes the `2·count` samples of `bytes[offset … offset+count)` to `out` from `at` on. */
  decode(bytes: Uint8Array, offset: number, count: number, out: Int16Array, at: number): void {
    const bands = this.#bands;
    for (let i = 0; i < count; i++) {
      const code = bytes[offset + i] as number;
      const lowerCode = code & 0x3f;
      const lower = limit(bands.lower.predicted + ((bands.lower.step * (OUTPUT_6[lowerCode] as number)) >> 15));
      const higherBefore = bands.higher.predicted;
      const higher = limit(bands.adapt(lowerCode, code >> 6) + higherBefore);
      bands.filter(lower + higher, lower - higher);
      out[at + 2 * i] = saturate(bands.evenSum >> 11);
      out[at + 2 * i + 1] = saturate(bands.oddSum >> 11);
    }
  }
}

/** QUANTL: 6 bits. The sign is in the upper ones; 0 to 3 do not occur, so that robbing bits never makes a code of all zeros. */
function lowerCodeOf(difference: number, step: number): number {
  const magnitude = difference < 0 ? ~difference : difference;
  let level = 0;
  while (level < LOWER_LEVELS.length && magnitude >= ((LOWER_LEVELS[level] as number) * step) >> 12) level += 1;
  if (difference >= 0) return 61 - level;
  return level < 2 ? 63 - level : 33 - level;
}

/** QUANTH: 2 bits. */
function higherCodeOf(difference: number, step: number): number {
  const magnitude = difference < 0 ? ~difference : difference;
  const outer = magnitude >= (HIGHER_LEVEL * step) >> 12;
  if (difference < 0) return outer ? 0 : 1;
  return outer ? 2 : 3;
}

/** LIMIT: to 15 bits. */
function limit(value: number): number {
  return Math.max(-16_384, Math.min(16_383, value));
}
