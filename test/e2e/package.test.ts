/** The entry of the program, before any command: which Node it takes, how little it loads, how it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.ts';

const BIN = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param reads what becomes of standard output: `all` of it is read, or it is `closed` before there is any. */
async function run(args: readonly string[], options: { nodeOptions?: readonly string[]; reads?: 'all' | 'closed' } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), BIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], NODE_DISABLE_COMPILE_CACHE: '1' },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  if (options.reads === 'closed') child.stdout.destroy();
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { status, signal, stdout, stderr };
}

/** A module that makes the process believe it is another Node. */
const pretend = (version: string): readonly string[] => [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`,
];

test('the version is that of package.json', () => {
  const description = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  expect(VERSION).toBe(description.version);
});

describe('--version', () => {
  test.each(['--version', '-V'])('%s alone prints it', async (flag) => {
    expect(await run([flag])).toEqual({ status: 0, signal: null, stdout: `${VERSION}\n`, stderr: '' });
  });

  test('the way there imports the version and nothing else', () => {
    const importsOf = (file: string): string[] =>
      [...readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').matchAll(/^import .*'(.*)';$/gm)].map((match) => match[1] ?? '');
    expect(importsOf('bin/rtplat.ts')).toEqual(['../src/version.ts']);
    expect(importsOf('src/version.ts')).toEqual([]);
  });
});

describe('an older Node', () => {
  test.each(['12.22.12', '18.20.4', '20.20.2', '22.17.1'])('%s is refused in one line, whatever is asked', async (version) => {
    const expected = `rtplat needs Node 22.18 or newer; this is ${version} (${process.execPath}). Install a newer one, for example with "npm install --global node@24".\n`;
    expect(await run(['--version'], { nodeOptions: pretend(version) })).toEqual({ status: 2, signal: null, stdout: '', stderr: expected });
  });

  test.each(['22.18.0', '24.0.0', '26.10.0'])('%s is not', async (version) => {
    expect(await run(['--version'], { nodeOptions: pretend(version) })).toMatchObject({ status: 0, stderr: '' });
  });
});

test('ends quietly when the reader of its output has gone', async () => {
  expect(await run(['--help'], { reads: 'closed' })).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
});

test('a command that is none is wrong usage', async () => {
  const ended = await run(['no-such-command']);
  expect(ended).toMatchObject({ status: 2, stdout: '' });
  expect(ended.stderr).toContain('no-such-command');
});
