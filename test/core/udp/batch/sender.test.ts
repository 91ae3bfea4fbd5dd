/** What the sender makes of what it gathers: messages as the kernel would read them. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { KernelEndpoint } from '../../../../src/core/udp/batch/endpoint.ts';
import { kernelEndpoint } from '../../../../src/core/udp/batch/endpoint.ts';
import {
  CMSG_DATA,
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_NAME,
  MSG_NAMELEN,
  UDP_MAX_SEGMENTS,
  UDP_MAX_TRAIN_BYTES,
} from '../../../../src/core/udp/batch/layout.ts';
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';
import { COPY_BYTES, LONGEST_DATAGRAM, PacketMemory, SEND_PIECES, SEND_SLOTS } from '../../../../src/core/udp/batch/memory.ts';
import { Sender } from '../../../../src/core/udp/batch/sender.ts';
import type { SendingSocket } from '../../../../src/core/udp/batch/sender.ts';

interface Message {
  readonly fd: number;
  readonly port: number | null;
  /** Of a train; 0 of a single datagram. */
  readonly segment: number;
  readonly pieces: number;
  readonly bytes: Uint8Array;
}

interface Datagram {
  readonly fd: number;
  readonly port: number | null;
  readonly bytes: Uint8Array;
}

/** A kernel that takes everything, and cuts trains as UDP_SEGMENT says. */
class Taking {
  readonly messages: Message[] = [];
  calls = 0;
  readonly memory: PacketMemory;
  readonly sender: Sender;
  readonly #view: DataView;

  constructor() {
    const libc = {
      ...loadLibc(),
      sendmmsg: (fd: number, messages: number, count: number) => {
        this.calls += 1;
        for (let i = 0; i < count; i++) this.messages.push(this.#read(fd, messages + i * MMSGHDR_BYTES));
        return count;
      },
    };
    this.memory = new PacketMemory(libc, LONGEST_DATAGRAM);
    this.sender = new Sender(libc, this.memory);
    this.#view = new DataView(this.memory.bytes.buffer);
  }

  get datagrams(): Datagram[] {
    return this.messages.flatMap(({ fd, port, segment, bytes }) => {
      if (segment === 0) return [{ fd, port, bytes }];
      const count = Math.ceil(bytes.length / segment);
      return Array.from({ length: count }, (_, i) => ({ fd, port, bytes: bytes.slice(i * segment, (i + 1) * segment) }));
    });
  }

  #read(fd: number, header: number): Message {
    const pieces = this.#number(header + MSG_IOVLEN);
    const parts: number[] = [];
    for (let i = 0; i < pieces; i++) {
      const vector = this.#number(header + MSG_IOV) + i * IOVEC_BYTES;
      const at = this.#offset(this.#number(vector));
      parts.push(...this.memory.bytes.subarray(at, at + this.#number(vector + 8)));
    }
    const named = this.#view.getUint32(this.#offset(header) + MSG_NAMELEN, true) > 0;
    const train = this.#number(header + MSG_CONTROLLEN) > 0;
    return {
      fd,
      port: named ? this.#view.getUint16(this.#offset(this.#number(header + MSG_NAME)) + 2) : null,
      segment: train ? this.#view.getUint16(this.#offset(this.#number(header + MSG_CONTROL)) + CMSG_DATA, true) : 0,
      pieces,
      bytes: Uint8Array.from(parts),
    };
  }

  /** The 64-bit number at an address. */
  #number(address: number): number {
    return Number(this.#view.getBigUint64(this.#offset(address), true));
  }

  #offset(address: number): number {
    return address - this.memory.address(0);
  }
}

function socketOf(fd: number, trains: boolean): SendingSocket {
  return {
    fd,
    trains,
    closed: false,
    reportsDepartures: false,
    departures: undefined,
    failed: (errno) => expect.fail(`errno ${errno}`),
    departed: () => expect.fail('nobody asked'),
  };
}

const peers = [4000, 5000, 6000].map((port) => kernelEndpoint({ address: '192.0.2.1', port }, 'IPv4') as KernelEndpoint);

let kernel = new Taking();
beforeEach(() => {
  kernel = new Taking();
});

/** As a socket does that sends memory of its caller. */
function send(socket: SendingSocket, peer: KernelEndpoint | undefined, bytes: Uint8Array, segment: number = bytes.length): void {
  kernel.sender.add(socket, peer, kernel.sender.copy(bytes, 0, bytes.length), bytes.length, segment, 0);
}

function ofLength(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i + seed * 7) & 0xff);
}

