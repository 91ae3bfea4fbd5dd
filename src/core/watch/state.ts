/** What is known of the service and what the user has asked for. Values that are replaced, never changed; times are monotonic ms. */
import { extend } from './history.ts';
import type { History } from './history.ts';
import { nextOrder } from './order.ts';
import type { Order } from './order.ts';
import type { Snapshot } from './snapshot.ts';

export interface Watched {
  /** Why there is no connection, one line, as it came: not fit for a terminal yet. null while there is one. */
  readonly problem: string | null;
  /** The last one, however old. */
  readonly latest: { readonly snapshot: Snapshot; readonly atMs: number };
  readonly history: History;
}

export interface WatchState extends Watched {
  readonly order: Order;
  /** What is shown instead, and since when; null: what is now. */
  readonly paused: { readonly watched: Watched; readonly atMs: number } | null;
  readonly help: boolean;
}

/** Older numbers are not shown as those of now: events come once a second. */
const FRESH_MS = 3_000;

export function begin(snapshot: Snapshot, nowMs: number): WatchState {
  const history = extend([], null, snapshot, 0);
  return { problem: null, latest: { snapshot, atMs: nowMs }, history, order: 'p99', paused: null, help: false };
}

export function seen(state: WatchState, snapshot: Snapshot, nowMs: number): WatchState {
  const { latest } = state;
  const history = extend(state.history, latest.snapshot, snapshot, nowMs - latest.atMs);
  return { ...state, problem: null, latest: { snapshot, atMs: nowMs }, history };
}

export function lost(state: WatchState, reason: string): WatchState {
  return { ...state, problem: reason };
}

export type Action = 'leave' | 'order' | 'pause' | 'help' | 'other';

/** What a key does to the state; leaving is for the caller. */
export function act(state: WatchState, action: Action, nowMs: number): WatchState {
  // Whatever key it was: it has shown that the help was read.
  if (state.help) return { ...state, help: false };
  switch (action) {
    case 'order':
      return { ...state, order: nextOrder(state.order) };
    case 'pause':
      return { ...state, paused: state.paused === null ? { watched: state, atMs: nowMs } : null };
    case 'help':
      return { ...state, help: true };
    case 'leave':
    case 'other':
      return state;
  }
}

/** The snapshot when it may be shown as what is now; null when it is too old, or the connection is lost. */
export function freshOf({ problem, latest }: Watched, nowMs: number): Snapshot | null {
  return problem === null && nowMs - latest.atMs <= FRESH_MS ? latest.snapshot : null;
}
