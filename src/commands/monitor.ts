/** `rtplat monitor`: watches services, and starts them again. */
import { Command } from 'commander';
import type { CommandIo } from './io.ts';
import { option, port } from './options.ts';
import { servingOptions } from './service-options.ts';
import type { LogCommandOptions, ServingCommandOptions } from './service-options.ts';

export interface MonitorOptions extends Partial<LogCommandOptions>, ServingCommandOptions {
  readonly config?: string;
  readonly check?: true;
  readonly printConfig?: true;
  readonly httpPort?: number;
  readonly stateDirectory?: string;
}

export function monitorCommand(io: CommandIo): Command {
  const command = new Command('monitor')
    .description('watch services by process, health endpoint and a real packet, and start them again')
    .addOption(option('-c, --config <file>', 'TOML file with a [[service]] for each one to watch', { env: 'RTPLAT_CONFIG' }))
    .addOption(option('--check', 'say everything that is wrong with the configuration, and end', {}))
    .addOption(option('--print-config', 'print the configuration that applies, as TOML with comments, and end', {}))
    .addOption(
      option('--http-port <port>', 'TCP port of /health, /metrics and /services, over http.port of the file', {
        parse: port('zero-allowed'),
        env: 'SERVICE_PORT',
      }),
    )
    .addOption(
      option('--state-directory <folder>', 'where it notes what it has started, over monitor.state_directory of the file', {
        env: 'RTPLAT_STATE_DIRECTORY',
      }),
    )
    .addOption(
      option('--log-format <format>', 'how log lines are written, over logging.format of the file', {
        choices: ['text', 'json'],
        env: 'RTPLAT_LOG_FORMAT',
      }),
    )
    .addOption(
      option('--log-level <level>', 'the least important lines to write, over logging.level of the file', {
        choices: ['debug', 'info', 'warn', 'error'],
        env: 'RTPLAT_LOG_LEVEL',
      }),
    )
    .addHelpText(
      'after',
      `
HTTP on 127.0.0.1:9091: /health, /metrics, /services.
Ends with status 1 when every service was given up.

Example:
  $ rtplat monitor --config monitor.toml`,
    );
  for (const made of servingOptions()) command.addOption(made);
  return command.action(async (options: MonitorOptions) => {
    const { runMonitor } = await import('./monitor-run.ts');
    await runMonitor(io, options, (name) => command.getOptionValueSource(name));
  });
}
