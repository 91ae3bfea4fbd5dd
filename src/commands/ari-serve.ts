/** `rtplat ari-serve`: the ARI application. */
import { Command } from 'commander';
import { ariServeOptions } from './ari-serve-options.ts';
import type { AriServeOptions } from './ari-serve-options.ts';
import { isUnspecified } from '../core/values/address.ts';
import type { CommandIo } from './io.ts';
import { OptionTexts } from './option-config.ts';

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
  const texts = new OptionTexts(command);
  return command.action(async () => {
    if (!(await texts.configure(io))) return;
    const given = command.opts<AriServeOptions>();
    const [{ runAriServe }, { serving, servingSettings }] = await Promise.all([import('./ari-serve-run.ts'), import('./serving.ts')]);
    // A socket of one address gets no answer from 127.0.0.1: the echo's comes from that one address.
    const besideUs = command.getOptionValueSource('echoHost') === 'default' && !isUnspecified(given.bind);
    const options = besideUs ? { ...given, echoHost: given.bind } : given;
    await serving(io, servingSettings('ari-serve', options), (around) => runAriServe(io, around, options));
  });
}
