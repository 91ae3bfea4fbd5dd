/**
 * The beat of a probe: one packet after the other at its deadline. Deadlines are absolute and computed from the packet's number
 * alone, so that neither a late wake-up nor a slow send moves those after it; what is due while the thread slept follows at once.
 */
import type { PacerMemory } from './pacer-memory.ts';
import type { Schedule } from './schedule.ts';

export interface Beat {
  nowNs(): number;
  /** Packet `n` comes next: whatever can be done before its deadline is done now. */
  prepare(n: number): void;
  /** Sleeps so long, or until the memory is stopped; may end early. */
  sleep(ns: number): void;
  /** The deadline of packet `n` has come. */
  due(n: number): void;
}

/** Between two looks whether the main thread has made room. */
const NO_ROOM_NS = 1e6;
/** It is woken so much earlier at most, and by no more than this part of the sleep: looking on takes that much of a processor. */
const MOST_LEAD_NS = 200_000;
const LEAD_SHARE = 1 / 8;
/** A wake-up that took longer than expected raises the expectation by half of the difference, though never by more than this … */
const RAISE_NS = 8000;
/** … and one that did not lowers it by this: so that some nine of ten come in time. */
const LOWER_NS = 1000;

/** By how much before a deadline to be woken, from how long wake-ups took before. */
export class WakeUpLead {
  #leadNs = 0;

  /** How much of a sleep of `leftNs` to leave out. */
  before(leftNs: number): number {
    return Math.min(this.#leadNs, leftNs * LEAD_SHARE);
  }

  /** @param tookNs from when it was to be woken until it was. */
  woke(tookNs: number): void {
    const leadNs = this.#leadNs;
    this.#leadNs =
      tookNs > leadNs ? Math.min(leadNs + Math.min((tookNs - leadNs) / 2, RAISE_NS), MOST_LEAD_NS) : Math.max(leadNs - LOWER_NS, 0);
  }
}

/** Returns when all packets were due, or the pacing was stopped. */
export function pace(schedule: Schedule, memory: PacerMemory, beat: Beat): void {
  const { startNs } = memory;
  const lead = new WakeUpLead();
  for (let n = 0; n < schedule.total; n++) {
    // A main thread that was held up so long holds up the sending, and the send error says so: nothing goes unaccounted.
    while (memory.running && !memory.hasRoomFor(n)) beat.sleep(NO_ROOM_NS);
    beat.prepare(n);
    const dueNs = startNs + schedule.dueNs(n);
    let leftNs = dueNs - beat.nowNs();
    if (leftNs > 0) {
      // The processor takes its time to come back from a rest.
      const earlierNs = lead.before(leftNs);
      beat.sleep(leftNs - earlierNs);
      leftNs = dueNs - beat.nowNs();
      lead.woke(earlierNs - leftNs);
      // Unless it was woken for another reason, too little is left to sleep over.
      while (leftNs > 0 && leftNs <= earlierNs) leftNs = dueNs - beat.nowNs();
    }
    for (; leftNs > 0 && memory.running; leftNs = dueNs - beat.nowNs()) beat.sleep(leftNs);
    if (!memory.running) return;
    beat.due(n);
  }
}
