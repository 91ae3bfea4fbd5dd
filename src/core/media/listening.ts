/** What is done with the sound of a peer: its digits are heard, and it is recorded. */
import type { AudioCodec } from '../audio/codec.ts';
import { WAV_HEADER_BYTES } from '../audio/wav.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { Digits } from './digits.ts';
import type { DigitHeard } from './digits.ts';
import { LONGEST_HEARD_SAMPLES } from './limits.ts';
import { AT } from './numbers.ts';
import type { PlaneAction } from './orders.ts';
import { RecordingTrack } from './recording-track.ts';

export interface ListeningParts {
  readonly numbers: Float64Array;
  readonly codec: AudioCodec;
  readonly inBandDtmf: boolean;
  readonly digit: DigitHeard;
  /** @param samples valid only during the call. @returns whether there is room for them. */
  readonly recorded: (recording: number, at: number, samples: Int16Array) => boolean;
}

/** Samples that are being listened to: one for all calls. */
const heard = new Int16Array(LONGEST_HEARD_SAMPLES);

export class Listening {
  readonly #parts: ListeningParts;
  readonly #digits: Digits;
  #codec: AudioCodec;
  #track: RecordingTrack | undefined;

  constructor(parts: ListeningParts) {
    this.#parts = parts;
    this.#codec = parts.codec;
    this.#digits = new Digits((digit, how, durationMs, atNs) => {
      this.#add(AT.dtmfDigits, 1);
      parts.digit(digit, how, durationMs, atNs);
    });
    this.#digits.configure(parts.codec.clockRateHz, parts.inBandDtmf);
  }

  configure(codec: AudioCodec, inBandDtmf: boolean): void {
    this.#codec = codec;
    this.#digits.configure(codec.clockRateHz, inBandDtmf);
    // A file has one rate.
    if (this.#track !== undefined && this.#track.clockRateHz !== codec.clockRateHz) this.#endTrack();
  }

  /** Records from now on, or no longer. */
  begin(action: PlaneAction): void {
    this.#endTrack();
    if (action.kind !== 'record') return;
    const { recording, maxBytes } = action;
    this.#track = new RecordingTrack({
      clockRateHz: this.#codec.clockRateHz,
      mostSamples: Math.max(0, Math.floor((maxBytes - WAV_HEADER_BYTES) / Int16Array.BYTES_PER_ELEMENT)),
      write: (at, samples) => {
        const taken = this.#parts.recorded(recording, at, samples);
        this.#add(taken ? AT.recordedBytes : AT.recordingDroppedBytes, samples.byteLength);
      },
    });
  }

  /**
   * A packet of the codec.
   *
   * @param inOrder whether it is neither doubled nor overtaken: what is would be heard in the wrong place.
   * @returns whether it has filled a recording, which has ended then.
   */
  audio(buffer: Uint8Array, offset: number, packet: RtpPacket, atNs: number, inOrder: boolean): boolean {
    const listens = inOrder && this.#digits.listens;
    const track = this.#track;
    if (!listens && track === undefined) return false;
    const count = Math.min(LONGEST_HEARD_SAMPLES, Math.floor(packet.payloadLength / this.#codec.bytesPerSample));
    this.#codec.decode(buffer, offset + packet.payloadOffset, count, heard, 0);
    if (listens) this.#digits.audio(heard, count, atNs);
    if (track === undefined) return false;
    track.add(packet.timestamp | 0, heard, count);
    if (!track.full) return false;
    this.#endTrack();
    return true;
  }

  /** A packet of telephone events. @returns whether it is one. */
  event(buffer: Uint8Array, offset: number, packet: RtpPacket, atNs: number): boolean {
    return this.#digits.event(buffer, offset, packet, atNs);
  }

  tick(nowNs: number): void {
    this.#digits.tick(nowNs);
  }

  /** Nothing more comes. */
  finish(nowNs: number): void {
    this.#digits.finish(nowNs);
    this.#endTrack();
  }

  #endTrack(): void {
    this.#track?.finish();
    this.#track = undefined;
  }

  #add(index: number, amount: number): void {
    this.#parts.numbers[index] = (this.#parts.numbers[index] as number) + amount;
  }
}
