// Every `$` line of README's console blocks, in its order and in one folder, on free ports instead of 4000 and 9090.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cli } from '../e2e/run-cli.ts';
import { commandLine, readPage, ROOT } from './markdown.ts';
import type { CommandLine } from './markdown.ts';

interface Step {
  readonly text: string;
  /** What the page shows below the line. */
  readonly shown: readonly string[];
}

const steps: Step[] = readPage('README.md')
  .blocks.filter(({ language }) => language === 'console')
  .flatMap(({ lines }) => {
    const found: { text: string; shown: string[] }[] = [];
    for (const line of lines) {
      if (line.startsWith('$ ')) found.push({ text: line.slice(2), shown: [] });
      else found.at(-1)?.shown.push(line);
    }
    return found;
  });

/** Nothing listens there: tcpmux is a service of the past. */
const NO_ASTERISK = 'http://127.0.0.1:1';
let folder = '';
const servers: Cli[] = [];
let echoPort = '';
let serviceUrl = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rtplat-readme-'));
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill()));
  await rm(folder, { recursive: true });
});

/** A measurement on a busy machine may distrust itself, and miss its bounds. */
function statusesOf(args: readonly string[]): readonly number[] {
  if (args.includes('--sla') || args.includes('--fail-on')) return [0, 3, 4];
  return args[0] === 'probe' ? [0, 4] : [0];
}

/** First cells of the rows of tables. */
function rowNames(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith('│')).map((line) => (line.split('│')[1] ?? '').trim());
}

async function startEcho({ args, env }: CommandLine): Promise<void> {
  const cli = new Cli(
    args.map((arg) => arg.replace('4000', '0')),
    env,
    folder,
  );
  servers.push(cli);
  [, echoPort = ''] = await cli.shows(/echo listening on \S*:(\d+) /);
}

/** Without an Asterisk: what it does with one is the business of test/asterisk. */
async function startService({ args, env }: CommandLine): Promise<void> {
  const cli = new Cli(args, { ...env, ARI_URL: NO_ASTERISK, ECHO_PORT: echoPort, SERVICE_PORT: '0' }, folder);
  servers.push(cli);
  [, serviceUrl = ''] = await cli.shows(/ari-serve: ports 10000-10100 on .* HTTP on (http:\S+)\/ /);
  await cli.shows(/Echo server \S+ answers/);
  await cli.shows(/No connection to Asterisk: cannot reach Asterisk at /);
}

async function startSipServer({ args, env }: CommandLine): Promise<void> {
  const cli = new Cli([...args, '--bind', '127.0.0.1', '--port', '0'], { ...env, SERVICE_PORT: '0' }, folder);
  servers.push(cli);
  await cli.shows(/sip-serve: UDP 127\.0\.0\.1:\d+, TCP 127\.0\.0\.1:\d+; RTP on ports 10000-20000, HTTP on /);
}

describe('README, line by line', () => {
  test('has a line for each command', () => {
    const commands = new Set(steps.map(({ text }) => commandLine(text)?.args[0]));
    for (const name of ['demo', 'echo', 'ari-serve', 'sip-serve', 'probe', 'report', 'watch', 'completion', '--version', 'help'])
      expect(commands).toContain(name);
  });

  test.each(steps)('$text', async ({ text, shown }) => {
    const line = commandLine(text);
    if (line === undefined) throw new Error(`not a line of rtplat: ${text}`);
    if (line.args[0] === 'echo') return startEcho(line);
    if (line.args[0] === 'ari-serve') return startService(line);
    if (line.args[0] === 'sip-serve' && line.into === undefined && !line.args.includes('--check')) return startSipServer(line);
    const args = line.args.map((arg) => arg.replace('4000', echoPort));
    const ended = await new Cli(args, { ...line.env, RTPLAT_SERVICE: serviceUrl }, folder).end();
    expect(statusesOf(args), ended.stderr).toContain(ended.status);
    expect(ended.stdout).not.toBe('');
    expect(rowNames(ended.stdout.split('\n'))).toEqual(expect.arrayContaining(rowNames(shown)));
    if (line.into !== undefined) await writeFile(join(folder, line.into), ended.stdout);
    if (text === 'rtplat report') expect(ended.stdout).toContain(`${serviceUrl}: a live service`);
  });

  test('what was started ends in good order, with its report', async () => {
    const endings = await Promise.all(
      servers.map(async (server) => {
        server.signal('SIGINT');
        return server.end();
      }),
    );
    expect(endings.map(({ status, stderr }) => ({ status, stderr }))).toEqual([
      { status: 0, stderr: '' },
      { status: 0, stderr: '' },
      { status: 0, stderr: '' },
    ]);
    expect(endings[1]?.stdout).toContain('verdict: insufficient');
    expect(JSON.parse(await readFile(join(folder, 'calls.json'), 'utf8'))).toMatchObject({ schema: 'rtplat.run/1', command: 'ari-serve' });
  });
});

test('the npm scripts that the pages name exist', async () => {
  const { scripts } = JSON.parse(await readFile(`${ROOT}/package.json`, 'utf8')) as { scripts: Record<string, string> };
  const named = ['README.md', 'docs/development.md', 'docs/library.md'].flatMap((path) => {
    const { blocks, prose } = readPage(path);
    const text = [prose, ...blocks.flatMap(({ lines }) => lines)].join('\n');
    return [...text.matchAll(/npm run ([a-z:]+)|npm (test)\b/g)].map((match) => match[1] ?? match[2]);
  });
  expect(named).toContain('demo');
  for (const name of named) expect(Object.keys(scripts)).toContain(name);
});
