/** The choice of an engine where there is no batch engine: the system is another, or its package is not installed. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type * as Module from 'node:module';
import type * as Os from 'node:os';
import type * as SelectModule from '../../../src/core/udp/select.ts';
import { collect, sendText } from './collector.ts';
import { LOOPBACK } from './world.ts';

type Select = Pick<typeof SelectModule, 'describeEngine' | 'selectEngine'>;

const elsewhere = [
  {
    where: 'on another system',
    there: () =>
      vi.doMock('node:os', async (original) => ({ ...(await original<typeof Os>()), platform: () => 'darwin', arch: () => 'arm64' })),
    why: 'made for Linux on x64 and arm64, this is darwin on arm64',
  },
  {
    where: 'on another processor',
    there: () =>
      vi.doMock('node:os', async (original) => ({ ...(await original<typeof Os>()), platform: () => 'linux', arch: () => 's390x' })),
    why: 'made for Linux on x64 and arm64, this is linux on s390x',
  },
  {
    where: 'without its package',
    there: () =>
      vi.doMock('node:module', async (original) => ({
        ...(await original<typeof Module>()),
        createRequire: () => (name: string) => {
          throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
        },
      })),
    why: `@koromix/koffi-linux-${process.arch}: MODULE_NOT_FOUND`,
  },
];

describe.each(elsewhere)('the choice of an engine $where', ({ there, why }) => {
  function select(): Promise<Select> {
    vi.resetModules();
    there();
    return import('../../../src/core/udp/select.ts');
  }

  afterEach(() => {
    vi.doUnmock('node:os');
    vi.doUnmock('node:module');
    vi.resetModules();
  });

  it('falls back to the portable one, and says why', async () => {
    const { describeEngine, selectEngine } = await select();
    const selected = await selectEngine('auto');
    expect(describeEngine(selected)).toBe(`portable engine (no batch engine: ${why}), user clock`);
    const socket = await selected.engine.bind(LOOPBACK);
    const own = collect(socket);
    sendText(socket, 'works', socket.local);
    await own.received(1);
    await socket.close();
  });

  it('does not fall back when the batch engine was asked for', async () => {
    const { selectEngine } = await select();
    await expect(selectEngine('batch')).rejects.toMatchObject({
      name: 'RtplatError',
      code: 'usage',
      message: `there is no batch engine here: ${why}`,
      hint: 'use --engine portable or auto',
    });
  });

  it('gives the portable one to who asks for it', async () => {
    const { selectEngine } = await select();
    await expect(selectEngine('portable')).resolves.toMatchObject({ name: 'portable', reason: 'asked for' });
  });
});
