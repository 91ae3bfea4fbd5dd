/** The paths of the monitor's HTTP service. */
import { expose } from '../report/render/exposition.ts';
import { renderJson } from '../report/render/json.ts';
import { negotiate } from '../report/render/negotiate.ts';
import type { HttpAnswer, HttpRequest } from '../service/http.ts';
import type { HttpCounts } from '../service/http-counts.ts';
import { monitorHealth, monitorFamilies } from './documents.ts';
import type { MonitorFacts, ServiceDocument } from './documents.ts';

export interface MonitorRouteSources {
  readonly services: () => readonly ServiceDocument[];
  readonly facts: () => MonitorFacts;
  /** Of the HTTP service itself. */
  readonly http: HttpCounts;
}

export function monitorRoutes({ services, facts, http }: MonitorRouteSources): (request: HttpRequest) => HttpAnswer | undefined {
  return ({ path, accept }) => {
    switch (path) {
      case '/health': {
        const health = monitorHealth(services(), facts());
        return answer(health.status === 'healthy' ? 200 : 503, health);
      }
      case '/services':
        return answer(200, { services: services() });
      case '/metrics': {
        const format = negotiate(accept);
        return {
          status: 200,
          ...expose([...monitorFamilies(services(), facts()), ...http.families()], format === 'json' ? 'prometheus' : format),
        };
      }
      default:
        return undefined;
    }
  };
}

function answer(status: number, document: object): HttpAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: renderJson(document) };
}
