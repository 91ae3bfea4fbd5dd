import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import { conformance } from '../conformance.ts';

const module = new URL('../../../../src/core/udp/batch/engine.ts', import.meta.url);
const exported = 'createBatchEngine';

describe('batch engine', () => {
  conformance({ create: createBatchEngine, module, exported });

  it('names itself and its clock', () => {
    const engine = createBatchEngine();
    expect({ name: engine.name, clock: engine.clock }).toEqual({ name: 'batch', clock: 'kernel' });
  });
});

describe('batch engine without the kernel’s stamps', () => {
  conformance({ create: () => createBatchEngine({ clock: 'user' }), module, exported });
});
