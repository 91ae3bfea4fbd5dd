/** The wall clock of a host as one-way delays need it: where it stands, how good it says it is, and whether it was set meanwhile. */

/** What the system says of its clock. The numbers are those on the wire. */
export const CLOCK_UNKNOWN = 0;
export const CLOCK_UNSYNCHRONISED = 1;
/** Synchronised by something that tells the system no error, so that there is no bound to rely on. */
export const CLOCK_WITHOUT_BOUND = 2;
export const CLOCK_SYNCHRONISED = 3;
export type ClockState = typeof CLOCK_UNKNOWN | typeof CLOCK_UNSYNCHRONISED | typeof CLOCK_WITHOUT_BOUND | typeof CLOCK_SYNCHRONISED;

/** Valid until the next {@link look}. */
export interface WallTime {
  /** Looks at the clocks, where the last time is a while ago. To be called before the others are relied on. @param nowNs monotonic. */
  look(nowNs: number): void;
  /** Seconds since 1970 that {@link offsetNs} counts from: so it stays exact. */
  readonly epochSeconds: number;
  /** From monotonic time to wall time since {@link epochSeconds}. */
  readonly offsetNs: number;
  /** That one may be off by as much, and so may the kernel's stamps on the monotonic clock. */
  readonly readingErrorNs: number;
  readonly state: ClockState;
  /** How far from true time the clock may be; only when {@link state} is {@link CLOCK_SYNCHRONISED}. */
  readonly maxErrorNs: number;
  /** How often the clock was seen to be set. */
  readonly steps: number;
  /** 64 bits that are the same for all who have this clock, and for nobody else; both 0 when that is not known. */
  readonly identityHigh: number;
  readonly identityLow: number;
}
