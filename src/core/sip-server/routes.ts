/** What `sip-serve` serves over HTTP (docs/http.md). */
import { CONTENT_TYPES, renderPrometheus } from '../report/render/prometheus.ts';
import { negotiate } from '../report/render/negotiate.ts';
import { spread } from '../report/latency-summary.ts';
import { checkService } from '../report/verdict.ts';
import type { RelayFleet } from '../relay/fleet.ts';
import type { HealthDocument } from '../service/health.ts';
import { json } from '../service/http.ts';
import type { EventStream, HttpAnswer, HttpRequest } from '../service/http.ts';
import type { SipCallDocument } from './call-book.ts';
import type { PlayerLegs } from './player-legs.ts';
import type { SipServer } from './server.ts';

export interface SipRouteSources {
  readonly server: SipServer;
  readonly player: PlayerLegs;
  /** undefined where no call is relayed. */
  readonly fleet: RelayFleet | undefined;
  readonly health: () => HealthDocument;
  readonly nowMs: () => number;
  /** Calls `listener` for each digit and each ended call; the returned function ends that. */
  readonly listen: (listener: SipEventListener) => () => void;
}

export interface SipEventListener {
  digit(event: { readonly id: string; readonly digit: string; readonly how: string }): void;
  ended(record: SipCallDocument): void;
}

const CHANNEL_PREFIX = '/channels/';
const EVENT_PERIOD_MS = 1_000;

export function sipRoutes(sources: SipRouteSources): (request: HttpRequest) => HttpAnswer | undefined {
  const { server, fleet, health, nowMs } = sources;
  return ({ path, accept }) => {
    switch (path) {
      case '/health': {
        const document = health();
        return json(document.status === 'healthy' ? 200 : 503, document);
      }
      case '/metrics': {
        const format = fleet === undefined ? 'json' : negotiate(accept);
        if (format === 'json' || fleet === undefined) return json(200, sipMetrics(sources));
        return { status: 200, contentType: CONTENT_TYPES[format], body: renderPrometheus(fleet.metrics(), fleet.histogram, format) };
      }
      case '/channels':
        return json(200, { channels: server.book.documents(nowMs()), relayed: fleet?.calls() ?? [] });
      case '/sla':
        return fleet === undefined
          ? json(404, { error: 'no call is relayed, so none is measured' })
          : json(200, checkService(fleet.metrics()));
      default: {
        if (!path.startsWith(CHANNEL_PREFIX)) return undefined;
        const id = path.slice(CHANNEL_PREFIX.length);
        const call = server.book.document(id, nowMs());
        if (call === undefined) return json(404, { error: 'no such call, or it ended too long ago' });
        return json(200, { ...call, relayed: fleet?.call(id) ?? null });
      }
    }
  };
}

/** `GET /metrics`: calls, signalling, media, and the relay's own document where there is a relay. */
export function sipMetrics({ server, player, fleet }: SipRouteSources): object {
  const { pacing, ...media } = player.fleet.totals();
  return {
    calls: server.book.totals(),
    rfc6076: server.book.metrics(),
    transactions: server.transactions,
    media: { ...media, pacing_error_ms: spread(pacing), ports: player.ports() },
    relay: fleet?.metrics() ?? null,
  };
}

/** `GET /events`: metrics, health and calls once a second; each digit and each ended call when it happens. */
export function sipEvents(sources: SipRouteSources): (stream: EventStream) => () => void {
  return (stream) => {
    const tell = (): void => {
      stream.send('metrics', sipMetrics(sources));
      stream.send('health', sources.health());
      stream.send('calls', sources.server.book.documents(sources.nowMs()).slice(0, 100));
    };
    tell();
    const timer = setInterval(tell, EVENT_PERIOD_MS);
    const silence = sources.listen({
      digit: (event) => stream.send('digit', event),
      ended: (record) => stream.send('ended', record),
    });
    return () => {
      clearInterval(timer);
      silence();
    };
  };
}
