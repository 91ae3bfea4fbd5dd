/** What a {@link RelayPlane} is told and what it answers: plain data, so that it can run in a thread of its own. */
import type { SeriesRow } from '../report/run.ts';
import type { Endpoint } from '../udp/engine.ts';
import { failureOf } from '../values/failure.ts';
import type { Failure } from '../values/failure.ts';
import { settle } from '../values/soon.ts';
import type { CallBlock } from './numbers.ts';
import type { RelayPlane } from './plane.ts';

export type PlaneRequest =
  | { readonly kind: 'open'; readonly id: number; readonly port: number; readonly echo: Endpoint; readonly block: CallBlock }
  | { readonly kind: 'pin'; readonly id: number; readonly peer: Endpoint }
  | { readonly kind: 'close'; readonly id: number }
  | { readonly kind: 'series'; readonly lost: number }
  /** Nothing: that it is answered is what is asked for. */
  | { readonly kind: 'ping' };

/** The port of `open`, the rows of `series`, else null. */
export type PlaneValue = number | readonly SeriesRow[] | null;

export type PlaneAnswer = { readonly ok: true; readonly value: PlaneValue } | { readonly ok: false; readonly failure: Failure };

/** Carries a request out. @param answer called once: during the call, or later. */
export function carryOut(plane: RelayPlane, request: PlaneRequest, answer: (answer: PlaneAnswer) => void): void {
  const done = (value: PlaneValue): void => answer({ ok: true, value });
  const failed = (error: unknown): void => answer({ ok: false, failure: failureOf(error) });
  try {
    switch (request.kind) {
      case 'open': {
        const port = plane.open(request.id, request.port, request.echo, request.block);
        if (port instanceof Promise) void settle(port, done, failed);
        else done(port);
        return;
      }
      case 'pin':
        plane.pin(request.id, request.peer);
        return done(null);
      case 'close':
        return plane.close(request.id, () => done(null));
      case 'series':
        return done(plane.series(request.lost));
      case 'ping':
        return done(null);
    }
  } catch (error) {
    failed(error);
  }
}

/** To a plane in another thread. */
export interface PlaneOrder {
  readonly serial: number;
  readonly request: PlaneRequest;
}

/** From a plane in another thread. */
export type PlaneMessage =
  | { readonly kind: 'answer'; readonly serial: number; readonly answer: PlaneAnswer }
  | { readonly kind: 'first-packet'; readonly id: number; readonly atNs: number }
  | { readonly kind: 'stranger'; readonly id: number; readonly from: Endpoint };
