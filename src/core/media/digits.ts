/** The digits that a peer dials in a call, as events (RFC 4733) or as tones in the audio; each is told once. */
import { DtmfDetector } from '../audio/dtmf-detector.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { createTelephoneEvent, parseTelephoneEvent, TelephoneEventReceiver } from '../rtp/telephone-event.ts';
import type { DtmfWay } from './types.ts';

export type DigitHeard = (digit: string, how: DtmfWay, durationMs: number, atNs: number) => void;

const event = createTelephoneEvent();

export class Digits {
  readonly #told: DigitHeard;
  #clockRateHz = 0;
  #events: TelephoneEventReceiver | undefined;
  #detector: DtmfDetector | undefined;
  /** When the samples that are being listened to arrived. */
  #atNs = 0;
  /** Who sends events may leave the tones in the audio as well: these are not other digits. */
  #sendsEvents = false;

  constructor(told: DigitHeard) {
    this.#told = told;
  }

  /** Begins anew when the rate is another. @param inBand whether {@link audio} is to be listened to. */
  configure(clockRateHz: number, inBand: boolean): void {
    if (clockRateHz !== this.#clockRateHz) {
      this.#clockRateHz = clockRateHz;
      this.#events = undefined;
      this.#detector = undefined;
    }
    if (!inBand) this.#detector = undefined;
    else {
      this.#detector ??= new DtmfDetector(clockRateHz, ({ digit, durationSamples }) => {
        if (!this.#sendsEvents) this.#told(digit, 'in-band', (durationSamples * 1_000) / this.#clockRateHz, this.#atNs);
      });
    }
  }

  /** Whether {@link audio} does anything. */
  get listens(): boolean {
    return this.#detector !== undefined && !this.#sendsEvents;
  }

  /** A packet of telephone events. @returns whether it is one. */
  event(buffer: Uint8Array, offset: number, packet: RtpPacket, atNs: number): boolean {
    if (!parseTelephoneEvent(buffer, offset + packet.payloadOffset, packet.payloadLength, event)) return false;
    this.#sendsEvents = true;
    this.#events ??= new TelephoneEventReceiver({
      clockRateHz: this.#clockRateHz,
      onDigit: ({ digit, durationTicks }, endedNs) => this.#told(digit, 'rfc4733', (durationTicks * 1_000) / this.#clockRateHz, endedNs),
    });
    this.#events.receive(atNs, packet.ssrc | 0, packet.timestamp | 0, event);
    return true;
  }

  /** Samples of the peer, in the order in which it sent them. */
  audio(samples: Int16Array, count: number, atNs: number): void {
    this.#atNs = atNs;
    this.#detector?.process(samples, 0, count);
  }

  /** Ends an event of which nothing has been heard for long. */
  tick(nowNs: number): void {
    this.#events?.tick(nowNs);
  }

  /** The stream has ended, and a digit that is on with it. */
  finish(nowNs: number): void {
    this.#events?.finish(nowNs);
    this.#atNs = nowNs;
    this.#detector?.finish();
  }
}
