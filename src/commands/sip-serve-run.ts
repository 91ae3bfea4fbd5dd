/** `rtplat sip-serve`: reads its configuration, and runs the service until a signal. */
import { readFile } from 'node:fs/promises';
import { messageOf, RtplatError } from '../core/errors.ts';
import { printConfig } from '../core/service/config/print.ts';
import { describeProblem } from '../core/service/config/problem.ts';
import { mergeConfig, readConfig } from '../core/service/config/read.ts';
import type { ConfigReading } from '../core/service/config/read.ts';
import type { ConfigOverride } from '../core/service/config/layers.ts';
import { faultOfLogFile } from '../core/service/log/file-fault.ts';
import { parseSyslogDestination } from '../core/service/log/syslog-settings.ts';
import type { LogTargets } from '../core/service/log/targets.ts';
import { SIP_SERVE_SCHEMA } from '../core/sip-server/config.ts';
import type { SipServeConfig } from '../core/sip-server/config.ts';
import type { CommandIo } from './io.ts';
import { serving } from './serving.ts';
import type { Serving, ServingSettings } from './serving.ts';
import { SipService } from './sip-serve-service.ts';
import type { SipServeOptions } from './sip-serve.ts';

type SourceOf = (name: string) => string | undefined;

export async function runSipServe(io: CommandIo, options: SipServeOptions, sourceOf: SourceOf): Promise<void> {
  const read = (): Promise<ConfigReading<SipServeConfig>> => readConfiguration(options, sourceOf);
  const reading = await read();
  const { config, problems, warnings } = reading;
  for (const problem of problems) io.stderr.write(`rtplat: ${describeProblem(problem)}\n`);
  for (const warning of warnings) io.stderr.write(`rtplat: warning: ${describeProblem(warning)}\n`);
  if (config === undefined) return io.exit(2);
  if (options.printConfig === true) return void io.stdout.write(printConfig(SIP_SERVE_SCHEMA, config));
  if (options.check === true) {
    const warning = await logFileWarning(config, options.config ?? 'defaults');
    if (warning !== undefined) io.stderr.write(`rtplat: warning: ${warning}\n`);
    return void io.stdout.write(`${options.config ?? 'the defaults'}: no problem found\n`);
  }
  return serve(io, config, options, read);
}

async function readConfiguration(options: SipServeOptions, sourceOf: SourceOf): Promise<ConfigReading<SipServeConfig>> {
  let text = '';
  if (options.config !== undefined) {
    try {
      text = await readFile(options.config, 'utf8');
    } catch (error) {
      throw new RtplatError('usage', `cannot read --config ${options.config}: ${messageOf(error)}`, { cause: error });
    }
  }
  return mergeConfig(readConfig(text, options.config ?? 'defaults', SIP_SERVE_SCHEMA), overridesOf(options, sourceOf));
}

/** What flags and the environment say, each with its name for messages. */
function overridesOf(options: SipServeOptions, sourceOf: SourceOf): readonly ConfigOverride<SipServeConfig>[] {
  const overrides: ConfigOverride<SipServeConfig>[] = [];
  const add = (name: keyof SipServeOptions, flag: string, env: string, values: ConfigOverride<SipServeConfig>['values']): void => {
    if (options[name] !== undefined) overrides.push({ origin: sourceOf(name) === 'env' ? env : flag, values });
  };
  add('port', '--port', 'RTPLAT_SIP_PORT', { sip: { port: options.port } });
  add('bind', '--bind', 'BIND_IP', { sip: { bind_address: options.bind === undefined ? undefined : [options.bind] } });
  add('httpBind', '--http-bind', 'RTPLAT_HTTP_BIND', { health: { bind_address: options.httpBind } });
  add('httpPort', '--http-port', 'SERVICE_PORT', { health: { health_check_port: options.httpPort } });
  add('logFormat', '--log-format', 'RTPLAT_LOG_FORMAT', { logging: { format: options.logFormat } });
  add('logLevel', '--log-level', 'RTPLAT_LOG_LEVEL', { logging: { level: options.logLevel } });
  return overrides;
}

/** A log file that cannot be written is no reason not to start; whoever asks is told. */
async function logFileWarning({ logging }: SipServeConfig, source: string): Promise<string | undefined> {
  const fault = logging.enable_file_logging ? await faultOfLogFile(logging.file) : undefined;
  if (fault === undefined) return undefined;
  const message = `the log file ${logging.file} cannot be written: ${fault}`;
  return describeProblem({ source, line: undefined, message, hint: 'set logging.file, or enable_file_logging = false' });
}

function settingsOf({ logging }: SipServeConfig, { pidFile, daemon }: SipServeOptions): ServingSettings {
  const destination = logging.enable_syslog ? parseSyslogDestination(logging.syslog) : undefined;
  return {
    name: 'sip-serve',
    logLevel: logging.level,
    logFormat: logging.format,
    logFile: logging.enable_file_logging
      ? { path: logging.file, maxBytes: logging.max_log_size_mb * 2 ** 20, maxFiles: logging.max_log_files }
      : undefined,
    syslog: destination === undefined ? undefined : { destination, facility: logging.syslog_facility },
    pidFile,
    daemon: daemon === true,
  };
}

async function serve(
  io: CommandIo,
  config: SipServeConfig,
  options: SipServeOptions,
  read: () => Promise<ConfigReading<SipServeConfig>>,
): Promise<void> {
  let service: SipService | undefined;
  const reload = async (logs: LogTargets): Promise<void> => {
    if (service === undefined) return;
    await service.reload(read);
    logs.adjust(service.config.logging);
  };
  const run = async (around: Serving): Promise<void> => {
    const { log, stopped } = around;
    const sip = new SipService(config, options.engine, log, io.env);
    service = sip;
    try {
      const started = sip.start();
      started.catch(() => {});
      const first = await Promise.race([started, stopped]);
      if (typeof first !== 'string') around.ready(sip.places, () => sip.prove());
      const signal = await Promise.race([stopped, sip.failed]);
      log.info(`${signal} received; calls to end: ${sip.activeCalls}`);
      await sip.endCalls();
      log.info('sip-serve stopped');
    } finally {
      await sip.stop();
    }
  };
  return serving(io, settingsOf(config, options), run, (logs) => void reload(logs));
}
