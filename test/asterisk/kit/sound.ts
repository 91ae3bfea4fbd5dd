/** Sound by sox and espeak-ng, which share no line with what is tested: made, encoded, decoded, and judged. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { peer } from './peers.ts';
import { run } from './process.ts';
import { quantile } from './world.ts';

/** What sox has to be told about a file without a header, one channel. */
const RAW = {
  PCMU: ['-t', 'ul', '-r', '8000', '-c', '1'],
  PCMA: ['-t', 'al', '-r', '8000', '-c', '1'],
  /** As in RTP: the high byte first (RFC 3551 §4.5.11). */
  'L16/16000': ['-t', 'raw', '-e', 'signed-integer', '-b', '16', '-B', '-r', '16000', '-c', '1'],
} as const;

export type RawFormat = keyof typeof RAW;

/** Never with dither, and silent unless it fails. */
function sox(...args: readonly string[]): Promise<string> {
  return run(peer('sox'), ['-D', '-V1', ...args]);
}

/** A file without a header as WAV of 16 bits, which is decoded by sox. @returns the new file. */
export async function toWav(raw: string, format: RawFormat): Promise<string> {
  const wav = `${raw}.wav`;
  await sox(...RAW[format], raw, '-e', 'signed-integer', '-b', '16', wav);
  return wav;
}

/** A sine as WAV of 16 bits at 8 kHz. */
export async function sineFile(wav: string, frequencyHz: number, seconds: number): Promise<void> {
  await sox('-r', '8000', '-c', '1', '-n', '-b', '16', wav, 'synth', String(seconds), 'sine', String(frequencyHz), 'gain', '-6');
}

