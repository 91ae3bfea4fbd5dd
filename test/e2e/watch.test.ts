/** `rtplat watch` in a real terminal, and in a pipe, with a real service. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Pty } from './pty.ts';
import { Cli, runCli } from './run-cli.ts';

const BIN = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
const FAULT = fileURLToPath(new URL('terminal-fault.ts', import.meta.url));
/** Nothing listens there: tcpmux is a service of the past. */
const NO_ASTERISK = 'http://127.0.0.1:1';
const ENTER = '\u001B[?1049h\u001B[?25l\u001B[?7l';
const LEAVE = '\u001B[?7h\u001B[?25h\u001B[?1049l';
const CTRL_C = '\u0003';

let pty: Pty | undefined;
let service: Cli;
let url = '';

async function startService(port: string): Promise<Cli> {
  const cli = new Cli(['ari-serve', '--ari-url', NO_ASTERISK, '--http-port', port, '--range', '10950-10959'], { ARI_PASS: 'secret' });
  [, url = ''] = await cli.shows(/HTTP on (http:\S+)\/ /);
  return cli;
}

beforeAll(async () => {
  service = await startService('0');
});
afterAll(() => service.kill());
afterEach(async () => {
  await pty?.kill();
  pty = undefined;
});

/** A shell says afterwards how the program ended, and how it left the terminal. */
function inTerminal(program: string, env: Readonly<Record<string, string>> = {}): Pty {
  pty = new Pty(`sh -c 'echo "<pid $$>"; exec ${program}'; echo "<status $?>"; stty -a`, env);
  return pty;
}

function watch(args = url): Pty {
  return inTerminal(`"${process.execPath}" "${BIN}" watch ${args}`);
}

/** What came after the terminal was given back; throws when it was not. */
async function afterLeaving(terminal: Pty): Promise<string> {
  const output = await terminal.end();
  const [before = '', after = '', ...more] = output.split(LEAVE);
  expect(more).toEqual([]);
  expect(before).toContain(ENTER);
  // stty prints a minus before what is off: keys are lines again, and are shown.
  expect(after).toMatch(/ icanon /);
  expect(after).toMatch(/ echo /);
  return after;
}

