/**
 * Log lines: text with the shapes of the outside contract, or one JSON object a line. Nothing that came from the wire reaches
 * a terminal unescaped.
 */
import { escapeControl } from '../values/terminal.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose text lines start with `[scope] LEVEL: `, as in `[PortManager] INFO: Allocated port 10000`. */
  scoped(scope: string): Logger;
}

/** Extra members of a JSON line; the text form shows only the message. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly number[]>>;

export interface LogOptions {
  readonly format: 'text' | 'json';
  readonly level: LogLevel;
  /** Takes one finished line without its line feed. */
  readonly write: (line: string) => void;
  /** Wall clock for the label of a line; never used for a measurement. */
  readonly now?: () => Date;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 };

/** What JSON may carry as it is but a terminal acts on: the same string to whoever parses the line. */
function escapeForJson(line: string): string {
  return line.replaceAll(/[\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function createLogger(options: LogOptions): Logger {
  const now = options.now ?? ((): Date => new Date());
  const minimum = RANK[options.level];

  const make = (scope: string | undefined): Logger => {
    const emit = (level: LogLevel, message: string, fields?: LogFields): void => {
      if (RANK[level] < minimum) return;
      const time = now().toISOString();
      if (options.format === 'json') {
        options.write(escapeForJson(JSON.stringify({ time, level, ...(scope === undefined ? {} : { scope }), message, ...fields })));
        return;
      }
      // The contract's lines without a scope carry no level: their words say it.
      const prefix = scope === undefined ? '' : `[${escapeControl(scope)}] ${level.toUpperCase()}: `;
      options.write(`${time} ${prefix}${escapeControl(message)}`);
    };
    return {
      debug: (message, fields) => emit('debug', message, fields),
      info: (message, fields) => emit('info', message, fields),
      warn: (message, fields) => emit('warn', message, fields),
      error: (message, fields) => emit('error', message, fields),
      scoped: (inner) => make(inner),
    };
  };
  return make(undefined);
}
