import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CallSummary } from '../../../src/core/sip-server/answering-call.ts';
import { CallBook } from '../../../src/core/sip-server/call-book.ts';
import { channelDocument } from '../../../src/core/sip-server/call-documents.ts';
import type { CallProgress } from '../../../src/core/sip-server/call-documents.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';
import { makeCall } from '../report/make-metrics.ts';

const ENDED_AT = '2026-11-21T10:00:03.000Z';

const RINGING: CallProgress = {
  ...{ state: 'ringing', ringingMs: 2, answeredMs: null, establishedMs: null, codec: 'PCMU/8000', port: 10_000, media: { sent: 7 } },
};

function opened(book: CallBook, id: string, source = '192.0.2.20'): void {
  book.open({
    ...{ id, sipCallId: `${id}@host`, from: 'sip:alice@example.org', user: '600', source, transport: 'UDP', action: 'silence' },
    ...{ route: '6??', digits: '', startedAt: '2026-11-21T10:00:00.000Z', startedMs: 1000, progress: () => RINGING },
  });
}

function summary(id: string, change: Partial<CallSummary> = {}): CallSummary {
  return {
    ...{ id, sipCallId: `${id}@host`, from: 'sip:alice@example.org', user: '600', source: '192.0.2.20', transport: 'UDP' },
    ...{ plan: { action: { kind: 'silence' }, answerDelayMs: 0, match: '6??' }, port: 10_000 },
    ...{ codec: 'PCMU/8000', ringingMs: 1, answeredMs: 500, establishedMs: 510, endedMs: 2500, digits: '12', media: { sent: 100 } },
    end: { by: 'caller', status: 200, reason: 'BYE' },
    ...change,
  };
}

