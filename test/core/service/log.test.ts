import { describe, expect, it, test } from 'vitest';
import { createLogger } from '../../../src/core/service/log.ts';
import { escapeControl } from '../../../src/core/values/terminal.ts';
import type { Logger, LogLevel } from '../../../src/core/service/log.ts';

const NOW = '2026-11-21T03:00:00.000Z';
/** A channel name that would clear a terminal, start a line of its own, and turn the colours. */
const HOSTILE = 'PJSIP/\x1b[2J\r\n[PortManager] INFO: Allocated port 1\x9b31m\u2028\x7f';

function logger(format: 'text' | 'json', level: LogLevel = 'info'): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: createLogger({ format, level, write: (line) => lines.push(line), now: () => new Date(NOW) }), lines };
}

describe('text', () => {
  it('has the shapes of the contract behind the time', () => {
    const { log, lines } = logger('text');
    log.info('StasisStart event received for channel 1.2', { channel: '1.2' });
    log.scoped('PortManager').info('Allocated port 10000');
    log.scoped('PortManager').error('No ports available in range 10000-10100');
    log.error('Failed to create channel 1.2');
    expect(lines).toEqual([
      `${NOW} StasisStart event received for channel 1.2`,
      `${NOW} [PortManager] INFO: Allocated port 10000`,
      `${NOW} [PortManager] ERROR: No ports available in range 10000-10100`,
      `${NOW} Failed to create channel 1.2`,
    ]);
  });

  it('is one line without control characters, whatever a peer calls itself', () => {
    const { log, lines } = logger('text');
    log.info(HOSTILE);
    log.scoped(HOSTILE).warn('x');
    for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(lines[0]).toContain('\\x1b[2J\\x0d\\x0a[PortManager]');
  });
});

describe('json', () => {
  it('is one object a line, with level, scope and fields', () => {
    const { log, lines } = logger('json');
    log.warn('a', { port: 10_000, ok: false, note: null });
    log.scoped('PortManager').info('b');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { time: NOW, level: 'warn', message: 'a', port: 10_000, ok: false, note: null },
      { time: NOW, level: 'info', scope: 'PortManager', message: 'b' },
    ]);
  });

  it('keeps hostile text whole for the reader, and away from the terminal', () => {
    const { log, lines } = logger('json');
    log.scoped(HOSTILE).info(HOSTILE, { name: HOSTILE });
    expect(JSON.parse(lines[0]!)).toMatchObject({ scope: HOSTILE, message: HOSTILE, name: HOSTILE });
    expect(lines[0]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
  });
});

test.each([
  ['debug', 4],
  ['info', 3],
  ['warn', 2],
  ['error', 1],
] as const)('level %s lets %i of four lines through', (level, count) => {
  const { log, lines } = logger('text', level);
  for (const one of [log, log.scoped('x')]) {
    one.debug('d');
    one.info('i');
    one.warn('w');
    one.error('e');
  }
  expect(lines).toHaveLength(2 * count);
});

test('escapeControl leaves all other text as it is', () => {
  expect(escapeControl('Grüße, 日本 🎧 \\x41')).toBe('Grüße, 日本 🎧 \\x41');
});
