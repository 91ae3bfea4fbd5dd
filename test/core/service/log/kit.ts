/** What the tests of log targets need: lines, folders that go away, and receivers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { formatRecord } from '../../../../src/core/service/log.ts';
import type { LogLevel, LogLine } from '../../../../src/core/service/log.ts';

export const TIME: Date = new Date('2026-11-21T03:00:00.123Z');

export function line(message: string, level: LogLevel = 'info'): LogLine {
  return formatRecord({ level, time: TIME, scope: undefined, message, fields: undefined }, 'text');
}

/** As {@link line} is written. */
export function written(...messages: readonly string[]): string {
  return messages.map((message) => `${line(message).text}\n`).join('');
}

/** A folder for the tests of a file; it goes with them. */
export function folderForTests(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rtplat-log-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Keeps what it is told, and lets a test await something. */
export class Heard<T> {
  readonly all: T[] = [];
  #waiting: { readonly enough: (all: readonly T[]) => boolean; readonly resolve: () => void }[] = [];

  readonly hear = (one: T): void => {
    this.all.push(one);
    this.#waiting = this.#waiting.filter(({ enough, resolve }) => {
      if (!enough(this.all)) return true;
      resolve();
      return false;
    });
  };

  async until(enough: (all: readonly T[]) => boolean): Promise<readonly T[]> {
    if (!enough(this.all)) await new Promise<void>((resolve) => this.#waiting.push({ enough, resolve }));
    return this.all;
  }

  async count(count: number): Promise<readonly T[]> {
    return this.until((all) => all.length >= count);
  }
}