/** Samples of a WAV file, as sox reads it. */
export async function samplesOf(wav: string): Promise<Int16Array> {
  const plain = `${wav}.s16`;
  await sox(wav, '-t', 'raw', '-e', 'signed-integer', '-b', '16', '-L', plain);
  const bytes = readFileSync(plain);
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Level of a WAV file below full scale, dB: its root mean square over about a second, where that is highest. To 0.01. */
export async function levelOf(wav: string): Promise<number> {
  // It tells statistics on standard error.
  const text = await run('sh', ['-c', '"$0" "$1" -n stats -w 1 2>&1', peer('sox'), wav]);
  const found = /^RMS Pk dB\s+(\S+)/m.exec(text)?.[1];
  if (found === undefined) throw new Error(`sox says no level of ${wav}: ${text}`);
  return found === '-inf' ? Number.NEGATIVE_INFINITY : Number(found);
}

/** A WAV file as one without a header, after what the effects of sox make of it. @returns the new file, NAME with an ending. */
export async function encode(wav: string, name: string, format: 'PCMU' | 'PCMA', effects: readonly string[] = []): Promise<string> {
  const raw = `${name}.${format.toLowerCase()}`;
  await sox(wav, ...RAW[format], raw, ...effects);
  return raw;
}

export interface ToneVerdict {
  /** By its zero crossings; the median of all seconds, Hz. */
  readonly frequencyHz: number;
  /** Of the sine that fits best, as a fraction of full scale; the median of all seconds. */
  readonly peak: number;
  /** Seconds that no sine fits, or that do not go on where the one before them ended: a gap, a click, or one sample too many. */
  readonly broken: number;
  /** The sample that is farthest from that sine, in units of 16 bits, in all other seconds. */
  readonly farthest: number;
}

/**
 * Judges a tone second by second.
 *
 * @param nominalHz whole: each second then begins in the same phase.
 * @param mostOff what the codec may do to a sample, in units of 16 bits.
 */
export function judgeTone(samples: Int16Array, rateHz: number, nominalHz: number, mostOff: number): ToneVerdict {
  const seconds = Array.from({ length: Math.floor(samples.length / rateHz) }, (_, index) =>
    fit(samples.subarray(index * rateHz, (index + 1) * rateHz), (2 * Math.PI * nominalHz) / rateHz),
  );
  let broken = 0;
  let farthest = 0;
  seconds.forEach(({ off, phase }, index) => {
    const before = seconds[index - 1]?.phase ?? phase;
    if (off > mostOff || Math.abs(Math.sin((phase - before) / 2)) > 0.005) broken += 1;
    else farthest = Math.max(farthest, off);
  });
  const frequencies = seconds.map((_, index) => frequencyOf(samples.subarray(index * rateHz, (index + 1) * rateHz), rateHz));
  return {
    frequencyHz: quantile(frequencies, 0.5),
    peak:
      quantile(
        seconds.map(({ peak }) => peak),
        0.5,
      ) / 32_768,
    broken,
    farthest,
  };
}

/** The sine of this frequency, in radians a sample, that fits best; `off` is the sample that is farthest from it. */
function fit(samples: Int16Array, turn: number): { readonly peak: number; readonly phase: number; readonly off: number } {
  let re = 0;
  let im = 0;
  for (let n = 0; n < samples.length; n++) {
    re += at(samples, n) * Math.cos(turn * n);
    im += at(samples, n) * Math.sin(turn * n);
  }
  re *= 2 / samples.length;
  im *= 2 / samples.length;
  let off = 0;
  for (let n = 0; n < samples.length; n++) {
    off = Math.max(off, Math.abs(at(samples, n) - re * Math.cos(turn * n) - im * Math.sin(turn * n)));
  }
  return { peak: Math.hypot(re, im), phase: Math.atan2(im, re), off };
}

/** Of whatever repeats, by the places where it passes zero upwards. NaN when it does not do so twice. */
export function frequencyOf(samples: Int16Array, rateHz: number): number {
  let first = Number.NaN;
  let last = Number.NaN;
  let crossings = 0;
  for (let n = 1; n < samples.length; n++) {
    const before = at(samples, n - 1);
    const after = at(samples, n);
    if (before >= 0 || after < 0) continue;
    last = n - 1 + before / (before - after);
    if (crossings === 0) first = last;
    crossings += 1;
  }
  return ((crossings - 1) * rateHz) / (last - first);
}

function at(samples: Int16Array, n: number): number {
  return samples[n] as number;
}

const KEYS: readonly [string, number, number][] = [697, 770, 852, 941].flatMap((low, row) =>
  [1209, 1336, 1477, 1633].map((high, column): [string, number, number] => ['123A456B789C*0#D'.charAt(4 * row + column), low, high]),
);

/** The keys of `digits` as PCMU, each held for `onMs` with a pause of `offMs` behind it, two sines of −12 dB below full scale each. */
export async function dialTones(dir: string, digits: string, onMs: number, offMs: number): Promise<Uint8Array> {
  const keys = new Map<string, Uint8Array>();
  for (const [key, low, high] of KEYS) {
    const raw = join(dir, `key-${low}-${high}`);
    const effects = ['synth', String(onMs / 1000), 'sine', String(low), 'sine', String(high), 'remix', '1v0.25,2v0.25'];
    await sox('-r', '8000', '-c', '2', '-n', ...RAW.PCMU, raw, ...effects);
    keys.set(key, readFileSync(raw));
  }
  const pause = new Uint8Array(8 * offMs).fill(0xff);
  return Buffer.concat([...digits].flatMap((digit) => [keys.get(digit) ?? new Uint8Array(), pause]));
}

/** Text spoken by one voice after the other, as WAV. */
export async function speak(dir: string, text: string, voices: readonly string[]): Promise<string> {
  const files = voices.map((voice) => join(dir, `${voice}.wav`));
  for (const [index, voice] of voices.entries()) await run(peer('espeak-ng'), ['-v', voice, '-w', files[index] ?? '', text]);
  const all = join(dir, 'spoken.wav');
  await sox(...files, all);
  return all;
}
