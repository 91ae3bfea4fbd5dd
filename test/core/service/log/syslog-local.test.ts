import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalSyslog } from '../../../../src/core/service/log/syslog-local.ts';
import { folderForTests, Heard, line } from './kit.ts';
import { receiveAt } from './unix-receiver.ts';

const folder = folderForTests();
let made = 0;

function open(options: { expected?: boolean; retryMs?: number } = {}) {
  const { expected = true, retryMs = 1e9 } = options;
  made += 1;
  const path = join(folder, `${made}.socket`);
  const notes = new Heard<string>();
  const target = new LocalSyslog({ path, format: ({ body }) => `<30>${body}`, note: notes.hear, expected, retryMs });
  return { path, notes, target };
}

describe('the syslog of this host', () => {
  it('gets a datagram a line, cut to what its readers take', async () => {
    const { path, notes, target } = open();
    const receiver = receiveAt(path);
    expect(target.start()).toBeUndefined();
    target.write(line('a'));
    target.write(line('ü'.repeat(5_000)));
    await receiver.heard.count(2);
    await target.close();
    receiver.close();
    expect(receiver.heard.all).toEqual(['<30>a', `<30>${'ü'.repeat(4_094)}`]);
    expect(notes.all).toEqual([]);
  });

  it('is waited for when its queue is full', async () => {
    const { path, notes, target } = open();
    const receiver = receiveAt(path, false);
    target.start();
    const messages = Array.from({ length: 2_000 }, (_, i) => `line ${i}`);
    for (const message of messages) target.write(line(message));
    expect(receiver.heard.all).toEqual([]);
    receiver.read();
    await receiver.heard.count(messages.length);
    await target.close();
    receiver.close();
    expect(receiver.heard.all).toEqual(messages.map((message) => `<30>${message}`));
    expect(notes.all).toEqual([]);
  });

  it('is found again at once when it was started again', async () => {
    const { path, notes, target } = open();
    const first = receiveAt(path);
    target.start();
    target.write(line('a'));
    await first.heard.count(1);
    first.close();
    const second = receiveAt(path);
    target.write(line('b'));
    await second.heard.count(1);
    await target.close();
    second.close();
    expect(second.heard.all).toEqual(['<30>b']);
    expect(notes.all).toEqual([]);
  });

  it('is told once when it has gone, and gets what waited when it is back', async () => {
    const { path, notes, target } = open({ retryMs: 5 });
    const first = receiveAt(path);
    target.start();
    first.close();
    target.write(line('a'));
    target.write(line('b'));
    expect(notes.all).toEqual([`Syslog at ${path}: ENOENT; lines wait in memory until it works, and are lost when there are too many`]);
    const second = receiveAt(path);
    await notes.count(2);
    await second.heard.count(2);
    await target.close();
    second.close();
    expect(notes.all[1]).toBe(`Syslog at ${path} works again; no line was lost`);
    expect(second.heard.all).toEqual(['<30>a', '<30>b']);
  });

  it('is left out, without a word, where there is none and none was named', async () => {
    const { path, notes, target } = open({ expected: false });
    expect(target.start()).toBe(`${path}: ENOENT`);
    target.write(line('a'));
    const receiver = receiveAt(path);
    target.write(line('b'));
    target.reopen();
    target.write(line('c'));
    await receiver.heard.count(1);
    await target.close();
    receiver.close();
    expect(receiver.heard.all).toEqual(['<30>c']);
    expect(notes.all).toEqual([]);
  });

  it('counts what nobody took', async () => {
    const { path, notes, target } = open();
    target.start();
    target.write(line('a'));
    target.write(line('b'));
    await target.close();
    expect(notes.all.at(-1)).toBe(`Syslog at ${path}: 2 lines were lost`);
  });
});
