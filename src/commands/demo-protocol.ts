/** What the threads of the demo say to each other. */
import type { ErrorCode } from '../core/errors.ts';
import type { CallDocument, MetricsDocument } from '../core/report/metrics.ts';
import type { Endpoint } from '../core/udp/engine.ts';

/** `workerData`: what a thread is to be. */
export type DemoRole = { readonly kind: 'echo' } | { readonly kind: 'relay'; readonly echo: Endpoint; readonly calls: number };

/** To a thread; each is answered once. */
export type DemoRequest = { readonly kind: 'pin'; readonly peers: readonly Endpoint[] } | { readonly kind: 'finish' };

/** From a thread: first `ready`, then an answer to each request, or `failed` at any time. */
export type DemoAnswer =
  | { readonly kind: 'ready'; readonly endpoints: readonly Endpoint[] }
  | { readonly kind: 'pinned' }
  | { readonly kind: 'finished'; readonly relay: RelayFindings | null }
  | { readonly kind: 'failed'; readonly code: ErrorCode | null; readonly message: string; readonly hint: string };

export interface RelayFindings {
  readonly metrics: MetricsDocument;
  readonly calls: readonly CallDocument[];
}
