import { describe, expect, it, test } from 'vitest';
import { createRequest } from '../../../src/core/sip/message.ts';
import { answerSessionTimer, LEAST_SESSION_SECONDS, type SessionTimerAnswer } from '../../../src/core/sip/session-timer.ts';

function answer(headers: Iterable<readonly [string, string]>, leastSeconds = 90): SessionTimerAnswer {
  return answerSessionTimer(createRequest('INVITE', 'sip:1@192.0.2.1', headers), leastSeconds);
}

function accepted(seconds: number, hangUpAfterMs: number): SessionTimerAnswer {
  return {
    kind: 'timer',
    hangUpAfterMs,
    headers: [
      ['Session-Expires', `${seconds};refresher=uac`],
      ['Require', 'timer'],
    ],
  };
}

const NONE = { kind: 'none' };
const SUPPORTED = ['Supported', '100rel, timer'] as const;

describe('RFC 4028 §9: the answer', () => {
  it.each<[name: string, headers: readonly (readonly [string, string])[], expected: unknown]>([
    ['no timer is asked for', [SUPPORTED], NONE],
    ['the caller may choose the refresher to us', [SUPPORTED, ['Session-Expires', '1800']], accepted(1_800, 1_768_000)],
    ['the caller refreshes', [SUPPORTED, ['Session-Expires', '1800;refresher=uac']], accepted(1_800, 1_768_000)],
    [
      'the compact form',
      [
        ['k', 'timer'],
        ['x', '300 ; Refresher=UAC'],
      ],
      accepted(300, 268_000),
    ],
    ['we are to refresh', [SUPPORTED, ['Session-Expires', '1800;refresher=uas']], NONE],
    ['a proxy asks for a caller without support', [['Session-Expires', '1800']], NONE],
    ['a proxy asks for such a caller, and for too little', [['Session-Expires', '30']], NONE],
    ['no number', [SUPPORTED, ['Session-Expires', 'soon']], NONE],
    ['a negative number', [SUPPORTED, ['Session-Expires', '-1']], NONE],
    ['a number beyond 2^32 − 1', [SUPPORTED, ['Session-Expires', '4294967296']], NONE],
    ['unknown parameters', [SUPPORTED, ['Session-Expires', '1800;x;y="z";refresher=uac']], accepted(1_800, 1_768_000)],
  ])('%s', (_, headers, expected) => {
    expect(answer(headers)).toEqual(expected);
  });
});

describe('RFC 4028 §6: 422', () => {
  test('below our least', () => {
    expect(answer([SUPPORTED, ['Session-Expires', '119']], 120)).toEqual({ kind: 'refuse', status: 422, headers: [['Min-SE', '120']] });
    expect(answer([SUPPORTED, ['Session-Expires', '120']], 120)).toEqual(accepted(120, 88_000));
  });

  test('our least is never below 90 s (§4)', () => {
    expect(LEAST_SESSION_SECONDS).toBe(90);
    expect(answer([SUPPORTED, ['Session-Expires', '89']], 10)).toEqual({ kind: 'refuse', status: 422, headers: [['Min-SE', '90']] });
  });
});

test('RFC 4028 §10: BYE is sent 32 s before the end, or a third of the interval', () => {
  expect(answer([SUPPORTED, ['Session-Expires', '90']])).toEqual(accepted(90, 60_000));
  expect(answer([SUPPORTED, ['Session-Expires', '96']])).toEqual(accepted(96, 64_000));
  expect(answer([SUPPORTED, ['Session-Expires', '99']])).toEqual(accepted(99, 67_000));
});
