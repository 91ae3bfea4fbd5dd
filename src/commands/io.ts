/** Everything a command may touch of the process it runs in, so that a test can hand it something else. */
import type { ChalkInstance } from 'chalk';

export interface CommandIo {
  /** Results: tables, JSON, a service's log lines. */
  readonly stdout: OutputStream;
  /** Progress and complaints. */
  readonly stderr: OutputStream;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: NodeJS.ProcessEnv;
  /** Colours for {@link stdout}, level 0 off a terminal, with NO_COLOR, and with `--no-color`. Loaded when asked for. */
  chalk(): Promise<ChalkInstance>;
  /**
   * Calls `handler` on the first SIGINT or SIGTERM; the returned function takes it away again. A later signal ends the process at
   * once, for whoever does not want to wait for a good end.
   */
  onStop(handler: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
  /** Sets the status that the process will end with; the highest precedence is the last call. */
  exit(status: ExitStatus): void;
}

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width in characters where it is known. */
  readonly columns?: number | undefined;
}

/** `docs/cli.md`, "Exit status". */
export type ExitStatus = 0 | 1 | 2 | 3 | 4 | 130 | 143;

/** Width to lay a table out for: the terminal's; a file or a pipe has room for the widest table. */
export function widthOf(stream: OutputStream): number {
  return stream.columns !== undefined && stream.columns > 0 ? stream.columns : 132;
}

/** The status of a run that a signal ended before there was anything to report. */
export function statusOfSignal(signal: 'SIGINT' | 'SIGTERM'): ExitStatus {
  return signal === 'SIGINT' ? 130 : 143;
}
