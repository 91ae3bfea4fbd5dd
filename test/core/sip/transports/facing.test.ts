import { describe, expect, test } from 'vitest';
import { FacingAddresses } from '../../../../src/core/sip/transports/facing.ts';
import type { UdpEngine } from '../../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../../src/core/udp/portable.ts';

/** An engine whose sockets come into being when the test says so. */
class SlowEngine {
  readonly #real = createPortableEngine();
  readonly #waiting: (() => void)[] = [];
  asked = 0;

  get engine(): UdpEngine {
    return {
      ...this.#real,
      bind: async (options) => {
        this.asked += 1;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        return this.#real.bind(options);
      },
    };
  }

  /** Answers everything that is asked, until nothing is any more. */
  async answerAll(): Promise<void> {
    let quiet = 0;
    while (quiet < 20) {
      const waiting = this.#waiting.splice(0);
      quiet = waiting.length === 0 ? quiet + 1 : 0;
      for (const resolve of waiting) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe('which address a peer sees', () => {
  test('is that of the interface towards it', async () => {
    const facing = new FacingAddresses(createPortableEngine(), '0.0.0.0');
    expect(facing.towards('127.0.0.9')).toBeUndefined();
    await facing.ask('127.0.0.9');
    expect(facing.towards('127.0.0.9')).toBe('127.0.0.1');
    const both = new FacingAddresses(createPortableEngine(), '::');
    await Promise.all([both.ask('127.0.0.9'), both.ask('::1')]);
    expect([both.towards('127.0.0.9'), both.towards('::1')]).toEqual(['127.0.0.1', '::1']);
  });

  test('is asked once for all that wait, in the order of their coming', async () => {
    const slow = new SlowEngine();
    const facing = new FacingAddresses(slow.engine, '0.0.0.0');
    const called: number[] = [];
    for (const n of [1, 2, 3]) expect(facing.learn('127.0.0.1', () => called.push(n))).toBe(true);
    await slow.answerAll();
    expect([called, slow.asked]).toEqual([[1, 2, 3], 1]);
  });

  test('stays unknown where there is no way', async () => {
    const facing = new FacingAddresses(createPortableEngine(), '0.0.0.0');
    let called = 0;
    facing.learn('::1', () => (called += 1));
    await facing.ask('::1');
    expect([called, facing.towards('::1')]).toEqual([0, undefined]);
  });

  test('a flood from forged addresses waits in little memory and few sockets, and later there is room again', async () => {
    const slow = new SlowEngine();
    const facing = new FacingAddresses(slow.engine, '0.0.0.0');
    let called = 0;
    const flood = (): number => {
      let taken = 0;
      for (let n = 0; n < 3000; n++) {
        if (facing.learn(`127.${n >> 12}.${(n >> 4) & 255}.${n & 15}`, () => (called += 1))) taken += 1;
      }
      return taken;
    };
    expect(flood()).toBe(1000);
    // The same peer again and again counts as well.
    expect(facing.learn('127.0.0.1', () => (called += 1))).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(slow.asked).toBe(32);
    await slow.answerAll();
    expect([called, slow.asked]).toEqual([1000, 1000]);
    expect(facing.learn('127.9.9.9', () => (called += 1))).toBe(true);
    await slow.answerAll();
    expect(called).toBe(1001);
  });
});
