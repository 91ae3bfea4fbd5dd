/**
 * DTMF in audio (ITU-T Q.24), at 8 or 16 kHz.
 *
 * Windows of 12.75 ms, each overlapping the one before by half, are either one of the sixteen digits or none. Four windows in a row
 * of the same digit begin it, if all of them together are one as well; five in a row without it end it, and it is reported when it has
 * ended. So 40 ms of tone and 40 ms of pause are always a digit and its end; less than 24 ms of tone is never a digit, and an
 * interruption of up to 15 ms does not make two of one. Places and durations are right to about 6 ms.
 *
 * Nothing is allocated per frame. 20 ms at 8 kHz take about 1.5 µs, of silence half of that.
 */
import { DTMF_HIGH_HZ, DTMF_KEYPAD, DTMF_LOW_HZ } from './dtmf.ts';
import { BANK, analyseBlock, goertzelBank, powerAt } from './goertzel.ts';
import type { GoertzelBank } from './goertzel.ts';
import { FULL_SCALE, amplitudeOfDbm0 } from './level.ts';

export interface DtmfDigit {
  /** One of 0–9 * # A–D. */
  readonly digit: string;
  /** Where it began, in samples since the first that was given. */
  readonly atSample: number;
  readonly durationSamples: number;
}

const WINDOWS_TO_BEGIN = 4;
const WINDOWS_TO_END = 5;
const ROWS = 4;
const NONE = -1;

/** Each tone must have this level: 6 dB less than the quietest digit that has to be heard. */
const LEAST_DBM0 = -36;
const LEAST_PEAK = FULL_SCALE * amplitudeOfDbm0(LEAST_DBM0);
/** How much stronger than the others of its group a tone must be; in so short a window the other group's tone leaks into it. */
const LEAD = ratioOf(5);
/** Part of the energy that must be in the two tones: in every window (on an edge of the tone, and beside its frequency, it is less)… */
const LEAST_SHARE = 0.7;
/** … and in all windows together, with what frequencies that are off take away given back. */
const LEAST_MEAN_SHARE = 0.88;
/** A digit's high tone may be 8 dB weaker than the low one (lines damp it more) or 4 dB stronger. In all windows together … */
const NORMAL_TWIST_DB = 8;
const REVERSE_TWIST_DB = 4;
const MEAN_TWIST_ERROR_DB = 1;
/** … and in every window, where the other tone leaks into the weaker one. */
const TWIST_ERROR_DB = 4;
const NORMAL_TWIST = ratioOf(NORMAL_TWIST_DB + TWIST_ERROR_DB);
const REVERSE_TWIST = ratioOf(REVERSE_TWIST_DB + TWIST_ERROR_DB);
const MEAN_NORMAL_TWIST = ratioOf(NORMAL_TWIST_DB + MEAN_TWIST_ERROR_DB);
const MEAN_REVERSE_TWIST = ratioOf(REVERSE_TWIST_DB + MEAN_TWIST_ERROR_DB);
/**
 * The high tone's second harmonic must be this much weaker: a voice has harmonics. That of a low tone lies in the high group, where
 * {@link LEAST_SHARE} and the twist deal with it.
 */
const HARMONIC = ratioOf(14);
/** Q.24: within 1.5 % is a digit, 3.5 % off is not. */
const FREQUENCY_TOLERANCE = 0.02;

const BANKS: ReadonlyMap<number, GoertzelBank> = new Map([8_000, 16_000].map((rateHz) => [rateHz, goertzelBank(rateHz)]));

export class DtmfDetector {
  readonly #bank: GoertzelBank;
  readonly #rateHz: number;
  readonly #onDigit: (digit: DtmfDigit) => void;
  /** The last two blocks, the halves of a window. */
  readonly #samples: Int16Array;
  /** Where the next sample goes. */
  #fill = 0;
  /** Samples in complete blocks. */
  #done = 0;

  /** Spectrum and energy of the previous block. */
  #re: Float64Array = new Float64Array(BANK);
  #im: Float64Array = new Float64Array(BANK);
  #energy = 0;
  /** Of the present one. */
  #nextRe: Float64Array = new Float64Array(BANK);
  #nextIm: Float64Array = new Float64Array(BANK);

