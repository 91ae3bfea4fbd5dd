/**
 * Log lines: text with the shapes of the outside contract, or one JSON object a line. Nothing that came from the wire reaches
 * a terminal unescaped. Where lines go, `log/targets.ts` says.
 */
import { escapeControl } from '../values/terminal.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFormat = 'text' | 'json';

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

/** What was logged, before it is a line. */
export interface LogRecord {
  readonly level: LogLevel;
  /** Wall clock for the label of a line; never used for a measurement. */
  readonly time: Date;
  readonly scope: string | undefined;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** A line without its line feed, and without control characters. */
export interface LogLine {
  readonly level: LogLevel;
  readonly time: Date;
  /** The whole line. */
  readonly text: string;
  /** For whom brings a time of its own: text without its time. JSON keeps it: the object is one thing. */
  readonly body: string;
}

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** Takes one finished line without its line feed. */
  readonly write: (line: string) => void;
  readonly now?: () => Date;
}

export interface RecordLoggerOptions {
  /** The least important records to take. Asked for each one: it may change. */
  readonly level: () => LogLevel;
  readonly take: (record: LogRecord) => void;
  readonly now?: () => Date;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 };

export function createLogger(options: LogOptions): Logger {
  const { format, level, write, now } = options;
  return createRecordLogger({
    level: () => level,
    take: (record) => write(formatRecord(record, format).text),
    ...(now === undefined ? {} : { now }),
  });
}

export function createRecordLogger(options: RecordLoggerOptions): Logger {
  const { level: minimum, take, now = (): Date => new Date() } = options;
  const make = (scope: string | undefined): Logger => {
    const emit = (level: LogLevel, message: string, fields: LogFields | undefined): void => {
      if (RANK[level] >= RANK[minimum()]) take({ level, time: now(), scope, message, fields });
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

export function formatRecord({ level, time, scope, message, fields }: LogRecord, format: LogFormat): LogLine {
  const stamp = time.toISOString();
  if (format === 'json') {
    const text = escapeForJson(JSON.stringify({ time: stamp, level, ...(scope === undefined ? {} : { scope }), message, ...fields }));
    return { level, time, text, body: text };
  }
  // The contract's lines without a scope carry no level: their words say it.
  const prefix = scope === undefined ? '' : `[${escapeControl(scope)}] ${level.toUpperCase()}: `;
  const body = prefix + escapeControl(message);
  return { level, time, text: `${stamp} ${body}`, body };
}

/** What JSON may carry as it is but a terminal acts on: the same string to whoever parses the line. */
function escapeForJson(line: string): string {
  return line.replaceAll(/[\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
