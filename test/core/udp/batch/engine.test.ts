import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import { conformance } from '../conformance.ts';

describe('batch engine', () => {
  conformance({
    create: createBatchEngine,
    module: new URL('../../../../src/core/udp/batch/engine.ts', import.meta.url),
    exported: 'createBatchEngine',
  });

  it('names itself and its clock', () => {
    const engine = createBatchEngine();
    expect({ name: engine.name, clock: engine.clock }).toEqual({ name: 'batch', clock: 'kernel' });
  });
});
