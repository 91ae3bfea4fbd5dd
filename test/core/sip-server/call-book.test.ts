import { describe, expect, test } from 'vitest';
import type { CallSummary } from '../../../src/core/sip-server/answering-call.ts';
import { CallBook } from '../../../src/core/sip-server/call-book.ts';

function opened(book: CallBook, id: string, source = '192.0.2.20'): void {
  book.open({
    ...{ id, from: 'sip:alice@example.org', user: '600', source, action: 'tone', digits: '' },
    ...{ startedAt: '2026-11-21T10:00:00.000Z', startedMs: 1000, state: () => 'ringing' },
  });
}

function summary(id: string, change: Partial<CallSummary> = {}): CallSummary {
  return {
    ...{ id, sipCallId: `${id}@host`, from: 'sip:alice@example.org', user: '600', source: '192.0.2.20', transport: 'UDP' },
    plan: { action: { kind: 'silence' }, answerDelayMs: 0, match: '6??' },
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
    book.close(summary('a'), 1);
    book.refused();
    expect([book.active, book.ofSource('192.0.2.20')]).toEqual([2, 1]);
    book.close(summary('b', { answeredMs: null, establishedMs: null, end: { by: 'caller', status: 487, reason: 'cancelled' } }), 1);
    book.close(summary('c', { source: '192.0.2.21', establishedMs: null, end: { by: 'network', status: 200, reason: 'no ACK' } }), 2);
    expect([book.ofSource('192.0.2.20'), book.ofSource('192.0.2.21')]).toEqual([0, 0]);
    expect(book.totals()).toEqual({ taken: 3, active: 0, peak: 3, refused: 1, completed: 1, digits: 0 });
    const metrics = book.metrics();
    expect(metrics.sessionRequests).toBe(3);
    expect(metrics.sessionEstablishmentRatio).toBeCloseTo(2 / 3);
    expect(metrics.sessionDuration?.count).toBe(1);
    expect(metrics.failedSessionDuration?.count).toBe(1);
    // Nobody measured how long a BYE took: that is not 0.
    expect(metrics.sessionDisconnectDelay).toBeNull();
    expect(metrics.registrationRequestDelay).toBeNull();
    book.registration(200, 30);
    expect(book.metrics().registrationRequestDelay?.count).toBe(1);
  });

  test('shows live calls first, then the ended ones, the newest first', () => {
    const book = new CallBook();
    for (const id of ['a', 'b', 'c']) opened(book, id);
    book.digit('c', '7');
    book.digit('nobody', '8');
    book.close(summary('a'), 1);
    book.close(summary('b', { end: { by: 'network', status: 0, reason: 'lost' } }), 1);
    const documents = book.documents(3000);
    expect(documents.map(({ id, state }) => `${id} ${state}`)).toEqual(['c ringing', 'b ended', 'a ended']);
    expect(documents[0]).toMatchObject({ duration_ms: 2000, digits: '7', status: null, media: null, ended_by: null });
    expect(documents[1]).toMatchObject({ status: null, ended_by: 'network', end_reason: 'lost' });
    expect(documents[2]).toMatchObject({
      ...{ sip_call_id: 'a@host', route: '6??', action: 'silence', started_at: '2026-11-21T10:00:00.000Z', ringing_ms: 1 },
      ...{ answered_ms: 500, established_ms: 510, duration_ms: 2500, digits: '12', status: 200, media: { sent: 100 } },
    });
    expect(book.document('c', 3000)).toEqual(documents[0]);
    expect(book.document('a', 3000)).toEqual(documents[2]);
    expect(book.document('x', 3000)).toBeUndefined();
    expect(book.totals().digits).toBe(2);
  });

  test('keeps the last 200 ended calls', () => {
    const book = new CallBook();
    for (let i = 0; i < 450; i++) {
      opened(book, String(i));
      book.close(summary(String(i)), 1);
    }
    const documents = book.documents(0);
    expect([documents.length, documents[0]?.id, documents.at(-1)?.id]).toEqual([200, '449', '250']);
    expect(book.totals().taken).toBe(450);
  });
});
