/** The RTCP of one call (RFC 3550 §6): our reports, and what the peer's say. */
import { LONGEST_RTCP_BYTES, middleOf, ntpTime, parseRtcp, roundTripMs, writeRtcp } from './rtcp.ts';
import type { ReportBlock, RtcpPacket, SenderInfo } from './rtcp.ts';
import { RtcpTimer } from './rtcp-timer.ts';
import type { Members, RtcpTimerOptions } from './rtcp-timer.ts';
import type { RtpSender } from './sender.ts';

/** 5 % of a call with 64 kbit/s and its headers, bytes per second. */
const BYTES_PER_SECOND = 500;
/** One of our SRs that the peer may speak of is no older than so many. */
const REMEMBERED_SRS = 4;

/** What is received, as reports tell of it. */
export interface ReportedReception {
  /** Of the present source; undefined while there is none. */
  readonly ssrc: number | undefined;
  /** What a report says of that source; the fraction lost is counted from the report before. */
  takeBlock(lastSr: number, delaySinceLastSr: number): ReportBlock | undefined;
}

/** Told what happens. */
export interface RtcpListener {
  /** A report of ours was handed to the network. */
  sent(): void;
  /** A compound packet of the peer was read, before what is in it is told. */
  received(): void;
  /** What came was no RTCP. */
  malformed(): void;
  /** The peer says what it received of ours. @param roundTripMs undefined where that report does not tell it (§6.4.1). */
  reported(block: ReportBlock, roundTripMs: number | undefined): void;
}

export interface RtcpSessionParts {
  readonly sender: Pick<RtpSender, 'ssrc' | 'packets' | 'octets'>;
  readonly reception: ReportedReception;
  readonly cname: string;
  readonly nowNs: number;
  /** Nanoseconds since 1970 at an instant of the engine's clock: of a clock that never steps. */
  readonly unixNs: (nowNs: number) => number;
  readonly random: () => number;
  /** Where the intervals are not those of RFC 3550's long minimum. */
  readonly timing?: Pick<RtcpTimerOptions, 'bytesPerSecond' | 'leastIntervalNs' | 'atOnce'>;
  readonly listener: RtcpListener;
  /** Sends `buffer[0 … length)` to the peer, if it is known. @returns whether it is. */
  readonly send: (buffer: Uint8Array, length: number) => boolean;
}

/** An SR that was sent. */
interface SentSr {
  /** Of its NTP timestamp, which the peer repeats. */
  readonly middle: number;
  /** When it left. */
  leftNs: number;
}

/** What is being sent: one for all calls, since a send is done with it when it returns. */
const outgoing = new Uint8Array(LONGEST_RTCP_BYTES);

export class RtcpSession {
  readonly #parts: RtcpSessionParts;
  readonly #timer: RtcpTimer;
  /** Our last SRs, newest first. */
  readonly #sentSrs: SentSr[] = [];
  /** Packets that we had sent at the last report, and at the one before. */
  #packetsBefore = 0;
  #packetsBeforeThat = 0;
  /** The peer's last SR: of which source, its middle, and when it came. */
  #peerSr = { ssrc: -1, middle: 0, atNs: 0 };
  /** Whether the peer has said anything by RTCP, and has not left. */
  #peerIsMember = false;
  #hasSent = false;

  constructor(parts: RtcpSessionParts) {
    this.#parts = parts;
    const { nowNs, random, timing } = parts;
    this.#timer = new RtcpTimer({ nowNs, bytesPerSecond: BYTES_PER_SECOND, random, ...timing });
  }

  /** A datagram of the peer. */
  received(buffer: Uint8Array, offset: number, length: number, atNs: number): void {
    const { listener } = this.#parts;
    const packets = parseRtcp(buffer, offset, length);
    if (typeof packets === 'string') return listener.malformed();
    listener.received();
    this.#timer.heard(length);
    this.#peerIsMember = true;
    for (const packet of packets) this.#take(packet, atNs);
    return undefined;
  }

  #take(packet: RtcpPacket, atNs: number): void {
    if (packet.kind === 'bye') this.#peerIsMember = false;
    if (packet.kind !== 'report') return;
    if (packet.sender !== undefined) this.#peerSr = { ssrc: packet.ssrc, middle: middleOf(packet.sender.ntp), atNs };
    const { sender, listener } = this.#parts;
    const block = packet.blocks.find(({ ssrc }) => ssrc === sender.ssrc);
    if (block === undefined) return;
    // Of an SR that we never sent no round trip can be told.
    const about = this.#sentSrs.find(({ middle }) => middle === block.lastSr);
    listener.reported(block, about === undefined ? undefined : roundTripMs(atNs - about.leftNs, block));
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
    if (this.#parts.sender.packets > 0 || this.#hasSent) this.#report(nowNs, timestamp, true);
  }

  /** The kernel says when the last report left. */
  departed(atNs: number): void {
    const last = this.#sentSrs[0];
    if (last !== undefined) last.leftNs = atNs;
  }

  /** @returns its length, bytes. */
  #report(nowNs: number, timestamp: number, bye: boolean): number {
    const { sender, reception, cname, listener, send, unixNs } = this.#parts;
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
    // Before it is sent: that it has left may be told within.
    if (info !== undefined) {
      this.#sentSrs.unshift({ middle: middleOf(ntp), leftNs: nowNs });
      this.#sentSrs.length = Math.min(this.#sentSrs.length, REMEMBERED_SRS);
    }
    if (!send(outgoing, length)) return length;
    this.#hasSent = true;
    listener.sent();
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
}
