/** What a {@link RelayPlane} is told and what it answers: plain data, so that it can run in a thread of its own. */
import { errnoOf, messageOf, RtplatError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { SeriesRow } from '../report/run.ts';
import type { Endpoint } from '../udp/engine.ts';
import type { CallBlock } from './numbers.ts';
import type { RelayPlane } from './plane.ts';

export type PlaneRequest =
  | { readonly kind: 'open'; readonly id: number; readonly port: number; readonly echo: Endpoint; readonly block: CallBlock }
  | { readonly kind: 'pin'; readonly id: number; readonly peer: Endpoint }
  | { readonly kind: 'close'; readonly id: number }
  | { readonly kind: 'series'; readonly lost: number };

export interface PlaneFailure {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly hint: string;
  /** Name of the system's error, where that is what failed. */
  readonly errno: string | null;
}

/** The port of `open`, the rows of `series`, else null. */
export type PlaneValue = number | readonly SeriesRow[] | null;

export type PlaneAnswer = { readonly ok: true; readonly value: PlaneValue } | { readonly ok: false; readonly failure: PlaneFailure };

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
    }
  } catch (error) {
    failed(error);
  }
}

async function settle(port: Promise<number>, done: (port: number) => void, failed: (error: unknown) => void): Promise<void> {
  let bound: number;
  try {
    bound = await port;
  } catch (error) {
    return failed(error);
  }
  done(bound);
}

function failureOf(error: unknown): PlaneFailure {
  if (!(error instanceof RtplatError)) return { code: null, message: messageOf(error), hint: '', errno: null };
  return { code: error.code, message: error.message, hint: error.hint, errno: error.cause === undefined ? null : errnoOf(error.cause) };
}

/** The failure as an error again. */
export function errorOf({ code, message, hint }: PlaneFailure): Error {
  return code === null ? new Error(message) : new RtplatError(code, message, { hint });
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
