/**
 * The round trips of one stream and its echo: the same SSRC and sequence numbers there and back between two endpoints. T0 and T1 are
 * the times of the capture, so that the latency is that of the path behind the place where it was made.
 */
import { LatencyTracker } from '../relay/tracker.ts';
import type { TrackerCounters } from '../relay/tracker.ts';
import { LateDetector } from '../stats/late.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import { RECENT } from './recent.ts';
import type { StreamMeter } from './stream-meter.ts';
import { sequenceDelta } from '../rtp/sequence.ts';

/** The tracker follows one stream: whatever its SSRC is. */
const SSRC = 0;

export interface EchoCounts extends TrackerCounters {
  /** Returned packets that were late; null without a known clock rate. */
  readonly late: number | null;
}

export class EchoPair {
  readonly #tracker = new LatencyTracker();
  readonly #detector: LateDetector | undefined;
  readonly #histograms: readonly LatencyHistogram[];
  /** Sent so long before the first echo that they were not remembered: nothing of them came back in time. */
  #before = 0;
  #late = 0;

  /** @param histograms in all of which each round trip is recorded. */
  constructor(clockRateHz: number | null, histograms: readonly LatencyHistogram[]) {
    this.#detector = clockRateHz === null ? undefined : new LateDetector({ clockRateHz });
    this.#histograms = histograms;
  }

  /** Takes what both remember of the time before they were known to be a pair. */
  catchUp(outgoing: StreamMeter, echo: StreamMeter): void {
    const [sent, returned] = [outgoing.recent, echo.recent];
    if (sent === undefined || returned === undefined) return;
    this.#before = Math.max(0, outgoing.received - RECENT);
    for (let i = this.#before; i < outgoing.received; i++) {
      const at = sent.start + (i % RECENT);
      this.sent(sent.atNs[at] as number, sent.sequences[at] as number);
    }
    for (let i = Math.max(0, echo.received - RECENT); i < echo.received; i++) {
      const at = returned.start + (i % RECENT);
      this.returned(
        returned.atNs[at] as number,
        returned.sequences[at] as number,
        returned.timestamps[at] as number,
        (returned.types[at] as number) >= 0x80,
      );
    }
  }

  sent(atNs: number, sequence: number): void {
    if (!Number.isNaN(atNs)) this.#tracker.sent(SSRC, sequence, atNs);
  }

  returned(atNs: number, sequence: number, timestamp: number, marked: boolean): void {
    if (Number.isNaN(atNs)) return;
    const latencyNs = this.#tracker.returned(SSRC, sequence, atNs);
    if (latencyNs < 0) return;
    for (const histogram of this.#histograms) histogram.record(latencyNs);
    if (this.#detector?.returned(atNs, timestamp, SSRC, marked) === true) this.#late += 1;
  }

  /** @param endNs when the capture ended: what was sent within the time-out before may still come. */
  counts(endNs: number): EchoCounts {
    this.#tracker.expire(endNs);
    const counters = this.#tracker.counters();
    return {
      ...counters,
      sent: counters.sent + this.#before,
      lost: counters.lost + this.#before,
      late: this.#detector === undefined ? null : this.#late,
    };
  }
}

/** Which of two streams there and back is the echo of the other: the one that has the same packet later, else the one behind. */
export function isEchoOf(stream: StreamMeter, other: StreamMeter): boolean {
  const [mine, others] = [stream.recent, other.recent];
  if (mine !== undefined && others !== undefined) {
    const candidates = others.sequences.subarray(others.start, others.start + Math.min(other.received, RECENT));
    for (let i = mine.start; i < mine.start + Math.min(stream.received, RECENT); i++) {
      const at = candidates.indexOf(mine.sequences[i] as number);
      if (at >= 0) return (mine.atNs[i] as number) >= (others.atNs[others.start + at] as number);
    }
  }
  return sequenceDelta(stream.highestSequence, other.highestSequence) < 0;
}
