/** What a call may be like. */
import { codecOf } from '../audio/codec.ts';
import type { AudioCodec } from '../audio/codec.ts';
import { RtplatError } from '../errors.ts';
import type { MediaCodec } from './types.ts';

/** Packets are due on a grid of milliseconds, so these are whole numbers. */
const LEAST_PTIME_MS = 5;
const MOST_PTIME_MS = 60;
/** Of 60 ms at 16 kHz. */
export const LONGEST_FRAME_SAMPLES = 960;
/** A packet with more than this, half a second at 16 kHz, is no frame of speech: the rest of it is not listened to. */
export const LONGEST_HEARD_SAMPLES = 8_192;

/** @throws RtplatError `usage`. */
export function checkPtime(ptimeMs: number): void {
  if (Number.isInteger(ptimeMs) && ptimeMs >= LEAST_PTIME_MS && ptimeMs <= MOST_PTIME_MS) return;
  throw new RtplatError('usage', `a ptime of ${ptimeMs} ms is not a whole number of ${LEAST_PTIME_MS} to ${MOST_PTIME_MS} ms`);
}

/** @throws RtplatError `usage`. */
export function knownCodec({ name, clockRateHz }: MediaCodec): AudioCodec {
  const codec = codecOf(name, clockRateHz);
  if (codec === undefined) throw new RtplatError('usage', `there is no codec ${name} at ${clockRateHz} Hz`);
  return codec;
}
