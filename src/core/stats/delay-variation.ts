/**
 * Two ways to say how much the delay varies, from one delay (one-way or round-trip) for each packet:
 *
 * - IPDV (RFC 3393): the delay of a packet minus the delay of the one sent just before it. Where either was lost there is none.
 * - PDV (RFC 5481 §4.2): the delay of a packet minus the least delay of the stream. It needs no state of its own: its quantile is
 *   the latency's quantile minus the latency's minimum ({@link packetDelayVariationNs}).
 */
import { LatencyHistogram } from './histogram.ts';

/** Packets whose delay is remembered until their neighbour's is known: a power of two, 20 s at 20 ms. */
const WINDOW = 1_024;

/** IPDV of one stream. Nothing is allocated per packet. */
export class InterPacketDelayVariation {
  /** |IPDV|, ns, to the resolution of the histogram (1 µs). Several streams may share one. */
  readonly magnitudes: LatencyHistogram;
  readonly #sequences: Float64Array = new Float64Array(WINDOW).fill(Number.NaN);
  readonly #delaysNs: Float64Array = new Float64Array(WINDOW);

  constructor(magnitudes: LatencyHistogram = new LatencyHistogram()) {
    this.magnitudes = magnitudes;
  }

  /**
   * The delay of the packet with this extended sequence number, in any order: a pair counts when its second delay comes. The
   * first delay of a packet holds, a duplicate's does not.
   */
  add(extendedSequence: number, delayNs: number): void {
    const slot = slotOf(extendedSequence);
    if (this.#sequences[slot] === extendedSequence) return;
    this.#sequences[slot] = extendedSequence;
    this.#delaysNs[slot] = delayNs;
    this.#pair(extendedSequence - 1, delayNs);
    this.#pair(extendedSequence + 1, delayNs);
  }

  #pair(neighbour: number, delayNs: number): void {
    const slot = slotOf(neighbour);
    if (this.#sequences[slot] === neighbour) {
      this.magnitudes.record(Math.abs(delayNs - (this.#delaysNs[slot] as number)));
    }
  }
}

/** The PDV at or below which `quantile` (0 … 1) of the packets lie, ns; null without samples. */
export function packetDelayVariationNs(latency: LatencyHistogram, quantile: number): number | null {
  const valueNs = latency.quantileNs(quantile);
  const minNs = latency.minNs;
  return valueNs === null || minNs === null ? null : valueNs - minNs;
}

function slotOf(extendedSequence: number): number {
  return extendedSequence & (WINDOW - 1);
}
