/** Where there can be no batch engine, and what is said then. */
import { describe, expect, it } from 'vitest';
import { BatchUnavailable, bindLibc, loadLibc } from '../../../../src/core/udp/batch/libc.ts';

const noCall = (): number => 0;

/** Stands for koffi on a C library that lacks some calls. */
function koffiWithout(...missing: readonly string[]): Parameters<typeof bindLibc>[0] {
  return {
    load: () => ({
      func: (prototype) => {
        const name = /(\w+)\(/.exec(prototype)?.[1] ?? '';
        if (missing.includes(name)) throw new Error(`Cannot find function '${name}' in shared library`);
        return noCall;
      },
    }),
    errno: () => 0,
    address: () => 0n,
    node: { poll: () => ({ ref: noCall, unref: noCall, close: noCall }) },
  };
}

describe('the C library', () => {
  it('is loaded once', () => {
    expect(loadLibc()).toBe(loadLibc());
  });

  it('tells a failing call from one that succeeds, and why it failed', () => {
    const libc = loadLibc();
    expect(libc.close(-1)).toBe(-1);
    expect(libc.errno()).toBe(9);
    const fd = libc.eventfd(0, 0);
    expect(fd).toBeGreaterThan(0);
    expect(libc.close(fd)).toBe(0);
  });

  it('knows where memory lies', () => {
    const libc = loadLibc();
    const fd = libc.eventfd(0, 0);
    const bytes = new Uint8Array(32);
    const counter = libc.addressOf(bytes.subarray(8));
    expect(counter).toBe(libc.addressOf(bytes) + 8);
    bytes[8] = 42;
    expect(libc.write(fd, counter, 8)).toBe(8);
    bytes.fill(0);
    expect(libc.read(fd, counter, 8)).toBe(8);
    expect([...bytes.subarray(0, 17)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 0]);
    libc.close(fd);
  });

  it.each(['recvmmsg', 'sendmmsg', 'epoll_wait', 'close'])('is of no use without %s(), and that is said', (name) => {
    expect(() => bindLibc(koffiWithout(name))).toThrow(new BatchUnavailable(`the C library has no ${name}()`));
  });

  it('is named by the first call that it lacks', () => {
    expect(() => bindLibc(koffiWithout('sendmmsg', 'recvmmsg'))).toThrow('the C library has no recvmmsg()');
  });
});
