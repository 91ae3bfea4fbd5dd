/** A {@link CommandIo} that keeps what a command writes. */
import { Readable } from 'node:stream';
import { Chalk } from 'chalk';
import type { CommandIo, ExitStatus } from '../../src/commands/io.ts';

export interface CapturedIo extends CommandIo {
  out(): string;
  err(): string;
  /** 0 when the command asked for nothing else. */
  status(): ExitStatus;
}

export interface CapturedIoOptions {
  readonly columns?: number;
  readonly colour?: boolean;
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export function capturedIo(options: CapturedIoOptions = {}): CapturedIo {
  let out = '';
  let err = '';
  let status: ExitStatus = 0;
  return {
    stdout: {
      write: (text) => {
        out += text;
      },
      columns: options.columns,
    },
    stderr: {
      write: (text) => {
        err += text;
      },
    },
    stdin: Readable.from([options.stdin ?? '']),
    env: options.env ?? {},
    chalk: () => Promise.resolve(new Chalk({ level: options.colour === true ? 1 : 0 })),
    onStop: () => () => undefined,
    exit: (next) => {
      status = next;
    },
    out: () => out,
    err: () => err,
    status: () => status,
  };
}
