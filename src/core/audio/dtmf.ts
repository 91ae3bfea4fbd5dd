/** The sixteen pairs of DTMF (ITU-T Q.23): each key is the sum of its row's and its column's frequency. */

/** Row frequencies, the low group. */
export const DTMF_LOW_HZ: readonly number[] = [697, 770, 852, 941];
/** Column frequencies, the high group. */
export const DTMF_HIGH_HZ: readonly number[] = [1_209, 1_336, 1_477, 1_633];
/** Row after row: key `4 * row + column`. */
export const DTMF_KEYPAD = '123A456B789C*0#D';
