/** The reference noise as it goes into packets: what the packet of each number carries, in the codec of its stream. */
import { codecOf } from '../audio/codec.ts';
import { G722Encoder } from '../audio/g722.ts';
import { NoiseReference, REFERENCE_RATE_HZ } from './reference.ts';

export interface NoiseFormat {
  /** Encoding name (RFC 3551 §6): PCMU, PCMA, L16 or G722. */
  readonly name: string;
  /** Of the timestamps. */
  readonly clockRateHz: number;
}

/** Samples a second that the codec takes: the clock of G.722 says 8,000 (RFC 3551 §4.5.2). */
export function sampleRateOf({ name, clockRateHz }: NoiseFormat): 8_000 | 16_000 {
  return name === 'G722' || clockRateHz === 2 * REFERENCE_RATE_HZ ? 16_000 : 8_000;
}

export class NoisePayload {
  readonly #reference: NoiseReference;
  readonly #wide: boolean;
  readonly #count: number;
  readonly #samples: Int16Array;
  readonly #payload: Uint8Array;
  readonly #encode: (samples: Int16Array, payload: Uint8Array) => void;
  #index = -1;

  /**
   * @param count samples of the reference in each packet.
   * @param bytes of each payload.
   */
  constructor(format: NoiseFormat, seed: number, count: number, bytes: number) {
    this.#reference = new NoiseReference(seed);
    this.#wide = sampleRateOf(format) === 16_000;
    this.#count = count;
    this.#samples = new Int16Array(this.#wide ? 2 * count : count);
    this.#payload = new Uint8Array(bytes);
    this.#encode = encoderOf(format);
  }

  /** Writes the payload of packet `index` to `out` from `offset` on. In order, since G.722 goes on from the packet before; the same one again is the same. */
  write(out: Uint8Array, offset: number, index: number): void {
    if (index !== this.#index) {
      const position = index * this.#count;
      if (this.#wide) this.#reference.readWide(position, this.#count, this.#samples, 0);
      else this.#reference.read(position, this.#count, this.#samples, 0);
      this.#encode(this.#samples, this.#payload);
      this.#index = index;
    }
    out.set(this.#payload, offset);
  }
}

function encoderOf({ name, clockRateHz }: NoiseFormat): (samples: Int16Array, payload: Uint8Array) => void {
  const codec = codecOf(name, clockRateHz);
  if (codec !== undefined) return (samples, payload) => codec.encode(samples, 0, samples.length, payload, 0);
  const encoder = new G722Encoder();
  return (samples, payload) => encoder.encode(samples, 0, payload.length, payload, 0);
}
