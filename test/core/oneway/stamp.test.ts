import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askForStamp, asksForStamp, createStamp, readStamp, STAMP_BYTES, writeStamp } from '../../../src/core/oneway/stamp.ts';
import { CLOCK_SYNCHRONISED, CLOCK_UNSYNCHRONISED } from '../../../src/core/oneway/wall.ts';
import type { ClockState } from '../../../src/core/oneway/wall.ts';
import { fakeWall } from './fake-wall.ts';

const EPOCH = 1_790_000_000;

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function asked(): Uint8Array {
  const bytes = new Uint8Array(STAMP_BYTES);
  askForStamp(bytes, 0);
  return bytes;
}

describe('a stamp, byte by byte', () => {
  it('is asked for by its name, its version and zeros', () => {
    const bytes = new Uint8Array(STAMP_BYTES + 4).fill(0xff);
    askForStamp(bytes, 2);
    expect(hex(bytes)).toBe(`ffff${hex(Buffer.from('rtplat'))}0100${'00'.repeat(32)}ffff`);
    expect(asksForStamp(bytes, 2, STAMP_BYTES)).toBe(true);
    expect(asksForStamp(bytes, 2, STAMP_BYTES - 1)).toBe(false);
    expect(asksForStamp(bytes, 1, STAMP_BYTES)).toBe(false);
  });

  it('has times in the format of NTP and estimates in that of OWAMP', () => {
    const bytes = asked();
    const wall = fakeWall({
      ...{ epochSeconds: EPOCH, offsetNs: 1e9, maxErrorNs: 1e9, readingErrorNs: 1e6, steps: 3 },
      ...{ identityHigh: 0x0102_0304, identityLow: 0xfffe_fdfc },
    });
    writeStamp(bytes, 0, wall, 0.5e9, 0.75e9, true);
    // 1,790,000,001 s since 1970 are 3,998,988,801 s since 1900; halves and quarters of a second are exact.
    const seconds = (EPOCH + 1 + 2_208_988_800).toString(16);
    expect(hex(bytes)).toBe(
      [
        ...[hex(Buffer.from('rtplat')), '01', '87'],
        ...[seconds, '80000000', seconds, 'c0000000'],
        ...['9980', '8f84', '00000003', '01020304', 'fffefdfc'],
      ].join(''),
    );
    expect(asksForStamp(bytes, 0, STAMP_BYTES)).toBe(false);
    const out = createStamp();
    expect(readStamp(bytes, 0, STAMP_BYTES, EPOCH, out)).toBeUndefined();
    expect(out).toMatchObject({ receivedNs: 1.5e9, transmittedNs: 1.75e9, byKernel: true, state: CLOCK_SYNCHRONISED, steps: 3 });
    expect(out).toMatchObject({ clockErrorNs: 1e9, identityHigh: 0x0102_0304, identityLow: 0xfffe_fdfc });
  });

  it('is read again to the nanosecond, whatever the clock and the era of NTP', () => {
    const instants = fc.double({ min: 0, max: 1e15, noNaN: true });
    // 2036-02-07 ends the first era.
    const epochs = fc.constantFrom(0, EPOCH, 2_085_978_495, 2_085_978_496, 4_000_000_000);
    fc.assert(
      fc.property(epochs, instants, instants, fc.integer({ min: 0, max: 3 }), fc.boolean(), (epochSeconds, a, b, state, byKernel) => {
        const bytes = asked();
        writeStamp(bytes, 0, fakeWall({ epochSeconds, state: state as ClockState }), a, b, byKernel);
        const out = createStamp();
        expect(readStamp(bytes, 0, STAMP_BYTES, epochSeconds, out)).toBeUndefined();
        expect(Math.abs(out.receivedNs - a)).toBeLessThan(1);
        expect(Math.abs(out.transmittedNs - b)).toBeLessThan(1);
        expect(out).toMatchObject({ byKernel, state });
      }),
    );
  });

  it('is read against another second than it was written by', () => {
    const bytes = asked();
    writeStamp(bytes, 0, fakeWall({ epochSeconds: EPOCH }), 1e9, 2e9, false);
    const out = createStamp();
    readStamp(bytes, 0, STAMP_BYTES, EPOCH + 3_600, out);
    expect(out).toMatchObject({ receivedNs: 1e9 - 3_600e9, transmittedNs: 2e9 - 3_600e9 });
  });
});

describe('what is no stamp', () => {
  const stamped = (): Uint8Array => {
    const bytes = asked();
    writeStamp(bytes, 0, fakeWall(), 0, 0, true);
    return bytes;
  };
  const problem = (bytes: Uint8Array, length = bytes.length) => readStamp(bytes, 0, length, EPOCH, createStamp());

  it('came back as it was asked for', () => {
    expect(problem(asked())).toBe('asked');
  });

  it('is something else, or of another version', () => {
    expect(problem(new Uint8Array(STAMP_BYTES).fill(0xff))).toBe('changed');
    expect(problem(stamped().with(6, 2))).toBe('changed');
  });

  it.each([0, 7, 8, STAMP_BYTES - 1])('is cut short after %d bytes', (length) => {
    expect(problem(stamped(), length)).toBe('short');
  });

  it.each([
    ['bits that are not in use', 7, 0x97],
    ['a stamp that says it is none', 7, 0x07],
    ['an error of the clock without a Multiplier', 25, 0],
    ['an error of the reading without a Multiplier', 27, 0],
    ['a clock that is synchronised and is not', 24, 0x05],
  ])('is damaged: %s', (_what, at, value) => {
    expect(problem(stamped().with(at, value))).toBe('damaged');
  });

  it('never throws and never reads beyond its end, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (tail, named) => {
        const bytes = named ? Uint8Array.from([...Buffer.from('rtplat'), 1, ...tail]) : tail;
        const out = createStamp();
        const found = readStamp(bytes, 0, bytes.length, EPOCH, out);
        if (found !== undefined) return;
        expect(Object.values(out).every((value) => typeof value === 'boolean' || Number.isFinite(value))).toBe(true);
      }),
    );
  });

  it('has the error of a clock that is not synchronised as the least there is', () => {
    const bytes = asked();
    writeStamp(bytes, 0, fakeWall({ state: CLOCK_UNSYNCHRONISED, maxErrorNs: Number.NaN }), 0, 0, true);
    const out = createStamp();
    expect(readStamp(bytes, 0, STAMP_BYTES, EPOCH, out)).toBeUndefined();
    expect(out.state).toBe(CLOCK_UNSYNCHRONISED);
  });
});
