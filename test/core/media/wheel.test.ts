import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacingWheel, Seat, WHEEL_TICK_NS } from '../../../src/core/media/wheel.ts';
import type { Paced } from '../../../src/core/media/wheel.ts';

const MS = WHEEL_TICK_NS;

class Walker implements Paced {
  readonly seat = new Seat();
  periodTicks: number;
  readonly due: number[] = [];
  readonly #paced: (() => void) | undefined;

  constructor(periodTicks: number, paced?: () => void) {
    this.periodTicks = periodTicks;
    this.#paced = paced;
  }

  pace(dueNs: number): void {
    this.due.push(dueNs);
    this.#paced?.();
  }
}

describe('the pacing wheel', () => {
  it('paces each at its own period, exactly, from within one period on', () => {
    const wheel = new PacingWheel(5e9);
    const walkers = [10, 20, 30, 60, 63].map((period) => new Walker(period));
    for (const walker of walkers) wheel.join(walker, 5e9);
    for (let ms = 0; ms <= 1000; ms++) wheel.turn(5e9 + ms * MS);
    for (const { due, periodTicks } of walkers) {
      const first = due[0] as number;
      expect(first).toBeGreaterThan(5e9);
      expect(first).toBeLessThanOrEqual(5e9 + periodTicks * MS);
      expect(due).toEqual(Array.from({ length: due.length }, (_, n) => first + n * periodTicks * MS));
      expect(due.at(-1)).toBeGreaterThan(5e9 + (1000 - periodTicks) * MS);
    }
  });

  it('spreads those that join over all of their period', () => {
    const wheel = new PacingWheel(0);
    const walkers = Array.from({ length: 1000 }, () => new Walker(20));
    for (const walker of walkers) wheel.join(walker, 0);
    for (let ms = 0; ms <= 20; ms++) {
      const before = walkers.filter(({ due }) => due.length > 0).length;
      wheel.turn(ms * MS);
      const after = walkers.filter(({ due }) => due.length > 0).length;
      expect(after - before).toBe(ms === 0 ? 0 : 50);
    }
  });

  it('makes up for a stall, packet for packet and in order, whenever it is turned', () => {
    const order: number[] = [];
    const wheel = new PacingWheel(0);
    const walkers = [7, 20, 33].map((period) => new Walker(period, () => order.push(walkers.flatMap(({ due }) => due.at(-1) ?? 0).length)));
    for (const walker of walkers) wheel.join(walker, 0);
    wheel.turn(10 * MS);
    wheel.turn(10_000 * MS);
    for (const { due, periodTicks } of walkers) {
      expect(due).toEqual(Array.from({ length: due.length }, (_, n) => (due[0] as number) + n * periodTicks * MS));
      expect(due.at(-1)).toBeGreaterThan((10_000 - periodTicks) * MS);
    }
  });

  it('says when the next one is due, and nothing when there is none', () => {
    const wheel = new PacingWheel(0);
    expect(wheel.dueNs).toBe(Number.POSITIVE_INFINITY);
    const walker = new Walker(20);
    wheel.join(walker, 3.5 * MS);
    const { dueNs } = wheel;
    expect(dueNs).toBe(4 * MS);
    wheel.turn(dueNs - 1);
    expect(walker.due).toEqual([]);
    wheel.turn(dueNs);
    expect(walker.due).toEqual([4 * MS]);
    expect(wheel.dueNs).toBe(24 * MS);
    wheel.leave(walker);
    wheel.leave(walker);
    expect(wheel.dueNs).toBe(Number.POSITIVE_INFINITY);
    expect(wheel.size).toBe(0);
  });

  it('lets somebody leave, and another join, from within a packet', () => {
    const wheel = new PacingWheel(0);
    const late = new Walker(5);
    const other = new Walker(5, () => {
      wheel.leave(other);
      wheel.join(late, 5 * MS);
    });
    wheel.join(other, 0);
    wheel.turn(30 * MS);
    expect(other.due).toHaveLength(1);
    expect(late.due.length).toBeGreaterThan(3);
    expect(wheel.size).toBe(1);
  });

  it('never loses, doubles or hurries anybody, however joins, leaves and turns follow each other', () => {
    const step = fc.record({
      what: fc.constantFrom('join', 'leave', 'turn', 'period'),
      who: fc.integer({ min: 0, max: 5 }),
      ms: fc.double({ min: 0, max: 90, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const wheel = new PacingWheel(0);
        let nowNs = 0;
        const expected = new Map<Walker, number>();
        const walkers = Array.from({ length: 6 }, (_, i) => new Walker(5 + 10 * i));
        const on = new Set<Walker>();
        for (const { what, who, ms } of steps) {
          const walker = walkers[who] as Walker;
          const seen = walker.due.length;
          if (what === 'join') {
            wheel.join(walker, nowNs);
            on.add(walker);
            expected.set(walker, Number.NaN);
          } else if (what === 'leave') {
            wheel.leave(walker);
            on.delete(walker);
          } else if (what === 'turn') {
            nowNs += ms * MS;
            wheel.turn(nowNs);
          }
          if (what === 'leave') expect(walker.due.length).toBe(seen);
          expect(wheel.size).toBe(on.size);
          for (const one of walkers) {
            for (const dueNs of one.due.splice(0)) {
              expect(on.has(one)).toBe(true);
              expect(dueNs).toBeLessThanOrEqual(nowNs);
              const wanted = expected.get(one) as number;
              if (!Number.isNaN(wanted)) expect(dueNs).toBe(wanted);
              expected.set(one, dueNs + one.periodTicks * MS);
            }
          }
          for (const one of on) {
            const wanted = expected.get(one) as number;
            if (what === 'turn' && !Number.isNaN(wanted)) expect(wanted).toBeGreaterThan(nowNs - MS);
          }
        }
      }),
    );
  });
});
