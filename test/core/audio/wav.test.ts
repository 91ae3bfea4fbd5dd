import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { LINEAR_OF_ALAW, LINEAR_OF_ULAW } from '../../../src/core/audio/g711.ts';
import { writePcm16 } from '../../../src/core/audio/pcm.ts';
import { WAV_HEADER_BYTES, readWav, wavHeader } from '../../../src/core/audio/wav.ts';
import { RtplatError } from '../../../src/core/errors.ts';

const ascii = (text: string): number[] => [...new TextEncoder().encode(text)];
const le16 = (value: number): number[] => [value & 0xff, value >> 8];
const le32 = (value: number): number[] => [...le16(value & 0xffff), ...le16(value >>> 16)];

function chunk(tag: string, content: readonly number[], size = content.length): number[] {
  return [...ascii(tag), ...le32(size), ...content, ...(content.length % 2 === 1 ? [0] : [])];
}

interface Format {
  code?: number;
  channels?: number;
  rateHz?: number;
  bits?: number;
  more?: readonly number[];
}

function fmt({ code = 1, channels = 1, rateHz = 8_000, bits = 16, more = [] }: Format): number[] {
  const frame = (channels * bits) / 8;
  return chunk('fmt ', [
    ...le16(code),
    ...le16(channels),
    ...le32(rateHz),
    ...le32(rateHz * frame),
    ...le16(frame),
    ...le16(bits),
    ...more,
  ]);
}

function riff(...chunks: readonly (readonly number[])[]): Uint8Array {
  const content = chunks.flat();
  return Uint8Array.from([...ascii('RIFF'), ...le32(content.length + 4), ...ascii('WAVE'), ...content]);
}

function refusal(bytes: Uint8Array): string {
  try {
    readWav(bytes, 'greeting.wav');
  } catch (error) {
    expect(error).toMatchObject({ code: 'format', hint: expect.stringContaining('sox') });
    return (error as Error).message;
  }
  return 'none';
}

describe('reading', () => {
  test('16 bits, one channel', () => {
    expect(readWav(riff(fmt({}), chunk('data', [0x34, 0x12, 0xfe, 0xff])), 'a.wav')).toEqual({
      samples: Int16Array.of(0x1234, -2),
      rateHz: 8_000,
    });
  });

  test('two channels are their mean', () => {
    const data = [1_000, 3_000, -1, 0, 32_767, 32_767, -32_768, 32_767].flatMap((sample) => le16(sample & 0xffff));
    expect(readWav(riff(fmt({ channels: 2, rateHz: 16_000 }), chunk('data', data)), 'a.wav')).toEqual({
      samples: Int16Array.of(2_000, 0, 32_767, 0),
      rateHz: 16_000,
    });
  });

  it.each([
    ['µ-law', 7, LINEAR_OF_ULAW],
    ['A-law', 6, LINEAR_OF_ALAW],
  ])('%s', (_, code, sampleOf) => {
    const codes = Array.from({ length: 256 }, (_, i) => i);
    const bytes = riff(fmt({ code, bits: 8, more: [0, 0] }), chunk('fact', le32(256)), chunk('data', codes));
    expect(readWav(bytes, 'a.wav').samples).toEqual(sampleOf);
  });

  test('the extensible format, with the real one in its GUID', () => {
    const extension = [...le16(22), ...le16(16), ...le32(4), ...le16(1), ...ascii('0123456789abcd')];
    expect(readWav(riff(fmt({ code: 0xfffe, more: extension }), chunk('data', [5, 0])), 'a.wav').samples).toEqual(Int16Array.of(5));
  });

  test('other chunks are passed over, also those of odd length', () => {
    const bytes = riff(chunk('LIST', ascii('odd')), fmt({}), chunk('cue ', [1, 2, 3, 4, 5]), chunk('data', [5, 0]), chunk('id3 ', [1]));
    expect(readWav(bytes, 'a.wav').samples).toEqual(Int16Array.of(5));
  });

  test('a view into a larger buffer', () => {
    const bytes = riff(fmt({}), chunk('data', [5, 0]));
    const larger = new Uint8Array(bytes.length + 7);
    larger.set(bytes, 3);
    expect(readWav(larger.subarray(3, 3 + bytes.length), 'a.wav').samples).toEqual(Int16Array.of(5));
  });

  it.each([
    ['half a sample at the end', [5, 0, 6], 3],
    ['less than its size says', [5, 0], 1_000],
    ['no size, as in a recording that was cut off', [5, 0], 0xffff_ffff],
  ])('%s', (_, data, size) => {
    expect(readWav(riff(fmt({}), chunk('data', data, size)), 'a.wav').samples).toEqual(Int16Array.of(5));
  });
});

