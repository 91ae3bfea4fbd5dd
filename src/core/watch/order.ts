/** Calls as rows, and what comes first. */
import type { ServiceCall } from '../report/read-metrics.ts';

export type Order = 'p99' | 'lost' | 'late' | 'newest';

const ORDERS: readonly Order[] = ['p99', 'lost', 'late', 'newest'];

export const ORDER_TEXTS: Readonly<Record<Order, string>> = {
  p99: 'worst p99 first',
  lost: 'most lost first',
  late: 'most late first',
  newest: 'newest first',
};

export function nextOrder(order: Order): Order {
  return ORDERS[(ORDERS.indexOf(order) + 1) % ORDERS.length] ?? 'p99';
}

/** What a row shows of a call. Texts as they came: not fit for a terminal yet. */
export interface CallView {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly isLive: boolean;
  /** The number that was called, and what it got; null where the service tells none. */
  readonly called: string | null;
  readonly action: string | null;
  readonly seconds: number;
  /** Received from the peer. */
  readonly packets: number | null;
  /** Of what came from the peer, ms. */
  readonly jitter: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  /** Fractions of 1. */
  readonly lost: number | null;
  readonly late: number | null;
  readonly startedAt: string;
}

export function callView(call: ServiceCall): CallView {
  // `sip-serve` tells more of a call than `ari-serve` does.
  const more: Readonly<Record<string, unknown>> = { ...call };
  return {
    id: call.id,
    name: call.name,
    state: call.state,
    isLive: call.ended_at === null,
    called: textOf(more['user']),
    action: textOf(more['action']),
    seconds: call.duration_seconds,
    packets: call.counters?.from_peer ?? receivedOf(more['media']),
    jitter: call.jitter_ms,
    p50: call.p50_latency,
    p95: call.p95_latency,
    p99: call.p99_latency,
    max: call.max_latency,
    lost: call.packet_loss_ratio,
    late: call.late_ratio,
    startedAt: call.started_at,
  };
}

/** Of a call that is not relayed. */
function receivedOf(media: unknown): number | null {
  const received: unknown = typeof media === 'object' && media !== null && 'received' in media ? media.received : null;
  return typeof received === 'number' ? received : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Live calls before ended ones, each in the order asked for; what was not measured comes last. */
export function ordered(calls: readonly CallView[], order: Order): readonly CallView[] {
  return calls.toSorted((a, b) => Number(b.isLive) - Number(a.isLive) || byOrder(a, b, order) || compareTexts(a.id, b.id));
}

function byOrder(a: CallView, b: CallView, order: Order): number {
  if (order === 'newest') return compareTexts(b.startedAt, a.startedAt);
  return (b[order] ?? -1) - (a[order] ?? -1);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
