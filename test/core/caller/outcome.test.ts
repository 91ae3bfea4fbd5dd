import { describe, expect, it } from 'vitest';
import { causeLine, mediaProblemOf, problemOf } from '../../../src/core/caller/outcome.ts';
import type { OurReasons } from '../../../src/core/caller/outcome.ts';
import type { ClientCallEnd } from '../../../src/core/sip/client-call.ts';
import { mediaWith } from './calls.ts';

const OURS: OurReasons = { noAnswerNs: null, stopped: false, complete: true, media: null };

function refused(status: number, reason = 'Phrase'): ClientCallEnd {
  return { kind: 'refused', status, reason, cause: null, detail: null };
}

describe('the line of a call that was refused', () => {
  it.each([
    [302, 'redirected, which is not followed (302 Phrase)'],
    [403, 'forbidden (403 Phrase)'],
    [404, 'no route: there is no such number (404 Phrase)'],
    [408, 'no answer: the far end cannot take the call now (408 Phrase)'],
    [480, 'no answer: the far end cannot take the call now (480 Phrase)'],
    [486, 'busy (486 Phrase)'],
    [488, 'no codec in common, or media that the far end does not want (488 Phrase)'],
    [418, 'refused (418 Phrase)'],
    [503, 'no route: the far end is out of service, or has no room (503 Phrase)'],
    [603, 'declined (603 Phrase)'],
  ])('%i', (status, line) => {
    expect(problemOf(refused(status), OURS, null)).toBe(line);
  });

  it('has the cause of the network behind, and nothing that moves a cursor', () => {
    const end: ClientCallEnd = {
      ...refused(486, 'Busy\u001B[2J'),
      ...{ cause: { protocol: 'Q.850', cause: 17, text: 'User\u0007 busy' }, detail: '399 x "a\nb"' },
    };
    expect(problemOf(end, OURS, null)).toBe('busy (486 Busy\\x1b[2J, Q.850 cause 17 "User\\x07 busy"): 399 x "a\\x0ab"');
    expect(causeLine(end)).toBe('486 Busy\\x1b[2J, Q.850 cause 17 "User\\x07 busy"');
  });

  it('is cut where a peer talks too much', () => {
    expect(problemOf(refused(500, 'x'.repeat(5_000)), OURS, null)?.length).toBeLessThan(200);
  });
});

describe('the line of a call that ended otherwise', () => {
  it.each<[string, ClientCallEnd, Partial<OurReasons>, string | null]>([
    [
      'credentials',
      { kind: 'credentials', status: 401, reason: 'Unauthorized', detail: 'refused' },
      {},
      'refused (401 Unauthorized): see --user and RTPLAT_SIP_PASSWORD',
    ],
    ['no answer', { kind: 'cancelled', rang: true }, { noAnswerNs: 30e9 }, 'no answer within 30s, though it rang (see --ring-timeout)'],
    [
      'no ringing either',
      { kind: 'cancelled', rang: false },
      { noAnswerNs: 5e9 },
      'no answer within 5s, and it did not ring (see --ring-timeout)',
    ],
    [
      'an answer that is too late',
      { kind: 'hung-up', why: 'given up', answered: true, disconnectMs: 1 },
      { noAnswerNs: 5e9 },
      'no answer within 5s: it came while the call was given up (see --ring-timeout)',
    ],
    ['stopped by the user', { kind: 'cancelled', rang: true }, { stopped: true }, null],
    ['silence', { kind: 'timeout', rang: false }, {}, 'no answer to the INVITE at all: is that a SIP port, and open?'],
    ['silence after ringing', { kind: 'timeout', rang: true }, {}, 'no final answer: it rang, and then nothing more came'],
    ['a lost connection', { kind: 'unreachable' }, {}, 'the connection was lost before the call was answered'],
    ['as planned', { kind: 'hung-up', why: null, answered: true, disconnectMs: 1 }, {}, null],
    [
      'no answer to the BYE',
      { kind: 'hung-up', why: null, answered: false, disconnectMs: null },
      {},
      'the BYE was not answered: the far end may still hold the call',
    ],
    ['a session that was not refreshed', { kind: 'hung-up', why: 'no refresh', answered: true, disconnectMs: 1 }, {}, 'no refresh'],
    ['media that failed', { kind: 'hung-up', why: null, answered: true, disconnectMs: 1 }, { media: 'no media' }, 'no media'],
    ['early', { kind: 'left', cause: null }, { complete: false }, 'the far end hung up early'],
    ['just after the end', { kind: 'left', cause: null }, {}, null],
  ])('%s', (_, end, ours, line) => {
    expect(problemOf(end, { ...OURS, ...ours }, null)).toBe(line);
  });

  it('names why nothing listens', () => {
    expect(problemOf({ kind: 'unreachable' }, OURS, 'nothing listens there')).toBe('nothing listens there');
  });
});

describe('what is wrong with media', () => {
  it.each<[string, Parameters<typeof mediaWith>[0], RegExp | null]>([
    ['nothing', {}, null],
    ['some came back', { received: 1, lost: 499 }, null],
    ['nothing was sent', { sent: 0, received: 0 }, /^no media: the call ended before a packet was sent/],
    ['nothing came', { received: 0, lost: 500 }, /^no media: none of 500 packets came back; does that number echo\?/],
    ['the kernel knows why', { received: 0, lost: 500, lastError: 'EHOSTUNREACH: x' }, /came back \(EHOSTUNREACH: x\)/],
    [
      'other packets',
      { received: 0, lost: 500, unmatched: 480, otherSsrc: 480 },
      /^480 packets came back with another SSRC: not matched by header/,
    ],
    ['no RTP', { received: 0, lost: 500, malformed: 7 }, /^7 datagrams came that are no echo of a packet sent/],
  ])('%s', (_, changes, line) => {
    const problem = mediaProblemOf(mediaWith(changes));
    if (line === null) expect(problem).toBeNull();
    else expect(problem).toMatch(line);
  });
});
