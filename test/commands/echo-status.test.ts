import { describe, expect, test } from 'vitest';
import { statusReporter } from '../../src/commands/echo-status.ts';
import { EchoMemory } from '../../src/core/echo/memory.ts';
import type { EchoCounters } from '../../src/core/echo/memory.ts';
import type { Logger } from '../../src/core/service/log.ts';

const IDLE = EchoMemory.create().counters();

/** What is said of each of these, one interval after the other. */
function said(...counters: readonly Partial<EchoCounters>[]): string[] {
  let now: EchoCounters = IDLE;
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line.replace(/[\d,]+ packets\/s/, 'N packets/s'));
  const log: Logger = { debug: note, info: note, warn: note, error: note, scoped: () => log };
  const report = statusReporter(
    () => now,
    () => null,
    log,
  );
  return counters.map((change) => {
    now = { ...now, ...change };
    lines.length = 0;
    report();
    return lines.join('\n');
  });
}

describe('status of an echo', () => {
  test('is a line when packets came, and none when nothing did', () => {
    expect(said({}, { packets: 3, bytes: 30, sent: 3 }, {})).toEqual(['', '3 packets, 30 bytes, N packets/s', '']);
  });

  test('says what was not answered, also of a packet that had been counted but not judged yet', () => {
    const lines = said({ packets: 1, bytes: 172 }, { refused: 1, refusals: { ...IDLE.refusals, port: 1 } }, {});
    expect(lines).toEqual([
      '1 packets, 172 bytes, N packets/s',
      '1 packets, 172 bytes, N packets/s, not answered: 1 from a port that echoes or servers have',
      '',
    ]);
  });
});
