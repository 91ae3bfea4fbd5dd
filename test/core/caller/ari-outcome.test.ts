import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ariMediaProblem, breakProblem, cameBack, causeText } from '../../../src/core/caller/ari-outcome.ts';
import { isAriTarget, parseAriTarget } from '../../../src/core/caller/ari-target.ts';
import { mediaWith } from './calls.ts';

describe('why a call through ARI was over', () => {
  const cause = (number: number, text = 'why') => ({ why: 'gone', cause: { number, text } }) as const;

  it.each([
    [1, 'no route: there is no such number'],
    [3, 'no route: there is no such number'],
    [17, 'busy'],
    [19, 'no answer: the far end cannot take the call now'],
    [21, 'declined'],
    [27, 'no route: the far end is out of service'],
    [34, 'no route: the far end has no room'],
    [58, 'no codec in common'],
    [0, 'it was hung up before it was answered, for no reason given: is there such an extension?'],
    [16, 'it was hung up before it was answered'],
  ])('cause %i before the answer', (number, words) => {
    expect(breakProblem(cause(number))).toBe(`${words} (Q.850 cause ${number} "why")`);
  });

  it('after the answer, whatever the cause', () => {
    const lasted = { ms: 1_949, wantedNs: 10e9 };
    expect(breakProblem(cause(17), lasted)).toBe('the far end hung up early, 1.9 s after its answer, of 10s (Q.850 cause 17 "why")');
    expect(breakProblem({ why: 'gone', cause: null }, lasted)).toBe('the far end hung up early, 1.9 s after its answer, of 10s');
  });

  it('for other reasons', () => {
    expect(breakProblem({ why: 'stopped' })).toBeNull();
    expect(breakProblem({ why: 'no-answer', afterNs: 30e9 })).toBe('no answer within 30s (see --ring-timeout)');
    expect(breakProblem({ why: 'lost', message: 'closed' })).toBe('the connection to Asterisk was lost: closed');
    expect(breakProblem({ why: 'no-leg' })).toBe('Asterisk hung up the channel that carries our RTP');
    expect(breakProblem({ why: 'gone', cause: null })).toBe('it was hung up before it was answered');
  });

  it("repeats nothing of Asterisk's that a terminal would take for a command, and not all of a long text", () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = causeText({ number: 1, text });
        expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }),
    );
    expect(causeText({ number: 1, text: 'x'.repeat(10_000) }).length).toBeLessThan(200);
  });
});

describe('media of a call through ARI', () => {
  it('came back when packets did, whoever numbered them', () => {
    expect(ariMediaProblem(mediaWith())).toBeNull();
    const changed = mediaWith({ received: 0, lost: 500, unmatched: 499, otherSsrc: 499 });
    expect([ariMediaProblem(changed), cameBack(changed)]).toEqual([null, 499]);
    expect(cameBack(mediaWith({ received: 490, lost: 10, lateAfterLoss: 3, duplicates: 2, unmatched: 1 }))).toBe(496);
    // 500 packets of 20 ms, in 250 of 40 ms.
    const joined = mediaWith({ otherSsrc: 250, streams: [{ id: '0000abcd', match: 'payload' }] });
    expect([ariMediaProblem(joined), cameBack(joined)]).toEqual([null, 250]);
  });

  it('did not', () => {
    const none = { received: 0, lost: 500 };
    expect(ariMediaProblem(mediaWith(none))).toBe('no media: none of 500 packets came back; does that extension echo?');
    expect(ariMediaProblem(mediaWith({ ...none, lastError: 'EHOSTUNREACH: no way' }))).toBe(
      'no media: none of 500 packets came back (EHOSTUNREACH: no way); does that extension echo?',
    );
    expect(ariMediaProblem(mediaWith({ sent: 0, received: 0, lost: 0 }))).toBe('no media: the call ended before a packet was sent');
  });
});

describe('the target', () => {
  it.each([
    ['ari:Local/600@callers', 'Local/600@callers'],
    [' ARI:PJSIP/600@trunk ', 'PJSIP/600@trunk'],
    ['ari:Local/echo@rtplat/n', 'Local/echo@rtplat/n'],
  ])('%j', (text, endpoint) => {
    expect(isAriTarget(text)).toBe(true);
    expect(parseAriTarget(text)).toBe(endpoint);
  });

  it.each(['ari:', 'ari:600', 'ari:/600', 'ari:Local/', 'ari:Local/6 00', 'ari:Local/\u001b[2J'])('%j is none', (text) => {
    expect(isAriTarget(text)).toBe(true);
    expect(() => parseAriTarget(text)).toThrowError(expect.objectContaining({ code: 'usage' }));
  });

  it('leaves others to others', () => {
    for (const text of ['sip:600@pbx', 'udp://127.0.0.1:4000', 'ari', 'Local/600@callers']) expect(isAriTarget(text)).toBe(false);
  });
});
