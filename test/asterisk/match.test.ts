/**
 * The matcher of audio against codecs, filters and sounds that others made: Asterisk converts, sox resamples and amplifies, espeak-ng
 * speaks.
 */
import { Buffer } from 'node:buffer';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { ALAW_OF_LINEAR, LINEAR_OF_ALAW, LINEAR_OF_ULAW, ULAW_OF_LINEAR } from '../../src/core/audio/g711.ts';
import { type PathResult, referenceAudio, run as runPath } from '../core/match/kit/path.ts';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { peer } from './kit/peers.ts';
import { run } from './kit/process.ts';
import { scratchFolder } from './kit/scratch.ts';
import { samplesOf, speak } from './kit/sound.ts';

const MS = 1e6;
const SEED = 77;
const SECONDS = 20;
const DELAY_MS = 80;

const scratch = scratchFolder();
let dir: string;

beforeAll(() => {
  dir = scratch('match');
});

/** What comes back of this audio, over a network that is not kind either. */
function heard(other: Int16Array): PathResult {
  return runPath({ seed: SEED, seconds: SECONDS, delayMs: DELAY_MS, jitterMs: 5, loss: 0.03, other });
}

/** Nearly all packets are found, and have this much delay over that of the network, within what is stated. */
function expectDelay({ matches, counters, returned }: PathResult, addedMs: number): void {
  expect(counters.found).toBe(counters.windows);
  expect(counters.matched).toBeGreaterThan(0.99 * returned);
  for (const { delayNs, trueDelayNs, errorNs } of matches) {
    expect(Math.abs(delayNs - trueDelayNs - addedMs * MS)).toBeLessThan(errorNs);
  }
}

describe('through the codecs of Asterisk', () => {
  let asterisk: Asterisk;
  beforeAll(async () => {
    const codecs = ['codec_g722', 'codec_g726', 'codec_gsm', 'codec_adpcm'];
    const modules = [...codecs, 'format_pcm', 'format_sln', 'format_g726', 'format_gsm', 'format_vox', 'res_convert'];
    asterisk = await startAsterisk({ release: 'sid', dir: scratch('asterisk'), more: { modules } });
  });
  afterAll(async () => {
    await asterisk?.stop();
  });

  test.each([
    [['ulaw', 'alaw', 'ulaw'], 0],
    // Between 8 kHz and G.722 it takes the lower band alone, which has no filter.
    [['ulaw', 'g722', 'alaw'], 0],
    [['alaw', 'g722', 'ulaw', 'g722', 'alaw'], 0],
    // By way of 16 kHz: its resamplers are 10 ms, and G.722 is what we know of it.
    [['ulaw', 'sln16', 'alaw'], 10],
    [['ulaw', 'sln16', 'g722', 'sln16', 'alaw'], 11.375],
    [['ulaw', 'g726-32', 'alaw'], 0],
    [['ulaw', 'vox', 'alaw'], 0],
    [['ulaw', 'gsm', 'alaw'], 0],
  ] as const)('%j', async (formats, addedMs) => {
    const [first, ...others] = formats;
    const audio = referenceAudio(SEED, SECONDS);
    const codes = first === 'ulaw' ? ULAW_OF_LINEAR : ALAW_OF_LINEAR;
    let file = join(dir, `sent.${first}`);
    writeFileSync(
      file,
      Uint8Array.from(audio, (sample) => codes[sample & 0xffff]!),
    );
    for (const [step, format] of others.entries()) {
      const next = join(dir, `step-${step}.${format}`);
      await asterisk.cli(`file convert ${file} ${next}`);
      file = next;
    }
    const samples = others.at(-1) === 'ulaw' ? LINEAR_OF_ULAW : LINEAR_OF_ALAW;
    expectDelay(heard(Int16Array.from(readFileSync(file), (code) => samples[code]!)), addedMs);
  });
});

describe('through the filters of sox', () => {
  const ways: readonly (readonly [string, readonly string[], number])[] = [
    ['20 dB lower', ['gain', '-20'], 0],
    ['6 dB louder', ['gain', '6'], 0],
    ['to 16 kHz and back', ['rate', '16000', 'rate', '8000'], 0],
    ['to 44.1 kHz and back', ['rate', '44100', 'rate', '8000'], 0],
    ['the band of a telephone', ['sinc', '300-3400'], 0],
    ['7.25 ms later', ['delay', '0.00725'], 7.25],
  ];
  test.each(ways)('%s', async (_, effects, addedMs) => {
    const raw = ['-t', 'raw', '-e', 'signed-integer', '-b', '16', '-L', '-r', '8000', '-c', '1'];
    const [from, to] = [join(dir, 'from.s16'), join(dir, 'to.wav')];
    writeFileSync(from, Buffer.from(referenceAudio(SEED, SECONDS).buffer));
    await run(peer('sox'), ['-D', '-V1', ...raw, from, '-e', 'a-law', to, ...effects]);
    expectDelay(heard((await samplesOf(to)).subarray(0, SECONDS * 8_000)), addedMs);
  });
});

describe('what has no marker in it', () => {
  it('speech of six voices', async () => {
    const text = 'Please leave a message after the tone. The quick brown fox jumps over the lazy dog, seven times in nineteen days.';
    const wav = await speak(dir, `${text} `.repeat(5), ['en', 'en+f3', 'de', 'fr', 'ru', 'zh']);
    const narrow = join(dir, 'narrow.wav');
    await run(peer('sox'), ['-D', '-V1', wav, '-r', '8000', narrow]);
    const { counters } = heard(await samplesOf(narrow));
    expect(counters.windows).toBeGreaterThan(300);
    expect([counters.found, counters.matched]).toEqual([0, 0]);
  });

  it.each([
    ['chords', ['sawtooth', 'E2', 'triangle', 'A3', 'square', 'C4']],
    ['a sweep', ['sine', '100-3800', 'square', '50', 'sine', '440']],
    ['noise', ['whitenoise', 'pinknoise', 'brownnoise']],
  ])('%s', async (_, sounds) => {
    const wav = join(dir, 'music.wav');
    await run(peer('sox'), [
      '-D',
      '-V1',
      '-R',
      '-r',
      '8000',
      '-c',
      '3',
      '-n',
      '-b',
      '16',
      wav,
      'synth',
      '60',
      ...sounds,
      'remix',
      '1,2,3',
      'gain',
      '-n',
      '-6',
    ]);
    const { counters } = heard(await samplesOf(wav));
    expect(counters.windows).toBeGreaterThan(200);
    expect([counters.found, counters.matched]).toEqual([0, 0]);
  });
});
