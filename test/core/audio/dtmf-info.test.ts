import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseDtmfInfo } from '../../../src/core/audio/dtmf-info.ts';

function parsed(contentType: string, body: string): ReturnType<typeof parseDtmfInfo> {
  return parseDtmfInfo(contentType, new TextEncoder().encode(body));
}

describe('application/dtmf-relay', () => {
  it.each<[string, string, number | undefined]>([
    ['Signal=5\r\nDuration=160\r\n', '5', 160],
    ['Signal=5\r\nDuration=160', '5', 160],
    ['Signal= 5\nDuration= 250\n', '5', 250],
    ['signal = *\r\nDURATION\t=\t90\r\n', '*', 90],
    ['Duration=100\r\nSignal=#\r\n', '#', 100],
    ['Signal=d\r\n', 'D', undefined],
    ['Signal=10\r\nDuration=100', '*', 100],
    ['Signal=11\r\n', '#', undefined],
    ['Signal=15\r\n', 'D', undefined],
    ['Signal=16\r\n', 'flash', undefined],
    ['Signal=!\r\n', 'flash', undefined],
    ['\r\nFoo: bar\r\nSignal=1\r\nSignal=2\r\n', '1', undefined],
    ['Signal=1\r\nDuration=-5\r\n', '1', undefined],
    ['Signal=1\r\nDuration=1e3\r\n', '1', undefined],
    ['Signal=1\r\nDuration=99999\r\n', '1', undefined],
    ['Signal=1\r\nDuration=60000\r\n', '1', 60_000],
    ['Signal=1\r\nDuration=\r\n', '1', undefined],
  ])('%j', (body, digit, durationMs) => {
    expect(parsed('application/dtmf-relay', body)).toEqual({ digit, durationMs });
  });

  it.each(['', 'Signal=', 'Signal=E', 'Signal=17', 'Signal=05', 'Signal=123', 'Duration=160', 'Signal', '5', `${'\n'.repeat(16)}Signal=5`])(
    '%j is no digit',
    (body) => {
      expect(parsed('application/dtmf-relay', body)).toBeUndefined();
    },
  );
});

describe('application/dtmf', () => {
  it.each([
    ['5', '5'],
    ['#\r\n', '#'],
    [' a ', 'A'],
    ['16', 'flash'],
    ['Signal=7\r\nDuration=100', '7'],
  ])('%j', (body, digit) => {
    expect(parsed('application/dtmf', body)?.digit).toBe(digit);
  });

  it.each(['', '55', 'X', '5 5'])('%j is no digit', (body) => {
    expect(parsed('application/dtmf', body)).toBeUndefined();
  });
});

describe('other bodies', () => {
  test('the type is compared in any case, without its parameters', () => {
    expect(parsed('Application/DTMF-Relay; charset=utf-8', 'Signal=5')?.digit).toBe('5');
    expect(parsed('text/plain', 'Signal=5')).toBeUndefined();
    expect(parsed('', '5')).toBeUndefined();
  });

  test('a long one is not read', () => {
    expect(parsed('application/dtmf-relay', `Signal=5\r\n${' '.repeat(600)}`)).toBeUndefined();
  });

  test('bytes never throw, and what comes out is a key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.constantFrom('application/dtmf', 'application/dtmf-relay'), (body, type) => {
        const found = parseDtmfInfo(type, body);
        if (found !== undefined) expect([...'0123456789*#ABCD', 'flash']).toContain(found.digit);
      }),
    );
  });
});
