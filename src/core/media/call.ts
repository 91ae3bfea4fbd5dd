/**
 * The media of one call: paced RTP to its peer, or the peer's own packets back; what the peer sends is counted, listened to, recorded.
 * No allocation per packet.
 */
import type { AudioCodec } from '../audio/codec.ts';
import { createRtpPacket, parseRtp, RTP_HEADER_BYTES } from '../rtp/packet.ts';
import type { ReportBlock } from '../rtp/rtcp.ts';
import { RtcpSession } from '../rtp/rtcp-session.ts';
import { RtpSender } from '../rtp/sender.ts';
import type { Arrival, Endpoint, PacketReceiver, UdpSocket } from '../udp/engine.ts';
import { sameEndpoint } from '../values/address.ts';
import { knownCodec } from './limits.ts';
import { Listening } from './listening.ts';
import { AT, numbersOf } from './numbers.ts';
import type { MediaBlock } from './numbers.ts';
import type { PlaneSpec, PlaneUpdate } from './orders.ts';
import { Outgoing } from './outgoing.ts';
import type { OutgoingFormat } from './outgoing.ts';
import { Peer } from './peer.ts';
import { Reception } from './reception.ts';
import type { DtmfWay } from './types.ts';
import { Seat } from './wheel.ts';
import type { Paced } from './wheel.ts';

/** A packet that is this late is left out, and counted: a burst of old ones would only fill the peer's buffer. */
const SKIP_NS = 200e6;

/** What a call needs of its plane. */
export interface CallHost {
  readonly lateThresholdNs: number;
  /** How long no RTP comes before that is told; null when it is not. */
  readonly silenceNs: number | null;
  nowNs(): number;
  /** Nanoseconds since 1970 at an instant of the engine's clock. */
  unixNs(nowNs: number): number;
  /** From 0 up to, and without, 1. */
  random(): number;
  /** A packet was handed to the kernel so long after it was due. */
  paced(lateNs: number): void;
  /** A report of a peer told a round trip. */
  roundTrip(ms: number): void;
  firstPacket(id: number, atNs: number, from: Endpoint): void;
  refusedSource(id: number, from: Endpoint): void;
  dtmf(id: number, digit: string, how: DtmfWay, durationMs: number, atNs: number): void;
  finished(id: number): void;
  silent(id: number): void;
  /** @param samples valid only during the call. @returns whether there is room for them. */
  recorded(recording: number, at: number, samples: Int16Array): boolean;
}

export interface CallParts {
  readonly id: number;
  readonly spec: PlaneSpec;
  readonly block: MediaBlock;
  readonly rtp: UdpSocket;
  /** Of its own, where RTCP has one. */
  readonly rtcp: UdpSocket | undefined;
  readonly host: CallHost;
}

/** Where each instant of a call lies: when its next packet is due, since when no RTP has come, when the last datagram of anybody came. */
const NEXT_DUE = 0;
const QUIET_SINCE = 1;
const LAST_ACTIVITY = 2;

/** What is being read: one for all calls. */
const packet = createRtpPacket();

export class CallMedia implements PacketReceiver, Paced {
  readonly seat: Seat = new Seat();
  readonly id: number;
  readonly #host: CallHost;
  readonly #numbers: Float64Array;
  readonly #rtp: UdpSocket;
  readonly #rtcpSocket: UdpSocket | undefined;
  readonly #sender: RtpSender;
  readonly #outgoing: Outgoing;
  readonly #reception: Reception;
  readonly #listening: Listening;
  readonly #rtcp: RtcpSession;
  #spec: PlaneSpec;
  #codec: AudioCodec;
  #peer: Peer;
  #rtcpPeer: Peer;
  #receives = false;
  #started = false;
  #stopped = false;
  #periodTicks: number;
  /** Instants, ns, side by side: a field would be given a new place for each number. */
  readonly #times = new Float64Array(3);
  #silenceTold = false;

