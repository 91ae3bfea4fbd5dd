/** What wakes a thread that sleeps in the kernel when something is due. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';
import type { Libc } from '../../../../src/core/udp/batch/libc.ts';
import { nowNs } from '../../../../src/core/udp/clock.ts';

const MS = 1e6;
/** For ever as a test sees it: only the alarm, or what is sent, ends a sleep. */
const FOREVER_MS = 20_000;

/** A C library whose sleeps do not end by themselves, and that counts them. */
function sleepless(): { readonly libc: Libc; readonly sleeps: number[] } {
  const real = loadLibc();
  const sleeps: number[] = [];
  return {
    libc: {
      ...real,
      epoll_wait: (epoll, events, count, timeoutMs) => {
        sleeps.push(timeoutMs);
        return real.epoll_wait(epoll, events, count, timeoutMs === 0 ? 0 : FOREVER_MS);
      },
    },
    sleeps,
  };
}

describe('serving until something is due', () => {
  it.each([0, 1, 3])('wakes at each instant and never before it (%i sockets)', (sockets) => {
    const { libc, sleeps } = sleepless();
    const engine = createBatchEngine({ libc, ownThread: true, clock: 'user' });
    for (let i = 0; i < sockets; i++) {
      engine
        .bindNow({ address: '127.0.0.1', port: 0 })
        .receive({ packet: () => expect.fail('nobody sent'), error: (code) => expect.fail(code) });
    }
    const firstNs = nowNs() + 2 * MS;
    let n = 0;
    const woken: number[] = [];
    engine.serve({
      goOn: () => {
        const now = nowNs();
        while (n < 40 && now >= firstNs + n * 0.7 * MS) {
          woken.push(now - (firstNs + n * 0.7 * MS));
          n += 1;
        }
        return n < 40;
      },
      dueNs: () => firstNs + n * 0.7 * MS,
    });
    expect(woken).toHaveLength(40);
    expect(Math.min(...woken)).toBeGreaterThanOrEqual(0);
    // An alarm that a sleep was too early for is set again, and not waited for in a loop.
    expect(sleeps.length).toBeLessThan(400);
  });

  it('does not set the alarm for what is far away, or never', () => {
    const real = loadLibc();
    let alarms = 0;
    const libc: Libc = {
      ...real,
      timerfd_settime: (fd, flags, value, old) => {
        alarms += 1;
        return real.timerfd_settime(fd, flags, value, old);
      },
    };
    const engine = createBatchEngine({ libc, ownThread: true, clock: 'user' });
    let turns = 0;
    engine.serve({ goOn: () => turns++ < 3, dueNs: () => (turns === 1 ? Number.POSITIVE_INFINITY : nowNs() + 1e12) });
    expect(alarms).toBe(0);
  });

  it('does not sleep when something is due already', () => {
    const { libc, sleeps } = sleepless();
    const engine = createBatchEngine({ libc, ownThread: true, clock: 'user' });
    let turns = 0;
    engine.serve({ goOn: () => turns++ < 5, dueNs: () => 1 });
    expect(sleeps).toEqual([0, 0, 0, 0, 0]);
  });

  it('is still woken by a datagram before that', () => {
    const { libc } = sleepless();
    const engine = createBatchEngine({ libc, ownThread: true, clock: 'user' });
    const socket = engine.bindNow({ address: '127.0.0.1', port: 0 });
    let came = 0;
    socket.receive({ packet: () => void (came += 1), error: (code) => expect.fail(code) });
    let turns = 0;
    engine.serve({
      goOn: () => {
        turns += 1;
        if (turns === 1) socket.send(new Uint8Array(4), 0, 4, socket.local);
        return came === 0;
      },
      dueNs: () => Number.POSITIVE_INFINITY,
    });
    expect(came).toBe(1);
  });

  it('leaves no descriptor open', () => {
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 3; round++) {
      const engine = createBatchEngine({ ownThread: true });
      const untilNs = nowNs() + 1 * MS;
      engine.serve({ goOn: () => nowNs() < untilNs, dueNs: () => untilNs });
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('says why when there can be no alarm', () => {
    const real = loadLibc();
    const libc: Libc = { ...real, timerfd_create: () => real.close(-1) };
    const engine = createBatchEngine({ libc, ownThread: true, clock: 'user' });
    expect(() => engine.serve({ goOn: () => true, dueNs: () => nowNs() + MS })).toThrow('cannot wait for packets: EBADF');
  });
});
