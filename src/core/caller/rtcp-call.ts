/**
 * The RTCP of a call that was placed (RFC 3550 §6): our reports about what comes back, and what the far end says it has received of ours.
 * Pure: times are handed in.
 */
import type { StreamSource } from '../probe/source.ts';
import { createRtpPacket, parseRtp } from '../rtp/packet.ts';
import { ReceiverStatistics } from '../rtp/receiver.ts';
import type { ReportBlock } from '../rtp/rtcp.ts';
import { RtcpSession } from '../rtp/rtcp-session.ts';
import type { FarEndWords } from '../verdict/reports.ts';
import { median } from '../stats/median.ts';

/** Of the round trips that reports tell, the last so many have a median: an hour and a half, at one every 5 s. */
const MOST_ROUND_TRIPS = 1_024;
/** 360 over the bandwidth of the session in kbit/s (§6.2). */
const REDUCED_MINIMUM_KBIT = 360;
/** IPv4, UDP and RTP: they count in the bandwidth (§6.2). */
const CARRIER_BYTES = 40;
/** RTCP takes so much of it. */
const RTCP_SHARE = 0.05;
/** Packets that may have left since our last turn, and be reported of already: many seconds of them. */
const UNTOLD_PACKETS = 1_000;
/** What DLSR can tell at the best: it counts 1/65536 s. */
const DLSR_UNITS_PER_MS = 65.536;

/** What was heard of the far end by RTCP; null is what it never said. */
export interface RtcpFacts {
  /** Reports that we sent. */
  readonly sent: number;
  /** Packets of RTCP that came. */
  readonly received: number;
  /** Of those, how many say what the far end received of ours. */
  readonly reports: number;
  /** Datagrams at the port of RTCP that are none. */
  readonly malformed: number;
  /** From our SR to its report, without the time that it held it (§6.4.1): median, mean, least and most of {@link roundTrips}. */
  readonly roundTripMs: number | null;
  readonly meanRoundTripMs: number | null;
  readonly leastRoundTripMs: number | null;
  readonly mostRoundTripMs: number | null;
  readonly roundTrips: number;
  /** By so much the round trips may be stated too long, for the far end's way to count the time that it held them. */
  readonly roundTripErrorMs: number | null;
  /** Of our packets, from the first up to the highest that it had at its last report, those that it lost, and the others. */
  readonly farEndLost: number | null;
  readonly farEndReceived: number | null;
  /** Between its last two reports, 0 … 1. */
  readonly farEndFractionLost: number | null;
  readonly farEndJitterMs: number | null;
}

export interface CallRtcpParts {
  readonly source: StreamSource;
  readonly clockRateHz: number;
  /** Of a packet that we send. */
  readonly payloadBytes: number;
  readonly ptimeNs: number;
  readonly cname: string;
  readonly nowNs: number;
  /** Nanoseconds since 1970 at an instant of the engine's clock. */
  readonly unixNs: (nowNs: number) => number;
  /** From 0 up to, and without, 1. */
  readonly random: () => number;
  /** @returns whether there is anybody to send to. */
  readonly send: (buffer: Uint8Array, length: number) => boolean;
}

export class CallRtcp {
  readonly #parts: CallRtcpParts;
  readonly #sender: { readonly ssrc: number; packets: number; octets: number };
  readonly #reception: ComingReception;
  readonly #session: RtcpSession;
  readonly #counts = { sent: 0, received: 0, reports: 0, malformed: 0, roundTrips: 0 };
  readonly #lastRoundTripsMs: number[] = [];
  #sumMs = 0;
  #leastMs = Infinity;
  #mostMs = 0;
  /** Whether the far end has held every report for a whole number of ms, as it says. */
  #countsInMs = true;
  #last: ReportBlock | undefined;
  #lastIndex = 0;
  #startNs = 0;

