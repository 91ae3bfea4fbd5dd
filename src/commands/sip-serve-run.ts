/** `rtplat sip-serve`: reads its configuration, and runs the service until a signal. */
import { printConfig } from '../core/service/config/print.ts';
import { describeProblem } from '../core/service/config/problem.ts';
import { mergeConfig, readConfig } from '../core/service/config/read.ts';
import type { ConfigReading } from '../core/service/config/read.ts';
import { httpAccess } from '../core/service/http-access.ts';
import { NO_TOKEN } from '../core/service/http-gate.ts';
import type { HttpAccess } from '../core/service/http-gate.ts';
import { faultOfLogFile } from '../core/service/log/file-fault.ts';
import { parseSyslogDestination } from '../core/service/log/syslog-settings.ts';
import type { LogTargets } from '../core/service/log/targets.ts';
import { SIP_SERVE_SCHEMA } from '../core/sip-server/config.ts';
import type { SipServeConfig } from '../core/sip-server/config.ts';
import { overridesOf, readConfigText, tellReading } from './file-config.ts';
import type { SourceOf } from './file-config.ts';
import type { CommandIo } from './io.ts';
import { serving } from './serving.ts';
import type { Serving, ServingSettings } from './serving.ts';
import { SipService } from './sip-serve-service.ts';
import type { SipServeOptions } from './sip-serve.ts';

export async function runSipServe(io: CommandIo, options: SipServeOptions, sourceOf: SourceOf): Promise<void> {
  const read = (): Promise<ConfigReading<SipServeConfig>> => readConfiguration(options, sourceOf);
  const reading = await read();
  tellReading(io, reading);
  const { config } = reading;
  if (config === undefined) return io.exit(2);
  if (options.printConfig === true) return void io.stdout.write(printConfig(SIP_SERVE_SCHEMA, config));
  const access = sipHttpAccess(config, io.env);
  if (options.check === true) {
    const warning = await logFileWarning(config, options.config ?? 'defaults');
    if (warning !== undefined) io.stderr.write(`rtplat: warning: ${warning}\n`);
    return void io.stdout.write(`${options.config ?? 'the defaults'}: no problem found\n`);
  }
  return serve(io, config, access, options, read);
}

async function readConfiguration(options: SipServeOptions, sourceOf: SourceOf): Promise<ConfigReading<SipServeConfig>> {
  const { config: file, port, bind, httpBind, httpPort, httpTokenFile, httpOpen, httpHost, logFormat, logLevel } = options;
  const overrides = overridesOf<SipServeOptions, SipServeConfig>(options, sourceOf, [
    ['port', '--port', 'RTPLAT_SIP_PORT', { sip: { port } }],
    ['bind', '--bind', 'BIND_IP', { sip: { bind_address: bind === undefined ? undefined : [bind] } }],
    ['httpBind', '--http-bind', 'RTPLAT_HTTP_BIND', { health: { bind_address: httpBind } }],
    ['httpPort', '--http-port', 'SERVICE_PORT', { health: { health_check_port: httpPort } }],
    ['httpTokenFile', '--http-token-file', 'RTPLAT_HTTP_TOKEN_FILE', { health: { token_file: httpTokenFile } }],
    ['httpOpen', '--http-open', 'RTPLAT_HTTP_OPEN', { health: { open: httpOpen } }],
    ['httpHost', '--http-host', 'RTPLAT_HTTP_HOST', { health: { hosts: httpHost } }],
    ['logFormat', '--log-format', 'RTPLAT_LOG_FORMAT', { logging: { format: logFormat } }],
    ['logLevel', '--log-level', 'RTPLAT_LOG_LEVEL', { logging: { level: logLevel } }],
  ]);
  return mergeConfig(readConfig(await readConfigText(file), file ?? 'defaults', SIP_SERVE_SCHEMA), overrides);
}

/** @throws RtplatError `usage`: before anything is bound. */
function sipHttpAccess({ health }: SipServeConfig, env: NodeJS.ProcessEnv): HttpAccess {
  if (!health.enable_health_check) return NO_TOKEN;
  return httpAccess(
    {
      host: health.bind_address,
      port: health.health_check_port,
      tokenFile: health.token_file,
      open: health.open,
      hosts: health.hosts,
      names: { tokenFile: 'health.token_file (--http-token-file)', open: 'health.open = true (--http-open)' },
    },
    env,
  );
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
  access: HttpAccess,
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
    const sip = new SipService(config, { engine: options.engine, access, log, env: io.env });
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
