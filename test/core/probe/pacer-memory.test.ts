import { describe, expect, it } from 'vitest';
import { PacerMemory } from '../../../src/core/probe/pacer-memory.ts';

const options = { streams: 3, intervalNs: 20e6 };

describe('PacerMemory', () => {
  it('is the same from both ends', () => {
    const main = new PacerMemory(options);
    const thread = new PacerMemory(options, main.buffer);
    main.fds.set([7, 8, 9]);
    main.start(12_345.5);
    expect([...thread.fds]).toEqual([7, 8, 9]);
    expect(thread.startNs).toBe(12_345.5);
    expect(thread.running).toBe(true);
    thread.announceSent(0, 1.5);
    thread.announceSent(1, 2.5);
    thread.refuse(2, 105);
    thread.unreachable();
    expect(main.announcedBeyond(0)).toBe(2);
    expect([main.sentNs(0), main.sentNs(1)]).toEqual([1.5, 2.5]);
    expect([main.refused, main.refusedOf(1), main.refusedOf(2), main.lastErrno, main.unreachables]).toEqual([1, 0, 1, 105, 1]);
    main.stop();
    expect(thread.running).toBe(false);
  });

  it('does not start again once it is stopped', () => {
    const memory = new PacerMemory(options);
    memory.stop();
    memory.start(1);
    expect(memory.running).toBe(false);
  });

  it('counts on beyond 2^32 packets', () => {
    const memory = new PacerMemory(options);
    for (const n of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 3 * 2 ** 32 + 5]) {
      memory.take(n);
      memory.announceSent(n, n + 0.5);
      expect(memory.announcedBeyond(n)).toBe(1);
      expect(memory.sentNs(n)).toBe(n + 0.5);
      expect(memory.hasRoomFor(n + 1)).toBe(true);
    }
  });

  it('numbers the packets of a stream as the kernel does, until a send of it fails', () => {
    const memory = new PacerMemory(options);
    memory.loseNumbers(1, 40);
    memory.loseNumbers(1, 50);
    expect(memory.isNumbered(1, 39)).toBe(true);
    expect(memory.isNumbered(1, 40)).toBe(false);
    expect(memory.isNumbered(1, 60)).toBe(false);
    expect(memory.isNumbered(0, 60)).toBe(true);
    memory.loseNumbers(0, 0);
    expect(memory.isNumbered(0, 0)).toBe(false);
  });

  it('has room for a second of packets, and says when it is full', () => {
    const memory = new PacerMemory({ streams: 1000, intervalNs: 20e6 });
    let n = 0;
    while (memory.hasRoomFor(n)) n += 1;
    expect(n).toBeGreaterThanOrEqual(50_000);
    memory.take(1);
    expect(memory.hasRoomFor(n)).toBe(true);
  });

  it('wakes who waits for packets, by a packet and by the end', async () => {
    const memory = new PacerMemory(options);
    const first = memory.awaitAnnounced(0);
    expect(first).not.toBe(true);
    memory.announceDue(0);
    await first;
    expect(memory.awaitAnnounced(0)).toBe(true);
    const second = memory.awaitAnnounced(1);
    memory.stop();
    await second;
    expect(memory.announcedBeyond(1)).toBe(0);
  });
});
