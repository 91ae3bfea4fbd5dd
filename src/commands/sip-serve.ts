/** `rtplat sip-serve`: the auto-answering SIP server. */
import { Command } from 'commander';
import { httpOptions } from './http-options.ts';
import type { HttpCommandOptions } from './http-options.ts';
import type { CommandIo } from './io.ts';
import { configOptions } from './option-config.ts';
import type { ConfigCommandOptions } from './option-config.ts';
import { numericAddress, option, port } from './options.ts';
import { engineOption, fileLogOptions, processOptions } from './service-options.ts';
import type { EngineCommandOptions, LogCommandOptions, ProcessCommandOptions } from './service-options.ts';

export interface SipServeOptions
  extends
    ConfigCommandOptions,
    Partial<LogCommandOptions>,
    ProcessCommandOptions,
    HttpCommandOptions,
    Pick<EngineCommandOptions, 'engine'> {
  readonly port?: number;
  readonly bind?: string;
  readonly httpBind?: string;
  readonly httpPort?: number;
}

export function sipServeCommand(io: CommandIo): Command {
  const command = new Command('sip-serve').description(
    'SIP server that answers calls by itself: tone, echo, recording, or the measured relay',
  );
  for (const made of configOptions('TOML file; without one the defaults of --print-config apply')) command.addOption(made);
  command
    .addOption(
      option('-p, --port <port>', 'UDP and TCP port of SIP, over sip.port of the file', {
        parse: port('zero-allowed'),
        env: 'RTPLAT_SIP_PORT',
      }),
    )
    .addOption(
      option('-b, --bind <address>', 'numeric address to listen on, over sip.bind_address of the file', {
        parse: numericAddress,
        env: 'BIND_IP',
      }),
    )
    .addOption(
      option('--http-bind <address>', 'numeric address of the HTTP service, over health.bind_address of the file', {
        parse: numericAddress,
        env: 'RTPLAT_HTTP_BIND',
      }),
    )
    .addOption(
      option('--http-port <port>', 'TCP port of /health and /metrics, over health.health_check_port of the file', {
        parse: port('zero-allowed'),
        env: 'SERVICE_PORT',
      }),
    )
    .addOption(engineOption())
    .addHelpText(
      'after',
      `
Any number that is called answers; [[route]] rules of the file say what each gets.
HTTP: /health, /metrics, /channels, /channels/ID, /sla, /events.

Example:
  $ rtplat sip-serve --config sip-server.toml`,
    );
  for (const made of [...httpOptions(), ...fileLogOptions(), ...processOptions()]) command.addOption(made);
  return command.action(async (options: SipServeOptions) => {
    const { runSipServe } = await import('./sip-serve-run.ts');
    await runSipServe(io, options, (name) => command.getOptionValueSource(name));
  });
}
