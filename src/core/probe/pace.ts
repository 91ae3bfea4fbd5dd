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
/** After a sleep of this length the processor has rested, and takes its time to come back. */
const REST_NS = 1e6;
/** It is woken so much earlier at most: what this costs when it is not needed is less than a twentieth of a processor. */
const MOST_LEAD_NS = 50_000;
const SMOOTHING = 16;

/** Returns when all packets were due, or the pacing was stopped. */
export function pace(schedule: Schedule, memory: PacerMemory, beat: Beat): void {
  const { startNs } = memory;
  let leadNs = 0;
  for (let n = 0; n < schedule.total; n++) {
    // A main thread that was held up so long holds up the sending, and the send error says so: nothing goes unaccounted.
    while (memory.running && !memory.hasRoomFor(n)) beat.sleep(NO_ROOM_NS);
    beat.prepare(n);
    const dueNs = startNs + schedule.dueNs(n);
    let leftNs = dueNs - beat.nowNs();
    if (leftNs > REST_NS) {
      beat.sleep(leftNs - leadNs);
      leftNs = dueNs - beat.nowNs();
      leadNs = nextLead(leadNs, leadNs - leftNs);
      // Up too early, for once: too little is left to sleep over.
      while (leftNs > 0 && leftNs < MOST_LEAD_NS) leftNs = dueNs - beat.nowNs();
    }
    for (; leftNs > 0 && memory.running; leftNs = dueNs - beat.nowNs()) beat.sleep(leftNs);
    if (!memory.running) return;
    beat.due(n);
  }
}

/** How much earlier to be woken next time: close to the least that waking up takes. @param lateNs what it has taken now. */
function nextLead(leadNs: number, lateNs: number): number {
  if (lateNs < leadNs) return Math.max(0, lateNs);
  return leadNs + (Math.min(lateNs, MOST_LEAD_NS) - leadNs) / SMOOTHING;
}
