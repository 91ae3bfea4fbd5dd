import { describe, expect, it } from 'vitest';
import { describeEngine, selectEngine } from '../../../src/core/udp/select.ts';
import { collect, sendText } from './collector.ts';
import { LOOPBACK } from './world.ts';

describe('the choice of an engine', () => {
  it.each([
    { choice: 'auto', name: 'batch', clock: 'kernel', reason: 'recvmmsg and sendmmsg' },
    { choice: 'batch', name: 'batch', clock: 'kernel', reason: 'asked for' },
    { choice: 'portable', name: 'portable', clock: 'user', reason: 'asked for' },
  ] as const)('$choice is $name', async ({ choice, name, clock, reason }) => {
    const selected = await selectEngine(choice);
    expect(selected).toMatchObject({ name, clock, reason });
    expect(describeEngine(selected)).toBe(`${name} engine (${reason}), ${clock} clock`);
    const socket = await selected.engine.bind(LOOPBACK);
    const own = collect(socket);
    sendText(socket, 'works', socket.local);
    await own.received(1);
    await socket.close();
  });
});
