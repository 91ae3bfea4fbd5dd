/** What a call receives, one SSRC after the other, as numbers: counts of all of them, jitter of the present one. */
import type { RtpPacket } from '../rtp/packet.ts';
import { ReceiverStatistics } from '../rtp/receiver.ts';
import type { ReceiveOutcome } from '../rtp/receiver.ts';
import type { ReportBlock } from '../rtp/rtcp.ts';
import { LateDetector } from '../stats/late.ts';
import { AT } from './numbers.ts';

export class Reception {
  readonly #numbers: Float64Array;
  readonly #thresholdNs: number;
  #clockRateHz = 0;
  #late: LateDetector | undefined;
  #statistics: ReceiverStatistics | undefined;
  #ssrc = Number.NaN;
  /** Of the SSRCs before. */
  readonly #before = { lost: 0, duplicates: 0, reordered: 0 };

  constructor(numbers: Float64Array, lateThresholdNs: number) {
    this.#numbers = numbers;
    this.#thresholdNs = lateThresholdNs;
  }

  /** The rate of the timestamps from now on. */
  set clockRateHz(rateHz: number) {
    if (rateHz === this.#clockRateHz) return;
    this.#clockRateHz = rateHz;
    this.#late = new LateDetector({ clockRateHz: rateHz, thresholdNs: this.#thresholdNs });
    // Ticks of another length cannot go on in the same jitter.
    this.#forget();
  }

  receive(packet: RtpPacket, atNs: number): ReceiveOutcome {
    // Read as signed they are small integers, which cost no allocation on their way through calls.
    const ssrc = packet.ssrc | 0;
    const timestamp = packet.timestamp | 0;
    if (ssrc !== this.#ssrc) {
      this.#forget();
      this.#ssrc = ssrc;
    }
    this.#statistics ??= new ReceiverStatistics({ clockRateHz: this.#clockRateHz });
    if (this.#late?.returned(atNs, timestamp, ssrc, packet.marker) === true) this.#add(AT.late, 1);
    this.#add(AT.received, 1);
    this.#add(AT.receivedBytes, packet.payloadLength);
    return this.#statistics.receive(atNs, packet.sequence, timestamp);
  }

  #forget(): void {
    const old = this.#statistics;
    if (old === undefined) return;
    this.#before.lost += old.lost;
    this.#before.duplicates += old.duplicates;
    this.#before.reordered += old.reordered;
    this.#statistics = undefined;
    this.#ssrc = Number.NaN;
  }

  /** Of the present source, unsigned; undefined while there is none. */
  get ssrc(): number | undefined {
    return this.#statistics === undefined ? undefined : this.#ssrc >>> 0;
  }

  /** Brings the numbers up to date that are not counted packet by packet. */
  note(): void {
    const now = this.#statistics;
    const { lost, duplicates, reordered } = this.#before;
    if (this.#numbers[AT.received] !== 0) this.#numbers[AT.lost] = lost + (now?.lost ?? 0);
    this.#numbers[AT.duplicates] = duplicates + (now?.duplicates ?? 0);
    this.#numbers[AT.reordered] = reordered + (now?.reordered ?? 0);
    if (now !== undefined) this.#numbers[AT.jitterMs] = now.jitterMs ?? Number.NaN;
  }

  /** What a report says of the present source; the fraction lost is counted from the report before. */
  takeBlock(lastSr: number, delaySinceLastSr: number): ReportBlock | undefined {
    const now = this.#statistics;
    if (now === undefined) return undefined;
    return {
      ssrc: this.#ssrc >>> 0,
      fractionLost: now.takeFractionLost(),
      cumulativeLost: now.cumulativeLost,
      highestSequence: now.extendedHighestSequence,
      jitterTicks: Math.round(now.jitterTicks ?? 0),
      lastSr,
      delaySinceLastSr,
    };
  }

  #add(index: number, amount: number): void {
    this.#numbers[index] = (this.#numbers[index] as number) + amount;
  }
}
