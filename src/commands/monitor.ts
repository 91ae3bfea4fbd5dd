/** `rtplat monitor`: watches services, and starts them again. */
import { Command } from 'commander';
import type { CommandIo } from './io.ts';
import { configOptions } from './option-config.ts';
import type { ConfigCommandOptions } from './option-config.ts';
import { option, port } from './options.ts';
import { fileLogOptions, servingOptions } from './service-options.ts';
import type { LogCommandOptions, ServingCommandOptions } from './service-options.ts';

export interface MonitorOptions extends ConfigCommandOptions, Partial<LogCommandOptions>, ServingCommandOptions {
  readonly httpPort?: number;
  readonly stateDirectory?: string;
}

export function monitorCommand(io: CommandIo): Command {
  const command = new Command('monitor').description('watch services by process, health endpoint and a real packet, and start them again');
  for (const made of configOptions('TOML file with a [[service]] for each one to watch')) command.addOption(made);
  command
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
    .addHelpText(
      'after',
      `
HTTP on 127.0.0.1:9091: /health, /metrics, /services.
Ends with status 1 when every service was given up.

Example:
  $ rtplat monitor --config monitor.toml`,
    );
  for (const made of [...fileLogOptions(), ...servingOptions()]) command.addOption(made);
  return command.action(async (options: MonitorOptions) => {
    const { runMonitor } = await import('./monitor-run.ts');
    await runMonitor(io, options, (name) => command.getOptionValueSource(name));
  });
}
