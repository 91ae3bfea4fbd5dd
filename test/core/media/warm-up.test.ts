import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { warmUp } from '../../../src/core/media/warm-up.ts';
import { createBatchEngine } from '../../../src/core/udp/batch/engine.ts';
import { loadLibc } from '../../../src/core/udp/batch/libc.ts';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

it('sends and receives thousands of packets, and leaves nothing open', () => {
  const real = loadLibc();
  let sends = 0;
  const libc = {
    ...real,
    sendmmsg: (...args: Parameters<typeof real.sendmmsg>) => {
      sends += 1;
      return real.sendmmsg(...args);
    },
  };
  const before = descriptors();
  warmUp(createBatchEngine({ libc, ownThread: true, clock: 'user' }));
  expect(sends).toBeGreaterThan(5000);
  expect(descriptors()).toBe(before);
});

it('does nothing where there is no loopback', () => {
  const real = loadLibc();
  const before = descriptors();
  warmUp(createBatchEngine({ libc: { ...real, bind: () => real.close(-1) }, ownThread: true, clock: 'user' }));
  expect(descriptors()).toBe(before);
});
