/** What `ari-serve` serves over HTTP (`docs/http.md`): the numbers of its relay. */
import type { MetricFamily } from '../report/render/families.ts';
import { metricFamilies } from '../report/render/prometheus.ts';
import { checkService } from '../report/verdict.ts';
import type { RelayFleet } from '../relay/fleet.ts';
import { relayPage } from './dashboard.ts';
import type { HealthDocument } from './health.ts';
import type { HttpCounts } from './http-counts.ts';
import type { EventTeller, HttpAnswer, HttpRequest } from './http.ts';
import { serviceEvents, serviceRoutes } from './service-routes.ts';
import type { ServiceSources } from './service-routes.ts';

export interface RelayRouteSources {
  readonly fleet: RelayFleet;
  readonly health: () => HealthDocument;
  /** Of the HTTP service itself. */
  readonly http: HttpCounts;
}

export function relayRoutes(sources: RelayRouteSources): (request: HttpRequest) => HttpAnswer | undefined {
  return serviceRoutes(relaySources(sources));
}

export function relayEvents(sources: RelayRouteSources): EventTeller {
  return serviceEvents(relaySources(sources));
}

/** The same numbers for who is told them without asking. */
export function relayMetricFamilies({ fleet, health, http }: RelayRouteSources): readonly MetricFamily[] {
  return [...metricFamilies(fleet.metrics(), fleet.histogram, health()), ...http.families()];
}

function relaySources(sources: RelayRouteSources): ServiceSources {
  const { fleet, health } = sources;
  return {
    health,
    relay: fleet,
    relays: true,
    metrics: () => fleet.metrics(),
    families: () => relayMetricFamilies(sources),
    channels: (most) => fleet.calls().slice(0, most),
    channel: (id) => fleet.call(id),
    verdict: () => checkService(fleet.metrics()),
    page: relayPage,
  };
}
