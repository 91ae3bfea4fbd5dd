/**
 * Where the lines of a service go: standard output always, a file and syslog where they are asked for. No target holds up the others or
 * the service; trouble with one is told to the others.
 */
import { messageOf } from '../../errors.ts';
import { createRecordLogger, formatRecord } from '../log.ts';
import type { LogFormat, Logger, LogLevel, LogRecord } from '../log.ts';
import { LogFile } from './file.ts';
import type { LogFileSettings } from './file.ts';
import { StdoutTarget } from './stdout.ts';
import type { StdoutStream } from './stdout.ts';
import { openSyslog } from './syslog.ts';
import type { SyslogSettings } from './syslog-settings.ts';
import type { LogTarget } from './target.ts';

export interface LogSettings extends LogLook {
  /** undefined: no file. */
  readonly file: LogFileSettings | undefined;
  /** undefined: no syslog. */
  readonly syslog: SyslogSettings | undefined;
}

/** What a running service can change. */
export interface LogLook {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export interface LogTargetParts {
  readonly stdout: StdoutStream;
  readonly env: NodeJS.ProcessEnv;
  /** Of syslog: `rtplat-sip-serve`. */
  readonly appName: string;
}

export interface LogTargets {
  readonly logger: Logger;
  /** For lines from now on. */
  adjust(look: LogLook): void;
  /** Opens the file again by its name, and what does not work is tried at once. */
  reopen(): void;
  /** Tells the file and syslog why the program ends; standard error says it to whoever sees standard output. */
  fatal(error: unknown): void;
  /** Writes what waits, and closes. Lines that are logged later are lost. */
  close(): Promise<void>;
}

export async function openLogTargets(settings: LogSettings, parts: LogTargetParts): Promise<LogTargets> {
  const targets = new Targets(settings, parts.stdout);
  await targets.open(settings, parts);
  return targets;
}

class Targets implements LogTargets {
  readonly logger: Logger;
  readonly #stdout: StdoutTarget;
  readonly #all: LogTarget[];
  #look: LogLook;
  readonly #flush = (): void => {
    for (const target of this.#all) target.flushSync();
  };
  readonly #crashed = (error: unknown): void => this.fatal(error);

  constructor(look: LogLook, stdout: StdoutStream) {
    this.#look = look;
    this.#stdout = new StdoutTarget(stdout, (message) => this.#note(message, this.#stdout));
    this.#all = [this.#stdout];
    this.logger = createRecordLogger({ level: () => this.#look.level, take: (record) => this.#take(record, undefined) });
    process.on('exit', this.#flush);
    // Told, and nothing changed: the process ends as it would have.
    process.on('uncaughtExceptionMonitor', this.#crashed);
  }

  async open({ file, syslog }: LogSettings, { env, appName }: LogTargetParts): Promise<void> {
    if (file !== undefined) {
      const target: LogFile = new LogFile(file, (message) => this.#note(message, target));
      await target.start();
      this.#all.push(target);
    }
    if (syslog !== undefined) {
      // What it says while it is opened concerns the others alone: it is not among them yet.
      const opened: { target?: LogTarget | undefined } = {};
      const { target, absent } = openSyslog(syslog, { env, appName, note: (message) => this.#note(message, opened.target) });
      opened.target = target;
      if (target !== undefined) this.#all.push(target);
      if (absent !== undefined) this.logger.debug(`Nothing goes to syslog: ${absent}`);
    }
  }

  adjust({ level, format }: LogLook): void {
    this.#look = { level, format };
  }

  reopen(): void {
    for (const target of this.#all) target.reopen();
  }

  fatal(error: unknown): void {
    const fields = error instanceof Error && error.stack !== undefined ? { stack: error.stack } : undefined;
    this.#take({ level: 'error', time: new Date(), scope: undefined, message: `Ends: ${messageOf(error)}`, fields }, this.#stdout);
  }

  async close(): Promise<void> {
    for (const target of this.#all) await target.close();
    // It has heard what became of the others.
    await this.#stdout.release();
    process.off('exit', this.#flush);
    process.off('uncaughtExceptionMonitor', this.#crashed);
  }

  /** Whatever the level: who set it did not know that lines would be missing. */
  #note(message: string, about: LogTarget | undefined): void {
    this.#take({ level: 'warn', time: new Date(), scope: undefined, message, fields: undefined }, about);
  }

  #take(record: LogRecord, except: LogTarget | undefined): void {
    const line = formatRecord(record, this.#look.format);
    for (const target of this.#all) if (target !== except) target.write(line);
  }
}
