/**
 * Levels of a sine: as a fraction of full scale (peak 32767 of 16 bits), and in dBm0, the telephone's scale. In µ-law a sine whose
 * peaks just reach the overload point (8159 of 14 bits, 32636 of 16) is +3.17 dBm0 (ITU-T G.711 §5); for A-law, +3.14 dBm0 at 32768,
 * the same number means 0.03 dB more.
 */

export const FULL_SCALE = 32_767;
const OVERLOAD_PEAK = 32_636;
const OVERLOAD_DBM0 = 3.17;
/** A sine of peak {@link FULL_SCALE}: +3.2 dBm0. */
const FULL_SCALE_DBM0 = OVERLOAD_DBM0 + 20 * Math.log10(FULL_SCALE / OVERLOAD_PEAK);

/** The peak of a sine of this level, as a fraction of full scale: 1 at +3.2 dBm0, 0.5 at −2.8. */
export function amplitudeOfDbm0(dbm0: number): number {
  return 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20);
}
