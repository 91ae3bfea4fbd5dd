import { describe, expect, it } from 'vitest';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { conformance } from './conformance.ts';

describe('portable engine', () => {
  conformance({
    create: createPortableEngine,
    module: new URL('../../../src/core/udp/portable.ts', import.meta.url),
    exported: 'createPortableEngine',
  });

  it('names itself and its clock', () => {
    const engine = createPortableEngine();
    expect({ name: engine.name, clock: engine.clock }).toEqual({ name: 'portable', clock: 'user' });
  });

  it('counts what did not fit into the backlog of an unread socket as dropped', async () => {
    const engine = createPortableEngine();
    const unread = await engine.bind({ address: '127.0.0.1', port: 0 });
    const sender = await engine.bind({ address: '127.0.0.1', port: 0 });
    const total = 1200;
    const payload = new Uint8Array(20);
    let kept = 0;
    for (let i = 0; i < total; i++) {
      sender.send(payload, 0, payload.length, unread.local);
      if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
    }
    const settled = Promise.withResolvers<void>();
    unread.receive({
      packet: () => {
        kept += 1;
        if (kept + (unread.socketDrops() ?? 0) === total) settled.resolve();
      },
      error: () => undefined,
    });
    await settled.promise;
    expect(kept).toBeGreaterThanOrEqual(1024);
    expect(unread.socketDrops()).toBe(total - kept);
    await Promise.all([unread.close(), sender.close()]);
  });
});