describe('the sender', () => {
  it('sends nothing until it is told to, and then each datagram once', () => {
    const socket = socketOf(5, false);
    for (let i = 0; i < 10; i++) send(socket, peers[0], ofLength(20, i));
    expect(kernel.calls).toBe(0);
    kernel.sender.flush();
    kernel.sender.flush();
    expect(kernel.calls).toBe(1);
    expect(kernel.datagrams).toEqual(Array.from({ length: 10 }, (_, i) => ({ fd: 5, port: 4000, bytes: ofLength(20, i) })));
  });

  it('makes trains of neighbours alone: equal lengths, one peer, one socket; the last may be shorter; none of nothing', () => {
    const a = socketOf(1, true);
    const b = socketOf(2, true);
    const c = socketOf(3, false);
    const runs: (readonly [SendingSocket, number, number])[] = [
      [a, 0, 100],
      [a, 0, 100],
      [a, 1, 100],
      [a, 1, 100],
      [b, 1, 100],
      [b, 1, 0],
      [b, 1, 0],
      [b, 1, 100],
      [b, 1, 101],
      [c, 1, 100],
      [c, 1, 100],
    ];
    for (const [i, [socket, peer, length]] of runs.entries()) send(socket, peers[peer], ofLength(length, i));
    kernel.sender.flush();
    expect(kernel.messages.map(({ fd, port, segment, bytes }) => [fd, port, segment, bytes.length])).toEqual([
      [1, 4000, 100, 200],
      [1, 5000, 100, 200],
      [2, 5000, 0, 100],
      [2, 5000, 0, 0],
      [2, 5000, 0, 0],
      [2, 5000, 0, 100],
      [2, 5000, 0, 101],
      [3, 5000, 0, 100],
      [3, 5000, 0, 100],
    ]);
    expect(kernel.calls).toBe(3);
  });

  it('ends a train with a shorter datagram', () => {
    const socket = socketOf(1, true);
    send(socket, peers[0], ofLength(250, 0), 100);
    send(socket, peers[0], ofLength(100, 1));
    send(socket, peers[0], ofLength(50, 2), 100);
    send(socket, peers[0], ofLength(100, 3));
    kernel.sender.flush();
    expect(kernel.messages.map(({ segment, bytes }) => [segment, bytes.length])).toEqual([
      [100, 250],
      [100, 150],
      [0, 100],
    ]);
  });

  it('takes what lies behind each other in memory for one piece, and points at what does not', () => {
    const socket = socketOf(1, true);
    const { slots } = kernel.memory;
    for (const at of [0, 100, 200, 400, 500]) kernel.sender.add(socket, peers[0], slots + at, 100, 100, 0);
    kernel.sender.flush();
    expect(kernel.messages.map(({ segment, pieces, bytes }) => [segment, pieces, bytes.length])).toEqual([[100, 2, 500]]);
  });

  it('makes no train that the kernel would not cut', () => {
    const socket = socketOf(1, true);
    for (let i = 0; i < 150; i++) send(socket, peers[0], ofLength(10, i));
    for (let i = 0; i < 50; i++) send(socket, peers[0], ofLength(1400, i));
    kernel.sender.flush();
    expect(kernel.messages.map(({ bytes, segment }) => bytes.length / segment)).toEqual([64, 64, 22, 46, 4]);
    expect(kernel.datagrams).toHaveLength(200);
  });

  it('keeps all of its datagrams, and their order, whatever is sent by whom to whom in one turn', () => {
    const sending = fc.record({
      socket: fc.nat({ max: 2 }),
      peer: fc.option(fc.nat({ max: 2 }), { nil: undefined }),
      segment: fc.constantFrom(0, 1, 12, 172, 172, 172, 1200),
      datagrams: fc.constantFrom(1, 1, 1, 1, 2, 20, 54),
      shorterBy: fc.constantFrom(0, 0, 0, 1),
      repeats: fc.constantFrom(1, 2, 30, 80),
    });
    fc.assert(
      fc.property(fc.array(sending, { maxLength: 20 }), (sendings) => {
        kernel = new Taking();
        const sockets = [socketOf(0, true), socketOf(1, true), socketOf(2, false)];
        const expected: Datagram[] = [];
        for (const { socket, peer, segment, datagrams, shorterBy, repeats } of sendings) {
          for (let i = 0; i < repeats; i++) {
            const bytes = ofLength(Math.max(segment * datagrams - shorterBy, 0), expected.length);
            const to = peer === undefined ? undefined : peers[peer];
            send(sockets[socket]!, to, bytes, segment);
            for (let at = 0; at < Math.max(bytes.length, 1); at += Math.max(segment, 1)) {
              expected.push({ fd: socket, port: to?.port ?? null, bytes: bytes.slice(at, at + segment) });
            }
          }
        }
        kernel.sender.flush();
        expect(kernel.datagrams).toEqual(expected);
        for (const { segment, bytes, fd } of kernel.messages) {
          if (segment === 0) continue;
          expect(fd).not.toBe(2);
          expect(bytes.length).toBeGreaterThan(segment);
          expect(bytes.length).toBeLessThanOrEqual(UDP_MAX_TRAIN_BYTES);
          expect(Math.ceil(bytes.length / segment)).toBeLessThanOrEqual(UDP_MAX_SEGMENTS);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('takes more messages in a turn than it has room for', () => {
    const sockets = [socketOf(1, true), socketOf(2, false)];
    const count = 3 * SEND_SLOTS + 1;
    for (let i = 0; i < count; i++) send(sockets[i % 2]!, peers[i % 3], ofLength(i % 50, i));
    kernel.sender.flush();
    expect(kernel.datagrams).toEqual(
      Array.from({ length: count }, (_, i) => ({ fd: 1 + (i % 2), port: peers[i % 3]!.port, bytes: ofLength(i % 50, i) })),
    );
  });

  it('takes more pieces in a turn than it has room for', () => {
    const socket = socketOf(1, true);
    const { bytes, slots, slotStride } = kernel.memory;
    const count = 2 * SEND_PIECES + 1;
    // From memory of the engine, backwards, so that no two are one piece.
    const at = (i: number): number => slots + slotStride - (i + 1) * 16;
    for (let i = 0; i < count; i++) {
      bytes.set(ofLength(16, i), at(i));
      kernel.sender.add(socket, peers[0], at(i), 16, 16, i);
    }
    kernel.sender.flush();
    expect(kernel.datagrams.map((datagram) => datagram.bytes)).toEqual(Array.from({ length: count }, (_, i) => ofLength(16, i)));
    expect(kernel.messages.length).toBeLessThan(SEND_SLOTS);
  });

  it.each([false, true])(
    'takes more bytes in a turn than it can copy, before and after it made room for messages (trains: %s)',
    (trains) => {
      const socket = socketOf(1, trains);
      const lengths = [
        ...Array.from({ length: SEND_SLOTS + 10 }, (_, i) => (i % 2) * 900 + 1),
        60_000,
        60_001,
        60_000,
        60_000,
        60_000,
        65_507,
      ];
      expect(lengths.reduce((sum, length) => sum + length)).toBeGreaterThan(COPY_BYTES + 65_507);
      const memory = new Uint8Array(LONGEST_DATAGRAM);
      for (const [i, length] of lengths.entries()) {
        memory.set(ofLength(length, i));
        kernel.sender.add(socket, peers[0], kernel.sender.copy(memory, 0, length), length, length, i);
        // The caller's to use again at once.
        memory.fill(0);
      }
      kernel.sender.flush();
      expect(kernel.datagrams.map(({ bytes }) => bytes.length)).toEqual(lengths);
      for (const [i, { bytes }] of kernel.datagrams.entries()) expect(Buffer.compare(bytes, ofLength(lengths[i]!, i))).toBe(0);
    },
  );
});
