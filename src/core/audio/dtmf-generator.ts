/** DTMF as audio. */
import { RtplatError } from '../errors.ts';
import { DTMF_HIGH_HZ, DTMF_KEYPAD, DTMF_LOW_HZ } from './dtmf.ts';
import { FULL_SCALE, amplitudeOfDbm0 } from './level.ts';

export interface DtmfTiming {
  readonly rateHz: number;
  /** How long a key is held; at least 40 ms to be heard by everyone (ITU-T Q.24). */
  readonly onMs: number;
  /** Silence after each key, the last included; at least 40 ms as well. */
  readonly offMs: number;
  /** Level of the row's tone; −6 dBm0 when absent. Both tones at more than −2.8 dBm0 clip. */
  readonly lowDbm0?: number;
  /** Level of the column's tone; that of the row's when absent. */
  readonly highDbm0?: number;
}

const DEFAULT_DBM0 = -6;

/** The keys `digits` (0–9 * # A–D), one after the other. Throws `usage` for any other character. */
export function renderDtmf(digits: string, timing: DtmfTiming): Int16Array {
  const { rateHz } = timing;
  const lowDbm0 = timing.lowDbm0 ?? DEFAULT_DBM0;
  const lowPeak = FULL_SCALE * amplitudeOfDbm0(lowDbm0);
  const highPeak = FULL_SCALE * amplitudeOfDbm0(timing.highDbm0 ?? lowDbm0);
  const on = Math.round((timing.onMs * rateHz) / 1_000);
  const each = on + Math.round((timing.offMs * rateHz) / 1_000);
  const samples = new Int16Array(each * digits.length);
  for (let i = 0; i < digits.length; i++) {
    const key = DTMF_KEYPAD.indexOf(digits.charAt(i));
    if (key < 0)
      throw new RtplatError('usage', `${JSON.stringify(digits.charAt(i))} is not a DTMF digit`, { hint: 'use 0–9, *, # and A–D' });
    const low = (2 * Math.PI * (DTMF_LOW_HZ[key >> 2] as number)) / rateHz;
    const high = (2 * Math.PI * (DTMF_HIGH_HZ[key & 3] as number)) / rateHz;
    for (let n = 0; n < on; n++) {
      const sum = lowPeak * Math.sin(low * n) + highPeak * Math.sin(high * n);
      samples[i * each + n] = Math.max(-FULL_SCALE, Math.min(FULL_SCALE, Math.round(sum)));
    }
  }
  return samples;
}
