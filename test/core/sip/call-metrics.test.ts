import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { CallMetrics, type RequestOutcome } from '../../../src/core/sip/call-metrics.ts';

/** The summary of INVITEs that ended so, each after 10 ms and one hop. */
function invites(...outcomes: readonly RequestOutcome[]): ReturnType<CallMetrics['summary']> {
  const metrics = new CallMetrics();
  for (const outcome of outcomes) metrics.invite(outcome, 10, 1);
  return metrics.summary();
}

it('has nothing to say about nothing, and does not say 0', () => {
  expect(new CallMetrics().summary()).toEqual({
    registrations: 0,
    sessionRequests: 0,
    registrationRequestDelay: null,
    ineffectiveRegistrationRatio: null,
    successfulSessionRequestDelay: null,
    failedSessionRequestDelay: null,
    sessionDisconnectDelay: null,
    sessionDuration: null,
    failedSessionDuration: null,
    hopsPerRequest: null,
    sessionEstablishmentRatio: null,
    sessionEstablishmentEffectivenessRatio: null,
    ineffectiveSessionAttemptRatio: null,
    sessionCompletionRatio: null,
  });
});

describe('RFC 6076 §4.1, §4.2: registrations', () => {
  test('delay of those that succeeded, share of those that failed', () => {
    const metrics = new CallMetrics();
    metrics.registration(200, 40);
    metrics.registration(200, 60);
    metrics.registration(403, 1_000);
    metrics.registration('timeout', 32_000);
    expect(metrics.summary()).toMatchObject({
      registrations: 4,
      registrationRequestDelay: { count: 2, meanMs: 50, maxMs: 60 },
      ineffectiveRegistrationRatio: 2 / 4,
    });
  });

  test('credentials that were refused are a failure, a redirection is none', () => {
    const metrics = new CallMetrics();
    metrics.registration(401, 20);
    metrics.registration(302, 20);
    expect(metrics.summary()).toMatchObject({ registrations: 2, ineffectiveRegistrationRatio: 1 / 2, registrationRequestDelay: null });
  });
});

describe('RFC 6076 §4.3: session request delay', () => {
  it('is kept apart for success and failure', () => {
    const metrics = new CallMetrics();
    for (let ms = 1; ms <= 100; ms++) metrics.invite(200, ms, 1);
    metrics.invite(486, 250, 1);
    const { successfulSessionRequestDelay: successful, failedSessionRequestDelay: failed } = metrics.summary();
    expect(successful).toMatchObject({ count: 100, meanMs: 50.5, maxMs: 100 });
    // To the 3 digits of a histogram.
    expect(Math.round(successful?.p50Ms ?? 0)).toBe(50);
    expect(Math.round(successful?.p95Ms ?? 0)).toBe(95);
    expect(Math.round(successful?.p99Ms ?? 0)).toBe(99);
    expect(failed).toMatchObject({ count: 1, p50Ms: 250, maxMs: 250 });
  });
});

describe('RFC 6076 §4.4, §4.5: sessions', () => {
  it('keeps durations far beyond a minute', () => {
    const metrics = new CallMetrics();
    metrics.invite(200, 5, 1);
    metrics.sessionCompleted(7_200_000, 3);
    const { sessionDuration, sessionDisconnectDelay } = metrics.summary();
    expect(sessionDuration).toEqual({
      count: 1,
      meanMs: 7_200_000,
      p50Ms: 7_200_000,
      p95Ms: 7_200_000,
      p99Ms: 7_200_000,
      maxMs: 7_200_000,
    });
    expect(sessionDisconnectDelay).toMatchObject({ count: 1, maxMs: 3 });
  });

  it('takes no delay that was not measured for 0', () => {
    const metrics = new CallMetrics();
    metrics.invite(200, 5, 1);
    metrics.sessionCompleted(1_000, null);
    expect(metrics.summary()).toMatchObject({ sessionDuration: { count: 1 }, sessionDisconnectDelay: null, sessionCompletionRatio: 1 });
  });

  it('keeps sessions whose end was not answered apart', () => {
    const metrics = new CallMetrics();
    metrics.invite(200, 5, 1);
    metrics.sessionFailed(40_000);
    expect(metrics.summary()).toMatchObject({
      sessionDuration: null,
      sessionDisconnectDelay: null,
      failedSessionDuration: { count: 1, maxMs: 40_000 },
      sessionCompletionRatio: 0,
    });
  });
});

describe('RFC 6076 §4.6 to §4.9: ratios', () => {
  test('SER leaves redirected INVITEs out', () => {
    expect(invites(200, 200, 302, 404).sessionEstablishmentRatio).toBe(2 / 3);
    expect(invites(302).sessionEstablishmentRatio).toBeNull();
  });

  test.each([480, 486, 600, 603])('SEER counts %i as an answer of the callee', (status) => {
    expect(invites(200, status, 404, 302)).toMatchObject({
      sessionEstablishmentRatio: 1 / 3,
      sessionEstablishmentEffectivenessRatio: 2 / 3,
    });
  });

  test.each<RequestOutcome>([408, 500, 503, 504, 'timeout'])('ISA counts %s', (outcome) => {
    expect(invites(200, outcome, 302, 486).ineffectiveSessionAttemptRatio).toBe(1 / 4);
  });

  test.each([487, 488, 501, 603])('ISA does not count %i', (status) => {
    expect(invites(200, status).ineffectiveSessionAttemptRatio).toBe(0);
  });

  test('SCR: sessions with an answered BYE, of all that are decided', () => {
    const metrics = new CallMetrics();
    for (let i = 0; i < 4; i++) metrics.invite(200, 5, 1);
    expect(metrics.summary().sessionCompletionRatio).toBeNull();
    metrics.sessionCompleted(1_000, 1);
    metrics.sessionCompleted(1_000, 1);
    metrics.sessionFailed(1_000);
    expect(metrics.summary().sessionCompletionRatio).toBe(2 / 3);
    metrics.invite(486, 5, 1);
    expect(metrics.summary().sessionCompletionRatio).toBe(2 / 4);
  });

  test('HpR is the mean of the hops', () => {
    const metrics = new CallMetrics();
    metrics.invite(200, 5, 1);
    metrics.invite(486, 5, 4);
    expect(metrics.summary().hopsPerRequest).toBe(2.5);
  });

  test('every ratio is from 0 to 1, and SEER is never below SER', () => {
    const outcome = fc.oneof(fc.constantFrom<RequestOutcome>('timeout', 200, 302, 408, 480, 486, 503), fc.integer({ min: 200, max: 699 }));
    const end = fc.constantFrom('completed', 'failed', 'lasts');
    fc.assert(
      fc.property(fc.array(fc.tuple(outcome, end), { maxLength: 30 }), (calls) => {
        const metrics = new CallMetrics();
        for (const [status, ended] of calls) {
          metrics.invite(status, 1, 1);
          if (status === 'timeout' || status >= 300) continue;
          if (ended === 'completed') metrics.sessionCompleted(1, 1);
          else if (ended === 'failed') metrics.sessionFailed(1);
        }
        const summary = metrics.summary();
        const { sessionEstablishmentRatio: ser, sessionEstablishmentEffectivenessRatio: seer } = summary;
        for (const ratio of [ser, seer, summary.ineffectiveSessionAttemptRatio, summary.sessionCompletionRatio]) {
          if (ratio === null) continue;
          expect(ratio).toBeGreaterThanOrEqual(0);
          expect(ratio).toBeLessThanOrEqual(1);
        }
        expect(seer ?? 0).toBeGreaterThanOrEqual(ser ?? 0);
      }),
      { numRuns: 200 },
    );
  });
});
