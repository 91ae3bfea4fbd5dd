/** What every service that takes calls serves over HTTP (`docs/http.md`). */
import { expose } from '../report/render/exposition.ts';
import type { MetricFamily } from '../report/render/families.ts';
import { negotiate } from '../report/render/negotiate.ts';
import { json } from './http.ts';
import type { EventStream, EventTeller, HttpAnswer, HttpRequest } from './http.ts';
import type { Page } from './page/page.ts';
import type { Pieces, PieceSources } from './page/pieces.ts';
import { sharedPieces } from './page/shared-pieces.ts';

export interface ServiceSources extends PieceSources {
  readonly metrics: () => object;
  /** The same for who watches. */
  readonly families: () => readonly MetricFamily[];
  /** Live calls first. @param most so many at most. */
  readonly channels: (most: number) => readonly object[];
  readonly channel: (id: string) => object | undefined;
  readonly page: () => Page;
}

const CHANNEL_PREFIX = '/channels/';
const EVENT_PERIOD_MS = 1_000;
/** Pictures are drawn once a period for all who ask; a timer may come a little early. */
const STALE_MS = 0.9 * EVENT_PERIOD_MS;
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
        return pageAnswer(sources.page());
      default: {
        if (!path.startsWith(CHANNEL_PREFIX)) return undefined;
        const call = sources.channel(path.slice(CHANNEL_PREFIX.length));
        return call === undefined ? json(404, { error: 'no such call, or it ended too long ago' }) : json(200, call);
      }
    }
  };
}

function pageAnswer({ html, policy }: Page): HttpAnswer {
  return { status: 200, contentType: 'text/html; charset=utf-8', body: html, policy };
}

/** Pictures are large: a client that is behind goes without them, and not without its health. */
const MOST_UNREAD_BYTES = 32 * 1_024;

async function sendPieces(stream: EventStream, pieces: () => Promise<Pieces>): Promise<void> {
  const drawn = await pieces();
  if (stream.unread < MOST_UNREAD_BYTES) stream.send('charts', drawn);
}

/** `GET /events`: metrics, health and calls once a second; the pieces of the page for who asks for `charts`. */
export function serviceEvents(sources: ServiceSources): EventTeller {
  const pieces = sharedPieces(sources, STALE_MS);
  return (stream, asked) => {
    const charts = asked.has('charts');
    const tell = (): void => {
      stream.send('metrics', sources.metrics());
      stream.send('health', sources.health());
      stream.send('calls', sources.channels(MOST_CALLS));
      if (charts) void sendPieces(stream, pieces);
    };
    tell();
    const timer = setInterval(tell, EVENT_PERIOD_MS);
    return () => clearInterval(timer);
  };
}
