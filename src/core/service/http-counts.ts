/** Requests and connections that the HTTP service did not serve, by why. */
import { FamilyList } from '../report/render/families.ts';
import type { MetricFamily } from '../report/render/families.ts';

export const HTTP_REFUSALS = [
  'token', // 401
  'host', // 421
  'origin', // 403
  'method', // 405
  'body', // 413
  'malformed', // 400
  'header_size', // 431
  'time_out', // 408, or closed
  'streams', // 503
  'connections', // closed
] as const;
export type HttpRefusal = (typeof HTTP_REFUSALS)[number];

export class HttpCounts {
  readonly #counts = new Map<HttpRefusal, number>(HTTP_REFUSALS.map((why) => [why, 0]));

  refused(why: HttpRefusal): void {
    this.#counts.set(why, this.count(why) + 1);
  }

  count(why: HttpRefusal): number {
    return this.#counts.get(why) ?? 0;
  }

  families(): readonly MetricFamily[] {
    const families = new FamilyList();
    families.counter(
      'http_refused',
      'HTTP requests and connections that were not served, by why.',
      HTTP_REFUSALS.map((reason) => [this.count(reason), { reason }]),
    );
    return families.list();
  }
}
