import { afterEach, describe, expect, it } from 'vitest';
import { PacerMemory } from '../../../src/core/probe/pacer-memory.ts';
import { Pacer } from '../../../src/core/probe/pacer.ts';
import type { ProbeOptions } from '../../../src/core/probe/result.ts';
import { Schedule } from '../../../src/core/probe/schedule.ts';
import { streamSources } from '../../../src/core/probe/source.ts';
import { createRtpPacket, parseRtp } from '../../../src/core/rtp/packet.ts';
import { createBatchEngine } from '../../../src/core/udp/batch/engine.ts';
import type { BatchSocket } from '../../../src/core/udp/batch/socket.ts';
import { nowNs } from '../../../src/core/udp/clock.ts';
import type { UdpSocket } from '../../../src/core/udp/engine.ts';

const MS = 1e6;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function optionsWith(changes: Partial<ProbeOptions> = {}): ProbeOptions {
  return {
    streams: 1,
    intervalNs: 2 * MS,
    ptimeNs: 20 * MS,
    durationNs: 100 * MS,
    timeoutNs: 2e9,
    lateThresholdNs: 3 * MS,
    seed: 1,
    bufferBytes: 65_536,
    ...changes,
  };
}

/** A thread that wakes, with a main thread that takes note. */
class Woken {
  readonly options: ProbeOptions;
  readonly memory: PacerMemory;
  readonly pacer: Pacer;
  taken = 0;
  /** When each packet was heard of, ns. */
  readonly heardNs: number[] = [];
  #heard = Promise.withResolvers<void>();

  constructor(changes: Partial<ProbeOptions> = {}) {
    this.options = optionsWith(changes);
    this.memory = new PacerMemory(this.options);
    this.pacer = new Pacer({ options: this.options, memory: this.memory, due: () => this.#due() });
    closing.push(() => this.pacer.stop());
  }

  async heard(count: number): Promise<void> {
    while (this.taken < count) await this.#heard.promise;
  }

  #due(): void {
    const atNs = nowNs();
    this.taken += this.memory.announcedBeyond(this.taken);
    while (this.heardNs.length < this.taken) this.heardNs.push(atNs);
    this.memory.take(this.taken);
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }
}

/** Keeps the sequence numbers of what comes, by port. */
class FarEnd {
  readonly socket: UdpSocket;
  readonly got: Map<number, number[]> = new Map();
  #total = 0;
  #news = Promise.withResolvers<void>();

  constructor(socket: UdpSocket) {
    this.socket = socket;
    const parsed = createRtpPacket();
    socket.receive({
      packet: (buffer, offset, length, { from }) => {
        const rejected = parseRtp(buffer, offset, length, parsed);
        const sequences = this.got.get(from.port) ?? [];
        this.got.set(from.port, sequences);
        sequences.push(rejected === undefined ? parsed.sequence : Number.NaN);
        this.#total += 1;
        this.#news.resolve();
        this.#news = Promise.withResolvers();
      },
      error: () => undefined,
    });
  }

