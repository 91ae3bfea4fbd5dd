/**
 * When the packets of many calls are due: a timing wheel with slots of a millisecond. A call's n-th packet is due at its first one
 * + n × ptime, whatever happened to those before; calls that join are spread over the slots, so that they do not all fall due at
 * once. Nothing is allocated but by joining for the first time.
 */

export const WHEEL_TICK_NS = 1_000_000;
/** A power of two, beyond the longest period in ticks. */
const SLOTS = 64;

/** Something that is due periodically. The links are the wheel's own. */
export interface Paced {
  readonly seat: Seat;
  /** Ticks between two packets, 1 … 63. */
  readonly periodTicks: number;
  /** @param dueNs when this packet is due; not after now. */
  pace(dueNs: number): void;
}

/** The place of a {@link Paced} on a wheel. */
export class Seat {
  owner: Paced | undefined;
  slot = -1;
  next: Seat | undefined;
  previous: Seat | undefined;
}

export class PacingWheel {
  readonly #baseNs: number;
  readonly #heads: (Seat | undefined)[] = Array.from({ length: SLOTS });
  readonly #tails: (Seat | undefined)[] = Array.from({ length: SLOTS });
  readonly #counts = new Int32Array(SLOTS);
  /** The first tick that has not been served. */
  #tick = 0;
  #size = 0;
  #turning = false;

  constructor(nowNs: number) {
    this.#baseNs = nowNs;
  }

  get size(): number {
    return this.#size;
  }

  /** The first packet is due within a period from now, where the least others are. */
  join(paced: Paced, nowNs: number): void {
    const { seat } = paced;
    this.leave(paced);
    this.turn(nowNs);
    let best = this.#tick;
    for (let tick = best + 1; tick < this.#tick + paced.periodTicks; tick++) {
      if (this.#count(tick) < this.#count(best)) best = tick;
    }
    seat.owner = paced;
    this.#append(seat, best);
  }

  leave({ seat }: Paced): void {
    if (seat.slot < 0) return;
    this.#unlink(seat);
    seat.owner = undefined;
  }

  /** When the next one is due, ns; Infinity when nobody has joined. */
  get dueNs(): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    let tick = this.#tick;
    while (this.#count(tick) === 0) tick += 1;
    return this.#baseNs + tick * WHEEL_TICK_NS;
  }

  /** Has everybody paced who is due by now, in the order of what is due. */
  turn(nowNs: number): void {
    // Who joins from within a packet finds the wheel where it is.
    if (this.#turning) return;
    this.#turning = true;
    this.#turnTo(nowNs);
    this.#turning = false;
  }

  #turnTo(nowNs: number): void {
    const last = Math.floor((nowNs - this.#baseNs) / WHEEL_TICK_NS);
    if (this.#size === 0) this.#tick = Math.max(this.#tick, last + 1);
    for (; this.#tick <= last; this.#tick++) {
      const slot = this.#tick & (SLOTS - 1);
      for (let seat = this.#heads[slot]; seat !== undefined; seat = this.#heads[slot]) {
        const { owner } = seat;
        this.#unlink(seat);
        if (owner === undefined) continue;
        // In its next slot already, so that it can leave from there.
        this.#append(seat, this.#tick + owner.periodTicks);
        owner.pace(this.#baseNs + this.#tick * WHEEL_TICK_NS);
      }
    }
  }

  #count(tick: number): number {
    return this.#counts[tick & (SLOTS - 1)] as number;
  }

  #append(seat: Seat, tick: number): void {
    const slot = tick & (SLOTS - 1);
    const tail = this.#tails[slot];
    seat.slot = slot;
    seat.previous = tail;
    seat.next = undefined;
    if (tail === undefined) this.#heads[slot] = seat;
    else tail.next = seat;
    this.#tails[slot] = seat;
    this.#counts[slot] = (this.#counts[slot] as number) + 1;
    this.#size += 1;
  }

  #unlink(seat: Seat): void {
    const { slot, previous, next } = seat;
    if (previous === undefined) this.#heads[slot] = next;
    else previous.next = next;
    if (next === undefined) this.#tails[slot] = previous;
    else next.previous = previous;
    seat.slot = -1;
    seat.previous = undefined;
    seat.next = undefined;
    this.#counts[slot] = (this.#counts[slot] as number) - 1;
    this.#size -= 1;
  }
}
