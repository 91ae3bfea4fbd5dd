/** A log that keeps its lines, without their time, and lets a test await one. */
import { createLogger } from '../../src/core/service/log.ts';
import type { Logger } from '../../src/core/service/log.ts';

const TIME = '2026-11-01T00:00:00.000Z ';

export class MemoryLog {
  readonly lines: string[] = [];
  readonly logger: Logger;
  #waiting: { readonly part: string; readonly times: number; readonly resolve: () => void }[] = [];

  constructor() {
    this.logger = createLogger({ format: 'text', level: 'debug', write: (line) => this.#write(line), now: () => new Date(TIME.trim()) });
  }

  /** Settles when that many lines hold `part`. */
  async said(part: string, times = 1): Promise<void> {
    if (this.count(part) >= times) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ part, times, resolve });
    await promise;
  }

  count(part: string): number {
    return this.lines.filter((line) => line.includes(part)).length;
  }

  #write(line: string): void {
    if (!line.startsWith(TIME)) throw new Error(`a line without its time: ${line}`);
    this.lines.push(line.slice(TIME.length));
    for (const { part, times, resolve } of this.#waiting) if (this.count(part) >= times) resolve();
  }
}
