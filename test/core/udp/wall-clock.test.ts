/** The wall clock as Linux tells it, with both clocks in the hands of the test; and the one of this host. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLOCK_SYNCHRONISED, CLOCK_UNKNOWN, CLOCK_UNSYNCHRONISED, CLOCK_WITHOUT_BOUND } from '../../../src/core/oneway/wall.ts';
import type { ClockState } from '../../../src/core/oneway/wall.ts';
import { loadLibc } from '../../../src/core/udp/batch/libc.ts';
import { nowNs } from '../../../src/core/udp/clock.ts';
import { WallClock } from '../../../src/core/udp/wall-clock.ts';

const US = 1_000;
const MS = 1_000 * US;
const S = 1_000 * MS;
const START = 1_790_000_000n * BigInt(S) + 999_999_500n;
const STA_UNSYNC = 0x40;
const STA_PLL = 1;

interface Timex {
  answer: number;
  status: number;
  maxErrorUs: number;
  estimatedErrorUs: number;
}

/** A host whose clocks run as the test says. */
class Host {
  nowNs = 5 * S;
  /** Ahead of the wall clock that the test began with. */
  setNs = 0;
  /** How long the next readings of the wall clock take; then 200 ns. */
  readings: number[] = [];
  asked = 0;
  /** What was to be changed: only root may, and nothing is. */
  readonly modes = new Set<number>();
  timex: Timex = { answer: 0, status: STA_PLL, maxErrorUs: 2_500, estimatedErrorUs: 40 };
  readonly #memory = new Map<number, DataView>();

  get wallNs(): bigint {
    return START + BigInt(this.nowNs - 5 * S + this.setNs);
  }

  open(identity?: Uint8Array): WallClock {
    const at = (address: number): DataView => this.#memory.get(address) ?? new DataView(new ArrayBuffer(0));
    return new WallClock({
      nowNs: () => this.nowNs,
      identity,
      libc: {
        ...loadLibc(),
        addressOf: (bytes) => {
          this.#memory.set(this.#memory.size + 1, new DataView(bytes.buffer, bytes.byteOffset));
          return this.#memory.size;
        },
        clock_gettime: (_clock, address) => {
          const takesNs = this.readings.shift() ?? 200;
          this.nowNs += takesNs / 2;
          at(address).setBigInt64(0, this.wallNs / BigInt(S), true);
          at(address).setBigInt64(8, this.wallNs % BigInt(S), true);
          this.nowNs += takesNs / 2;
          return 0;
        },
        adjtimex: (address) => {
          this.asked += 1;
          this.modes.add(at(address).getInt32(0, true));
          at(address).setBigInt64(24, BigInt(this.timex.maxErrorUs), true);
          at(address).setBigInt64(32, BigInt(this.timex.estimatedErrorUs), true);
          at(address).setInt32(40, this.timex.status, true);
          return this.timex.answer;
        },
      },
    });
  }

  /** How far the clock is off in telling what time it is now. */
  errorNs(clock: WallClock): number {
    const since = this.wallNs - BigInt(clock.epochSeconds) * BigInt(S);
    return this.nowNs + clock.offsetNs - Number(since);
  }
}

