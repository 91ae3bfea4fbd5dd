/** The stream of a call that is listened to as well, whichever way its packets are matched: each packet goes to both. Pure. */
import { createRtpPacket, parseRtp } from '../rtp/packet.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import type { EchoCounters, EchoStream } from '../probe/stream.ts';
import type { ProbeAudio, StreamSource } from '../probe/source.ts';
import type { CallRow } from '../report/run.ts';
import type { CallWatch } from '../verdict/call-watch.ts';
import { ComingAudio } from './coming-audio.ts';
import type { ArrivalTimes } from './echoes.ts';

/** Comfort noise (RFC 3389 §4). */
const COMFORT_NOISE = 13;
/** Packets of ours are known by their headers for so long. */
const REMEMBERED = 8_192;

export class ListenedStream implements EchoStream {
  readonly #stream: EchoStream;
  readonly #watch: CallWatch;
  readonly #source: StreamSource;
  readonly #coming: ComingAudio;
  readonly #telephoneEvent: number | undefined;
  readonly #packet = createRtpPacket();
  #latest = -1;

  /** @param telephoneEvent payload type of the digits that may come. */
  constructor(stream: EchoStream, watch: CallWatch, source: StreamSource, audio: ProbeAudio, telephoneEvent: number | undefined) {
    this.#stream = stream;
    this.#watch = watch;
    this.#source = source;
    this.#coming = new ComingAudio(audio);
    this.#telephoneEvent = telephoneEvent;
  }

  sent(index: number, dueNs: number, sentNs: number): void {
    this.#latest = index;
    this.#watch.sent(sentNs);
    this.#stream.sent(index, dueNs, sentNs);
  }

  arrived(buffer: Uint8Array, offset: number, length: number, times: ArrivalTimes): number {
    const packet = this.#packet;
    if (parseRtp(buffer, offset, length, packet) === undefined) this.#listen(packet, buffer, offset, times);
    return this.#stream.arrived(buffer, offset, length, times);
  }

  expire(nowNs: number): void {
    this.#watch.look(nowNs);
    this.#stream.expire(nowNs);
  }

  departed(index: number, atNs: number): void {
    this.#stream.departed(index, atNs);
  }

  finish(nowNs: number): void {
    this.#stream.finish(nowNs);
  }

  counters(): EchoCounters {
    return this.#stream.counters();
  }

  row(port: number, sendErrors: number): CallRow {
    return this.#stream.row(port, sendErrors);
  }

  get lastIndex(): number {
    return this.#stream.lastIndex;
  }

  get lastLate(): boolean {
    return this.#stream.lastLate;
  }

  get lastHostDelayNs(): number {
    return this.#stream.lastHostDelayNs;
  }

  get unstamped(): number {
    return this.#stream.unstamped;
  }

  get inFlight(): number {
    return this.#stream.inFlight;
  }

  get jitterMs(): number | null {
    return this.#stream.jitterMs;
  }

  #listen(packet: RtpPacket, buffer: Uint8Array, offset: number, { atNs }: ArrivalTimes): void {
    const { payloadType, payloadLength, payloadOffset } = packet;
    // A digit has no sound.
    if (payloadType === this.#telephoneEvent) return;
    const coming = this.#coming;
    const count = coming.decode(payloadType, buffer, offset + payloadOffset, payloadLength);
    if (count === 0 && payloadType !== COMFORT_NOISE && payloadLength > 0) this.#watch.undecoded(atNs);
    else this.#watch.came(packet, this.#indexOf(packet), coming.samples, count, atNs);
  }

  #indexOf({ ssrc, sequence }: RtpPacket): number {
    if (ssrc !== this.#source.ssrc || this.#latest < 0) return -1;
    const index = this.#source.indexOf(sequence, this.#latest);
    return index >= 0 && index > this.#latest - REMEMBERED ? index : -1;
  }
}
