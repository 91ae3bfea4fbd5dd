/**
 * One call's relay: RTP from its pinned peer goes to the echo server, and what the echo sends back goes to the peer, from the
 * same port and unaltered. Each packet's round trip to the echo is measured. No allocation per packet.
 *
 * The peer and the echo are told apart by address *and* port: on one host both come from 127.0.0.1.
 */
import { clockRateOf, createRtpPacket, parseRtp } from '../rtp/packet.ts';
import { ReceiverStatistics } from '../rtp/receiver.ts';
import type { RelayCounters } from '../report/metrics.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import { LateDetector } from '../stats/late.ts';
import type { Arrival, Endpoint, PacketReceiver, UdpSocket } from '../udp/engine.ts';
import { sameEndpoint, toFamily } from '../values/address.ts';
import { LatencyTracker } from './tracker.ts';

export interface RelayWorkerOptions {
  /** Empty; takes the call's samples. */
  readonly histogram: LatencyHistogram;
  readonly socket: UdpSocket;
  /** Where packets are sent to be echoed. */
  readonly echo: Endpoint;
  /** Monotonic clock of the socket's engine. */
  readonly nowNs: () => number;
  readonly lossTimeoutNs: number;
  readonly lateThresholdNs: number;
  /** Told of every packet that leaves for the echo, with its T0. */
  readonly sent: (sentNs: number) => void;
  /** Told every latency sample, with the T0 it is counted from. */
  readonly sample: (sentNs: number, latencyNs: number, late: boolean) => void;
  /** Told once, when the first RTP packet of the peer arrives. */
  readonly firstPacket: (atNs: number) => void;
  /** Told once, when a datagram comes from neither the peer nor the echo. */
  readonly stranger: (from: Endpoint) => void;
}

export class RelayWorker implements PacketReceiver {
  readonly histogram: LatencyHistogram;
  readonly #options: RelayWorkerOptions;
  readonly #socket: UdpSocket;
  readonly #echo: Endpoint;
  readonly #tracker: LatencyTracker;
  readonly #packet = createRtpPacket();
  #peer: Endpoint | undefined;
  #late: LateDetector | undefined;
  #lateFromPeer: LateDetector | undefined;
  /** Of the SSRC that the peer uses now. */
  #reception: ReceiverStatistics | undefined;
  #receptionSsrc = -1;
  #lastActivityNs: number;
  #fromPeer = 0;
  #bytesFromPeer = 0;
  #fromEcho = 0;
  #toPeer = 0;
  #lateCount = 0;
  #lateFromPeerCount = 0;
  #malformed = 0;
  #rejectedSource = 0;
  #retired = false;
  #drops: number | null = null;

  constructor(options: RelayWorkerOptions) {
    this.#options = options;
    this.histogram = options.histogram;
    this.#socket = options.socket;
    this.#echo = toFamily(options.echo, options.socket.family);
    this.#tracker = new LatencyTracker({ timeoutNs: options.lossTimeoutNs });
    this.#lastActivityNs = options.nowNs();
    this.#socket.receive(this);
  }

  /** From now on packets of this address and port, and of no other, are the peer's. */
  pin(peer: Endpoint): void {
    this.#peer = toFamily(peer, this.#socket.family);
  }

