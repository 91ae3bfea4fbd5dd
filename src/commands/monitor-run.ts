/** `rtplat monitor`: reads its configuration, and watches until a signal, or until there is nothing left to watch. */
import { readFile } from 'node:fs/promises';
import { messageOf, RtplatError } from '../core/errors.ts';
import { MONITOR_SCHEMA } from '../core/monitor/config.ts';
import type { MonitorConfig } from '../core/monitor/config.ts';
import { Monitor } from '../core/monitor/host/monitor.ts';
import type { ConfigOverride } from '../core/service/config/layers.ts';
import { printConfig } from '../core/service/config/print.ts';
import { describeProblem } from '../core/service/config/problem.ts';
import { mergeConfig, readConfig } from '../core/service/config/read.ts';
import type { ConfigReading } from '../core/service/config/read.ts';
import { formatHostPort } from '../core/values/address.ts';
import type { CommandIo } from './io.ts';
import type { MonitorOptions } from './monitor.ts';
import { serving, servingSettings } from './serving.ts';
import type { Serving } from './serving.ts';

type SourceOf = (name: string) => string | undefined;

export async function runMonitor(io: CommandIo, options: MonitorOptions, sourceOf: SourceOf): Promise<void> {
  const { config, problems, warnings } = await readConfiguration(options, sourceOf);
  for (const problem of problems) io.stderr.write(`rtplat: ${describeProblem(problem)}\n`);
  for (const warning of warnings) io.stderr.write(`rtplat: warning: ${describeProblem(warning)}\n`);
  if (config === undefined) return io.exit(2);
  if (options.printConfig === true) return void io.stdout.write(printConfig(MONITOR_SCHEMA, config));
  if (config.service.length === 0) {
    throw new RtplatError('usage', `there is nothing to watch: ${options.config ?? 'no --config'} has no [[service]]`, {
      hint: 'begin with: rtplat monitor --print-config > monitor.toml',
    });
  }
  if (options.check === true) return void io.stdout.write(`${options.config ?? 'the defaults'}: no problem found\n`);
  const { level: logLevel, format: logFormat } = config.logging;
  return serving(io, servingSettings('monitor', { ...options, logLevel, logFormat }), (around) => watch(io, config, around));
}

async function readConfiguration(options: MonitorOptions, sourceOf: SourceOf): Promise<ConfigReading<MonitorConfig>> {
  let text = '';
  if (options.config !== undefined) {
    try {
      text = await readFile(options.config, 'utf8');
    } catch (error) {
      throw new RtplatError('usage', `cannot read --config ${options.config}: ${messageOf(error)}`, { cause: error });
    }
  }
  return mergeConfig(readConfig(text, options.config ?? 'defaults', MONITOR_SCHEMA), overridesOf(options, sourceOf));
}

/** What flags and the environment say, each with its name for messages. */
function overridesOf(options: MonitorOptions, sourceOf: SourceOf): readonly ConfigOverride<MonitorConfig>[] {
  const overrides: ConfigOverride<MonitorConfig>[] = [];
  const add = (name: keyof MonitorOptions, flag: string, env: string, values: ConfigOverride<MonitorConfig>['values']): void => {
    if (options[name] !== undefined) overrides.push({ origin: sourceOf(name) === 'env' ? env : flag, values });
  };
  add('httpPort', '--http-port', 'SERVICE_PORT', { http: { port: options.httpPort } });
  add('stateDirectory', '--state-directory', 'RTPLAT_STATE_DIRECTORY', { monitor: { state_directory: options.stateDirectory } });
  add('logFormat', '--log-format', 'RTPLAT_LOG_FORMAT', { logging: { format: options.logFormat } });
  add('logLevel', '--log-level', 'RTPLAT_LOG_LEVEL', { logging: { level: options.logLevel } });
  return overrides;
}

async function watch(io: CommandIo, config: MonitorConfig, around: Serving): Promise<void> {
  const { log, stopped } = around;
  const monitor = new Monitor(config, log, io.env);
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
