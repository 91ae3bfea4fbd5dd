/** What `ari-serve` serves over HTTP (`docs/http.md`): the numbers of its relay. */
import { renderPrometheus } from '../report/render/prometheus.ts';
import { checkService } from '../report/verdict.ts';
import type { RelayFleet } from '../relay/fleet.ts';
import { relayPage } from './dashboard.ts';
import type { HealthDocument } from './health.ts';
import type { EventStream, HttpAnswer, HttpRequest } from './http.ts';
import { serviceEvents, serviceRoutes } from './service-routes.ts';
import type { ServiceSources } from './service-routes.ts';

export interface RelayRouteSources {
  readonly fleet: RelayFleet;
  readonly health: () => HealthDocument;
}

export function relayRoutes(sources: RelayRouteSources): (request: HttpRequest) => HttpAnswer | undefined {
  return serviceRoutes(relaySources(sources));
}

export function relayEvents(sources: RelayRouteSources): (stream: EventStream) => () => void {
  return serviceEvents(relaySources(sources));
}

function relaySources({ fleet, health }: RelayRouteSources): ServiceSources {
  return {
    health,
    metrics: () => fleet.metrics(),
    exposition: (format) => renderPrometheus(fleet.metrics(), fleet.histogram, format, health()),
    channels: (most) => fleet.calls().slice(0, most),
    channel: (id) => fleet.call(id),
    verdict: () => checkService(fleet.metrics()),
    page: relayPage,
  };
}
