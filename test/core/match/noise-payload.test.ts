import { describe, expect, it } from 'vitest';
import { G722Encoder } from '../../../src/core/audio/g722.ts';
import { ULAW_OF_LINEAR } from '../../../src/core/audio/g711.ts';
import { NoisePayload, sampleRateOf } from '../../../src/core/match/noise-payload.ts';
import { NoiseReference } from '../../../src/core/match/reference.ts';

const SEED = 12;
const COUNT = 160;

function packets(noise: NoisePayload, bytes: number, indexes: readonly number[]): readonly Uint8Array[] {
  return indexes.map((index) => {
    const packet = new Uint8Array(bytes + 12);
    noise.write(packet, 12, index);
    return packet.subarray(12);
  });
}

describe('NoisePayload', () => {
  it('is the reference from the place of the packet on, in PCMU', () => {
    const samples = new Int16Array(COUNT);
    new NoiseReference(SEED).read(3 * COUNT, COUNT, samples, 0);
    const [packet] = packets(new NoisePayload({ name: 'PCMU', clockRateHz: 8_000 }, SEED, COUNT, COUNT), COUNT, [3]);
    expect(packet).toEqual(Uint8Array.from(samples, (sample) => ULAW_OF_LINEAR[sample & 0xffff]!));
  });

  it('is the reference at 16 kHz, big-endian, in L16', () => {
    const samples = new Int16Array(2 * COUNT);
    new NoiseReference(SEED).readWide(COUNT, COUNT, samples, 0);
    const [packet] = packets(new NoisePayload({ name: 'L16', clockRateHz: 16_000 }, SEED, COUNT, 4 * COUNT), 4 * COUNT, [1]);
    const view = new DataView(packet!.buffer, packet!.byteOffset, packet!.length);
    expect(Int16Array.from(samples, (_, i) => view.getInt16(2 * i))).toEqual(samples);
  });

  it('goes on from packet to packet in G.722, and is the same when asked again', () => {
    const samples = new Int16Array(4 * COUNT);
    new NoiseReference(SEED).readWide(0, 2 * COUNT, samples, 0);
    const code = new Uint8Array(2 * COUNT);
    new G722Encoder().encode(samples, 0, code.length, code, 0);
    const noise = new NoisePayload({ name: 'G722', clockRateHz: 8_000 }, SEED, COUNT, COUNT);
    const [first, again, second] = packets(noise, COUNT, [0, 0, 1]);
    expect(again).toEqual(first);
    expect(Uint8Array.from([...first!, ...second!])).toEqual(code);
  });

  it('is at the rate that the codec takes, whatever its clock says', () => {
    expect(sampleRateOf({ name: 'G722', clockRateHz: 8_000 })).toBe(16_000);
    expect(sampleRateOf({ name: 'L16', clockRateHz: 16_000 })).toBe(16_000);
    expect(sampleRateOf({ name: 'PCMA', clockRateHz: 8_000 })).toBe(8_000);
  });
});
