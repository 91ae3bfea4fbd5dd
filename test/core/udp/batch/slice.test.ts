/** What the kernel says of this thread afterwards, and that what others decided stays. */
import { arch } from 'node:os';
import { describe, expect, it } from 'vitest';
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';
import type { Libc } from '../../../../src/core/udp/batch/libc.ts';
import { takeShortSlices } from '../../../../src/core/udp/batch/slice.ts';

const RUNTIME = 24;
const getAttributes = arch() === 'arm64' ? 275 : 315;

/** A C library in which the thread has this policy, and what it was set to. */
function pretend({ policy = 0, refuses = false }: { readonly policy?: number; readonly refuses?: boolean }): {
  readonly libc: Libc;
  readonly calls: { readonly number: number; readonly attributes: Uint8Array }[];
} {
  const calls: { readonly number: number; readonly attributes: Uint8Array }[] = [];
  let given = new Uint8Array();
  const libc: Libc = {
    ...loadLibc(),
    addressOf: (bytes) => {
      given = bytes as Uint8Array<ArrayBuffer>;
      return 1;
    },
    syscall: (number) => {
      if (number === getAttributes) {
        new DataView(given.buffer).setUint32(0, 48, true);
        new DataView(given.buffer).setUint32(4, policy, true);
        new DataView(given.buffer).setInt32(16, 5, true);
      }
      calls.push({ number, attributes: given.slice() });
      return refuses ? -1 : 0;
    },
  };
  return { libc, calls };
}

describe('short slices', () => {
  it('are asked for with the nice value that the thread has', () => {
    const { libc, calls } = pretend({});
    expect(takeShortSlices(libc)).toBe(true);
    const [, set] = calls;
    const view = new DataView(set?.attributes.buffer ?? new ArrayBuffer(0));
    expect(calls).toHaveLength(2);
    expect([view.getUint32(0, true), view.getUint32(4, true), view.getInt32(16, true), view.getBigUint64(RUNTIME, true)]).toEqual([
      48,
      0,
      5,
      200_000n,
    ]);
  });

  it.each([1, 2, 3, 5, 6])('leave a thread of policy %i alone', (policy) => {
    const { libc, calls } = pretend({ policy });
    expect(takeShortSlices(libc)).toBe(false);
    expect(calls.map(({ number }) => number)).toEqual([getAttributes]);
  });

  it('are done without where they are refused', () => {
    expect(takeShortSlices(pretend({ refuses: true }).libc)).toBe(false);
  });

  it('are taken by the kernel that runs this', () => {
    const libc = loadLibc();
    const attributes = new Uint8Array(48);
    expect(takeShortSlices(libc)).toBe(true);
    expect(libc.syscall(getAttributes, 0, libc.addressOf(attributes), 48, 0)).toBe(0);
    const view = new DataView(attributes.buffer);
    expect(view.getUint32(4, true)).toBe(0);
    // Before 6.12 it is 0: there are no slices to ask for.
    expect([0n, 200_000n]).toContain(view.getBigUint64(RUNTIME, true));
  });
});
