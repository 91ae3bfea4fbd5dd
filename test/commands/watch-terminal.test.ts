import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Terminal } from '../../src/commands/watch-terminal.ts';

class Output extends EventEmitter {
  readonly written: string[] = [];
  columns: number | undefined = 80;
  rows: number | undefined = 24;

  write(text: string): void {
    this.written.push(text);
  }
}

class Input extends EventEmitter {
  isRaw = false;
  isPaused = false;

  setRawMode(raw: boolean): void {
    this.isRaw = raw;
  }

  pause(): void {
    this.isPaused = true;
  }
}

const output = new Output();
let input = new Input();
let heard: string[] = [];
let terminal: Terminal;

beforeEach(() => {
  output.written.length = 0;
  input = new Input();
  heard = [];
  terminal = new Terminal(output, input as unknown as NodeJS.ReadStream, {
    key: (key) => heard.push(key),
    redraw: () => heard.push('redraw'),
  });
  terminal.enter();
});
afterEach(() => terminal.leave());

/** What one call wrote. */
function writtenBy(call: () => void): string[] {
  output.written.length = 0;
  call();
  return [...output.written];
}

describe('a terminal that is drawn on', () => {
  it('gets one write a frame, of the lines that have changed, each erased before it', () => {
    expect(writtenBy(() => terminal.draw(['one', 'two', 'three']))).toEqual([
      '\u001B[1;1H\u001B[Kone\u001B[2;1H\u001B[Ktwo\u001B[3;1H\u001B[Kthree',
    ]);
    expect(writtenBy(() => terminal.draw(['one', 'TWO', 'three']))).toEqual(['\u001B[2;1H\u001B[KTWO']);
    expect(writtenBy(() => terminal.draw(['one', 'TWO', 'three']))).toEqual([]);
    expect(writtenBy(() => terminal.draw(['one']))).toEqual(['\u001B[2;1H\u001B[K\u001B[3;1H\u001B[K']);
  });

  it('is drawn anew when its size changes', () => {
    terminal.draw(['one']);
    expect(writtenBy(() => output.emit('resize'))).toEqual(['\u001B[2J']);
    expect(heard).toEqual(['redraw']);
    expect(writtenBy(() => terminal.draw(['one']))).toEqual(['\u001B[1;1H\u001B[Kone']);
  });

  it('has a size, whatever it says of it', () => {
    expect([terminal.columns, terminal.rows]).toEqual([80, 24]);
    const unknown = new Output();
    unknown.columns = 0;
    unknown.rows = undefined;
    const other = new Terminal(unknown, undefined, { key: () => {}, redraw: () => {} });
    expect([other.columns, other.rows]).toEqual([80, 24]);
  });

  it('is given back once, and not drawn on after that', () => {
    const listeners = (): number[] => ['exit', 'SIGHUP', 'SIGCONT', 'uncaughtExceptionMonitor'].map((name) => process.listenerCount(name));
    const before = listeners();
    expect(input.isRaw).toBe(true);
    expect(writtenBy(() => terminal.leave())).toEqual(['\u001B[?7h\u001B[?25h\u001B[?1049l']);
    expect([input.isRaw, input.isPaused, input.listenerCount('data'), output.listenerCount('resize')]).toEqual([false, true, 0, 0]);
    expect(listeners()).toEqual(before.map((count) => count - 1));
    expect(writtenBy(() => terminal.leave())).toEqual([]);
    expect(writtenBy(() => terminal.draw(['late']))).toEqual([]);
  });
});

describe('keys', () => {
  it.each([
    ['q', ['leave']],
    ['Q', ['leave']],
    ['s', ['order']],
    ['p', ['pause']],
    ['?', ['help']],
    ['h', ['help']],
    ['\u0003', ['SIGINT']],
    ['x', ['other']],
    ['ss', ['order', 'order']],
    ['ü', ['other', 'other']],
    ['\u001B[A', ['other']],
    ['\u001Bq', ['other']],
    ['\u001B[A\u0003', ['SIGINT']],
  ])('%j: %j', (keys, actions) => {
    input.emit('data', Buffer.from(keys));
    expect(heard).toEqual(actions);
  });
});
