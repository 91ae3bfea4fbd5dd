import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { formatRecord } from '../../../../src/core/service/log.ts';
import { cut, localMessage, networkMessage } from '../../../../src/core/service/log/syslog-message.ts';
import type { SyslogIdentity } from '../../../../src/core/service/log/syslog-message.ts';
import { SYSLOG_FACILITIES } from '../../../../src/core/service/log/syslog-settings.ts';
import { line, TIME } from './kit.ts';

const US: SyslogIdentity = { facility: 'daemon', hostname: 'pbx-1', appName: 'rtplat', pid: 42 };

describe('on the network (RFC 5424 §6)', () => {
  it('has a header, no structured data, and the text without its time', () => {
    expect(networkMessage(line('Grüße'), US)).toBe('<30>1 2026-11-21T03:00:00.123Z pbx-1 rtplat 42 - - Grüße');
  });

  it.each([
    ['debug', 31],
    ['info', 30],
    ['warn', 28],
    ['error', 27],
  ] as const)('%s of a daemon has priority %i', (level, priority) => {
    expect(networkMessage(line('x', level), US)).toMatch(new RegExp(`^<${priority}>1 `));
  });

  test('the facilities have the numbers of the table', () => {
    const numbers = SYSLOG_FACILITIES.map(
      (facility) => Number(/^<(\d+)>/.exec(networkMessage(line('x', 'error'), { ...US, facility }))?.[1]) >> 3,
    );
    expect(numbers).toEqual([3, 1, 16, 17, 18, 19, 20, 21, 22, 23]);
  });

  it('carries a line of JSON whole', () => {
    const json = formatRecord({ level: 'warn', time: TIME, scope: 'a', message: 'b', fields: { port: 1 } }, 'json');
    const message = networkMessage(json, US);
    expect(JSON.parse(message.slice(message.indexOf('{')))).toEqual({
      ...{ time: TIME.toISOString(), level: 'warn', scope: 'a', message: 'b', port: 1 },
    });
  });

  it('keeps names to printable ASCII, and has a dash for none', () => {
    expect(networkMessage(line('x'), { ...US, hostname: 'höst name', appName: '' })).toContain('.123Z h?st?name - 42 - - x');
    expect(networkMessage(line('x'), { ...US, hostname: 'h'.repeat(300) })).toContain(`Z ${'h'.repeat(255)} rtplat`);
  });
});

describe('on this host (syslog(3))', () => {
  it('has the time of this host and a tag with the process number', () => {
    const month = TIME.toLocaleString('en-US', { month: 'short' });
    const time = `${month} ${String(TIME.getDate()).padStart(2, ' ')} ${TIME.toTimeString().slice(0, 8)}`;
    expect(localMessage(line('x'), US)).toBe(`<30>${time} rtplat[42]: x`);
    const first = { ...line('x'), time: new Date(2026, 0, 2, 3, 4, 5) };
    expect(localMessage(first, US)).toBe('<30>Jan  2 03:04:05 rtplat[42]: x');
  });
});

test('cut() keeps what fits, and whole characters', () => {
  expect(cut('äöü', 6)).toBe('äöü');
  expect(cut('äöü', 5)).toBe('äö');
  expect(cut('a🎧', 4)).toBe('a');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 0, max: 120 }), (text, most) => {
      const whole = text.toWellFormed();
      const out = cut(whole, most);
      expect(whole.startsWith(out)).toBe(true);
      expect(Buffer.byteLength(out)).toBeLessThanOrEqual(most);
      const next = [...whole.slice(out.length)][0];
      expect(next === undefined || Buffer.byteLength(out + next) > most).toBe(true);
    }),
  );
});
