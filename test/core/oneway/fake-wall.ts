/** A wall clock in the hands of a test. */
import { CLOCK_SYNCHRONISED } from '../../../src/core/oneway/wall.ts';
import type { ClockState, WallTime } from '../../../src/core/oneway/wall.ts';

export interface FakeWall extends WallTime {
  offsetNs: number;
  readingErrorNs: number;
  state: ClockState;
  maxErrorNs: number;
  steps: number;
  identityHigh: number;
  identityLow: number;
  epochSeconds: number;
}

/** Synchronised, off by at most 100 µs, and nobody else's. */
export function fakeWall(changes: Partial<FakeWall> = {}): FakeWall {
  return {
    look: () => undefined,
    ...{ epochSeconds: 1_790_000_000, offsetNs: 0, readingErrorNs: 2_000, state: CLOCK_SYNCHRONISED, maxErrorNs: 100_000, steps: 0 },
    ...{ identityHigh: 1, identityLow: 2 },
    ...changes,
  };
}
