/** The packets of a call, matched by their bytes. A packet has come back when all of its bytes have; its round trip ends with the last of them. */
import { PayloadMatcher } from '../match/payload.ts';
import type { StreamSample } from '../probe/stream.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import type { ArrivalTimes, ChangedEchoes, EchoNumbers, HostDelays } from './echoes.ts';

export interface PayloadEchoesOptions {
  readonly bytesPerSecond: number;
  readonly timeoutNs: number;
  /** undefined with the user's clock. */
  readonly hostDelays: HostDelays | undefined;
  readonly sample: StreamSample;
}

export class PayloadEchoes implements ChangedEchoes {
  readonly #matcher: PayloadMatcher;
  readonly #options: PayloadEchoesOptions;
  #duplicates = 0;
  #late = 0;

  constructor(options: PayloadEchoesOptions) {
    this.#options = options;
    this.#matcher = new PayloadMatcher({ bytesPerSecond: options.bytesPerSecond, lossTimeoutNs: options.timeoutNs });
  }

  sent(_index: number, leftNs: number, payload: Uint8Array): void {
    this.#matcher.sent(leftNs, payload, 0, payload.length);
  }

  departed(index: number, atNs: number): void {
    this.#matcher.correct(index, atNs);
  }

  arrived({ payloadLength }: RtpPacket, buffer: Uint8Array, at: number, times: ArrivalTimes, late: boolean): void {
    const { hostDelays, sample } = this.#options;
    const { parts } = this.#matcher.receive(times.atNs, buffer, at, payloadLength);
    for (const { packet, roundTripNs, completes } of parts) {
      // Two readings of the clocks are between the stamps: nothing is quicker than at once.
      if (completes) sample(packet, Math.max(0, roundTripNs), late, hostDelays?.of(packet, times) ?? Number.NaN);
    }
    if (parts.length === 0) return;
    if (parts.every(({ fate }) => fate === 'duplicate')) this.#duplicates += 1;
    else if (parts.every(({ fate }) => fate === 'late')) this.#late += 1;
  }

  expire(nowNs: number): void {
    this.#matcher.expire(nowNs);
  }

  finish(nowNs: number): void {
    this.#matcher.expire(nowNs);
  }

  /** All of its bytes: between A-law and μ-law most are as they were, and yet it is a conversion. */
  get matched(): number {
    const { matched, packets } = this.#matcher.counters();
    // Where none of ours is ever whole, no round trip is known either.
    return packets.whole === 0 ? 0 : matched;
  }

  get inFlight(): number {
    return this.#matcher.counters().packets.inFlight;
  }

  /** Audio that was sent and never came back, ms. */
  get lostMs(): number {
    const { lost, untracked } = this.#matcher.counters().bytes;
    return ((lost + untracked) * 1000) / this.#options.bytesPerSecond;
  }

  counters(): EchoNumbers {
    const { packets, reordered, partly, unmatched } = this.#matcher.counters();
    const { sent, whole, parts, lost, untracked, inFlight } = packets;
    return {
      ...{ sent, returned: whole, lost: lost + parts + untracked, inFlight, reordered, unmatched: partly + unmatched },
      ...{ duplicates: this.#duplicates, lateAfterLoss: this.#late },
    };
  }
}
