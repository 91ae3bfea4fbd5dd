/**
 * One call's relay: RTP from its pinned peer goes to the echo server, and what the echo sends back goes to the peer, from the
 * call's port and unaltered. Each packet's round trip to the echo is measured. No allocation per packet.
 *
 * Where the call's own port is also the way to the echo, the two are told apart by address *and* port: on one host both come
 * from 127.0.0.1.
 */
import { clockRateOf, createRtpPacket, parseRtp } from '../rtp/packet.ts';
import { ReceiverStatistics } from '../rtp/receiver.ts';
import { LateDetector } from '../stats/late.ts';
import type { Arrival, Endpoint, PacketReceiver, UdpSocket } from '../udp/engine.ts';
import { sameEndpoint } from '../values/address.ts';
import { OwnEcho } from './echo-side.ts';
import type { EchoedCall, EchoPath, EchoSide } from './echo-side.ts';
import {
  BYTES_FROM_PEER,
  FROM_ECHO,
  FROM_PEER,
  INSIDE_BACK,
  INSIDE_BACK_NS,
  INSIDE_OUT,
  INSIDE_OUT_NS,
  JITTER_MS,
  LATE,
  LATE_FROM_PEER,
  LATE_FROM_PEER_STATE,
  LATE_STATE,
  MALFORMED,
  REJECTED_SOURCE,
  SEND_ERRORS,
  SOCKET_DROPS,
  TO_PEER,
  UNSTAMPED,
} from './numbers.ts';
import type { CallMemory } from './numbers.ts';
import { LatencyTracker } from './tracker.ts';

export interface RelayWorkerOptions {
  /** Empty; takes the call's samples and counts. */
  readonly memory: CallMemory;
  readonly socket: UdpSocket;
  readonly echo: EchoSide;
  /** When the call's port was taken. */
  readonly nowNs: number;
  readonly lossTimeoutNs: number;
  readonly lateThresholdNs: number;
  readonly told: RelayObserver;
}

/** Told what happens in all calls. */
export interface RelayObserver {
  /** A packet left for the echo at `sentNs`, its T0. */
  sent(sentNs: number): void;
  /**
   * A latency sample, with the T0 it is counted from.
   *
   * @param call whose it is.
   * @param hostDelayNs what a clock in user space would have added.
   */
  sample(call: CallMemory, sentNs: number, latencyNs: number, late: boolean, hostDelayNs: number): void;
  /** The first RTP packet of the peer arrived. */
  firstPacket(worker: RelayWorker, atNs: number): void;
  /** For the first time a datagram came from neither the peer nor the echo. */
  stranger(worker: RelayWorker, from: Endpoint): void;
}

/** Packets of a call that may wait for their turn to leave; a power of two. */
const WAITING = 64;

/** What is being read: one for all calls, which stays where the processor has it. */
const packet = createRtpPacket();

export class RelayWorker implements PacketReceiver, EchoedCall {
  readonly #numbers: Float64Array;
  readonly #memory: CallMemory;
  readonly #socket: UdpSocket;
  readonly #path: EchoPath;
  readonly #own: OwnEcho | undefined;
  readonly #told: RelayObserver;
  readonly #lateThresholdNs: number;
  readonly #tracker: LatencyTracker;
  #peer: Endpoint | undefined;
  #late: LateDetector | undefined;
  #lateFromPeer: LateDetector | undefined;
  /** Of the SSRC that the peer uses now. */
  #reception: ReceiverStatistics | undefined;
  #receptionSsrc = Number.NaN;
  #lastActivityNs: number;
  /** When the last packets of the peer arrived, by the end of their sequence numbers; NaN where the kernel did not say. */
  readonly #arrivals = new Float64Array(WAITING);
  readonly #arrived = new Int32Array(WAITING).fill(-1);

  constructor(options: RelayWorkerOptions) {
    this.#numbers = options.memory.numbers;
    this.#memory = options.memory;
    this.#socket = options.socket;
    this.#path = options.echo.pathOf(this);
    this.#own = options.echo instanceof OwnEcho ? options.echo : undefined;
    this.#told = options.told;
    this.#lateThresholdNs = options.lateThresholdNs;
    this.#tracker = new LatencyTracker({ timeoutNs: options.lossTimeoutNs, numbers: this.#numbers });
    this.#lastActivityNs = options.nowNs;
    this.#socket.receive(this);
  }

