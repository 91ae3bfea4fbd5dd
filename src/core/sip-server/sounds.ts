/** The WAV files that calls play, read once for each rate and again when the file has changed. */
import { readFile, stat } from 'node:fs/promises';
import { resample } from '../audio/resample.ts';
import { readWav } from '../audio/wav.ts';
import { messageOf, RtplatError } from '../errors.ts';

/** More than an hour at 16 kHz. */
const MAX_BYTES = 128 * 1024 * 1024;

interface Sound {
  readonly changedMs: number;
  readonly samples: Int16Array;
}

export class Sounds {
  readonly #known = new Map<string, Sound>();

  /** @returns samples on shared memory. @throws RtplatError `usage` when the file cannot be read, or is no WAV file that can be played. */
  async at(file: string, rateHz: number): Promise<Int16Array> {
    const name = `${rateHz} ${file}`;
    try {
      const { mtimeMs, size } = await stat(file);
      const known = this.#known.get(name);
      if (known?.changedMs === mtimeMs) return known.samples;
      if (size > MAX_BYTES) throw new RtplatError('usage', `${file} has ${size} bytes, more than ${MAX_BYTES}`);
      const wav = readWav(await readFile(file), file);
      const converted = resample(wav.samples, wav.rateHz, rateHz);
      const samples = new Int16Array(new SharedArrayBuffer(converted.byteLength));
      samples.set(converted);
      this.#known.set(name, { changedMs: mtimeMs, samples });
      return samples;
    } catch (error) {
      if (error instanceof RtplatError) throw error;
      throw new RtplatError('usage', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
    }
  }
}