describe('WallClock', () => {
  it('brings monotonic time to wall time, to the error that it states', () => {
    const host = new Host();
    const clock = host.open();
    expect(clock.epochSeconds).toBe(1_790_000_000);
    expect(Math.abs(host.errorNs(clock))).toBeLessThanOrEqual(clock.readingErrorNs);
    expect(clock.readingErrorNs).toBeLessThan(2 * US);
  });

  it('takes the quickest of readings that are held up, states what they may be off, and takes a better one later', () => {
    const host = new Host();
    host.readings = [200, ...Array.from({ length: 20 }, (_, i) => (i === 7 ? 6 * US : 90 * US))];
    const clock = host.open();
    expect(clock.readingErrorNs).toBe(1_500 + 3 * US);
    host.nowNs += 200 * MS;
    clock.look(host.nowNs);
    expect(clock.readingErrorNs).toBe(1_600);
    host.readings = Array.from({ length: 20 }, () => 90 * US);
    host.nowNs += 200 * MS;
    clock.look(host.nowNs);
    expect(clock.readingErrorNs).toBe(1_600);
    expect(clock.steps).toBe(0);
  });

  it.each([20 * US, -20 * US, 3_600 * S])('sees that it was set by %d ns, once', (byNs) => {
    const host = new Host();
    const clock = host.open();
    host.setNs = byNs;
    host.nowNs += 50 * MS;
    clock.look(host.nowNs);
    // Not yet looked at.
    expect(clock.steps).toBe(0);
    for (let i = 0; i < 5; i++) {
      host.nowNs += 100 * MS;
      clock.look(host.nowNs);
    }
    expect(clock.steps).toBe(1);
    expect(Math.abs(host.errorNs(clock))).toBeLessThanOrEqual(clock.readingErrorNs);
  });

  it.each<readonly [string, Partial<Timex>, ClockState, number]>([
    ['synchronised, with the growth until the next look', {}, CLOCK_SYNCHRONISED, 2_501 * US],
    ['not synchronised, by its status', { status: STA_PLL | STA_UNSYNC }, CLOCK_UNSYNCHRONISED, Number.NaN],
    ['not synchronised, by the answer', { answer: 5 }, CLOCK_UNSYNCHRONISED, Number.NaN],
    ['synchronised by systemd-timesyncd', { estimatedErrorUs: 0, maxErrorUs: 500 }, CLOCK_WITHOUT_BOUND, Number.NaN],
    ['synchronised by phc2sys', { estimatedErrorUs: 16_000_000, maxErrorUs: 500 }, CLOCK_WITHOUT_BOUND, Number.NaN],
    ['unknown where it may not be asked', { answer: -1 }, CLOCK_UNKNOWN, Number.NaN],
    ['synchronised while a leap second is near', { answer: 1 }, CLOCK_SYNCHRONISED, 2_501 * US],
  ])('is %s', (_what, timex, state, maxErrorNs) => {
    const host = new Host();
    Object.assign(host.timex, timex);
    const clock = host.open();
    expect(clock.state).toBe(state);
    expect(clock.maxErrorNs).toBe(maxErrorNs);
  });

  it('asks again each second, since the error grows and clocks get lost', () => {
    const host = new Host();
    const clock = host.open();
    for (let i = 0; i < 30; i++) {
      host.nowNs += 99 * MS;
      clock.look(host.nowNs);
    }
    expect(host.asked).toBe(3);
    expect([...host.modes]).toEqual([0]);
    host.timex.status = STA_UNSYNC;
    host.nowNs += S;
    clock.look(host.nowNs);
    expect(clock.state).toBe(CLOCK_UNSYNCHRONISED);
  });

  it('has the identity that it is given, or none', () => {
    expect(new Host().open(Uint8Array.of(1, 2, 3, 4, 255, 6, 7, 8))).toMatchObject({ identityHigh: 0x0102_0304, identityLow: 0xff06_0708 });
    expect(new Host().open()).toMatchObject({ identityHigh: 0, identityLow: 0 });
  });
});

describe('the wall clock of this host', () => {
  it('is the same for all who open it, and does not tell the boot ID', () => {
    const [one, other] = [WallClock.open(), WallClock.open()];
    expect(one?.identityHigh).toBe(other?.identityHigh);
    expect(one?.identityLow).toBe(other?.identityLow);
    expect((one?.identityHigh ?? 0) + (one?.identityLow ?? 0)).toBeGreaterThan(0);
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').replaceAll('-', '');
    expect(boot).not.toContain((one?.identityHigh ?? 0).toString(16).padStart(8, '0'));
  });

  it('lies between two readings of it by Node', () => {
    const clock = WallClock.open();
    if (clock === undefined) throw new Error('no clock');
    const before = Date.now();
    const tellsMs = clock.epochSeconds * 1_000 + (nowNs() + clock.offsetNs) / MS;
    const after = Date.now();
    // Node tells whole milliseconds.
    expect(tellsMs).toBeGreaterThan(before - 1);
    expect(tellsMs).toBeLessThan(after + 2);
  });
});