  /** Energy in the two tones of the window that was judged last. */
  #low = 0;
  #high = 0;
  /** A digit (its place in the keypad) that may be beginning: windows of it so far, their energies, and the phase steps of its tones. */
  #candidate = NONE;
  #candidateAt = 0;
  #windows = 0;
  #lowSum = 0;
  #highSum = 0;
  #energySum = 0;
  #lowRe = 0;
  #lowIm = 0;
  #highRe = 0;
  #highIm = 0;
  /** The digit that is on. */
  #key = NONE;
  #keyAt = 0;
  #keyEnd = 0;
  #misses = 0;

  /** @param rateHz 8000 or 16000, else a RangeError. @param onDigit called when a digit has ended. */
  constructor(rateHz: number, onDigit: (digit: DtmfDigit) => void) {
    const bank = BANKS.get(rateHz);
    if (bank === undefined) throw new RangeError(`no DTMF detection at ${rateHz} Hz, only at 8000 and 16000`);
    this.#bank = bank;
    this.#rateHz = rateHz;
    this.#onDigit = onDigit;
    this.#samples = new Int16Array(2 * bank.block);
  }

  /** The next samples of the stream, `samples[at … at+count)`. */
  process(samples: Int16Array, at: number, count: number): void {
    const { block } = this.#bank;
    const window = this.#samples;
    let fill = this.#fill;
    for (let i = at; i < at + count; i++) {
      window[fill] = samples[i] as number;
      fill += 1;
      if (fill === block) {
        this.#block(0);
      } else if (fill === 2 * block) {
        this.#block(block);
        fill = 0;
      }
    }
    this.#fill = fill;
  }

  /** The stream has ended, or is interrupted: a digit that is still on ends here. */
  finish(): void {
    this.#end();
    this.#candidate = NONE;
  }

