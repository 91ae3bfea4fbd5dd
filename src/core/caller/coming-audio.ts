/** What comes back, as samples. Pure. */
import { codecOf } from '../audio/codec.ts';
import type { AudioCodec } from '../audio/codec.ts';
import { G722Decoder } from '../audio/g722.ts';
import { sampleRateOf } from '../match/noise-payload.ts';
import type { ProbeAudio } from '../probe/source.ts';

/** Half a second of 16 kHz. */
const MOST_SAMPLES = 8_000;
/** RFC 3551 §6: either law may come back where one was agreed on. */
const STATIC_LAWS: ReadonlyMap<number, string> = new Map([
  [0, 'PCMU'],
  [8, 'PCMA'],
]);

export class ComingAudio {
  /** Of the packet that was decoded last. */
  readonly samples: Int16Array = new Int16Array(MOST_SAMPLES);
  readonly sampleRateHz: 8_000 | 16_000;
  readonly #agreed: ProbeAudio;
  /** RFC 3551 §4.5.2: one decoder goes on from packet to packet. */
  readonly #g722 = new G722Decoder();

  constructor(agreed: ProbeAudio) {
    this.#agreed = agreed;
    this.sampleRateHz = sampleRateOf(agreed);
  }

  /** @returns how many samples the payload is; 0 when its type is not the one that was agreed on, or it is too long. */
  decode(payloadType: number, buffer: Uint8Array, offset: number, length: number): number {
    if (payloadType === this.#agreed.payloadType && this.#agreed.name === 'G722') {
      if (2 * length > MOST_SAMPLES) return 0;
      this.#g722.decode(buffer, offset, length, this.samples, 0);
      return 2 * length;
    }
    const codec = this.#codecOf(payloadType);
    if (codec === undefined) return 0;
    const count = Math.floor(length / codec.bytesPerSample);
    if (count > MOST_SAMPLES) return 0;
    codec.decode(buffer, offset, count, this.samples, 0);
    return count;
  }

  #codecOf(payloadType: number): AudioCodec | undefined {
    const { name, clockRateHz } = this.#agreed;
    if (payloadType === this.#agreed.payloadType) return codecOf(name, clockRateHz);
    const law = this.sampleRateHz === 8_000 ? STATIC_LAWS.get(payloadType) : undefined;
    return law === undefined ? undefined : codecOf(law, clockRateHz);
  }
}
