/** Departures of what is sent not through the socket but through its descriptor, as a thread that sends does. */
import { afterEach, describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import type { BatchEngine, BatchOptions } from '../../../../src/core/udp/batch/engine.ts';
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';
import type { BatchSocket } from '../../../../src/core/udp/batch/socket.ts';
import { nowNs } from '../../../../src/core/udp/clock.ts';
import type { BindOptions, PacketReceiver } from '../../../../src/core/udp/engine.ts';

const libc = loadLibc();
const LOOPBACK = { address: '127.0.0.1', port: 0 };
const open: BatchSocket[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
});

function bound(engine: BatchEngine, options: BindOptions): BatchSocket {
  const socket = engine.bindNow(options);
  open.push(socket);
  return socket;
}

/** What a socket said, in order. */
class Diary implements PacketReceiver {
  readonly events: string[] = [];
  readonly stamps: { readonly count: number; readonly atNs: number; readonly handedNs: number }[] = [];
  #news = Promise.withResolvers<void>();

  packet(buffer: Uint8Array, offset: number): void {
    this.#note(`back ${buffer[offset]}`);
  }

  departed(first: number, count: number, atNs: number, handedNs: number): void {
    this.stamps.push({ count, atNs, handedNs });
    this.#note(`left ${first}`);
  }

  error(code: string): void {
    this.#note(code);
  }

  async has(count: number): Promise<void> {
    while (this.events.length < count) await this.#news.promise;
  }

  #note(event: string): void {
    this.events.push(event);
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

function sendThrough({ fd }: BatchSocket, value: number): void {
  const bytes = Uint8Array.of(value);
  expect(libc.send(fd, libc.addressOf(bytes), 1, 0)).toBe(1);
}

/** A socket that is sent through by others, and an echo for it; both on the event loop, or both served by this thread. */
function pair(options: BatchOptions = {}): { engine: BatchEngine; socket: BatchSocket; diary: Diary } {
  const engine = createBatchEngine(options);
  const echo = bound(engine, LOOPBACK);
  echo.receive({
    packet: (buffer, offset, length, { from }) => void echo.send(buffer, offset, length, from),
    error: () => undefined,
  });
  const socket = bound(engine, { ...LOOPBACK, connect: echo.local, departures: 'external' });
  const diary = new Diary();
  socket.receive(diary);
  return { engine, socket, diary };
}

describe('external departures', () => {
  it('are told by the numbers of the kernel, each before what answers it', async () => {
    const { socket, diary } = pair();
    const beforeNs = nowNs();
    for (let i = 0; i < 100; i++) sendThrough(socket, i);
    const afterNs = nowNs();
    await diary.has(200);
    for (let i = 0; i < 100; i++) {
      expect(diary.events.filter((event) => event === `left ${i}` || event === `back ${i}`)).toEqual([`left ${i}`, `back ${i}`]);
    }
    for (const { count, atNs, handedNs } of diary.stamps) {
      expect(count).toBe(1);
      expect(handedNs).toBeNaN();
      // Two clocks are compared, each read around the other.
      expect(atNs).toBeGreaterThan(beforeNs - 20_000);
      expect(atNs).toBeLessThan(afterNs + 20_000);
    }
    expect(socket.unstamped).toBe(0);
  });

  it('are told when nothing comes back', async () => {
    const engine = createBatchEngine();
    const silent = bound(engine, LOOPBACK);
    const socket = bound(engine, { ...LOOPBACK, connect: silent.local, departures: 'external' });
    const diary = new Diary();
    socket.receive(diary);
    sendThrough(socket, 1);
    await diary.has(1);
    sendThrough(socket, 2);
    await diary.has(2);
    expect(diary.events).toEqual(['left 0', 'left 1']);
  });

  it('do not hide what became of an earlier datagram', async () => {
    const engine = createBatchEngine();
    const gone = bound(engine, LOOPBACK);
    await gone.close();
    const socket = bound(engine, { ...LOOPBACK, connect: gone.local, departures: 'external' });
    const diary = new Diary();
    socket.receive(diary);
    sendThrough(socket, 1);
    await diary.has(2);
    expect(diary.events.toSorted()).toEqual(['ECONNREFUSED', 'left 0']);
  });

  it('are told in a thread of their own', () => {
    const { engine, socket, diary } = pair({ ownThread: true });
    sendThrough(socket, 7);
    engine.serve({ goOn: () => diary.events.length < 2 });
    expect(diary.events).toEqual(['left 0', 'back 7']);
  });

  it('are told of a socket that is alone in its thread', () => {
    const engine = createBatchEngine({ ownThread: true });
    const socket = bound(engine, { ...LOOPBACK, connect: { address: '127.0.0.1', port: 9 }, departures: 'external' });
    const diary = new Diary();
    socket.receive(diary);
    sendThrough(socket, 1);
    engine.serve({ goOn: () => !diary.events.includes('left 0') });
    expect(diary.events).toContain('left 0');
  });

  it('are not told by a clock that cannot know them', async () => {
    const { socket, diary } = pair({ clock: 'user' });
    sendThrough(socket, 3);
    await diary.has(1);
    expect(diary.events).toEqual(['back 3']);
  });
});
