/** What a relay service serves over HTTP (`docs/http.md`); `ari-serve` and `sip-serve` differ only in their health. */
import { CONTENT_TYPES, renderPrometheus } from '../report/render/prometheus.ts';
import { negotiate } from '../report/render/negotiate.ts';
import type { RelayFleet } from '../relay/fleet.ts';
import { checkService } from '../report/verdict.ts';
import { dashboardPage } from './dashboard.ts';
import type { HealthDocument } from './health.ts';
import { json } from './http.ts';
import type { EventStream, HttpAnswer, HttpRequest } from './http.ts';

export interface RelayRouteSources {
  readonly fleet: RelayFleet;
  readonly health: () => HealthDocument;
}

const CHANNEL_PREFIX = '/channels/';
const EVENT_PERIOD_MS = 1_000;

export function relayRoutes(sources: RelayRouteSources): (request: HttpRequest) => HttpAnswer | undefined {
  const { fleet, health } = sources;
  return ({ path, accept }) => {
    switch (path) {
      case '/health': {
        const document = health();
        return json(document.status === 'healthy' ? 200 : 503, document);
      }
      case '/metrics': {
        const format = negotiate(accept);
        if (format === 'json') return json(200, fleet.metrics());
        return {
          status: 200,
          contentType: CONTENT_TYPES[format],
          body: renderPrometheus(fleet.metrics(), fleet.histogram, format),
        };
      }
      case '/channels':
        return json(200, { channels: fleet.calls() });
      case '/sla':
        return json(200, checkService(fleet.metrics()));
      case '/':
        return { status: 200, contentType: 'text/html; charset=utf-8', body: dashboardPage() };
      default: {
        if (!path.startsWith(CHANNEL_PREFIX)) return undefined;
        const call = fleet.call(path.slice(CHANNEL_PREFIX.length));
        return call === undefined ? json(404, { error: 'no such call, or it ended too long ago' }) : json(200, call);
      }
    }
  };
}

/** `GET /events`: metrics, health and calls once a second. */
export function relayEvents(sources: RelayRouteSources): (stream: EventStream) => () => void {
  return (stream) => {
    const tell = (): void => {
      stream.send('metrics', sources.fleet.metrics());
      stream.send('health', sources.health());
      stream.send('calls', sources.fleet.calls().slice(0, 100));
    };
    tell();
    const timer = setInterval(tell, EVENT_PERIOD_MS);
    return () => clearInterval(timer);
  };
}