  /** From now on packets of this address and port, and of no other, are the peer's. */
  pin(peer: Endpoint): void {
    this.#peer = this.#socket.named(peer);
    if (this.#own === undefined) this.#socket.prefer(this.#peer);
  }

  packet(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    const { from } = arrival;
    if (this.#own?.is(from) === true) this.echoed(buffer, offset, length, arrival);
    else if (this.#peer !== undefined && (from === this.#peer || sameEndpoint(from, this.#peer))) {
      this.#outgoing(buffer, offset, length, arrival);
    } else {
      if (this.#numbers[REJECTED_SOURCE] === 0) this.#told.stranger(this, { address: from.address, port: from.port });
      this.#add(REJECTED_SOURCE, 1);
    }
  }

  /** Of the call's own socket. */
  departed(first: number, count: number, atNs: number, handedNs: number): void {
    this.#own?.departed(first, count, atNs, handedNs);
  }

  error(): void {
    // A refused or dropped send shows as loss and in `send_errors`; there is nothing else to do about it packet by packet.
    this.#numbers[SEND_ERRORS] = this.#socket.sendErrors;
  }

  #outgoing(buffer: Uint8Array, offset: number, length: number, { atNs, readNs }: Arrival): void {
    if (parseRtp(buffer, offset, length, packet) !== undefined) {
      this.#add(MALFORMED, 1);
      return;
    }
    this.#lastActivityNs = atNs;
    if (this.#numbers[FROM_PEER] === 0) this.#told.firstPacket(this, atNs);
    this.#add(FROM_PEER, 1);
    this.#add(BYTES_FROM_PEER, length);
    const { sequence, payloadType, marker } = packet;
    // Read as signed they are small integers, which cost no allocation on their way through calls.
    const ssrc = packet.ssrc | 0;
    const timestamp = packet.timestamp | 0;
    if (ssrc !== this.#receptionSsrc) {
      this.#receptionSsrc = ssrc;
      this.#reception = new ReceiverStatistics({ clockRateHz: clockRateOf(payloadType) });
    }
    this.#reception?.receive(atNs, sequence, timestamp);
    this.#lateFromPeer ??= this.#lateDetector(payloadType, LATE_FROM_PEER_STATE);
    if (this.#lateFromPeer.returned(atNs, timestamp, ssrc, marker)) this.#add(LATE_FROM_PEER, 1);
    const slot = sequence & (WAITING - 1);
    this.#arrivals[slot] = atNs === readNs ? Number.NaN : atNs;
    this.#arrived[slot] = sequence;
    this.#path.forward(buffer, offset, length, ssrc, sequence);
  }

  left(ssrc: number, sequence: number, atNs: number, handedNs: number): void {
    if (this.#tracker.sent(ssrc, sequence, atNs, atNs - handedNs) === 'sent') this.#told.sent(atNs);
    const slot = sequence & (WAITING - 1);
    const insideNs = atNs - (this.#arrivals[slot] as number);
    // Without a stamp on either side nothing is known: the one is then NaN, the other the time that it was handed over.
    if (this.#arrived[slot] !== sequence || atNs === handedNs || Number.isNaN(insideNs)) return;
    this.#add(INSIDE_OUT_NS, insideNs);
    this.#add(INSIDE_OUT, 1);
  }

  echoed(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    this.#add(FROM_ECHO, 1);
    if (parseRtp(buffer, offset, length, packet) !== undefined) {
      this.#add(MALFORMED, 1);
      return;
    }
    const { atNs } = arrival;
    const ssrc = packet.ssrc | 0;
    this.#lastActivityNs = atNs;
    const latencyNs = this.#tracker.returned(ssrc, packet.sequence, atNs);
    if (latencyNs >= 0) {
      this.#late ??= this.#lateDetector(packet.payloadType, LATE_STATE);
      const late = this.#late.returned(atNs, packet.timestamp | 0, ssrc, packet.marker);
      if (late) this.#add(LATE, 1);
      if (arrival.readNs !== atNs) {
        this.#add(INSIDE_BACK_NS, arrival.readNs - atNs);
        this.#add(INSIDE_BACK, 1);
      }
      this.#told.sample(this.#memory, atNs - latencyNs, latencyNs, late, arrival.readNs - atNs + this.#tracker.departureDelayNs);
    }
    if (this.#peer === undefined) return;
    this.#add(TO_PEER, 1);
    this.#own?.skip();
    this.#socket.send(buffer, offset, length, this.#peer);
  }

  #lateDetector(payloadType: number, at: number): LateDetector {
    return new LateDetector({ clockRateHz: clockRateOf(payloadType), thresholdNs: this.#lateThresholdNs }, this.#numbers, at);
  }

  #add(index: number, amount: number): void {
    this.#numbers[index] = (this.#numbers[index] as number) + amount;
  }

  /** Settles what has been in flight for too long, and notes what is not counted packet by packet. */
  tick(nowNs: number): void {
    this.#tracker.expire(nowNs);
    this.#numbers[JITTER_MS] = this.#reception?.jitterMs ?? Number.NaN;
    this.#numbers[UNSTAMPED] = this.#socket.unstamped;
  }

  /** What takes longer, and need not be up to date: brings the histogram there, and asks the kernel what it dropped. */
  note(): void {
    this.#memory.flush();
    this.#numbers[SOCKET_DROPS] = this.#socket.socketDrops() ?? Number.NaN;
  }

  /** When the last packet of the peer or the echo came. */
  get lastActivityNs(): number {
    return this.#lastActivityNs;
  }

  get inFlight(): number {
    return this.#tracker.inFlight;
  }

  /** Settles everything and closes the port. */
  async close(nowNs: number): Promise<void> {
    this.tick(nowNs);
    this.note();
    this.#path.forget();
    await this.#socket.close();
  }
}
