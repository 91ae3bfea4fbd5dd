import { RtplatError } from '../../../src/core/errors.ts';
import { parseChannels } from '../../../src/core/report/read-metrics.ts';
import { widthOfLine } from '../../../src/core/watch/line.ts';
import { jsonLine, plainLine } from '../../../src/core/watch/record.ts';
import { screenLines } from '../../../src/core/watch/screen.ts';
import type { Snapshot } from '../../../src/core/watch/snapshot.ts';
import { SnapshotCollector } from '../../../src/core/watch/snapshot.ts';
import { begin, lost, seen } from '../../../src/core/watch/state.ts';
import { callNumber, makeSnapshot } from '../../core/watch/make-snapshot.ts';
import { bytesOf, must, mustBeOneCleanLine, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const AT = '2026-11-21T10:00:00.000Z';
const ROOM = { columns: 70, rows: 24, unicode: true };

export const target: FuzzTarget = {
  name: 'service',
  what: 'what a service tells to watch and report, three lines of JSON: one line that says what is wrong, or a screen of which no line is too wide or moves the cursor',
  code: ['report/read-metrics.ts', 'watch/'],
  mostBytes: 6_000,
  inputs: 60_000,
  seeds: () => {
    const { metrics, health } = makeSnapshot();
    const calls = [callNumber(1), callNumber(2, { name: '\u001B[2J漢字' })];
    const lines = [metrics, health, calls].map((part) => JSON.stringify(part)).join('\n');
    const relayless = [{ ...metrics, relays: false }, { ...health, status: 'unhealthy', reason: 'x\u202Ey' }, []]
      .map((part) => JSON.stringify(part))
      .join('\n');
    return bytesOf(lines, relayless, JSON.stringify({ channels: calls }));
  },
  check(input) {
    const text = textOf(input);
    quietly(() => void parseChannels(text, 'http://x/channels'));
    const collector = new SnapshotCollector('http://x/events');
    let snapshot: Snapshot | undefined;
    for (const [i, data] of text.split('\n', 3).entries())
      quietly(() => (snapshot = collector.add({ name: ['metrics', 'health', 'calls'][i] ?? '', data })));
    if (snapshot === undefined) return;
    mustBeOneCleanLine(plainLine(AT, snapshot), 'the line');
    JSON.parse(jsonLine(AT, 'http://x/', snapshot));
    const state = seen(begin(snapshot, 0), snapshot, 1_000);
    for (const shown of [state, lost(state, snapshot.health.reason ?? '')]) {
      for (const line of screenLines(shown, { url: 'http://x/', keys: true, pictures: true }, 1_500, ROOM)) {
        mustBeOneCleanLine(line.map(({ text }) => text).join(''), 'a line of the screen');
        must(widthOfLine(line) <= ROOM.columns, 'a line is wider than the screen', line);
      }
    }
  },
};

function quietly(reading: () => void): void {
  try {
    reading();
  } catch (error) {
    if (!(error instanceof RtplatError)) throw error;
    must(error.code === 'format' && !error.message.includes('\n') && error.message.length < 400, 'the message', error.message);
  }
}
