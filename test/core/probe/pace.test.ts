import { describe, expect, it } from 'vitest';
import { pace } from '../../../src/core/probe/pace.ts';
import { PacerMemory } from '../../../src/core/probe/pacer-memory.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { Schedule } from '../../../src/core/probe/schedule.ts';
import type { ScheduleOptions } from '../../../src/core/probe/schedule.ts';

const MS = 1e6;

/** A host on simulated time, where nothing takes time but what a test says. */
class Host {
  nowNs = 123_456_789;
  /** What a look at the clock takes. */
  lookNs = 0;
  readonly sleeps: number[] = [];
  readonly prepared: number[] = [];
  readonly sent: { readonly n: number; readonly atNs: number }[] = [];
  readonly memory: PacerMemory;
  readonly schedule: Schedule;
  readonly startNs: number;

  constructor(options: ScheduleOptions) {
    this.memory = new PacerMemory(options);
    this.schedule = new Schedule(options);
    this.startNs = this.nowNs + 7.3 * MS;
    this.memory.start(this.startNs);
  }

  /** @param happens after packet `n` was sent. @param slept how long a sleep takes that is to take so long. */
  run(happens: (n: number) => void = () => undefined, slept: (ns: number) => number = (ns) => ns): void {
    pace(this.schedule, this.memory, {
      nowNs: () => (this.nowNs += this.lookNs),
      sleep: (ns) => {
        this.sleeps.push(ns);
        this.nowNs += slept(ns);
      },
      prepare: (n) => this.prepared.push(n),
      due: (n) => {
        this.sent.push({ n, atNs: this.nowNs });
        this.memory.announceSent(n, this.nowNs);
        this.memory.take(n + 1);
        happens(n);
      },
    });
  }

  lateness(): number[] {
    return this.sent.map(({ n, atNs }) => atNs - (this.startNs + this.schedule.dueNs(n)));
  }
}

describe('pace', () => {
  it.each([
    [1, 20],
    [3, 20],
    [1000, 20],
    [7, 0.13],
  ])('%i streams, a packet each %f ms: in order, at deadlines that no oversleeping moves', (streams, intervalMs) => {
    const host = new Host({ streams, intervalNs: intervalMs * MS, durationNs: 50 * intervalMs * MS });
    host.run(undefined, (ns) => ns + 90_000);
    expect(host.sent.map(({ n }) => n)).toEqual(Array.from({ length: 50 * streams }, (_, n) => n));
    expect(host.prepared).toEqual(host.sent.map(({ n }) => n));
    const late = host.lateness();
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThanOrEqual(90_000);
  });

  it('sleeps once a deadline, and never when it is behind', () => {
    const host = new Host({ streams: 1, intervalNs: 20 * MS, durationNs: 2e9 });
    host.run((n) => {
      if (n === 10) host.nowNs += 1e9;
    });
    // 50 packets were due while nothing ran: they follow at once, the last of them at its deadline.
    expect(host.sleeps).toHaveLength(100 - 50);
    expect(host.lateness().filter((ns) => ns > 0)).toHaveLength(49);
  });

  it('sleeps again when it is woken early', () => {
    const host = new Host({ streams: 1, intervalNs: 20 * MS, durationNs: 200 * MS });
    host.run(undefined, (ns) => (ns < MS ? ns : ns / 2));
    expect(Math.min(...host.lateness())).toBeGreaterThanOrEqual(0);
    expect(host.sent).toHaveLength(10);
  });

  it('learns how long it takes to wake up after a rest, without ever sending early', () => {
    const host = new Host({ streams: 1, intervalNs: 20 * MS, durationNs: 20e9 });
    const random = new SeededRandom(1);
    host.lookNs = 500;
    // 20 to 60 µs, and now and then much more.
    host.run(undefined, (ns) => ns + (random.uint32() % 10 === 0 ? 3 * MS : 20_000 + (random.uint32() % 40_000)));
    const late = host.lateness().toSorted((a, b) => a - b);
    expect(late[0]).toBeGreaterThanOrEqual(0);
    expect(late[800]).toBeLessThan(1000);
    // One sleep a packet: it is not woken early only to sleep again.
    expect(host.sleeps).toHaveLength(1000);
  });

  it.each([
    { streams: 1, tookNs: 900_000, mostNs: 200_000 },
    { streams: 100, tookNs: 90_000, mostNs: 200_000 / 8 },
    { streams: 1000, tookNs: 5_000, mostNs: 20_000 / 8 },
  ])('looks on for an eighth of the time between deadlines at most, and for 0.2 ms ($streams streams)', ({ streams, tookNs, mostNs }) => {
    const host = new Host({ streams, intervalNs: 20 * MS, durationNs: 2000 * MS });
    host.run(undefined, (ns) => ns + tookNs);
    // Each sleep ends late all the same: the lead makes up for a part of it, and for no more than it may.
    const late = host.lateness().slice(-10);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(tookNs - mostNs);
    expect(Math.max(...late)).toBeLessThan(tookNs);
  });

  it('soon unlearns how long waking up took', () => {
    const host = new Host({ streams: 1, intervalNs: 20 * MS, durationNs: 20e9 });
    host.lookNs = 1000;
    host.run(undefined, (ns) => ns + (host.sleeps.length <= 100 ? 150_000 : 0));
    const lateOrEarly = host.sleeps.map((ns, i) => ns - (host.sleeps[i - 1] ?? ns));
    expect(lateOrEarly.slice(1, 60).some((ns) => ns < 0)).toBe(true);
    // As long as a deadline is from the next: it is no longer woken before.
    expect(host.sleeps.at(-1)).toBeGreaterThan(20 * MS - 10_000);
  });

  it('stops where it is told to', () => {
    const host = new Host({ streams: 1, intervalNs: 20 * MS, durationNs: 3600e9 });
    host.run((n) => {
      if (n === 41) host.memory.stop();
    });
    expect(host.sent).toHaveLength(42);
    expect(host.memory.running).toBe(false);
  });

  it('stops between packets that are all overdue', () => {
    const host = new Host({ streams: 1, intervalNs: 20 * MS, durationNs: 2e9 });
    host.nowNs += 10e9;
    host.run((n) => {
      if (n === 3) host.memory.stop();
    });
    expect(host.sent).toHaveLength(4);
  });

  it('waits for a main thread that has not taken note of a second and more of packets, and loses none', () => {
    const host = new Host({ streams: 10, intervalNs: MS, durationNs: 3e9 });
    let taken = 0;
    let most = 0;
    const seen: number[] = [];
    pace(host.schedule, host.memory, {
      nowNs: () => host.nowNs,
      sleep: (ns) => {
        host.nowNs += ns;
        // The main thread comes to look now and then, in the end.
        if (host.nowNs - host.startNs < 2.5e9) return;
        while (host.memory.announcedBeyond(taken) > 0) seen.push(host.memory.sentNs(taken++));
        host.memory.take(taken);
      },
      prepare: () => undefined,
      due: (n) => {
        host.memory.announceSent(n, host.nowNs + n);
        most = Math.max(most, host.memory.announcedBeyond(taken));
      },
    });
    while (host.memory.announcedBeyond(taken) > 0) seen.push(host.memory.sentNs(taken++));
    expect(most).toBeGreaterThanOrEqual(10_000);
    expect(most).toBeLessThan(32_768);
    expect(taken).toBe(30_000);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(new Set(seen).size).toBe(30_000);
  });
});
