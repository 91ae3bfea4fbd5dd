/** What `sip-serve` tells Prometheus when there is nothing that it has not measured. */
import type { BookTotals } from '../../../src/core/sip-server/call-book.ts';
import { CallBook } from '../../../src/core/sip-server/call-book.ts';
import { sipFamilies as familiesOf } from '../../../src/core/sip-server/metrics-families.ts';
import type { SipMetricsDocument } from '../../../src/core/sip-server/metrics.ts';
import { sipMetricsDocument } from '../../../src/core/sip-server/metrics.ts';
import { MediaSum } from '../../../src/core/media/numbers.ts';
import { renderText } from '../../../src/core/report/render/exposition-text.ts';
import type { TextFormat } from '../../../src/core/report/render/exposition-text.ts';
import { NO_STRANGERS } from '../../../src/core/sip/stranger-guard.ts';
import { TransactionLayer } from '../../../src/core/sip/transactions.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';
import { makeMetrics } from '../report/make-metrics.ts';
import { histogramOf } from '../report/make-run.ts';

const ONE_MS = histogramOf([1e6]);
const NONE = new LatencyHistogram();
const PORTS = { total: 20, free: 19, bound: 1, draining: 0, foreign: 0 };
const NOBODY = { request: () => undefined, ack: () => undefined, cancelled: () => undefined, strayResponse: () => undefined };

/** @param measured whether there is anything that was. */
export function sipDocument(measured: boolean): SipMetricsDocument {
  const histogram = measured ? ONE_MS : NONE;
  const book = new CallBook();
  if (measured) {
    book.refused('limit', 486, 1);
    book.metrics.registration(200, 10);
    book.metrics.invite(200, 1, 1);
    book.metrics.sessionCompleted(1000, 1);
  }
  const calls: BookTotals = book.totals();
  return sipMetricsDocument({
    relay: { ...makeMetrics(histogram, 0), socket_drops: measured ? 0 : null },
    relays: measured,
    calls,
    rfc6076: book.metrics.summary(),
    signalling: {
      received: 5,
      sent: 6,
      sendErrors: 0,
      malformed: 0,
      drops: measured ? 0 : null,
      overflow: 0,
      connections: 1,
      connectionsRefused: 0,
      strangers: NO_STRANGERS,
    },
    transactions: new TransactionLayer(NOBODY, { random: () => '' }).counts,
    registrations: measured ? [{ account: 'sip:600@pbx.example.org', state: 'refreshing', problem: null }] : [],
    media: { ...new MediaSum().with([]), ...(measured ? { lost: 0, remoteLost: 0, socketDrops: 0 } : {}) },
    ...{ answerDelay: histogram, ackDelay: histogram, jitter: histogram, remoteJitter: histogram, pacing: histogram, roundTrip: histogram },
    ports: PORTS,
    restarts: measured ? { media: 2 } : {},
  });
}

export function sipFamilies(measured: boolean, format: TextFormat): string {
  const histogram = measured ? ONE_MS : NONE;
  const rfc6076 = {
    ...{ registrationDelay: histogram, successfulRequestDelay: histogram, failedRequestDelay: NONE },
    ...{ disconnectDelay: histogram, duration: histogram, failedDuration: NONE },
  };
  const others = { answerDelay: histogram, ackDelay: histogram, jitter: histogram, remoteJitter: histogram, pacing: histogram };
  const health = { status: 'unhealthy', checks: measured ? [{ name: 'media', ok: false, reason: 'down' }] : [] } as const;
  const parts = { document: sipDocument(measured), latency: histogram, rfc6076, ...others, roundTrip: histogram, health };
  return renderText(familiesOf(parts), format);
}
