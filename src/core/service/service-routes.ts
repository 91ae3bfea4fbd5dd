/** What every service that takes calls serves over HTTP (`docs/http.md`). */
import type { ReportVerdict } from '../report/verdict.ts';
import { expose } from '../report/render/exposition.ts';
import type { MetricFamily } from '../report/render/families.ts';
import { negotiate } from '../report/render/negotiate.ts';
import type { HealthDocument } from './health.ts';
import { json } from './http.ts';
import type { EventStream, HttpAnswer, HttpRequest } from './http.ts';

export interface ServiceSources {
  readonly health: () => HealthDocument;
  readonly metrics: () => object;
  /** The same for who watches. */
  readonly families: () => readonly MetricFamily[];
  /** Live calls first. @param most so many at most. */
  readonly channels: (most: number) => readonly object[];
  readonly channel: (id: string) => object | undefined;
  /** A sentence when there is none. */
  readonly verdict: () => ReportVerdict | string;
  readonly page: () => string;
}

const CHANNEL_PREFIX = '/channels/';
const EVENT_PERIOD_MS = 1_000;
/** Calls in an event. */
const MOST_CALLS = 100;

export function serviceRoutes(sources: ServiceSources): (request: HttpRequest) => HttpAnswer | undefined {
  return ({ path, accept }) => {
    switch (path) {
      case '/health': {
        const document = sources.health();
        return json(document.status === 'healthy' ? 200 : 503, document);
      }
      case '/metrics': {
        const format = negotiate(accept);
        if (format === 'json') return json(200, sources.metrics());
        return { status: 200, ...expose(sources.families(), format) };
      }
      case '/channels':
        return json(200, { channels: sources.channels(Number.POSITIVE_INFINITY) });
      case '/sla': {
        const verdict = sources.verdict();
        return typeof verdict === 'string' ? json(404, { error: verdict }) : json(200, verdict);
      }
      case '/':
        return { status: 200, contentType: 'text/html; charset=utf-8', body: sources.page() };
      default: {
        if (!path.startsWith(CHANNEL_PREFIX)) return undefined;
        const call = sources.channel(path.slice(CHANNEL_PREFIX.length));
        return call === undefined ? json(404, { error: 'no such call, or it ended too long ago' }) : json(200, call);
      }
    }
  };
}

/** `GET /events`: metrics, health and calls once a second. */
export function serviceEvents(sources: Pick<ServiceSources, 'metrics' | 'health' | 'channels'>): (stream: EventStream) => () => void {
  return (stream) => {
    const tell = (): void => {
      stream.send('metrics', sources.metrics());
      stream.send('health', sources.health());
      stream.send('calls', sources.channels(MOST_CALLS));
    };
    tell();
    const timer = setInterval(tell, EVENT_PERIOD_MS);
    return () => clearInterval(timer);
  };
}
