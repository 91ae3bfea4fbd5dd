/** What every serving command does around its service: its log, its pid file, its manager, and the signals that end it. */
import { feedWatchdog, createNotifier } from '../core/service/notify.ts';
import type { LogFields, LogFormat, Logger, LogLevel } from '../core/service/log.ts';
import type { LogFileSettings } from '../core/service/log/file.ts';
import type { SyslogSettings } from '../core/service/log/syslog-settings.ts';
import { openLogTargets } from '../core/service/log/targets.ts';
import type { LogTargets } from '../core/service/log/targets.ts';
import { RtplatError } from '../core/errors.ts';
import { takePidFile } from '../core/service/pid-file.ts';
import { daemonReady, isDaemon, startDaemon } from './daemon.ts';
import type { CommandIo } from './io.ts';
import type { LogCommandOptions, ServingCommandOptions } from './service-options.ts';

export interface ServingSettings {
  /** `echo`, as in `rtplat echo`. */
  readonly name: string;
  readonly logFormat: LogFormat;
  readonly logLevel: LogLevel;
  readonly logFile: LogFileSettings | undefined;
  readonly syslog: SyslogSettings | undefined;
  readonly pidFile: string | undefined;
  readonly daemon: boolean;
}

export interface Serving {
  readonly log: Logger;
  /** Whether somebody reads the log who does not see standard output. */
  readonly logsElsewhere: boolean;
  /** Logs what no level hides: the result. */
  final(message: string, fields: LogFields): void;
  /** Settles with the first signal that asks the service to end. */
  readonly stopped: Promise<'SIGINT' | 'SIGTERM'>;
  /**
   * The service can be used: tells whoever waits for it.
   *
   * @param status a line for `systemctl status`.
   * @param prove settles when the service does what it is there for; the watchdog of the manager lives on it.
   */
  ready(status: string, prove: () => Promise<void>): void;
}

/** Runs `serve`, and what is around it. @param hangUp what SIGHUP means besides opening the log again. */
export async function serving(
  io: CommandIo,
  settings: ServingSettings,
  serve: (around: Serving) => Promise<void>,
  hangUp: (logs: LogTargets) => void = () => {},
): Promise<void> {
  const { name, logFormat: format, logLevel: level, logFile: file, syslog, pidFile } = settings;
  if (settings.daemon && !isDaemon(io.env)) {
    if (file === undefined && syslog === undefined) {
      throw new RtplatError('usage', '--daemon has no terminal to write to', { hint: 'name a --log-file, or --syslog local' });
    }
    return startDaemon(io, name);
  }
  const pid = pidFile === undefined ? undefined : takePidFile(pidFile);
  const stopped = Promise.withResolvers<'SIGINT' | 'SIGTERM'>();
  const forget = io.onStop(stopped.resolve);
  const notifier = createNotifier(io.env);
  void stopped.promise.then(() => notifier.stopping());
  let logs: LogTargets | undefined;
  let unwatch = (): void => {};
  const hungUp = (): void => {
    if (logs === undefined) return;
    logs.reopen();
    hangUp(logs);
  };
  process.on('SIGHUP', hungUp);
  try {
    const stdout = isDaemon(io.env) ? { write: () => true } : io.stdout;
    const targets = await openLogTargets({ format, level, file, syslog }, { stdout, env: io.env, appName: `rtplat-${name}` });
    logs = targets;
    const log = targets.logger;
    if (notifier.problem !== undefined) log.warn(`The service manager cannot be told anything: ${notifier.problem}`);
    await serve({
      log,
      logsElsewhere: file !== undefined || syslog !== undefined,
      final: (message, fields) => {
        targets.adjust({ level: 'info', format });
        log.info(message, fields);
      },
      stopped: stopped.promise,
      ready: (status, prove) => {
        notifier.ready(status);
        unwatch = feedWatchdog(notifier, prove, (reason) => log.error(`The watchdog is not fed: ${reason}`));
        if (isDaemon(io.env)) daemonReady();
      },
    });
  } catch (error) {
    logs?.fatal(error);
    throw error;
  } finally {
    unwatch();
    process.off('SIGHUP', hungUp);
    await logs?.close();
    notifier.close();
    pid?.release();
    forget();
  }
}

/** The settings that the options of {@link servingOptions} and {@link logOptions} ask for. */
export function servingSettings(name: string, options: LogCommandOptions & ServingCommandOptions): ServingSettings {
  const { logFormat, logLevel, logFile: path, logFileSize: maxBytes, logFiles: maxFiles, syslog, syslogFacility: facility } = options;
  return {
    name,
    logFormat,
    logLevel,
    logFile: path === undefined ? undefined : { path, maxBytes, maxFiles },
    syslog: syslog === undefined ? undefined : { destination: syslog, facility },
    pidFile: options.pidFile,
    daemon: options.daemon === true,
  };
}
