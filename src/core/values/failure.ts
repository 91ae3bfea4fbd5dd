/** Errors on their way between threads, as plain data. */
import { errnoOf, messageOf, RtplatError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

export interface Failure {
  /** null: not an error of ours. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly hint: string;
  /** Name of the system's error, where that is what failed. */
  readonly errno: string | null;
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof RtplatError)) return { code: null, message: messageOf(error), hint: '', errno: null };
  return { code: error.code, message: error.message, hint: error.hint, errno: error.cause === undefined ? null : errnoOf(error.cause) };
}

/** The failure as an error again. */
export function errorOf({ code, message, hint }: Failure): Error {
  return code === null ? new Error(message) : new RtplatError(code, message, { hint });
}