  async received(count: number): Promise<void> {
    while (this.#total < count) await this.#news.promise;
  }
}

describe('a thread that wakes the main thread', () => {
  it('tells every packet, none before it is due, and ends by itself', async () => {
    const woken = new Woken({ streams: 3 });
    await woken.pacer.up();
    const startNs = nowNs() + MS;
    woken.pacer.start(startNs);
    await woken.heard(150);
    expect(await woken.pacer.ended).toBeUndefined();
    expect(woken.taken).toBe(150);
    const schedule = new Schedule(woken.options);
    // Each thread has calibrated its clock for itself.
    for (const [n, atNs] of woken.heardNs.entries()) expect(atNs - startNs - schedule.dueNs(n)).toBeGreaterThan(-5_000);
  });

  it('tells nothing before it is started, and is gone when it is stopped instead', async () => {
    const woken = new Woken();
    await woken.pacer.up();
    await woken.pacer.stop();
    woken.pacer.start(nowNs());
    expect(woken.memory.announcedBeyond(0)).toBe(0);
    expect(await woken.pacer.ended).toBeUndefined();
  });

  it('may be stopped before it is up', async () => {
    const woken = new Woken();
    await woken.pacer.stop();
    expect(await woken.pacer.ended).toBeUndefined();
  });

  it('stops in the middle of a long sleep', async () => {
    const woken = new Woken({ intervalNs: 3600e9, durationNs: 36_000e9 });
    await woken.pacer.up();
    woken.pacer.start(nowNs());
    await woken.heard(1);
    await woken.pacer.stop();
    expect(woken.taken).toBe(1);
  });

  it('says what ended it when that was neither its end nor ours', async () => {
    const options = optionsWith();
    const memory = new PacerMemory(options);
    // No such schedule: its thread cannot lay out the memory.
    const pacer = new Pacer({ options: { ...options, streams: 1_000_000 }, memory, due: () => undefined });
    await expect(pacer.up()).rejects.toThrow(RangeError);
    expect(await pacer.ended).toBeInstanceOf(RangeError);
    await pacer.stop();
  });
});

describe('a thread that sends', () => {
  const engine = createBatchEngine();

  async function farEnd(): Promise<FarEnd> {
    const socket = await engine.bind({ address: '127.0.0.1', port: 0 });
    closing.push(() => socket.close());
    return new FarEnd(socket);
  }

  async function connected(target: UdpSocket): Promise<BatchSocket> {
    const socket = await engine.bind({ address: '127.0.0.1', port: 0, connect: target.local });
    closing.push(() => socket.close());
    return socket as BatchSocket;
  }

  it('sends every packet of every stream, in order and announced, none early', async () => {
    const far = await farEnd();
    const options = optionsWith({ streams: 4 });
    const memory = new PacerMemory(options);
    const pacer = new Pacer({ options, memory });
    closing.push(() => pacer.stop());
    const sockets = [await connected(far.socket), await connected(far.socket), await connected(far.socket), await connected(far.socket)];
    memory.fds.set(sockets.map(({ fd }) => fd));
    await pacer.up();
    const startNs = nowNs() + MS;
    pacer.start(startNs);
    await far.received(200);
    expect(await pacer.ended).toBeUndefined();
    expect(memory.announcedBeyond(0)).toBe(200);
    const schedule = new Schedule(options);
    let lastNs = 0;
    for (let n = 0; n < 200; n++) {
      expect(memory.sentNs(n)).toBeGreaterThanOrEqual(startNs + schedule.dueNs(n));
      expect(memory.sentNs(n)).toBeGreaterThan(lastNs);
      lastNs = memory.sentNs(n);
    }
    for (const [i, source] of streamSources(options).entries()) {
      expect(far.got.get(sockets[i]!.local.port)).toEqual(Array.from({ length: 50 }, (_, k) => source.sequenceOf(k)));
    }
    expect(memory.refused).toBe(0);
  });

  it('sends nothing more once stop has settled', async () => {
    const far = await farEnd();
    const options = optionsWith({ durationNs: 3600e9 });
    const memory = new PacerMemory(options);
    const pacer = new Pacer({ options, memory });
    const socket = await connected(far.socket);
    memory.fds[0] = socket.fd;
    await pacer.up();
    pacer.start(nowNs());
    await far.received(5);
    await pacer.stop();
    const sent = memory.announcedBeyond(0);
    await far.received(sent);
    expect(far.got.get(socket.local.port)).toHaveLength(sent);
    expect(memory.announcedBeyond(0)).toBe(sent);
  });

  it('counts what the kernel refuses, for its stream alone, and goes on', async () => {
    const far = await farEnd();
    const options = optionsWith({ streams: 2 });
    const memory = new PacerMemory(options);
    const pacer = new Pacer({ options, memory });
    closing.push(() => pacer.stop());
    const good = await connected(far.socket);
    // Not connected: EDESTADDRREQ.
    const bad = (await engine.bind({ address: '127.0.0.1', port: 0 })) as BatchSocket;
    closing.push(() => bad.close());
    memory.fds.set([good.fd, bad.fd]);
    await pacer.up();
    pacer.start(nowNs());
    await far.received(50);
    await pacer.ended;
    expect(memory.announcedBeyond(0)).toBe(100);
    expect([memory.refused, memory.refusedOf(0), memory.refusedOf(1)]).toEqual([50, 0, 50]);
    expect(memory.lastErrno).toBe(89);
    expect(memory.isNumbered(0, 49)).toBe(true);
    expect(memory.isNumbered(1, 0)).toBe(false);
  });

  it('tells an earlier datagram nobody listened for from a packet that was refused', async () => {
    const far = await farEnd();
    const socket = await connected(far.socket);
    await far.socket.close();
    const options = optionsWith();
    const memory = new PacerMemory(options);
    const pacer = new Pacer({ options, memory });
    memory.fds[0] = socket.fd;
    await pacer.up();
    pacer.start(nowNs());
    // Nobody reads the socket: every report is met by a send.
    expect(await pacer.ended).toBeUndefined();
    expect(memory.announcedBeyond(0)).toBe(50);
    expect(memory.unreachables).toBeGreaterThan(0);
    expect(memory.refused).toBe(0);
    expect(memory.isNumbered(0, 0)).toBe(true);
    expect(memory.isNumbered(0, 49)).toBe(false);
  });
});