  constructor(parts: CallRtcpParts) {
    const { source, clockRateHz, payloadBytes, ptimeNs, cname, nowNs, unixNs, random, send } = parts;
    this.#parts = parts;
    this.#sender = { ssrc: source.ssrc, packets: 0, octets: 0 };
    this.#reception = new ComingReception(clockRateHz);
    // Of both directions.
    const sessionBytesPerSecond = (2e9 * (payloadBytes + CARRIER_BYTES)) / ptimeNs;
    this.#session = new RtcpSession({
      ...{ sender: this.#sender, reception: this.#reception, cname, nowNs, unixNs, random },
      timing: {
        bytesPerSecond: sessionBytesPerSecond * RTCP_SHARE,
        leastIntervalNs: (REDUCED_MINIMUM_KBIT * 1e9) / ((sessionBytesPerSecond * 8) / 1_000),
        atOnce: true,
      },
      listener: {
        sent: () => (this.#counts.sent += 1),
        received: () => (this.#counts.received += 1),
        malformed: () => (this.#counts.malformed += 1),
        reported: (block, roundTripMs) => this.#reported(block, roundTripMs),
      },
      send,
    });
  }

  /** A datagram came to the port of RTP. */
  arrived(buffer: Uint8Array, offset: number, length: number, atNs: number): void {
    this.#reception.receive(buffer, offset, length, atNs);
  }

  /** A datagram of the far end came to the port of RTCP. */
  received(buffer: Uint8Array, offset: number, length: number, atNs: number): void {
    this.#session.received(buffer, offset, length, atNs);
  }

  /** The kernel says when our last report left. */
  departed(atNs: number): void {
    this.#session.departed(atNs);
  }

  /** Reports when it is time: not before there is media to report of. @param startNs when our first packet was due. @param sent packets so far. */
  turn(nowNs: number, startNs: number, sent: number): void {
    if (sent === 0) return;
    this.#startNs = startNs;
    this.#sender.packets = sent;
    this.#sender.octets = sent * this.#parts.payloadBytes;
    this.#session.tick(nowNs, this.#timestampAt(nowNs));
  }

  /** The last word (§6.6). */
  bye(nowNs: number): void {
    this.#session.bye(nowNs, this.#timestampAt(nowNs));
  }

  /** What of {@link facts} tells whether our packets get there: asked for often, and quickly told. */
  words(): FarEndWords {
    const { received, reports } = this.#counts;
    const last = this.#last;
    return {
      ...{ received, reports },
      farEndLost: last?.cumulativeLost ?? null,
      // A sequence number that was never sent is none of ours.
      farEndReceived: last === undefined || this.#lastIndex < 0 ? null : Math.max(0, this.#lastIndex + 1 - last.cumulativeLost),
    };
  }

  facts(): RtcpFacts {
    const last = this.#last;
    const known = this.#counts.roundTrips > 0;
    return {
      ...this.#counts,
      roundTripMs: known ? median(this.#lastRoundTripsMs) : null,
      meanRoundTripMs: known ? this.#sumMs / this.#counts.roundTrips : null,
      leastRoundTripMs: known ? this.#leastMs : null,
      mostRoundTripMs: known ? this.#mostMs : null,
      roundTripErrorMs: known ? (this.#countsInMs ? 1 : 1 / DLSR_UNITS_PER_MS) : null,
      ...this.words(),
      farEndFractionLost: last === undefined ? null : last.fractionLost / 256,
      farEndJitterMs: last === undefined ? null : (last.jitterTicks * 1_000) / this.#parts.clockRateHz,
    };
  }

  #reported(block: ReportBlock, roundTripMs: number | undefined): void {
    this.#counts.reports += 1;
    this.#last = block;
    this.#lastIndex = this.#parts.source.indexOf(block.highestSequence & 0xffff, this.#sender.packets + UNTOLD_PACKETS);
    if (roundTripMs === undefined) return;
    this.#counts.roundTrips += 1;
    const wholeMs = Math.round(block.delaySinceLastSr / DLSR_UNITS_PER_MS);
    if (Math.abs(block.delaySinceLastSr - wholeMs * DLSR_UNITS_PER_MS) >= 1) this.#countsInMs = false;
    this.#sumMs += roundTripMs;
    this.#leastMs = Math.min(this.#leastMs, roundTripMs);
    this.#mostMs = Math.max(this.#mostMs, roundTripMs);
    this.#lastRoundTripsMs.push(roundTripMs);
    if (this.#lastRoundTripsMs.length > MOST_ROUND_TRIPS) this.#lastRoundTripsMs.shift();
  }

  #timestampAt(nowNs: number): number {
    return this.#parts.source.timestampAt(nowNs - this.#startNs);
  }
}

/** What comes back, of the source that sends now. */
class ComingReception {
  readonly #clockRateHz: number;
  readonly #packet = createRtpPacket();
  #statistics: ReceiverStatistics | undefined;
  ssrc: number | undefined;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  receive(buffer: Uint8Array, offset: number, length: number, atNs: number): void {
    const packet = this.#packet;
    if (parseRtp(buffer, offset, length, packet) !== undefined) return;
    if (this.#statistics === undefined || packet.ssrc !== this.ssrc) {
      this.ssrc = packet.ssrc;
      this.#statistics = new ReceiverStatistics({ clockRateHz: this.#clockRateHz });
    }
    this.#statistics.receive(atNs, packet.sequence, packet.timestamp);
  }

  takeBlock(lastSr: number, delaySinceLastSr: number): ReportBlock | undefined {
    const { ssrc } = this;
    const now = this.#statistics;
    if (now === undefined || ssrc === undefined) return undefined;
    return {
      ssrc,
      fractionLost: now.takeFractionLost(),
      cumulativeLost: now.cumulativeLost,
      highestSequence: now.extendedHighestSequence,
      jitterTicks: Math.round(now.jitterTicks ?? 0),
      lastSr,
      delaySinceLastSr,
    };
  }
}
