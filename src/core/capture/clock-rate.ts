/** The rate of a stream's timestamps: by its payload type where that is a static one, else by how fast they run. */
import { clockRateOf } from '../rtp/packet.ts';
import { timestampDelta } from '../rtp/sequence.ts';
import type { Candidate } from './candidate.ts';

/** Payload types from here on mean what a session description says (RFC 3551 §3), which a capture need not have. */
const FIRST_DYNAMIC = 96;
const USUAL_RATES: readonly number[] = [8_000, 16_000, 32_000, 48_000, 90_000];
/** How far from a usual rate the timestamps may run: the first packets of a stream are few, and have their jitter. */
const TOLERANCE = 0.25;

/** @returns Hz; null when neither says it: then there is no jitter, and nothing is late. */
export function clockRateIn(packets: Candidate): number | null {
  const { memory, start } = packets;
  const type = (memory.types[start] as number) & 0x7f;
  if (type < FIRST_DYNAMIC) return clockRateOf(type);
  const last = packets.end - 1;
  const ticks = timestampDelta(memory.timestamps[last] as number, memory.timestamps[start] as number);
  const seconds = ((memory.atNs[last] as number) - (memory.atNs[start] as number)) / 1e9;
  if (!(seconds > 0) || ticks <= 0) return null;
  const rate = ticks / seconds;
  let best: number | null = null;
  let bestDistance = TOLERANCE;
  for (const usual of USUAL_RATES) {
    const distance = Math.abs(rate / usual - 1);
    if (distance < bestDistance) {
      best = usual;
      bestDistance = distance;
    }
  }
  return best;
}
