/**
 * How loss clusters: bursts and gaps (RFC 3611 §4.7.2), and the burst ratio that ITU-T G.107 asks for.
 *
 * A burst begins and ends with a lost packet, holds at least two, and nowhere in it are {@link GMIN} packets in a row received.
 * All else is gap; a lost packet alone between long runs of received ones belongs to the gap. Before the first packet and after the
 * last one nothing is taken to be lost. The numbers are counted by these definitions, not estimated by the transition counts of the
 * RFC's example.
 */

/** Received packets in a row that end a burst (RFC 3611 §4.7.2, the value it recommends). */
const GMIN = 16;

export interface LossRunSummary {
  readonly packets: number;
  readonly lost: number;
  readonly bursts: number;
  /** Lost packets / packets, in bursts; null without a burst. */
  readonly burstDensity: number | null;
  /** Lost packets / packets, in gaps; null without a gap. */
  readonly gapDensity: number | null;
  /** Mean duration, ms; null without a burst. */
  readonly burstDurationMs: number | null;
  /** Mean duration, ms; null without a gap. */
  readonly gapDurationMs: number | null;
  /** The most packets lost in a row. */
  readonly longestLossRun: number;
  /**
   * BurstR (ITU-T G.107 §7.5): mean length of the runs of lost packets / the mean length that random loss of the same ratio would
   * have, which is 1 / (1 − ratio). About 1 for random loss; null when nothing, or everything, was lost.
   */
  readonly burstRatio: number | null;
}

/** Takes the fate of each packet of one stream, in the order of the sequence numbers. Nothing is allocated per packet. */
export class LossRuns {
  #packets = 0;
  #lost = 0;
  #lossRuns = 0;
  #lossRun = 0;
  #longestLossRun = 0;

  /** Lost packets that are fewer than GMIN received ones apart from each other, not yet followed by GMIN received ones. */
  #clusterLost = 0;
  /** Packets from the first to the last of them. */
  #clusterPackets = 0;
  #clusterAt = 0;
  #receivedSinceLoss = 0;

  #bursts = 0;
  #burstPackets = 0;
  #burstLost = 0;
  /** Whether the first burst began with the first packet: then no gap stands before it. */
  #beganWithBurst = false;

  received(): void {
    this.#packets += 1;
    this.#lossRun = 0;
    this.#receivedSinceLoss += 1;
    if (this.#receivedSinceLoss === GMIN) this.#closeCluster();
  }

  lost(): void {
    if (this.#clusterLost === 0) {
      this.#clusterAt = this.#packets;
      this.#receivedSinceLoss = 0;
    }
    this.#clusterLost += 1;
    this.#clusterPackets += this.#receivedSinceLoss + 1;
    this.#receivedSinceLoss = 0;
    this.#packets += 1;
    this.#lost += 1;
    this.#lossRun += 1;
    if (this.#lossRun === 1) this.#lossRuns += 1;
    if (this.#lossRun > this.#longestLossRun) this.#longestLossRun = this.#lossRun;
  }

  /** The numbers so far; `packetMs` is the time that one packet stands for (ptime). */
  summary(packetMs: number): LossRunSummary {
    // The cluster still open counts as it stands, without closing it.
    const openBurst = this.#clusterLost > 1;
    const bursts = this.#bursts + (openBurst ? 1 : 0);
    const burstPackets = this.#burstPackets + (openBurst ? this.#clusterPackets : 0);
    const burstLost = this.#burstLost + (openBurst ? this.#clusterLost : 0);
    const gapPackets = this.#packets - burstPackets;
    const gaps = this.#gaps(bursts, openBurst);
    return {
      packets: this.#packets,
      lost: this.#lost,
      bursts,
      burstDensity: quotient(burstLost, burstPackets),
      gapDensity: quotient(this.#lost - burstLost, gapPackets),
      burstDurationMs: quotient(burstPackets * packetMs, bursts),
      gapDurationMs: quotient(gapPackets * packetMs, gaps),
      longestLossRun: this.#longestLossRun,
      burstRatio: this.#burstRatio(),
    };
  }

  #gaps(bursts: number, openBurst: boolean): number {
    if (bursts === 0) return this.#packets === 0 ? 0 : 1;
    const beganWithBurst = this.#beganWithBurst || (openBurst && this.#clusterAt === 0);
    const endsWithBurst = openBurst && this.#receivedSinceLoss === 0;
    return bursts + 1 - (beganWithBurst ? 1 : 0) - (endsWithBurst ? 1 : 0);
  }

  #burstRatio(): number | null {
    if (this.#lost === 0 || this.#lost === this.#packets) return null;
    return (this.#lost / this.#lossRuns) * (1 - this.#lost / this.#packets);
  }

  #closeCluster(): void {
    if (this.#clusterLost > 1) {
      this.#bursts += 1;
      this.#burstPackets += this.#clusterPackets;
      this.#burstLost += this.#clusterLost;
      if (this.#clusterAt === 0) this.#beganWithBurst = true;
    }
    this.#clusterLost = 0;
    this.#clusterPackets = 0;
  }
}

function quotient(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