describe('the book of calls', () => {
  test('counts who is up, of each source too, and who was', () => {
    const book = new CallBook();
    for (const [id, source] of [
      ['a', '192.0.2.20'],
      ['b', '192.0.2.20'],
      ['c', '192.0.2.21'],
    ] as const) {
      opened(book, id, source);
    }
    expect([book.active, book.ofSource('192.0.2.20'), book.ofSource('192.0.2.21'), book.ofSource('192.0.2.22')]).toEqual([3, 2, 1, 0]);
    book.confirmed('a');
    book.confirmed('nobody');
    expect([book.confirmedOf('192.0.2.20'), book.confirmedOf('192.0.2.21'), book.unconfirmed]).toEqual([1, 0, 2]);
    expect([book.actionOf('a'), book.actionOf('x'), book.totals().actions.silence]).toEqual([
      'silence',
      undefined,
      { taken: 3, active: 3 },
    ]);
    book.close(summary('a'), 1, ENDED_AT);
    book.refused('source', 486, 1);
    expect([book.active, book.ofSource('192.0.2.20'), book.confirmedOf('192.0.2.20'), book.unconfirmed]).toEqual([2, 1, 0, 2]);
    const cancelled = { answeredMs: null, establishedMs: null, end: { by: 'caller', status: 487, reason: 'cancelled' } } as const;
    book.close(summary('b', cancelled), 1, ENDED_AT);
    const noAck = { establishedMs: null, end: { by: 'network', status: 200, reason: 'no ACK' } } as const;
    book.close(summary('c', { source: '192.0.2.21', ...noAck }), 2, ENDED_AT);
    expect([book.ofSource('192.0.2.20'), book.ofSource('192.0.2.21')]).toEqual([0, 0]);
    const totals = book.totals();
    expect(totals).toMatchObject({ taken: 3, active: 0, peak: 3, completed: 1, cancelled: 1, rejected: 0, failed: 1, digits: 0 });
    expect(totals).toMatchObject({
      refused: 1,
      refused_by: { limit: 0, source: 1, unconfirmed: 0, stopping: 0 },
      responses: { 200: 2, 486: 1, 487: 1 },
    });
    expect(totals.actions.silence).toEqual({ taken: 3, active: 0 });
    expect(totals.ended.filter(({ calls }) => calls > 0)).toEqual([
      { outcome: 'completed', by: 'caller', calls: 1 },
      { outcome: 'cancelled', by: 'caller', calls: 1 },
      { outcome: 'failed', by: 'network', calls: 1 },
    ]);
  });

  test('knows what RFC 6076 makes of them: a call that was refused is one that was asked for', () => {
    const book = new CallBook();
    opened(book, 'a');
    opened(book, 'b');
    book.close(summary('a'), 1, ENDED_AT);
    book.close(summary('b', { establishedMs: null, end: { by: 'network', status: 200, reason: 'no ACK' } }), 1, ENDED_AT);
    book.refused('limit', 503, 1);
    const metrics = book.metrics.summary();
    expect(metrics.sessionRequests).toBe(3);
    expect(metrics.sessionEstablishmentRatio).toBeCloseTo(2 / 3);
    expect(metrics.sessionDuration?.count).toBe(1);
    expect(metrics.failedSessionDuration?.count).toBe(1);
    // How soon it was refused nobody measured, nor how long a BYE took: that is not 0.
    expect([metrics.failedSessionRequestDelay, metrics.sessionDisconnectDelay, metrics.registrationRequestDelay]).toEqual([
      null,
      null,
      null,
    ]);
    book.metrics.registration(200, 30);
    book.metrics.disconnected(4);
    expect(book.metrics.summary().registrationRequestDelay?.count).toBe(1);
    expect(book.metrics.summary().sessionDisconnectDelay).toMatchObject({ count: 1, maxMs: 4 });
    expect([book.answerDelay.count, book.ackDelay.count, book.ackDelay.maxNs]).toEqual([2, 1, 10e6]);
  });

  test('measures jitter where there was any', () => {
    const book = new CallBook();
    for (const [id, media] of Object.entries({ a: { jitter_ms: 2, remote_jitter_ms: null }, b: { jitter_ms: null }, c: null })) {
      opened(book, id);
      book.close(summary(id, { media }), 1, ENDED_AT);
    }
    expect([book.jitter.count, book.jitter.maxNs, book.remoteJitter.count]).toEqual([1, 2e6, 0]);
  });

  test('every call that was taken is up, or has ended in exactly one way', () => {
    const end = fc.record({
      by: fc.constantFrom('caller', 'us', 'network'),
      status: fc.constantFrom(0, 200, 302, 408, 480, 486, 487, 488, 500, 503, 603),
      reason: fc.constant('x'),
    });
    const some = fc.option(fc.double({ min: 0, max: 1000, noNaN: true }));
    const call = fc.record({ ends: fc.boolean(), end, answeredMs: some, establishedMs: some });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        const book = new CallBook();
        for (const [i, { ends, end, answeredMs, establishedMs }] of calls.entries()) {
          opened(book, String(i));
          const established = answeredMs === null ? null : establishedMs;
          if (ends) book.close(summary(String(i), { end, answeredMs, establishedMs: established }), 1, ENDED_AT);
        }
        const { taken, active, completed, cancelled, rejected, failed } = book.totals();
        expect(taken).toBe(calls.length);
        // An end that is in no row of the table would be missing here.
        expect(active + completed + cancelled + rejected + failed).toBe(taken);
      }),
    );
  });

  test('shows live calls first, then the ended ones, the newest first', () => {
    const book = new CallBook();
    for (const id of ['a', 'b', 'c']) opened(book, id);
    book.digit('c', '7', 'info');
    book.digit('nobody', '8', 'rfc4733');
    book.close(summary('a'), 1, ENDED_AT);
    book.close(summary('b', { end: { by: 'network', status: 0, reason: 'lost' } }), 1, ENDED_AT);
    const documents = book.documents(3000);
    expect(documents.map(({ id, state }) => `${id} ${state}`)).toEqual(['c ringing', 'b ended', 'a ended']);
    expect(documents[0]).toMatchObject({
      ...{ sip_call_id: 'c@host', route: '6??', transport: 'UDP', port: 10_000, codec: 'PCMU/8000', ringing_ms: 2, answered_ms: null },
      ...{ duration_ms: 2000, digits: '7', status: null, media: { sent: 7 }, ended_by: null, ended_at: null },
    });
    expect(documents[1]).toMatchObject({ status: null, ended_by: 'network', end_reason: 'lost' });
    expect(documents[2]).toMatchObject({
      ...{
        sip_call_id: 'a@host',
        route: '6??',
        action: 'silence',
        started_at: '2026-11-21T10:00:00.000Z',
        ended_at: ENDED_AT,
        ringing_ms: 1,
      },
      ...{ answered_ms: 500, established_ms: 510, duration_ms: 2500, digits: '12', status: 200, media: { sent: 100 }, port: 10_000 },
    });
    expect(book.document('c', 3000)).toEqual(documents[0]);
    expect(book.document('a', 3000)).toEqual(documents[2]);
    expect(book.document('x', 3000)).toBeUndefined();
    expect(book.documents(3000, 2)).toEqual(documents.slice(0, 2));
    expect(book.totals()).toMatchObject({ digits: 2, digits_by: { rfc4733: 1, info: 1, 'in-band': 0 } });
  });

  test('keeps the last 200 ended calls', () => {
    const book = new CallBook();
    for (let i = 0; i < 450; i++) {
      opened(book, String(i));
      book.close(summary(String(i)), 1, ENDED_AT);
    }
    const documents = book.documents(0);
    expect([documents.length, documents[0]?.id, documents.at(-1)?.id]).toEqual([200, '449', '250']);
    expect(book.taken).toBe(450);
  });
});

describe('a row of /channels', () => {
  const book = new CallBook();
  opened(book, 'a');
  const ended = book.close(summary('a', { media: { jitter_ms: 0.5 } }), 1, ENDED_AT);

  test('of a call that is not relayed has what was measured of it, and null for the latency', () => {
    expect(channelDocument(ended, undefined)).toMatchObject({
      ...{ id: 'a', name: 'sip:alice@example.org', duration_seconds: 2.5, setup_ms: 500, jitter_ms: 0.5, peer: null },
      ...{ total_latencies: 0, p50_latency: null, packet_loss_ratio: null, counters: null },
    });
  });

  test("of a relayed call has the relay's numbers", () => {
    const latency = new LatencyHistogram();
    latency.record(2e6);
    const relayed = makeCall(latency, { id: 'a' });
    const document = channelDocument(ended, relayed);
    expect(document).toMatchObject({ state: 'ended', jitter_ms: 0.25, total_latencies: 1, max_latency: 2, counters: relayed.counters });
    expect(document.first_packet_ms).toBe(30);
  });
});