  /** The block from `from` on is complete. */
  #block(from: number): void {
    const { block } = this.#bank;
    this.#done += block;
    let energy = 0;
    for (let i = from; i < from + block; i++) energy += (this.#samples[i] as number) ** 2;
    // Far too quiet to be part of a digit: as good as silence.
    if (energy < (block * LEAST_PEAK ** 2) / 8) {
      this.#nextRe.fill(0);
      this.#nextIm.fill(0);
    } else {
      analyseBlock(this.#bank, this.#samples, from, this.#nextRe, this.#nextIm);
    }
    this.#decide(this.#keyOf(this.#energy + energy, block - from), this.#energy + energy);
    this.#energy = energy;
    [this.#re, this.#nextRe] = [this.#nextRe, this.#re];
    [this.#im, this.#nextIm] = [this.#nextIm, this.#im];
  }

  /** The key that the window is, else {@link NONE}. `first` is where the older block begins. */
  #keyOf(energy: number, first: number): number {
    const window = 2 * this.#bank.block;
    // Both tones at their least level have this energy.
    if (energy < LEAST_SHARE * window * LEAST_PEAK ** 2) return NONE;
    const row = this.#strongest(0);
    if (row === NONE) return NONE;
    const column = this.#strongest(ROWS);
    if (column === NONE) return NONE;
    // A sine of peak A has the power (NA/2)² and the energy NA²/2.
    const low = (this.#power(row) * 2) / window;
    const high = (this.#power(column) * 2) / window;
    if (low + high < LEAST_SHARE * energy) return NONE;
    if (low > high * NORMAL_TWIST || high > low * REVERSE_TWIST) return NONE;
    if (Math.min(low, high) < (LEAST_SHARE * window * LEAST_PEAK ** 2) / 2) return NONE;
    const omega = (2 * Math.PI * (DTMF_HIGH_HZ[column - ROWS] as number)) / this.#rateHz;
    if (powerAt(this.#samples, first, 2 * omega) * HARMONIC > this.#power(column)) return NONE;
    this.#low = low;
    this.#high = high;
    return row * ROWS + column - ROWS;
  }

  /** The frequency of the group from `from` on that is strong beside all others of it. */
  #strongest(from: number): number {
    let best = from;
    let bestPower = this.#power(from);
    let secondPower = 0;
    for (let k = from + 1; k < from + ROWS; k++) {
      const power = this.#power(k);
      if (power > bestPower) {
        secondPower = bestPower;
        bestPower = power;
        best = k;
      } else if (power > secondPower) {
        secondPower = power;
      }
    }
    return bestPower > secondPower * LEAD ? best : NONE;
  }

  /** |X|² of the window at a frequency of the bank: the present block's spectrum is turned back to where the previous one began. */
  #power(k: number): number {
    const cos = this.#bank.blockCos[k] as number;
    const sin = this.#bank.blockSin[k] as number;
    const nextRe = this.#nextRe[k] as number;
    const nextIm = this.#nextIm[k] as number;
    const re = (this.#re[k] as number) + cos * nextRe + sin * nextIm;
    const im = (this.#im[k] as number) + cos * nextIm - sin * nextRe;
    return re * re + im * im;
  }

  #decide(key: number, energy: number): void {
    if (this.#key !== NONE) {
      if (key === this.#key) {
        this.#keyEnd = this.#done;
        this.#misses = 0;
        this.#candidate = NONE;
        return;
      }
      this.#misses += 1;
      if (this.#misses === WINDOWS_TO_END) this.#end();
    }
    if (key !== this.#candidate) {
      this.#candidate = key;
      this.#candidateAt = this.#done - 2 * this.#bank.block;
      this.#forget();
    }
    if (key === NONE) return;
    this.#add(key, energy);
    // Judged again with every further window: the first may have been on an edge.
    if (this.#windows < WINDOWS_TO_BEGIN || !this.#isDigit(key)) return;
    this.#end();
    this.#key = key;
    this.#keyAt = Math.max(0, this.#candidateAt);
    this.#keyEnd = this.#done;
    this.#misses = 0;
  }

  #forget(): void {
    this.#windows = 0;
    this.#lowSum = 0;
    this.#highSum = 0;
    this.#energySum = 0;
    this.#lowRe = 0;
    this.#lowIm = 0;
    this.#highRe = 0;
    this.#highIm = 0;
  }

  /** One more window of the candidate: its energies, and how far the phase of both tones stepped beyond what their frequencies account for. */
  #add(key: number, energy: number): void {
    const row = key >> 2;
    const column = ROWS + (key & 3);
    this.#windows += 1;
    this.#lowSum += this.#low;
    this.#highSum += this.#high;
    this.#energySum += energy;
    this.#lowRe += this.#stepRe(row);
    this.#lowIm += this.#stepIm(row);
    this.#highRe += this.#stepRe(column);
    this.#highIm += this.#stepIm(column);
  }

  /** Real part of: next · e^(−jωB) · conj(previous). */
  #stepRe(k: number): number {
    const cos = this.#bank.blockCos[k] as number;
    const sin = this.#bank.blockSin[k] as number;
    const turnedRe = cos * (this.#nextRe[k] as number) + sin * (this.#nextIm[k] as number);
    const turnedIm = cos * (this.#nextIm[k] as number) - sin * (this.#nextRe[k] as number);
    return turnedRe * (this.#re[k] as number) + turnedIm * (this.#im[k] as number);
  }

  #stepIm(k: number): number {
    const cos = this.#bank.blockCos[k] as number;
    const sin = this.#bank.blockSin[k] as number;
    const turnedRe = cos * (this.#nextRe[k] as number) + sin * (this.#nextIm[k] as number);
    const turnedIm = cos * (this.#nextIm[k] as number) - sin * (this.#nextRe[k] as number);
    return turnedIm * (this.#re[k] as number) - turnedRe * (this.#im[k] as number);
  }

  /** Whether the windows of the candidate together are a digit: two tones in tune, and nothing else. */
  #isDigit(key: number): boolean {
    // Radians that a tone steps too far from one block to the next.
    const lowStep = Math.abs(Math.atan2(this.#lowIm, this.#lowRe));
    const highStep = Math.abs(Math.atan2(this.#highIm, this.#highRe));
    const tolerance = (FREQUENCY_TOLERANCE * 2 * Math.PI * this.#bank.block) / this.#rateHz;
    if (lowStep > tolerance * (DTMF_LOW_HZ[key >> 2] as number)) return false;
    if (highStep > tolerance * (DTMF_HIGH_HZ[key & 3] as number)) return false;
    const low = this.#lowSum / seenOf(lowStep);
    const high = this.#highSum / seenOf(highStep);
    return low + high >= LEAST_MEAN_SHARE * this.#energySum && low <= high * MEAN_NORMAL_TWIST && high <= low * MEAN_REVERSE_TWIST;
  }

  #end(): void {
    if (this.#key === NONE) return;
    this.#onDigit({ digit: DTMF_KEYPAD.charAt(this.#key), atSample: this.#keyAt, durationSamples: this.#keyEnd - this.#keyAt });
    this.#key = NONE;
  }
}

/** Decibels of power as a factor. */
function ratioOf(decibels: number): number {
  return 10 ** (decibels / 10);
}

/** The part of a tone's energy that a window sees at a frequency which is off by `step` radians a block, half a window. */
function seenOf(step: number): number {
  return step === 0 ? 1 : (Math.sin(step) / step) ** 2;
}
