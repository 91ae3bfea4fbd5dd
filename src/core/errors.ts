/**
 * The one error class of rtplat.
 *
 * `message` says what was tried and what came back; `hint` says what to do next. Both are one line. The `code` is stable and
 * may be tested for; the exit status of a command follows from it (`docs/cli.md`, "Exit status").
 */
export type ErrorCode =
  | 'usage' // wrong flag, value or configuration: exit 2
  | 'credentials' // refused credentials at start: exit 2
  | 'bind' // an address or port could not be bound: exit 1
  | 'network' // nothing answered, or the network refused: exit 1
  | 'ari' // Asterisk refused or answered nonsense: exit 1
  | 'timeout' // an answer did not come in time: exit 1
  | 'file' // a file could not be read or written: exit 1
  | 'format' // a document is not what it says it is: exit 1
  | 'running' // the same service is up already: exit 1
  | 'no-ports' // the port range is exhausted: exit 1
  | 'untrusted'; // the measurement cannot be trusted: exit 4

export class RtplatError extends Error {
  override readonly name = 'RtplatError';
  readonly code: ErrorCode;
  /** What the user can do about it, one line; empty when there is nothing to say. */
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? '';
  }
}

/** The text of anything that was thrown, on one line and without a stack. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** The errno name of a system error, else its Node code, else its text. */
export function errnoOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : messageOf(error);
}
