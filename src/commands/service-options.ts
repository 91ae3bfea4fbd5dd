/** Options that every serving command has, declared once. */
import { InvalidArgumentError } from 'commander';
import type { Option } from 'commander';
import type { LogLevel } from '../core/service/log.ts';
import { parseSyslogDestination, SYSLOG_FACILITIES } from '../core/service/log/syslog-settings.ts';
import type { SyslogDestination, SyslogFacility } from '../core/service/log/syslog-settings.ts';
import { parseOtlpUrl } from '../core/service/otlp/url.ts';
import { ENGINE_CHOICES } from '../core/udp/choices.ts';
import type { EngineChoice } from '../core/udp/choices.ts';
import { byteSize, durationNs, integer, option } from './options.ts';

export interface LogCommandOptions {
  readonly logFormat: 'text' | 'json';
  readonly logLevel: LogLevel;
}

export function logOptions(): readonly Option[] {
  return [
    option('--log-format <format>', 'how log lines and the final report are written', {
      default: 'text',
      choices: ['text', 'json'],
      env: 'RTPLAT_LOG_FORMAT',
    }),
    option('--log-level <level>', 'the least important lines to write', {
      default: 'info',
      choices: ['debug', 'info', 'warn', 'error'],
      env: 'RTPLAT_LOG_LEVEL',
    }),
  ];
}

/** The same for a command whose configuration file has them in a table `logging`. */
export function fileLogOptions(): readonly Option[] {
  return [
    option('--log-format <format>', 'how log lines are written, over logging.format of the file', {
      choices: ['text', 'json'],
      env: 'RTPLAT_LOG_FORMAT',
    }),
    option('--log-level <level>', 'the least important lines to write, over logging.level of the file', {
      choices: ['debug', 'info', 'warn', 'error'],
      env: 'RTPLAT_LOG_LEVEL',
    }),
  ];
}

/** What a service without a terminal needs. */
export interface ProcessCommandOptions {
  readonly pidFile?: string;
  readonly daemon?: true;
}

export function processOptions(): readonly Option[] {
  return [
    option('--pid-file <file>', 'write the process id to a file, and refuse to start beside the process that holds it', {
      env: 'RTPLAT_PID_FILE',
    }),
    option('--daemon', 'serve in the background, without a terminal; returns when it serves', {}),
  ];
}

/** Where log lines go besides standard output, and {@link ProcessCommandOptions}. */
export interface ServingCommandOptions extends ProcessCommandOptions {
  readonly logFile?: string;
  readonly logFileSize: number;
  readonly logFiles: number;
  readonly syslog?: SyslogDestination;
  readonly syslogFacility: SyslogFacility;
}

export function servingOptions(): readonly Option[] {
  return [
    option('--log-file <file>', 'write log lines to a file too; SIGHUP opens it again', { env: 'RTPLAT_LOG_FILE' }),
    option('--log-file-size <size>', 'size at which a new log file is begun', {
      parse: byteSize,
      default: '100MB',
      env: 'RTPLAT_LOG_FILE_SIZE',
    }),
    option('--log-files <n>', 'log files that are kept, the present one included', {
      parse: integer(1, 1000),
      default: '10',
      env: 'RTPLAT_LOG_FILES',
    }),
    option('--syslog <where>', 'send log lines to syslog too: local, udp://HOST:PORT or tcp://HOST:PORT (RFC 5424)', {
      parse: syslogDestination,
      env: 'RTPLAT_SYSLOG',
    }),
    option('--syslog-facility <name>', 'what syslog sorts them by', {
      default: 'daemon',
      choices: SYSLOG_FACILITIES,
      env: 'RTPLAT_SYSLOG_FACILITY',
    }),
    ...processOptions(),
  ];
}

/** Where metrics are pushed to. */
export interface OtlpCommandOptions {
  readonly otlp?: URL;
  readonly otlpInterval: number;
  readonly otlpHeadersFile?: string;
}

export function otlpOptions(): readonly Option[] {
  return [
    option('--otlp <url>', 'push metrics to an OpenTelemetry receiver (OTLP over HTTP) too, as in http://HOST:4318', {
      parse: otlpUrl,
      env: 'RTPLAT_OTLP',
    }),
    option('--otlp-interval <duration>', 'time between two pushes, 1s to 1h', {
      parse: otlpInterval,
      default: '30s',
      env: 'RTPLAT_OTLP_INTERVAL',
    }),
    option('--otlp-headers-file <file>', 'HTTP headers to push with, one a line, as in Authorization: Bearer TOKEN', {
      env: 'RTPLAT_OTLP_HEADERS_FILE',
    }),
  ];
}

function otlpUrl(text: string): URL {
  const url = parseOtlpUrl(text);
  if (url === undefined) throw new InvalidArgumentError('Write http://HOST:4318 or https://HOST/PATH, without credentials.');
  return url;
}

function otlpInterval(text: string): number {
  const ns = durationNs({ atLeastNs: 1e9 })(text);
  if (ns > 3_600e9) throw new InvalidArgumentError('The interval is too long: 1h at most.');
  return ns;
}

function syslogDestination(text: string): SyslogDestination {
  const destination = parseSyslogDestination(text);
  if (destination === undefined) throw new InvalidArgumentError('Write local, udp://HOST:PORT or tcp://HOST:PORT.');
  return destination;
}

export interface EngineCommandOptions {
  readonly engine: EngineChoice;
  readonly busyPoll?: true;
}

export function engineOption(): Option {
  return option(
    '--engine <name>',
    'what moves the packets: batch (Linux: recvmmsg, sendmmsg, kernel timestamps), portable (node:dgram), or the best',
    {
      default: 'auto',
      choices: [...ENGINE_CHOICES],
      env: 'RTPLAT_ENGINE',
    },
  );
}

export function engineOptions(): readonly Option[] {
  return [
    engineOption(),
    option('--busy-poll', 'batch engine: never sleep; burns a core to save the microseconds of waking up', { env: 'RTPLAT_BUSY_POLL' }),
  ];
}

/** Said where `--busy-poll` was asked for in vain. */
export const BUSY_POLL_IDLE = 'Warning: --busy-poll does nothing on the portable engine';
