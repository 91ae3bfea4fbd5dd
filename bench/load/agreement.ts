/** Whether the caller, the capture of Asterisk's legs and the service have counted the same packets, call by call. Pure. */
import type { RunDocument } from '../../src/core/report/run.ts';
import type { RtpStream } from '../../test/asterisk/kit/capture.ts';

/** Packets of one call, as each of them has counted it; null where it knows nothing of the call. */
export interface CallCounts {
  readonly port: number | null;
  /** From the caller to the service. */
  readonly there: { readonly caller: number | null; readonly capture: number; readonly service: number | null };
  /** And back. */
  readonly back: { readonly service: number | null; readonly capture: number; readonly caller: number | null };
}

export function countsOf(run: RunDocument, streams: readonly RtpStream[]): readonly CallCounts[] {
  return run.calls.map(({ port = null, ari }) => {
    const sum = (of: 'srcPort' | 'dstPort'): number =>
      streams.filter((stream) => stream[of] === port).reduce((total, { packets }) => total + packets, 0);
    const service = ari?.service ?? null;
    return {
      port,
      there: { caller: ari?.sent ?? null, capture: sum('srcPort'), service: service?.from_peer ?? null },
      back: { service: service?.to_peer ?? null, capture: sum('dstPort'), caller: ari?.came_back ?? null },
    };
  });
}

/** By how many packets they are apart, all calls and both ways together; null where one of them does not know a call. */
export function apart(calls: readonly CallCounts[]): number | null {
  let sum = 0;
  for (const { there, back } of calls) {
    for (const way of [there, back]) {
      const counts = Object.values(way);
      if (counts.includes(null)) return null;
      sum += Math.max(...(counts as number[])) - Math.min(...(counts as number[]));
    }
  }
  return sum;
}
