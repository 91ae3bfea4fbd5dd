import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { warmUp } from '../../../src/core/echo/warm-up.ts';
import { createBatchEngine } from '../../../src/core/udp/batch/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

it('leaves nothing open, and does not touch the engine it is for', async () => {
  const engine = createBatchEngine({ ownThread: true });
  await warmUp(engine);
  const before = descriptors();
  await warmUp(engine);
  expect(descriptors()).toBe(before);
  engine.close();
});

it('does nothing for the portable engine', async () => {
  const before = descriptors();
  await warmUp(createPortableEngine());
  expect(descriptors()).toBe(before);
});
