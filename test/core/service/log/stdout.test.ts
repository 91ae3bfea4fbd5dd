import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { StdoutTarget } from '../../../../src/core/service/log/stdout.ts';
import type { StdoutStream } from '../../../../src/core/service/log/stdout.ts';
import { Heard, line, written } from './kit.ts';

/** A stream whose reader does what a test wants. */
class Pipe extends EventEmitter implements StdoutStream {
  readonly writes: Heard<string> = new Heard();
  writableLength = 0;
  failure: Error | null = null;

  write(text: string, done?: (error?: Error | null) => void): void {
    if (this.failure === null) this.writes.hear(text);
    done?.(this.failure);
    if (this.failure !== null) this.emit('error', this.failure);
  }
}

function rig() {
  const pipe = new Pipe();
  const notes: string[] = [];
  return { pipe, notes, target: new StdoutTarget(pipe, (note) => notes.push(note)) };
}

describe('standard output', () => {
  it('has the lines of one turn in one write', async () => {
    const { pipe, target } = rig();
    target.write(line('a'));
    target.write(line('b'));
    expect(pipe.writes.all).toEqual([]);
    await pipe.writes.count(1);
    target.write(line('c'));
    await pipe.writes.count(2);
    expect(pipe.writes.all).toEqual([written('a', 'b'), written('c')]);
  });

  it('is written at once when the process ends, and once only', async () => {
    const { pipe, target } = rig();
    target.write(line('a'));
    target.flushSync();
    expect(pipe.writes.all).toEqual([written('a')]);
    await target.close();
    expect(pipe.writes.all).toEqual([written('a')]);
  });

  it('loses lines, and counts them, when its reader does not read', async () => {
    const { pipe, notes, target } = rig();
    pipe.writableLength = 2 ** 20 + 1;
    target.write(line('a'));
    target.write(line('b'));
    pipe.writableLength = 0;
    target.write(line('c'));
    await pipe.writes.count(1);
    expect(pipe.writes.all).toEqual([written('c')]);
    expect(notes).toEqual([
      'Standard output: its reader does not read; lines are lost until it works',
      'Standard output works again; 2 lines were lost',
    ]);
  });

  it('survives a full disk behind it', async () => {
    const { pipe, notes, target } = rig();
    pipe.failure = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    target.write(line('a'));
    target.write(line('b'));
    await once(pipe, 'error');
    target.write(line('c'));
    await once(pipe, 'error');
    pipe.failure = null;
    target.write(line('d'));
    await pipe.writes.count(1);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toContain('Standard output: ENOSPC; ');
    expect(notes[1]).toBe('Standard output works again; 3 lines were lost');
    expect(pipe.listenerCount('error')).toBe(1);
    pipe.failure = new Error('again');
    target.write(line('e'));
    await target.close();
    expect(notes.slice(2)).toEqual([expect.stringContaining('Standard output: again; ') as string, 'Standard output: 1 line was lost']);
    await target.release();
    expect(pipe.listenerCount('error')).toBe(0);
  });
});
