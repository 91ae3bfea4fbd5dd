/** The short form of the model, and the proof that it can fail. The full form: `npm run model`. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, test } from 'vitest';
import type { Explored } from './explore.ts';
import { FAULTS } from './faults.ts';

const run = promisify(execFile);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const PATIENCE_MS = 600_000;

/** Each scenario that was explored, whatever the exit status. */
async function model(names: readonly string[], fault?: string): Promise<readonly Explored[]> {
  const env = fault === undefined ? process.env : { ...process.env, RTPLAT_MODEL_FAULT: fault };
  const parts = ['--max-semi-space-size=64', '--import', here('hooks.ts'), here('run.ts'), ...names];
  const { stdout } = await run(process.execPath, parts, { env }).catch((error: unknown) => {
    const { stdout: said = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    if (said === '') throw new Error(stderr, { cause: error });
    return { stdout: said };
  });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Explored);
}

describe('every state that calls, Asterisk and the service can come to', () => {
  it(
    'leaks no port and hands none out twice, and leaves nothing in Asterisk',
    async () => {
      const explored = await model(['--short']);
      expect(explored.map(({ fault }) => fault?.path ?? 'none')).toEqual(explored.map(() => 'none'));
      expect(explored.map(({ scenario, complete, states }) => [scenario, complete, states > 1_000])).toEqual([
        ['one call', true, true],
        ['a call that is up, one fault', true, true],
      ]);
    },
    PATIENCE_MS,
  );
});

describe('a fault that is put into the program', () => {
  test.for(FAULTS.map(({ name, scenario }) => [name, scenario] as const))(
    'is found: %s',
    { timeout: PATIENCE_MS },
    async ([name, scenario]) => {
      const [explored] = await model([scenario], name);
      expect(explored?.fault?.what ?? 'nothing').not.toBe('nothing');
      expect(explored?.fault?.path.length).toBeGreaterThan(0);
    },
  );
});
