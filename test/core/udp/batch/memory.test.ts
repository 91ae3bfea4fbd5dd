import { describe, expect, it } from 'vitest';
import { MMSGHDR_BYTES, MSG_CONTROL, MSG_IOV, MSG_NAME } from '../../../../src/core/udp/batch/layout.ts';
import type { Libc } from '../../../../src/core/udp/batch/libc.ts';
import { PacketMemory, RECEIVE_SLOTS, SEND_SLOTS } from '../../../../src/core/udp/batch/memory.ts';

const GIB4 = 2 ** 32;

/** A C library that says where memory lies: the `bases` in turn, and then the last of them. */
function lyingAt(...bases: readonly number[]): { readonly libc: Libc; readonly asked: Uint8Array[] } {
  const asked: Uint8Array[] = [];
  const addressOf = (bytes: Uint8Array): number => {
    asked.push(bytes);
    return bases[Math.min(asked.length, bases.length) - 1] ?? Number.NaN;
  };
  return { libc: { addressOf: (bytes: Uint8Array) => addressOf(bytes) } as Libc, asked };
}

describe('the memory that the kernel sees', () => {
  it.each([0x7f00_0000_0000, 0x7f12_8000_0040, 0x10_0000, 0x7f13_ffff_ffff - 0x20_0000])('has its pointers where it lies (%i)', (base) => {
    const memory = new PacketMemory(lyingAt(base).libc, 64);
    const pointer = (at: number): number => (memory.words[at >>> 2] as number) + (memory.words[(at >>> 2) + 1] as number) * GIB4;
    for (let i = 0; i < RECEIVE_SLOTS; i++) {
      const header = memory.receiveHeaders + i * MMSGHDR_BYTES;
      expect(pointer(header + MSG_NAME)).toBe(memory.address(memory.receiveNames + 32 * i));
      expect(pointer(header + MSG_CONTROL)).toBe(memory.address(memory.receiveControls + 192 * i));
      expect(pointer(pointer(header + MSG_IOV) - base)).toBe(memory.address(memory.slots + i * memory.slotStride));
    }
    for (let i = 0; i < SEND_SLOTS; i++) {
      memory.startMessage(i, 3 * i);
      memory.setPiece(3 * i, memory.copies + 7 * i, 5 * i);
      memory.referMessage(i, memory.receiveNames + 32 * (i % 64), 16);
      const header = memory.sendHeaders + i * MMSGHDR_BYTES;
      expect(pointer(header + MSG_NAME)).toBe(memory.address(memory.receiveNames + 32 * (i % 64)));
      expect(pointer(pointer(header + MSG_IOV) - base)).toBe(memory.address(memory.copies + 7 * i));
      expect([memory.pieceOffset(3 * i), memory.pieceLength(3 * i)]).toEqual([memory.copies + 7 * i, 5 * i]);
    }
  });

  it('knows whom a message goes to', () => {
    const memory = new PacketMemory(lyingAt(0x7f00_f000_0000).libc, 64);
    const words = Int32Array.from([2, 0x0100_007f, 0, 0]);
    memory.startMessage(5, 0);
    expect(memory.isNamed(5, words, 0, 0)).toBe(true);
    memory.nameMessage(5, words, 16);
    expect(memory.isNamed(5, Int32Array.from([9, 2, 0x0100_007f, 0, 0]), 1, 16)).toBe(true);
    expect(memory.isNamed(5, Int32Array.from([2, 0x0200_007f, 0, 0]), 0, 16)).toBe(false);
    expect(memory.isNamed(5, words, 0, 28)).toBe(false);
    expect(memory.isNamed(5, words, 0, 0)).toBe(false);
  });

  it('never lies across a multiple of 4 GiB, where the upper halves of its pointers would differ', () => {
    const { libc, asked } = lyingAt(3 * GIB4 - 64, 7 * GIB4 - 1, 9 * GIB4);
    const memory = new PacketMemory(libc, 64);
    expect(new Set(asked.slice(0, 3)).size).toBe(3);
    expect(memory.address(0)).toBe(9 * GIB4);
  });
});
