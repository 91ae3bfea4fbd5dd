import { describe, expect, it } from 'vitest';
import { LINEAR_OF_ALAW, LINEAR_OF_ULAW } from '../../../src/core/audio/g711.ts';
import { G722Decoder } from '../../../src/core/audio/g722.ts';
import { audioOf, codecNamed } from '../../../src/core/caller/audio.ts';
import { ComingAudio } from '../../../src/core/caller/coming-audio.ts';

const BYTES = Uint8Array.from({ length: 160 }, (_, i) => (i * 37) & 0xff);

function coming(name: Parameters<typeof codecNamed>[0], payloadType: number): ComingAudio {
  return new ComingAudio(audioOf({ ...codecNamed(name), payloadType }));
}

function heard(audio: ComingAudio, payloadType: number): readonly number[] {
  const buffer = new Uint8Array(BYTES.length + 12);
  buffer.set(BYTES, 12);
  return [...audio.samples.subarray(0, audio.decode(payloadType, buffer, 12, BYTES.length))];
}

describe('ComingAudio', () => {
  it('is of the law that the packet says, where one was agreed on', () => {
    const audio = coming('PCMU', 0);
    expect(audio.sampleRateHz).toBe(8_000);
    expect(heard(audio, 0)).toEqual([...BYTES].map((code) => LINEAR_OF_ULAW[code]));
    expect(heard(audio, 8)).toEqual([...BYTES].map((code) => LINEAR_OF_ALAW[code]));
  });

  it('is two samples a byte in G.722, and one for two in L16, at 16 kHz', () => {
    const expected = new Int16Array(320);
    new G722Decoder().decode(BYTES, 0, 160, expected, 0);
    const wide = coming('G722', 9);
    expect(wide.sampleRateHz).toBe(16_000);
    expect(heard(wide, 9)).toEqual([...expected]);
    const linear = heard(coming('L16', 101), 101);
    expect(linear).toHaveLength(80);
    expect(linear[1]).toBe(new DataView(BYTES.buffer).getInt16(2));
  });

  it('is nothing of another type, and of what is too long for a packet', () => {
    for (const type of [9, 13, 101]) expect(heard(coming('PCMU', 0), type)).toEqual([]);
    for (const type of [0, 8]) expect(heard(coming('G722', 9), type)).toEqual([]);
    const long = new Uint8Array(20_000);
    expect(coming('PCMU', 0).decode(0, long, 0, long.length)).toBe(0);
    expect(coming('G722', 9).decode(9, long, 0, long.length)).toBe(0);
  });
});
