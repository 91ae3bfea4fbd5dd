/** What every way of matching the packets of a call has in common. Pure. Times are ns of one clock. */
import { KernelTimes } from '../probe/kernel-times.ts';
import type { KernelTimesOptions } from '../probe/kernel-times.ts';
import type { EchoCounters } from '../probe/stream.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { ReceiverStatistics } from '../rtp/receiver.ts';
import { LateDetector } from '../stats/late.ts';
import type { Arrival } from '../udp/engine.ts';

export type ArrivalTimes = Pick<Arrival, 'atNs' | 'readNs'>;

/** What a way of matching can say of packets that came back changed; those that came back as they were are matched by header. */
export type EchoNumbers = Omit<EchoCounters, 'malformed' | 'otherSsrc' | 'late'>;

export interface ChangedEchoes {
  /** Packet `index`, the next one, leaves with this payload. */
  sent(index: number, leftNs: number, payload: Uint8Array): void;
  /** When it left by the kernel's clock; in place of what {@link sent} said. */
  departed(index: number, atNs: number): void;
  /** An RTP packet came, whose payload is `buffer[at … at+packet.payloadLength)`; `late` by its own timestamps. */
  arrived(packet: RtpPacket, buffer: Uint8Array, at: number, times: ArrivalTimes, late: boolean): void;
  expire(nowNs: number): void;
  /** Nothing more will come. */
  finish(nowNs: number): void;
  /** Packets that came and were found. */
  readonly matched: number;
  readonly inFlight: number;
  counters(): EchoNumbers;
}

/** Packets of which the times are kept: longer than any echo is waited for. */
const REMEMBERED = 4_096;

/** What a clock in user space would have added to a round trip, where a kernel stamps both of its ends. */
export class HostDelays {
  readonly #departures: KernelTimes;
  readonly #handedNs: Float64Array = new Float64Array(REMEMBERED);

  constructor(options: KernelTimesOptions) {
    this.#departures = new KernelTimes(options);
  }

  /** Packet `index` is handed to the kernel. */
  sent(index: number, handedNs: number): void {
    this.#departures.forget(index);
    this.#handedNs[index & (REMEMBERED - 1)] = handedNs;
  }

  departed(index: number, atNs: number): void {
    this.#departures.put(index, atNs);
  }

  /** @returns ns; NaN where a stamp is missing. */
  of(index: number, { atNs, readNs }: ArrivalTimes): number {
    if (atNs === readNs) return Number.NaN;
    return readNs - atNs + this.#departures.of(index) - (this.#handedNs[index & (REMEMBERED - 1)] as number);
  }
}

export interface ComingOptions {
  readonly clockRateHz: number;
  readonly thresholdNs: number;
}

/** The stream that comes back, by its own numbers and timestamps, whoever made them. */
export class ComingStream {
  readonly #options: ComingOptions;
  readonly #late: LateDetector;
  #reception: ReceiverStatistics;
  #ssrc: number | undefined;

  constructor(options: ComingOptions) {
    this.#options = options;
    this.#late = new LateDetector(options);
    this.#reception = new ReceiverStatistics(options);
  }

  /** RFC 3550 §6.4.1, of the source that came last; null before there are two packets. */
  get jitterMs(): number | null {
    return this.#reception.jitterMs;
  }

  /** @returns whether it is late. */
  receive(atNs: number, { ssrc, sequence, timestamp, marker }: RtpPacket): boolean {
    if (this.#ssrc !== undefined && ssrc !== this.#ssrc) this.#reception = new ReceiverStatistics(this.#options);
    this.#ssrc = ssrc;
    this.#reception.receive(atNs, sequence, timestamp);
    return this.#late.returned(atNs, timestamp, ssrc, marker);
  }
}
