import { describe, expect, test, vi } from 'vitest';
import type { RtplatError } from '../../../src/core/errors.ts';
import { Keeper } from '../../../src/core/service/keeper.ts';
import { MemoryLog } from '../../kit/memory-log.ts';

/** A part that fails when told, and time that passes when told. */
class Bench {
  nowMs = 0;
  readonly waits: number[] = [];
  readonly lost: string[] = [];
  readonly log = new MemoryLog();
  readonly gaveUp = Promise.withResolvers<RtplatError>();
  /** What `start` does, one after the other; then it succeeds. */
  readonly starts: Error[] = [];
  up = Promise.withResolvers<Error>();
  #wake = Promise.withResolvers<void>();
  readonly keeper: Keeper;
  readonly kept: Promise<void>;

  constructor(mostAttempts: number) {
    this.keeper = new Keeper(
      {
        title: 'the media thread',
        failed: () => this.up.promise,
        lost: (reason) => this.lost.push(reason),
        start: async () => {
          const problem = this.starts.shift();
          if (problem !== undefined) throw problem;
          this.up = Promise.withResolvers();
        },
      },
      {
        mostAttempts,
        giveUp: this.gaveUp.resolve,
        nowMs: () => this.nowMs,
        wait: async (ms) => {
          this.waits.push(ms);
          await this.#wake.promise;
        },
        random: () => 1,
        log: this.log.logger,
      },
    );
    this.kept = this.keeper.keep();
  }

  /** The part fails, and the keeper waits before it starts it again. */
  async fail(what: string): Promise<void> {
    const before = this.waits.length;
    this.up.resolve(new Error(what));
    await vi.waitUntil(() => this.waits.length === before + 1);
  }

  /** The wait is over. */
  goOn(): void {
    const wake = this.#wake;
    this.#wake = Promise.withResolvers();
    wake.resolve();
  }

  async restarted(times: number): Promise<void> {
    await vi.waitUntil(() => this.keeper.restarts === times && this.keeper.down === undefined);
  }
}

describe('a part that fails', () => {
  test('has its calls ended, is started again after a while, and is down meanwhile', async () => {
    const bench = new Bench(3);
    expect(bench.keeper.down).toBeUndefined();
    await bench.fail('out of luck');
    expect(bench.lost).toEqual(['the media thread has failed: out of luck']);
    expect(bench.keeper.down).toBe('the media thread has failed: out of luck; attempt 1 of 3 to start it again');
    bench.goOn();
    await bench.restarted(1);
    expect(bench.log.lines).toEqual([
      'The media thread has failed: out of luck',
      'The media thread is started again in 0.5 s (attempt 1 of 3)',
      'The media thread is up again',
    ]);
  });

  test('again and again is waited for longer each time, and given up after so many attempts in a row', async () => {
    const bench = new Bench(3);
    for (const [i, what] of ['a', 'b', 'c'].entries()) {
      await bench.fail(what);
      bench.goOn();
      await bench.restarted(i + 1);
    }
    bench.up.resolve(new Error('d'));
    const error = await bench.gaveUp.promise;
    expect(error.message).toBe('the media thread has failed: d, after 3 of 3 attempts in a row to start it again');
    expect(bench.waits).toEqual([500, 1000, 2000]);
    expect(bench.lost).toHaveLength(4);
    await bench.kept;
  });

  test('after a stable minute has all its attempts again', async () => {
    const bench = new Bench(1);
    for (let times = 1; times <= 3; times++) {
      await bench.fail('now and then');
      bench.goOn();
      await bench.restarted(times);
      // Its time begins as soon as it is watched again.
      await Promise.resolve();
      bench.nowMs += 60_000;
    }
    expect(bench.waits).toEqual([500, 500, 500]);
  });

  test('and cannot be started either uses attempts up as well', async () => {
    const bench = new Bench(2);
    bench.starts.push(new Error('no memory'), new Error('still none'));
    await bench.fail('gone');
    bench.goOn();
    await expect.poll(() => bench.waits.length).toBe(2);
    expect(bench.keeper.down).toContain('could not be started again: no memory; attempt 2 of 2');
    bench.goOn();
    expect((await bench.gaveUp.promise).message).toContain('could not be started again: still none, after 2 of 2 attempts');
    expect([bench.lost.length, bench.keeper.restarts]).toEqual([1, 0]);
  });

  test('is given up at once where nothing is to be started again', async () => {
    const bench = new Bench(0);
    bench.up.resolve(new Error('gone'));
    expect((await bench.gaveUp.promise).message).toBe('the media thread has failed: gone, and is not started again');
    expect(bench.lost).toHaveLength(1);
  });

  test('while the service stops is left alone', async () => {
    const bench = new Bench(3);
    await bench.fail('gone');
    await bench.keeper.stop();
    bench.goOn();
    await bench.kept;
    expect(bench.keeper.restarts).toBe(0);
    const other = new Bench(3);
    await other.keeper.stop();
    other.up.resolve(new Error('gone'));
    await other.kept;
    expect([other.lost, other.log.lines]).toEqual([[], []]);
  });
});