describe('in a terminal', () => {
  it.each([
    ['q', 'q'],
    ['Ctrl-C', CTRL_C],
  ])('shows the service until %s, and gives the terminal back', async (_name, key) => {
    const terminal = watch();
    await terminal.shows(/q leave/);
    expect(terminal.output).toContain('no connection to Asterisk');
    expect(terminal.output).toMatch(/insufficient for 0 channels: p50 0 of 200 samples/);
    expect(terminal.output).toMatch(/0 of 10 in use, 10 free/);
    terminal.type(key);
    const after = await afterLeaving(terminal);
    expect(after).toMatch(/^\S+Z unhealthy \(.*\r?\n.*<status 0>/s);
  });

  it.each([
    ['SIGTERM', '<status 0>'],
    ['SIGINT', '<status 0>'],
    ['SIGHUP', '<status 129>'],
  ] as const)('gives it back at %s', async (signal, said) => {
    const terminal = watch();
    const [, pid = ''] = await terminal.shows(/<pid (\d+)>/);
    await terminal.shows(/q leave/);
    process.kill(Number(pid), signal);
    expect(await afterLeaving(terminal)).toContain(said);
  });

  it.each([
    ['throw', '<status 1>'],
    ['reject', '<status 1>'],
    ['exit', '<status 7>'],
  ])('gives it back when the program fails: %s', async (how, said) => {
    const terminal = inTerminal(`"${process.execPath}" "${FAULT}" ${how}`);
    const after = await afterLeaving(terminal);
    expect(after).toContain(said);
    // A fault is told where it stays.
    if (how !== 'exit') expect(after).toContain('a fault');
  });

  it('stands aside at Ctrl-Z, and comes back', async () => {
    const terminal = watch();
    await terminal.shows(/q leave/);
    const from = terminal.output.length;
    terminal.type('\u001A');
    // No shell here has job control, so that the kernel stops nobody.
    await terminal.shows(/\[\?1049l.*\[\?1049h/s, from);
    await terminal.shows(/q leave/, from);
    terminal.type('q');
    expect(await terminal.end()).toContain('<status 0>');
  });

  it('draws anew when it is resized, narrower lines in it', async () => {
    const terminal = watch();
    await terminal.shows(/q leave/);
    const from = terminal.output.length;
    await terminal.resize(40, 20);
    await terminal.shows(/\[20;1H[^\n]*q leave/, from);
    expect(terminal.output.slice(from)).toContain('\u001B[2J');
    terminal.type('q');
    await afterLeaving(terminal);
  });

  it('has its keys: the order, a pause, the help', async () => {
    const terminal = watch();
    await terminal.shows(/q leave/);
    terminal.type('p');
    await terminal.shows(/paused for /);
    const from = terminal.output.length;
    terminal.type('?');
    await terminal.shows(/worst p99, most lost, most late, newest/, from);
    // An arrow leaves the help; it is no q, though there are letters in it.
    terminal.type('\u001B[q');
    await terminal.shows(/no connection to Asterisk/, from);
    terminal.type('q');
    await afterLeaving(terminal);
  });

  it('says on the screen that was there what cannot be watched', async () => {
    const terminal = watch('http://127.0.0.1:1');
    const output = await terminal.end();
    expect(output).toContain('rtplat: http://127.0.0.1:1/events cannot be reached: ECONNREFUSED; is the service up');
    expect(output).toContain('<status 1>');
    expect(output).not.toContain(ENTER);
  });

  it('is a line a second where the terminal is dumb', async () => {
    const terminal = inTerminal(`"${process.execPath}" "${BIN}" watch ${url} --count 1`, { TERM: 'dumb' });
    const output = await terminal.end();
    expect(output).toMatch(/Z unhealthy \(/);
    expect(output).not.toContain('\u001B');
    expect(output).toContain('<status 0>');
  });
});

describe('a service that goes and comes back', () => {
  it('is waited for: dashes meanwhile, numbers again then', async () => {
    const kept = url;
    let other = await startService('0');
    const mine = url;
    url = kept;
    try {
      const terminal = watch(mine);
      await terminal.shows(/q leave/);
      const from = terminal.output.length;
      other.signal('SIGTERM');
      await other.end();
      await terminal.shows(/no connection for /, from);
      await terminal.shows(/not known without a connection/, from);
      const back = terminal.output.length;
      other = await startService(new URL(mine).port);
      await terminal.shows(/live, up /, back);
      terminal.type('q');
      await afterLeaving(terminal);
    } finally {
      url = kept;
      await other.kill();
    }
  });
});

describe('in a pipe', () => {
  it('is lines, or JSON, and status 0', async () => {
    const text = await runCli(['watch', url, '--count', '2']);
    expect({ status: text.status, stderr: text.stderr }).toEqual({ status: 0, stderr: '' });
    expect(text.stdout.trimEnd().split('\n')).toHaveLength(2);
    const json = await runCli(['watch', url, '--json', '--once']);
    expect(JSON.parse(json.stdout)).toMatchObject({ connected: true, url, sla: { verdict: 'insufficient' }, calls: [] });
  });

  it('ends in good order at a signal, once something was shown', async () => {
    const cli = new Cli(['watch', url]);
    await cli.shows(/unhealthy/);
    cli.signal('SIGTERM');
    expect(await cli.end()).toMatchObject({ status: 0, stderr: '' });
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('says by its status that %s came before anything was shown', async (signal, status) => {
    const silent = createServer((socket) => void socket.on('error', () => socket.destroy())).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const cli = new Cli(['watch', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`, '--timeout', '1h']);
    await once(silent, 'connection');
    cli.signal(signal);
    expect(await cli.end()).toEqual({ status, stdout: '', stderr: '' });
    silent.close();
  });

  it.each([
    [['http://127.0.0.1:1'], 1, 'cannot be reached: ECONNREFUSED'],
    [['127.0.0.1:9090'], 2, 'is not the address of a service; write http://HOST:PORT'],
    [['--count', '0'], 2, '--count'],
    [['--duration', '501h'], 2, '500h at most'],
    [['http://me:s3cret@127.0.0.1/?x'], 2, 'rtplat: what is named is not the address'],
  ])('%j: status %d and one line', async (args, status, said) => {
    const ended = await runCli(['watch', ...args]);
    expect(ended.status).toBe(status);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toContain(said);
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
