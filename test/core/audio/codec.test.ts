import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { codecOf } from '../../../src/core/audio/codec.ts';
import { readPcm16, writePcm16 } from '../../../src/core/audio/pcm.ts';

const ALL = [codecOf('PCMU', 8_000)!, codecOf('PCMA', 8_000)!, codecOf('L16', 8_000)!, codecOf('L16', 16_000)!];

describe('the codec of a name', () => {
  test('names are those of SDP, in any case; the clock rate belongs to it', () => {
    expect(ALL.map((codec) => [codec.name, codec.clockRateHz, codec.bytesPerSample])).toEqual([
      ['PCMU', 8_000, 1],
      ['PCMA', 8_000, 1],
      ['L16', 8_000, 2],
      ['L16', 16_000, 2],
    ]);
    expect(codecOf('pcmu', 8_000)).toBe(ALL[0]);
  });

  it.each([
    ['PCMU', 16_000],
    ['L16', 44_100],
    ['opus', 48_000],
    ['', 8_000],
  ])('%s at %i is none', (name, clockRateHz) => {
    expect(codecOf(name, clockRateHz)).toBeUndefined();
  });
});

describe.each(ALL.map((codec) => [`${codec.name}/${codec.clockRateHz}`, codec] as const))('%s', (_, codec) => {
  test('only the stretch that is asked for is read and written', () => {
    const bytes = new Uint8Array(8).fill(0x11);
    codec.encode(Int16Array.of(9, 8_000, -8_000, 9), 1, 2, bytes, 2);
    expect([...bytes.subarray(0, 2), ...bytes.subarray(2 + 2 * codec.bytesPerSample)]).toEqual(
      Array.from({ length: 8 - 2 * codec.bytesPerSample }, () => 0x11),
    );
    const samples = new Int16Array(4).fill(7);
    codec.decode(bytes, 2, 2, samples, 1);
    expect([samples[0], samples[3]]).toEqual([7, 7]);
    // The steps of G.711 at this level are 256 wide.
    expect(Math.abs(samples[1]! - 8_000)).toBeLessThanOrEqual(128);
    expect(Math.abs(samples[2]! + 8_000)).toBeLessThanOrEqual(128);
  });

  test('the byte of silence is silence', () => {
    const samples = new Int16Array(10).fill(99);
    codec.decode(new Uint8Array(10 * codec.bytesPerSample).fill(codec.silenceByte), 0, 10, samples, 0);
    // A-law has no 0.
    expect(new Set(samples)).toEqual(new Set([codec.name === 'PCMA' ? 8 : 0]));
  });
});

describe('16-bit samples as bytes', () => {
  test('L16 is big-endian (RFC 3551 §4.5.11), a file little-endian', () => {
    const samples = Int16Array.of(0x1234, -2);
    const wire = new Uint8Array(4);
    codecOf('L16', 8_000)!.encode(samples, 0, 2, wire, 0);
    expect([...wire]).toEqual([0x12, 0x34, 0xff, 0xfe]);
    const file = new Uint8Array(4);
    writePcm16(samples, 0, 2, file, 0);
    expect([...file]).toEqual([0x34, 0x12, 0xfe, 0xff]);
  });

  test('every sample survives', () => {
    fc.assert(
      fc.property(fc.int16Array(), (samples) => {
        const l16 = codecOf('L16', 16_000)!;
        const bytes = new Uint8Array(2 * samples.length);
        const back = new Int16Array(samples.length);
        l16.encode(samples, 0, samples.length, bytes, 0);
        l16.decode(bytes, 0, samples.length, back, 0);
        expect(back).toEqual(samples);
        writePcm16(samples, 0, samples.length, bytes, 0);
        readPcm16(bytes, 0, samples.length, back, 0);
        expect(back).toEqual(samples);
      }),
    );
  });
});
