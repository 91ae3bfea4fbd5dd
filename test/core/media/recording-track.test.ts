import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordingTrack } from '../../../src/core/media/recording-track.ts';

const RATE = 8000;

/** A file: samples by their place, silence where none came. */
class Tape {
  readonly samples: number[] = [];
  readonly track: RecordingTrack;
  lastAt = -1;

  constructor(mostSamples = 1e9) {
    this.track = new RecordingTrack({ clockRateHz: RATE, mostSamples, write: (at, samples) => this.#write(at, samples) });
  }

  #write(at: number, samples: Int16Array): void {
    if (at <= this.lastAt) throw new Error(`${at} after ${this.lastAt}`);
    this.lastAt = at;
    for (const [i, sample] of samples.entries()) this.samples[at + i] = sample;
  }

  /** @param n of a packet of 20 ms, all of whose samples are n. */
  packet(n: number, value = n, base = 0): void {
    this.track.add((base + n * 160) | 0, new Int16Array(200).fill(value), 160);
  }

  /** The value of each packet's place; null where it is not one and the same. */
  finish(): (number | null)[] {
    this.track.finish();
    const places: (number | null)[] = [];
    for (let at = 0; at < this.samples.length; at += 160) {
      const values = new Set(Array.from({ length: Math.min(160, this.samples.length - at) }, (_, i) => this.samples[at + i] ?? 0));
      places.push(values.size === 1 ? ([...values][0] as number) : null);
    }
    return places;
  }
}

describe('the track of a recording', () => {
  it('is what was said, also when the timestamps wrap', () => {
    const tape = new Tape();
    for (let n = 0; n < 200; n++) tape.packet(n, n + 1, 0xffff_ff00);
    expect(tape.finish()).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
  });

  it('has silence for what was lost, and what was overtaken in its place', () => {
    const tape = new Tape();
    for (const n of [0, 1, 2, 5, 4, 7, 6, 40, 41]) tape.packet(n, n + 1);
    const expected = Array.from({ length: 42 }, (_, n) => ([3].includes(n) || (n > 7 && n < 40) ? 0 : n + 1));
    expect(tape.finish()).toEqual(expected);
  });

  it('has no place for what comes when its piece is gone', () => {
    const tape = new Tape();
    for (let n = 0; n < 100; n++) tape.packet(n, 5);
    tape.packet(3, 9);
    for (let n = 100; n < 110; n++) tape.packet(n, 5);
    expect(tape.finish()).toEqual(Array.from({ length: 110 }, () => 5));
  });

  it('goes on where it is when the time line is another', () => {
    const tape = new Tape();
    for (let n = 0; n < 10; n++) tape.packet(n, 1);
    for (let n = 0; n < 10; n++) tape.packet(n, 2, 0x4000_0000);
    for (let n = 0; n < 10; n++) tape.packet(n, 3, -0x4000_0000);
    expect(tape.finish()).toEqual([
      ...Array.from({ length: 10 }, () => 1),
      ...Array.from({ length: 10 }, () => 2),
      ...Array.from({ length: 10 }, () => 3),
    ]);
  });

  it('ends when it is full, to the sample', () => {
    const tape = new Tape(1000);
    for (let n = 0; n < 10 && !tape.track.full; n++) tape.packet(n, 7);
    expect(tape.track.full).toBe(true);
    tape.finish();
    expect(tape.samples).toHaveLength(1000);
  });

  it('writes everything that came, once and in order, whatever was lost', () => {
    const kept = fc.array(fc.boolean(), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(kept, fc.integer(), (keeps, base) => {
        const tape = new Tape();
        for (const [n, keep] of [true, ...keeps].entries()) if (keep) tape.packet(n, n + 1, base);
        const expected = [true, ...keeps].map((keep, n) => (keep ? n + 1 : 0));
        while (expected.at(-1) === 0) expected.pop();
        expect(tape.finish()).toEqual(expected);
      }),
    );
  });
});
