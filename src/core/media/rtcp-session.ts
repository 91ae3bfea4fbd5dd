/** The RTCP of one call (RFC 3550 §6): our reports, and what the peer's say. */
import { LONGEST_RTCP_BYTES, middleOf, ntpTime, parseRtcp, roundTripMs, writeRtcp } from '../rtp/rtcp.ts';
import type { RtcpPacket, SenderInfo } from '../rtp/rtcp.ts';
import { RtcpTimer } from '../rtp/rtcp-timer.ts';
import type { Members } from '../rtp/rtcp-timer.ts';
import type { RtpSender } from '../rtp/sender.ts';
import { AT } from './numbers.ts';
import type { Reception } from './reception.ts';

/** 5 % of a call with 64 kbit/s and its headers, bytes per second. */
const BYTES_PER_SECOND = 500;
/** One of our SRs that the peer may speak of is no older than so many. */
const REMEMBERED_SRS = 4;

export interface RtcpSessionParts {
  readonly numbers: Float64Array;
  readonly sender: RtpSender;
  readonly reception: Reception;
  readonly cname: string;
  readonly nowNs: number;
  /** Nanoseconds since 1970 at an instant of the engine's clock: of a clock that never steps. */
  readonly unixNs: (nowNs: number) => number;
  readonly random: () => number;
  /** A report of the peer told a round trip. */
  readonly roundTrip: (ms: number) => void;
  /** Sends `buffer[0 … length)` to the peer, if it is known. @returns whether it is. */
  readonly send: (buffer: Uint8Array, length: number) => boolean;
}

/** What is being sent: one for all calls, since a send is done with it when it returns. */
const outgoing = new Uint8Array(LONGEST_RTCP_BYTES);

export class RtcpSession {
  readonly #parts: RtcpSessionParts;
  readonly #timer: RtcpTimer;
  /** The middles of our last SRs, newest first. */
  readonly #sentSrs: number[] = [];
  /** Packets that we had sent at the last report, and at the one before. */
  #packetsBefore = 0;
  #packetsBeforeThat = 0;
  /** The peer's last SR: of which source, its middle, and when it came. */
  #peerSr = { ssrc: -1, middle: 0, atNs: 0 };
  /** Whether the peer has said anything by RTCP, and has not left. */
  #peerIsMember = false;

  constructor(parts: RtcpSessionParts) {
    this.#parts = parts;
    this.#timer = new RtcpTimer({ nowNs: parts.nowNs, bytesPerSecond: BYTES_PER_SECOND, random: parts.random });
  }

  /** A datagram of the peer. @param clockRateHz of what we send, which the peer's jitter is in. */
  received(buffer: Uint8Array, offset: number, length: number, atNs: number, clockRateHz: number): void {
    const packets = parseRtcp(buffer, offset, length);
    if (typeof packets === 'string') return this.#add(AT.rtcpMalformed);
    this.#add(AT.rtcpReceived);
    this.#timer.heard(length);
    this.#peerIsMember = true;
    for (const packet of packets) this.#take(packet, atNs, clockRateHz);
  }

  #take(packet: RtcpPacket, atNs: number, clockRateHz: number): void {
    if (packet.kind === 'bye') this.#peerIsMember = false;
    if (packet.kind !== 'report') return;
    if (packet.sender !== undefined) this.#peerSr = { ssrc: packet.ssrc, middle: middleOf(packet.sender.ntp), atNs };
    const { numbers, sender, unixNs, roundTrip } = this.#parts;
    const block = packet.blocks.find(({ ssrc }) => ssrc === sender.ssrc);
    if (block === undefined) return;
    numbers[AT.remoteLost] = block.cumulativeLost;
    numbers[AT.remoteJitterMs] = (block.jitterTicks * 1_000) / clockRateHz;
    // Of an SR that we never sent no round trip can be told.
    if (!this.#sentSrs.includes(block.lastSr)) return;
    const ms = roundTripMs(middleOf(ntpTime(unixNs(atNs))), block);
    if (ms === undefined) return;
    numbers[AT.roundTripMs] = ms;
    roundTrip(ms);
  }

  /** Sends a report when it is time. @param timestamp of the media at this instant. */
  tick(nowNs: number, timestamp: number): void {
    if (nowNs < this.#timer.dueNs) return;
    const members = this.#members();
    if (!this.#timer.expired(nowNs, members)) return;
    // Who is not known yet is waited for a whole interval, like one that was sent to.
    this.#timer.sent(nowNs, this.#report(nowNs, timestamp, false), members);
  }

  /** The last word (§6.6), for a peer that has heard of us. */
  bye(nowNs: number, timestamp: number): void {
    const { numbers, sender } = this.#parts;
    if (sender.packets > 0 || (numbers[AT.rtcpSent] as number) > 0) this.#report(nowNs, timestamp, true);
  }

  /** @returns its length, bytes. */
  #report(nowNs: number, timestamp: number, bye: boolean): number {
    const { sender, reception, cname, send, unixNs } = this.#parts;
    const ntp = ntpTime(unixNs(nowNs));
    const info: SenderInfo | undefined = this.#sends()
      ? { ntp, rtpTimestamp: timestamp, packets: sender.packets, octets: sender.octets }
      : undefined;
    this.#packetsBeforeThat = this.#packetsBefore;
    this.#packetsBefore = sender.packets;
    const { ssrc, middle, atNs } = this.#peerSr;
    const known = ssrc === reception.ssrc;
    const delay = known ? Math.max(0, Math.min(2 ** 32 - 1, Math.round(((nowNs - atNs) * 65_536) / 1e9))) : 0;
    const block = reception.takeBlock(known ? middle : 0, delay);
    const length = writeRtcp(outgoing, { ssrc: sender.ssrc, sender: info, block, cname, bye });
    if (!send(outgoing, length)) return length;
    this.#add(AT.rtcpSent);
    if (info !== undefined) {
      this.#sentSrs.unshift(middleOf(ntp));
      this.#sentSrs.length = Math.min(this.#sentSrs.length, REMEMBERED_SRS);
    }
    return length;
  }

  /** A sender is who has sent since the report before the last (§6.4). */
  #sends(): boolean {
    return this.#parts.sender.packets > this.#packetsBeforeThat;
  }

  #members(): Members {
    const weSend = this.#sends();
    const peerSends = this.#parts.reception.ssrc !== undefined;
    return { members: this.#peerIsMember || peerSends ? 2 : 1, senders: Number(weSend) + Number(peerSends), weSend };
  }

  #add(index: number): void {
    this.#parts.numbers[index] = (this.#parts.numbers[index] as number) + 1;
  }
}
