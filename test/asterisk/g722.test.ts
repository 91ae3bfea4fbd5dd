/** G.722 against Asterisk's codec, bit for bit in both directions: it converts files that we made, and we do what it did. */
import { Buffer } from 'node:buffer';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { G722Decoder, G722Encoder } from '../../src/core/audio/g722.ts';
import { levelledNoise } from '../core/audio/levelled-noise.ts';
import { speechLike } from '../core/audio/speech-like.ts';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { scratchFolder } from './kit/scratch.ts';

const SECONDS = 10;
const RATE = 16_000;

/** 16 kHz. None is so loud that the decoder's filter leaves 16 bits: there Asterisk's wraps around, and the Recommendation limits. */
const SOUNDS: Readonly<Record<string, () => Int16Array>> = {
  speech: () => speechLike(SECONDS, RATE, 1),
  'noise, loud and low by turns': () => levelledNoise(SECONDS),
  'a sweep to 8 kHz': () =>
    Int16Array.from({ length: SECONDS * RATE }, (_, i) => 20_000 * Math.sin((Math.PI * 0.5 * i * i) / (SECONDS * RATE))),
  'steps and silence': () =>
    Int16Array.from({ length: SECONDS * RATE }, (_, i) => [0, 15_000, -15_000, 1, -1, 0][Math.floor(i / 777) % 6]!),
};

const scratch = scratchFolder();

let dir: string;
let asterisk: Asterisk;

beforeAll(async () => {
  dir = scratch('g722');
  asterisk = await startAsterisk({ release: 'sid', dir, more: { modules: ['codec_g722', 'format_pcm', 'format_sln', 'res_convert'] } });
});
afterAll(async () => {
  await asterisk?.stop();
});

/** A file of samples or codes as Asterisk converts it; at the end it may leave out part of a packet. */
async function converted(from: Buffer, fromFormat: string, toFormat: string): Promise<Buffer> {
  const [input, output] = [join(dir, `sound.${fromFormat}`), join(dir, `out.${toFormat}`)];
  writeFileSync(input, from);
  const said = await asterisk.cli(`file convert ${input} ${output}`);
  expect(said).toContain('Converted');
  const result = readFileSync(output);
  return result;
}

describe.each(Object.entries(SOUNDS))('%s', (_, make) => {
  const samples = make();
  const code = new Uint8Array(samples.length / 2);
  new G722Encoder().encode(samples, 0, code.length, code, 0);

  it('is encoded as Asterisk does', async () => {
    const theirs = await converted(Buffer.from(samples.buffer), 'sln16', 'g722');
    expect(theirs.length).toBeGreaterThan(0.99 * code.length);
    expect(theirs.compare(code, 0, theirs.length)).toBe(0);
  });

  it('is decoded as Asterisk does', async () => {
    const decoded = new Int16Array(samples.length);
    new G722Decoder().decode(code, 0, code.length, decoded, 0);
    const ours = Buffer.from(decoded.buffer);
    const theirs = await converted(Buffer.from(code), 'g722', 'sln16');
    expect(theirs.length).toBeGreaterThan(0.99 * ours.length);
    expect(theirs.compare(ours, 0, theirs.length)).toBe(0);
  });
});
