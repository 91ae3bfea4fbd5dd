/** `rtplat monitor`: reads its configuration, and watches until a signal, or until there is nothing left to watch. */
import { RtplatError } from '../core/errors.ts';
import { MONITOR_SCHEMA } from '../core/monitor/config.ts';
import type { MonitorConfig } from '../core/monitor/config.ts';
import { Monitor } from '../core/monitor/host/monitor.ts';
import { httpAccess } from '../core/service/http-access.ts';
import { NO_TOKEN } from '../core/service/http-gate.ts';
import type { HttpAccess } from '../core/service/http-gate.ts';
import { printConfig } from '../core/service/config/print.ts';
import { mergeConfig, readConfig } from '../core/service/config/read.ts';
import type { ConfigReading } from '../core/service/config/read.ts';
import { formatHostPort } from '../core/values/address.ts';
import { overridesOf, readConfigText, tellReading } from './file-config.ts';
import type { SourceOf } from './file-config.ts';
import type { CommandIo } from './io.ts';
import type { MonitorOptions } from './monitor.ts';
import { serving, servingSettings } from './serving.ts';
import type { Serving } from './serving.ts';

export async function runMonitor(io: CommandIo, options: MonitorOptions, sourceOf: SourceOf): Promise<void> {
  const reading = await readConfiguration(options, sourceOf);
  tellReading(io, reading);
  const { config } = reading;
  if (config === undefined) return io.exit(2);
  if (options.printConfig === true) return void io.stdout.write(printConfig(MONITOR_SCHEMA, config));
  if (config.service.length === 0) {
    throw new RtplatError('usage', `there is nothing to watch: ${options.config ?? 'no --config'} has no [[service]]`, {
      hint: 'begin with: rtplat monitor --print-config > monitor.toml',
    });
  }
  const access = monitorHttpAccess(config, io.env);
  if (options.check === true) return void io.stdout.write(`${options.config ?? 'the defaults'}: no problem found\n`);
  const { level: logLevel, format: logFormat } = config.logging;
  return serving(io, servingSettings('monitor', { ...options, logLevel, logFormat }), (around) => watch(io, config, access, around));
}

/** @throws RtplatError `usage`: before anything is started. */
function monitorHttpAccess({ http }: MonitorConfig, env: NodeJS.ProcessEnv): HttpAccess {
  if (!http.enable) return NO_TOKEN;
  return httpAccess(
    {
      host: http.bind_address,
      port: http.port,
      tokenFile: http.token_file,
      open: http.open,
      hosts: http.hosts,
      names: { tokenFile: 'http.token_file', open: 'http.open = true' },
    },
    env,
  );
}

async function readConfiguration(options: MonitorOptions, sourceOf: SourceOf): Promise<ConfigReading<MonitorConfig>> {
  const { config: file, httpPort, stateDirectory, logFormat, logLevel } = options;
  const overrides = overridesOf<MonitorOptions, MonitorConfig>(options, sourceOf, [
    ['httpPort', '--http-port', 'SERVICE_PORT', { http: { port: httpPort } }],
    ['stateDirectory', '--state-directory', 'RTPLAT_STATE_DIRECTORY', { monitor: { state_directory: stateDirectory } }],
    ['logFormat', '--log-format', 'RTPLAT_LOG_FORMAT', { logging: { format: logFormat } }],
    ['logLevel', '--log-level', 'RTPLAT_LOG_LEVEL', { logging: { level: logLevel } }],
  ]);
  return mergeConfig(readConfig(await readConfigText(file), file ?? 'defaults', MONITOR_SCHEMA), overrides);
}

async function watch(io: CommandIo, config: MonitorConfig, access: HttpAccess, around: Serving): Promise<void> {
  const { log, stopped } = around;
  const monitor = new Monitor(config, access, log, io.env);
  try {
    const http = await monitor.start();
    const names = config.service.map(({ name }) => name).join(', ');
    log.info(`monitor: watching ${names}${http === undefined ? '' : `, HTTP on http://${formatHostPort(http.host, http.port)}/`}`);
    monitor.watch();
    around.ready(`watching ${names}`, () => monitor.prove());
    const signal = stopped.then((name) => `${name} received`);
    const surrender = monitor.surrendered.then((why) => {
      io.exit(1);
      return why;
    });
    log.info(`${await Promise.race([signal, surrender])}; ending`);
  } finally {
    await monitor.stop();
  }
  log.info('monitor stopped');
}
