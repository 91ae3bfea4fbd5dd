/**
 * From 8 to 16 kHz and back, by a half-band filter: flat to 0.1 dB up to 3.5 kHz, 60 dB down from 4.5 kHz on, no delay. For whole recordings,
 * not for streams.
 */

/** Taps on either side of the middle that are not 0: those at odd distances. */
const SIDE_TAPS = 24;
/** Of the Kaiser window: 70 dB. */
const BETA = 6.76;
const SIDE: Float64Array = sideTaps();

/** The same sound at another rate; the array itself when the rates are equal. A RangeError for other rates than 8000 and 16000. */
export function resample(samples: Int16Array, fromHz: number, toHz: number): Int16Array {
  if (fromHz === toHz) return samples;
  if (fromHz === 8_000 && toHz === 16_000) return doubled(samples);
  if (fromHz === 16_000 && toHz === 8_000) return halved(samples);
  throw new RangeError(`cannot convert ${fromHz} to ${toHz} samples a second, only 8000 and 16000 to each other`);
}

function doubled(samples: Int16Array): Int16Array {
  const out = new Int16Array(2 * samples.length);
  for (let i = 0; i < samples.length; i++) {
    out[2 * i] = samples[i] as number;
    let sum = 0;
    for (let k = 0; k < SIDE_TAPS; k++) sum += (SIDE[k] as number) * (at(samples, i - k) + at(samples, i + 1 + k));
    out[2 * i + 1] = rounded(2 * sum);
  }
  return out;
}

function halved(samples: Int16Array): Int16Array {
  const out = new Int16Array(Math.ceil(samples.length / 2));
  for (let i = 0; i < out.length; i++) {
    let sum = 0.5 * at(samples, 2 * i);
    for (let k = 0; k < SIDE_TAPS; k++) sum += (SIDE[k] as number) * (at(samples, 2 * i - 1 - 2 * k) + at(samples, 2 * i + 1 + 2 * k));
    out[i] = rounded(sum);
  }
  return out;
}

/** Silence before and after. */
function at(samples: Int16Array, i: number): number {
  return samples[i] ?? 0;
}

function rounded(sum: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sum)));
}

/** A windowed sinc: the tap at distance 2k+1 from the middle, which is 0.5; those at even distances are 0. */
function sideTaps(): Float64Array {
  const taps = Float64Array.from({ length: SIDE_TAPS }, (_, k) => {
    const distance = 2 * k + 1;
    const place = distance / (2 * SIDE_TAPS);
    const sinc = Math.sin((Math.PI * distance) / 2) / (Math.PI * distance);
    return (sinc * bessel0(BETA * Math.sqrt(1 - place * place))) / bessel0(BETA);
  });
  // Exactly 1 at 0 Hz: both sides together are the other half.
  const sum = 2 * taps.reduce((all, tap) => all + tap, 0);
  return taps.map((tap) => (0.5 * tap) / sum);
}

/** The modified Bessel function of order 0, by its series. */
function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
