import { readWav, wavHeader } from '../../../src/core/audio/wav.ts';
import { RtplatError } from '../../../src/core/errors.ts';
import { must, mustBeOneCleanLine } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

export const target: FuzzTarget = {
  name: 'wav',
  what: 'WAV files: no more samples than bytes, or one line that says what is wrong',
  code: ['audio/wav.ts', 'audio/pcm.ts'],
  mostBytes: 600,
  inputs: 300_000,
  seeds: () => [
    Uint8Array.of(...wavHeader(8_000, 8), 1, 2, 3, 4, 5, 6, 7, 8),
    Uint8Array.of(...wavHeader(16_000, undefined), 1, 2, 3, 4, 5),
    stereoALaw(),
  ],
  check(input) {
    try {
      const { samples, rateHz } = readWav(input, 'x.wav');
      must(samples.length <= input.length && (rateHz === 8_000 || rateHz === 16_000), 'samples', samples.length, rateHz);
    } catch (error) {
      if (!(error instanceof RtplatError)) throw error;
      must(error.code === 'format', 'code', error.code);
      mustBeOneCleanLine(error.message, 'the message');
    }
  },
};

function stereoALaw(): Uint8Array {
  const file = Uint8Array.of(...wavHeader(8_000, 4), 1, 2, 3, 4);
  const view = new DataView(file.buffer);
  view.setUint16(20, 6, true);
  view.setUint16(22, 2, true);
  view.setUint16(34, 8, true);
  return file;
}
