/** `rtplat ari-serve`: the ARI application. */
import { Command } from 'commander';
import { ariServeOptions } from './ari-serve-options.ts';
import type { AriServeOptions } from './ari-serve-options.ts';
import type { CommandIo } from './io.ts';

export function ariServeCommand(io: CommandIo): Command {
  const command = new Command('ari-serve')
    .description('ARI application: relay every call of an Asterisk to the echo server and measure each packet')
    .addHelpText(
      'after',
      `
The dialplan hands calls over with Stasis(rtplat); rtplat echo is the far end.
HTTP: /health, /metrics, /channels, /channels/ID, /sla, /events and a page at /.

Example:
  $ ARI_PASS=secret rtplat ari-serve --range 10000-10100 --ari-user rtplat`,
    );
  for (const made of ariServeOptions()) command.addOption(made);
  return command.action(async (options: AriServeOptions) => {
    const { runAriServe } = await import('./ari-serve-run.ts');
    await runAriServe(io, options);
  });
}
