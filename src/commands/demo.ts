/** `rtplat demo`: the whole system on loopback. */
import { Command } from 'commander';
import type { DemoOptions } from './demo-run.ts';
import type { CommandIo } from './io.ts';
import { durationNs, integer, option } from './options.ts';
import { outOption } from './out-file.ts';
import { engineOption } from './service-options.ts';

export function demoCommand(io: CommandIo): Command {
  return new Command('demo')
    .description('run echo, relay and probe on loopback and report: nothing else needed')
    .addOption(option('-n, --calls <n>', 'simultaneous calls', { parse: integer(1, 100), default: '5', env: 'RTPLAT_CALLS' }))
    .addOption(
      option('-d, --duration <duration>', 'how long the callers send', {
        parse: durationNs({ atLeastNs: 1 }),
        default: '8s',
        env: 'RTPLAT_DURATION',
      }),
    )
    .addOption(engineOption())
    .addOption(option('-j, --json', 'print the run document and nothing else on standard output', {}))
    .addOption(outOption('write the run document to a file'))
    .addHelpText('after', '\nExample:\n  $ rtplat demo')
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('./demo-run.ts');
      await runDemo(io, options);
    });
}
