/** What `sip-serve` serves over HTTP (docs/http.md). */
import type { RelayNumbers } from '../relay/none.ts';
import { checkService } from '../report/verdict.ts';
import type { MetricFamily } from '../report/render/families.ts';
import type { HealthDocument } from '../service/health.ts';
import type { HttpCounts } from '../service/http-counts.ts';
import type { EventTeller, HttpAnswer, HttpRequest } from '../service/http.ts';
import { serviceEvents, serviceRoutes } from '../service/service-routes.ts';
import type { ServiceSources } from '../service/service-routes.ts';
import { NO_STRANGERS } from '../sip/stranger-guard.ts';
import type { CallBook } from './call-book.ts';
import { channelDocument } from './call-documents.ts';
import type { SipCallDocument } from './call-documents.ts';
import { sipPage } from './dashboard.ts';
import { sipMetricsDocument } from './metrics.ts';
import type { RegistrationRow, SignallingCounts, SipMetricsDocument } from './metrics.ts';
import { sipFamilies } from './metrics-families.ts';
import type { PlayerLegs } from './player-legs.ts';
import type { SipServer } from './server.ts';

export interface SipRouteSources {
  readonly server: Pick<SipServer, 'signalling' | 'transactions'> & {
    readonly book: CallBook;
    registrations(): readonly RegistrationRow[];
  };
  readonly player: Pick<PlayerLegs, 'fleet' | 'ports'>;
  readonly relay: RelayNumbers;
  /** Whether any call is relayed. */
  readonly relays: boolean;
  readonly health: () => HealthDocument;
  /** Of the HTTP service itself. */
  readonly http: HttpCounts;
  readonly restarts: () => Readonly<Record<string, number>>;
  /** Whether `/sla` is to be answered. */
  readonly sla: () => boolean;
  readonly nowMs: () => number;
  /** Calls `listener` for each digit and each ended call; the returned function ends that. */
  readonly listen: (listener: SipEventListener) => () => void;
}

export interface SipEventListener {
  digit(event: { readonly id: string; readonly digit: string; readonly how: string }): void;
  ended(record: SipCallDocument): void;
}

/** Before the sockets are there. */
const NO_SIGNALLING: SignallingCounts = {
  received: 0,
  sent: 0,
  sendErrors: 0,
  malformed: 0,
  drops: null,
  overflow: 0,
  connections: 0,
  connectionsRefused: 0,
  strangers: NO_STRANGERS,
};

export function sipRoutes(sources: SipRouteSources): (request: HttpRequest) => HttpAnswer | undefined {
  return serviceRoutes(sourcesOf(sources));
}

/** `GET /events`: metrics, health and calls once a second; each digit and each ended call when it happens. */
export function sipEvents(sources: SipRouteSources): EventTeller {
  const tellAll = serviceEvents(sourcesOf(sources));
  return (stream, asked) => {
    const gone = tellAll(stream, asked);
    const silence = sources.listen({
      digit: (event) => stream.send('digit', event),
      ended: (record) => stream.send('ended', record),
    });
    return () => {
      gone();
      silence();
    };
  };
}

/** The numbers of `/metrics` for who is told them without asking. */
export function sipMetricFamilies(sources: SipRouteSources): readonly MetricFamily[] {
  const { server, player, relay, health, http } = sources;
  const { answerDelay, ackDelay, jitter, remoteJitter, metrics } = server.book;
  const { pacing, roundTrip } = player.fleet.totals();
  const rfc6076 = metrics.histograms();
  const histograms = { latency: relay.histogram, rfc6076, answerDelay, ackDelay, jitter, remoteJitter, pacing, roundTrip };
  return [...sipFamilies({ document: sipMetrics(sources), ...histograms, health: health() }), ...http.families()];
}

function sourcesOf(sources: SipRouteSources): ServiceSources {
  const { server, relay, relays, health, sla, nowMs } = sources;
  const { book } = server;
  return {
    health,
    relay,
    relays,
    metrics: () => sipMetrics(sources),
    families: () => sipMetricFamilies(sources),
    channels: (most) => book.documents(nowMs(), most).map((call) => channelDocument(call, relay.call(call.id))),
    channel: (id) => {
      const call = book.document(id, nowMs());
      return call === undefined ? undefined : channelDocument(call, relay.call(id));
    },
    verdict: () => {
      if (!relays) return 'no call is relayed, so none is measured';
      return sla() ? checkService(relay.metrics()) : 'metrics.sla of the configuration is false';
    },
    page: sipPage,
  };
}

/** The document of `GET /metrics`. */
export function sipMetrics({ server, player, relay, relays, restarts }: SipRouteSources): SipMetricsDocument {
  const { pacing, roundTrip, ...media } = player.fleet.totals();
  const { book } = server;
  return sipMetricsDocument({
    relay: relay.metrics(),
    relays,
    calls: book.totals(),
    rfc6076: book.metrics.summary(),
    answerDelay: book.answerDelay,
    ackDelay: book.ackDelay,
    jitter: book.jitter,
    remoteJitter: book.remoteJitter,
    signalling: server.signalling() ?? NO_SIGNALLING,
    transactions: server.transactions,
    registrations: server.registrations(),
    media,
    pacing,
    roundTrip,
    ports: player.ports(),
    restarts: restarts(),
  });
}