  packet(buffer: Uint8Array, offset: number, length: number, { from, atNs }: Arrival): void {
    if (sameEndpoint(from, this.#echo)) this.#echoed(buffer, offset, length, atNs);
    else if (this.#peer !== undefined && sameEndpoint(from, this.#peer)) this.#outgoing(buffer, offset, length, atNs);
    else {
      if (this.#rejectedSource === 0) this.#options.stranger({ address: from.address, port: from.port });
      this.#rejectedSource += 1;
    }
  }

  error(): void {
    // A refused or dropped send shows as loss and in `send_errors`; there is nothing to do about it packet by packet.
  }

  #outgoing(buffer: Uint8Array, offset: number, length: number, atNs: number): void {
    const packet = this.#packet;
    if (parseRtp(buffer, offset, length, packet) !== undefined) {
      this.#malformed += 1;
      return;
    }
    this.#lastActivityNs = atNs;
    if (this.#fromPeer === 0) this.#options.firstPacket(atNs);
    this.#fromPeer += 1;
    this.#bytesFromPeer += length;
    if (packet.ssrc !== this.#receptionSsrc) {
      this.#receptionSsrc = packet.ssrc;
      this.#reception = new ReceiverStatistics({ clockRateHz: clockRateOf(packet.payloadType) });
    }
    this.#reception?.receive(atNs, packet.sequence, packet.timestamp);
    this.#lateFromPeer ??= this.#lateDetector(packet.payloadType);
    if (this.#lateFromPeer.returned(atNs, packet.timestamp, packet.ssrc, packet.marker)) this.#lateFromPeerCount += 1;
    // T0 is taken as late as possible: what we did with the packet so far is not the path's.
    const sentNs = this.#options.nowNs();
    if (this.#tracker.sent(packet.ssrc, packet.sequence, sentNs) === 'sent') this.#options.sent(sentNs);
    this.#socket.send(buffer, offset, length, this.#echo);
  }

  #echoed(buffer: Uint8Array, offset: number, length: number, atNs: number): void {
    this.#fromEcho += 1;
    const packet = this.#packet;
    if (parseRtp(buffer, offset, length, packet) !== undefined) {
      this.#malformed += 1;
      return;
    }
    this.#lastActivityNs = atNs;
    const latencyNs = this.#tracker.returned(packet.ssrc, packet.sequence, atNs);
    if (latencyNs >= 0) {
      this.#late ??= this.#lateDetector(packet.payloadType);
      const late = this.#late.returned(atNs, packet.timestamp, packet.ssrc, packet.marker);
      if (late) this.#lateCount += 1;
      this.histogram.record(latencyNs);
      this.#options.sample(atNs - latencyNs, latencyNs, late);
    }
    if (this.#peer === undefined) return;
    this.#toPeer += 1;
    this.#socket.send(buffer, offset, length, this.#peer);
  }

  #lateDetector(payloadType: number): LateDetector {
    return new LateDetector({ clockRateHz: clockRateOf(payloadType), thresholdNs: this.#options.lateThresholdNs });
  }

  /** Settles what has been in flight for too long. */
  expire(nowNs: number): void {
    this.#tracker.expire(nowNs);
  }

  /** When the last packet of the peer or the echo came. */
  get lastActivityNs(): number {
    return this.#lastActivityNs;
  }

  get inFlight(): number {
    return this.#tracker.inFlight;
  }

  /** Interarrival jitter of what the peer sends, ms (RFC 3550 §6.4.1); null before its second packet. */
  get jitterMs(): number | null {
    return this.#reception?.jitterMs ?? null;
  }

  get socketDrops(): number | null {
    return this.#retired ? this.#drops : this.#socket.socketDrops();
  }

  /** The socket is about to be closed: notes what only an open one can tell. */
  retire(): void {
    this.#drops = this.#socket.socketDrops();
    this.#retired = true;
  }

  counters(): RelayCounters {
    const tracked = this.#tracker.counters();
    return {
      from_peer: this.#fromPeer,
      bytes_from_peer: this.#bytesFromPeer,
      from_echo: this.#fromEcho,
      to_peer: this.#toPeer,
      sent: tracked.sent,
      returned: tracked.returned,
      lost: tracked.lost,
      in_flight: tracked.inFlight,
      late: this.#lateCount,
      late_from_peer: this.#lateFromPeerCount,
      late_after_loss: tracked.lateAfterLoss,
      duplicates: tracked.duplicates,
      duplicates_sent: tracked.duplicatesSent,
      reordered: tracked.reordered,
      unmatched: tracked.unmatched,
      untracked: tracked.untracked,
      malformed: this.#malformed,
      rejected_source: this.#rejectedSource,
      send_errors: this.#socket.sendErrors,
    };
  }
}