  /** @throws RtplatError `usage` when there is no such codec. */
  constructor({ id, spec, block, rtp, rtcp, host }: CallParts) {
    const nowNs = host.nowNs();
    const format = formatOf(spec);
    this.id = id;
    this.#host = host;
    this.#spec = spec;
    this.#numbers = numbersOf(block);
    this.#rtp = rtp;
    this.#rtcpSocket = rtcp;
    this.#codec = format.codec;
    this.#periodTicks = spec.ptimeMs;
    this.#sender = new RtpSender(spec);
    this.#outgoing = new Outgoing(this.#sender, format, spec.action);
    this.#reception = new Reception(this.#numbers, host.lateThresholdNs);
    this.#reception.clockRateHz = this.#codec.clockRateHz;
    this.#listening = new Listening({
      numbers: this.#numbers,
      codec: this.#codec,
      inBandDtmf: spec.inBandDtmf,
      digit: (digit, how, durationMs, atNs) => host.dtmf(id, digit, how, durationMs, atNs),
      recorded: (recording, at, samples) => host.recorded(recording, at, samples),
    });
    this.#peer = new Peer(rtp, spec);
    this.#rtcpPeer = this.#findRtcpPeer();
    this.#rtcp = new RtcpSession({
      sender: this.#sender,
      reception: this.#reception,
      cname: spec.cname,
      nowNs,
      unixNs: (atNs) => host.unixNs(atNs),
      random: () => host.random(),
      listener: {
        sent: () => this.#add(AT.rtcpSent, 1),
        received: () => this.#add(AT.rtcpReceived, 1),
        malformed: () => this.#add(AT.rtcpMalformed, 1),
        reported: (block, ms) => this.#reported(block, ms),
      },
      send: (buffer, length) => this.#sendRtcp(buffer, length),
    });
    this.#times.fill(nowNs);
    this.#listening.begin(spec.action);
    // Until it is agreed who the peer is, the kernel keeps what comes: its first packet may be here before the word of that is.
    if (spec.remote.port !== 0) this.#receive();
  }

  #receive(): void {
    this.#receives = true;
    this.#rtp.receive(this);
    this.#rtcpSocket?.receive({
      packet: (buffer, offset, length, arrival) => this.#rtcpPacket(buffer, offset, length, arrival),
      error: () => this.error(),
    });
  }

  get periodTicks(): number {
    return this.#periodTicks;
  }

  /** Whether it has packets for the wheel. */
  get paces(): boolean {
    return this.#started && !this.#stopped && this.#outgoing.paces;
  }

  get lastActivityNs(): number {
    return this.#times[LAST_ACTIVITY] as number;
  }

  /** From now on it sends. */
  start(nowNs: number): void {
    this.#started = true;
    this.#times[NEXT_DUE] = nowNs;
    this.#times[QUIET_SINCE] = nowNs;
  }

  /** @throws RtplatError `usage` when there is no such codec. */
  update(change: PlaneUpdate): void {
    const { reencoded, ...changes } = change;
    const before = this.#spec;
    const spec = { ...before, ...changes };
    const format = formatOf(spec);
    this.#spec = spec;
    this.#periodTicks = spec.ptimeMs;
    this.#codec = format.codec;
    this.#listening.configure(format.codec, spec.inBandDtmf);
    if (change.action === undefined) this.#outgoing.reformat(format, reencoded);
    else {
      this.#outgoing.begin(format, change.action);
      this.#listening.begin(change.action);
    }
    this.#reception.clockRateHz = format.codec.clockRateHz;
    // What was learnt stays, unless something else is told.
    const moved =
      !sameEndpoint(spec.remote, before.remote) ||
      spec.signallingAddress !== before.signallingAddress ||
      spec.symmetric !== before.symmetric;
    if (moved) this.#peer = new Peer(this.#rtp, spec);
    if (moved || change.rtcp !== undefined || 'remoteRtcp' in change) this.#rtcpPeer = this.#findRtcpPeer();
    if (!this.#receives) this.#receive();
    if (receives(before) !== receives(spec)) this.#times[QUIET_SINCE] = this.#host.nowNs();
  }

  pace(dueNs: number): void {
    const host = this.#host;
    this.#times[NEXT_DUE] = dueNs + this.#spec.ptimeMs * 1e6;
    const to = sends(this.#spec) ? this.#peer.endpoint : undefined;
    const lateNs = host.nowNs() - dueNs;
    if (to === undefined) this.#outgoing.pass();
    else if (lateNs > SKIP_NS) {
      this.#outgoing.pass();
      this.#add(AT.skipped, 1);
    } else {
      const made = this.#outgoing.make();
      this.#rtp.send(made, 0, made.length, to);
      this.#add(AT.sent, 1);
      this.#add(AT.sentBytes, made.length - RTP_HEADER_BYTES);
      const lateMs = lateNs / 1e6;
      // Not "greater": at first it is not a number.
      if (!(lateMs <= (this.#numbers[AT.pacingMaxMs] as number))) this.#numbers[AT.pacingMaxMs] = lateMs;
      host.paced(lateNs);
    }
    if (this.#outgoing.takeEnd()) host.finished(this.id);
  }

  packet(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    const { from } = arrival;
    this.#times[LAST_ACTIVITY] = arrival.readNs;
    if (this.#stopped) return;
    const known = this.#peer.is(from);
    if (!known && !this.#peer.mayBe(from)) return this.#refuse(from);
    const problem = parseRtp(buffer, offset, length, packet);
    if (problem === 'rtcp' && known && this.#spec.rtcp === 'mux') {
      return this.#rtcp.received(buffer, offset, length, arrival.atNs);
    }
    if (problem !== undefined) return this.#add(AT.malformed, 1);
    if (!known) {
      this.#peer.learn(from);
      this.#rtcpPeer = this.#findRtcpPeer();
    }
    if (this.#numbers[AT.received] === 0) this.#host.firstPacket(this.id, arrival.atNs, { address: from.address, port: from.port });
    this.#received(buffer, offset, length, arrival);
    return undefined;
  }

  #received(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    this.#times[QUIET_SINCE] = arrival.atNs;
    this.#silenceTold = false;
    const outcome = this.#reception.receive(packet, arrival.atNs);
    const { codec, dtmfPayloadType, action } = this.#spec;
    if (packet.payloadType === codec.payloadType) {
      const inOrder = outcome !== 'duplicate' && outcome !== 'reordered';
      if (this.#listening.audio(buffer, offset, packet, arrival.atNs, inOrder)) this.#host.finished(this.id);
    } else if (packet.payloadType === dtmfPayloadType) {
      if (!this.#listening.event(buffer, offset, packet, arrival.atNs)) this.#add(AT.malformed, 1);
    } else this.#add(AT.otherPayload, 1);
    if (action.kind === 'echo' && this.#started && sends(this.#spec)) {
      this.#rtp.reply(buffer, offset, length);
      this.#add(AT.sent, 1);
      this.#add(AT.sentBytes, length - RTP_HEADER_BYTES);
    }
  }

  #rtcpPacket(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    const { from } = arrival;
    this.#times[LAST_ACTIVITY] = arrival.readNs;
    if (this.#stopped) return;
    if (!this.#rtcpPeer.is(from)) {
      if (!this.#rtcpPeer.mayBe(from)) return this.#refuse(from);
      this.#rtcpPeer.learn(from);
    }
    this.#rtcp.received(buffer, offset, length, arrival.atNs);
  }

  error(): void {
    this.#numbers[AT.sendErrors] = this.#rtp.sendErrors + (this.#rtcpSocket?.sendErrors ?? 0);
  }

  /** Reports, time-outs, and the numbers that are not counted packet by packet. @param asksDrops also those that take a system call. */
  tick(nowNs: number, asksDrops: boolean): void {
    this.#listening.tick(nowNs);
    if (this.#started && !this.#stopped) {
      if (this.#spec.rtcp !== 'off') this.#rtcp.tick(nowNs, this.#timestampAt(nowNs));
      const { silenceNs } = this.#host;
      const quiet = silenceNs !== null && receives(this.#spec) && nowNs - (this.#times[QUIET_SINCE] as number) >= silenceNs;
      if (quiet && !this.#silenceTold) {
        this.#silenceTold = true;
        this.#host.silent(this.id);
      }
    }
    this.#reception.note();
    if (asksDrops) this.#noteDrops();
  }

  /** Sends a last report and no more after that; the numbers are final. */
  stop(nowNs: number): void {
    if (this.#stopped) return;
    // The BYE came behind the last packets, and may have overtaken them here.
    this.#rtp.takeIn();
    if (this.#started && this.#spec.rtcp !== 'off') this.#rtcp.bye(nowNs, this.#timestampAt(nowNs));
    this.#listening.finish(nowNs);
    this.#stopped = true;
    this.#reception.note();
    this.#noteDrops();
  }

  close(): void {
    void this.#rtp.close();
    void this.#rtcpSocket?.close();
  }

  #refuse(from: Endpoint): void {
    if (this.#numbers[AT.refusedSource] === 0) this.#host.refusedSource(this.id, { address: from.address, port: from.port });
    this.#add(AT.refusedSource, 1);
  }

  #findRtcpPeer(): Peer {
    const { rtcp, remoteRtcp, symmetric, signallingAddress } = this.#spec;
    if (rtcp !== 'next-port' || this.#rtcpSocket === undefined) return this.#peer;
    const rtp = this.#peer.endpoint ?? this.#spec.remote;
    const next = { address: rtp.address, port: rtp.port === 0 ? 0 : rtp.port + 1 };
    return new Peer(this.#rtcpSocket, { remote: remoteRtcp ?? next, symmetric, signallingAddress });
  }

  /** What the peer says of our stream. */
  #reported({ cumulativeLost, jitterTicks }: ReportBlock, roundTripMs: number | undefined): void {
    this.#numbers[AT.remoteLost] = cumulativeLost;
    this.#numbers[AT.remoteJitterMs] = (jitterTicks * 1_000) / this.#codec.clockRateHz;
    if (roundTripMs === undefined) return;
    this.#numbers[AT.roundTripMs] = roundTripMs;
    this.#host.roundTrip(roundTripMs);
  }

  #sendRtcp(buffer: Uint8Array, length: number): boolean {
    const to = this.#rtcpPeer.endpoint;
    const socket = this.#spec.rtcp === 'mux' ? this.#rtp : this.#rtcpSocket;
    if (to === undefined || socket === undefined) return false;
    socket.send(buffer, 0, length, to);
    return true;
  }

  /** Of the media that we send, at an instant. */
  #timestampAt(nowNs: number): number {
    const ahead = Math.round((((this.#times[NEXT_DUE] as number) - nowNs) * this.#codec.clockRateHz) / 1e9);
    return (this.#sender.timestamp - ahead) >>> 0;
  }

  #noteDrops(): void {
    const rtp = this.#rtp.socketDrops();
    const rtcp = this.#rtcpSocket === undefined ? 0 : this.#rtcpSocket.socketDrops();
    this.#numbers[AT.socketDrops] = rtp === null || rtcp === null ? Number.NaN : rtp + rtcp;
  }

  #add(index: number, amount: number): void {
    this.#numbers[index] = (this.#numbers[index] as number) + amount;
  }
}

function sends({ direction }: PlaneSpec): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

function receives({ direction }: PlaneSpec): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}

function formatOf({ codec, ptimeMs }: PlaneSpec): OutgoingFormat {
  return { codec: knownCodec(codec), payloadType: codec.payloadType, ptimeMs };
}
