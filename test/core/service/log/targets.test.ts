import { fstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { isJournal } from '../../../../src/core/service/log/syslog.ts';
import { openLogTargets } from '../../../../src/core/service/log/targets.ts';
import type { LogSettings, LogTargets } from '../../../../src/core/service/log/targets.ts';
import { folderForTests } from './kit.ts';
import { receiveAt } from './unix-receiver.ts';

const folder = folderForTests();
let made = 0;

interface Rig {
  readonly logs: LogTargets;
  readonly stdout: () => readonly string[];
  readonly path: string;
}

async function open(settings: Partial<LogSettings> = {}): Promise<Rig> {
  made += 1;
  const path = join(folder, `${made}.log`);
  const file = { path, maxBytes: 1e6, maxFiles: 2 };
  let out = '';
  const stdout = { write: (text: string) => (out += text) };
  const parts = { stdout, env: {}, appName: 'rtplat-test' };
  const logs = await openLogTargets({ level: 'info', format: 'text', file, syslog: undefined, ...settings }, parts);
  return { logs, path, stdout: () => withoutTime(out) };
}

function withoutTime(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, ''));
}

const linesOf = (path: string): readonly string[] => withoutTime(readFileSync(path, 'utf8'));

describe('the targets', () => {
  it('all get the same lines', async () => {
    const socket = join(folder, 'all.socket');
    const receiver = receiveAt(socket);
    const { logs, path, stdout } = await open({ syslog: { destination: { kind: 'unix', path: socket }, facility: 'local3' } });
    logs.logger.info('one');
    logs.logger.scoped('call-1').warn('two\n');
    logs.logger.debug('not this one');
    await receiver.heard.count(2);
    await logs.close();
    receiver.close();
    expect(stdout()).toEqual(['one', '[call-1] WARN: two\\x0a']);
    expect(linesOf(path)).toEqual(stdout());
    const tags = receiver.heard.all.map((line) => line.replace(/>[A-Z][a-z]{2} [ \d]\d [\d:]{8} /, '>'));
    expect(tags).toEqual([
      `<${19 * 8 + 6}>rtplat-test[${process.pid}]: one`,
      `<${19 * 8 + 4}>rtplat-test[${process.pid}]: [call-1] WARN: two\\x0a`,
    ]);
  });

  it('take another level and another format while they run, for loggers that there are too', async () => {
    const { logs, stdout } = await open();
    const scoped = logs.logger.scoped('a');
    scoped.debug('one');
    logs.adjust({ level: 'debug', format: 'json' });
    scoped.debug('two', { port: 1 });
    logs.adjust({ level: 'error', format: 'text' });
    scoped.warn('three');
    scoped.error('four');
    await logs.close();
    expect(stdout().map((line) => (line.startsWith('{') ? (JSON.parse(line) as unknown) : line))).toEqual([
      { time: expect.any(String) as string, level: 'debug', scope: 'a', message: 'two', port: 1 },
      '[a] ERROR: four',
    ]);
  });

  it('hear of trouble with one of the others, whatever the level', async () => {
    const { logs, stdout } = await open({ level: 'error', file: { path: '/dev/full', maxBytes: 1e6, maxFiles: 1 } });
    logs.logger.error('one');
    await logs.close();
    expect(stdout()).toEqual([
      'one',
      expect.stringContaining('Log file /dev/full: ENOSPC') as string,
      'Log file /dev/full: 1 line was lost',
    ]);
  });

  it('say why the program ends, but not where standard error does', async () => {
    const { logs, path, stdout } = await open({ format: 'json' });
    logs.fatal(new Error('the media\nhave ended'));
    await logs.close();
    expect(stdout()).toEqual([]);
    const [line = ''] = linesOf(path);
    expect(JSON.parse(line)).toMatchObject({
      level: 'error',
      message: 'Ends: the media have ended',
      stack: expect.stringContaining('targets.test') as string,
    });
  });

  it('leave no listener behind', async () => {
    const before = process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const { logs } = await open();
    await logs.close();
    expect(process.eventNames().map((name) => [name, process.listenerCount(name)])).toEqual(before);
  });
});

test('the journal is known by the stream that it made', () => {
  const { dev, ino } = fstatSync(1, { bigint: true });
  expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` })).toBe(true);
  expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino + 1n}` })).toBe(false);
  expect(isJournal({})).toBe(false);
});