describe('what cannot be played is told', () => {
  it.each<[string, Uint8Array]>([
    ['greeting.wav is not a WAV file', new Uint8Array(0)],
    ['greeting.wav is not a WAV file', Uint8Array.from(ascii('ID3 and some music, not a WAV file'))],
    ['greeting.wav is not a WAV file', Uint8Array.from(ascii('RIFF....AVI LIST'))],
    ['greeting.wav has 44100 samples a second', riff(fmt({ rateHz: 44_100 }), chunk('data', [0, 0]))],
    ['greeting.wav has 24 bits a sample', riff(fmt({ bits: 24 }), chunk('data', [0, 0, 0]))],
    ['greeting.wav has 16 bits a sample', riff(fmt({ code: 7, bits: 16 }), chunk('data', [0, 0]))],
    ['greeting.wav has 6 channels', riff(fmt({ channels: 6 }), chunk('data', [0, 0]))],
    ['greeting.wav has 0 channels', riff(fmt({ channels: 0 }), chunk('data', [0, 0]))],
    ['greeting.wav has samples of format 3', riff(fmt({ code: 3, bits: 32 }), chunk('data', [0, 0, 0, 0]))],
    ['greeting.wav has samples of format 65534', riff(fmt({ code: 0xfffe }), chunk('data', [0, 0]))],
    ['greeting.wav has a format of 4 bytes instead of 16', riff(chunk('fmt ', [1, 0, 1, 0]), chunk('data', [0, 0]))],
    ['greeting.wav has samples before their format (no "fmt " chunk)', riff(chunk('data', [0, 0]), fmt({}))],
    ['greeting.wav has no samples (no "data" chunk)', riff(fmt({}), chunk('LIST', [1, 2, 3, 4]))],
    ['greeting.wav has no samples (no "data" chunk)', riff(fmt({}), chunk('LIST', [], 0xffff_ffff), chunk('data', [0, 0]))],
  ])('%s', (message, bytes) => {
    expect(refusal(bytes)).toBe(message);
  });

  test('any damage is told, or read', () => {
    const sound = riff(fmt({}), chunk('LIST', [1, 2, 3]), chunk('data', [1, 2, 3, 4, 5, 6, 7, 8]));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: sound.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 }),
        fc.nat({ max: sound.length }),
        (damages, cut) => {
          const bytes = sound.slice(0, cut);
          for (const [at, value] of damages) if (at < cut) bytes[at] = value;
          try {
            expect(readWav(bytes, 'a.wav').samples.length).toBeLessThanOrEqual(bytes.length);
          } catch (error) {
            expect(error).toBeInstanceOf(RtplatError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('writing', () => {
  test('the header of three samples at 8 kHz', () => {
    const expected = [
      ...ascii('RIFF'),
      ...[42, 0, 0, 0],
      ...ascii('WAVEfmt '),
      ...[16, 0, 0, 0, 1, 0, 1, 0],
      ...[0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0],
      ...ascii('data'),
      ...[6, 0, 0, 0],
    ];
    expect([...wavHeader(8_000, 6)]).toEqual(expected);
    expect(expected).toHaveLength(WAV_HEADER_BYTES);
  });

  it.each([6, undefined, 2 ** 32])('with %d as the size it can be read again', (dataBytes) => {
    const samples = Int16Array.of(1, -1, 32_767);
    const bytes = new Uint8Array(WAV_HEADER_BYTES + 6);
    bytes.set(wavHeader(16_000, dataBytes));
    writePcm16(samples, 0, 3, bytes, WAV_HEADER_BYTES);
    expect(readWav(bytes, 'a.wav')).toEqual({ samples, rateHz: 16_000 });
  });

  test('what is not known, or beyond 4 GiB, is the largest number', () => {
    for (const header of [wavHeader(8_000, undefined), wavHeader(8_000, 2 ** 32)]) {
      expect([...header.subarray(4, 8), ...header.subarray(40)]).toEqual(Array.from({ length: 8 }, () => 0xff));
    }
  });
});
