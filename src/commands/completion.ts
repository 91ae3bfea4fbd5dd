/** `rtplat completion SHELL`: prints a script made from the commander tree, so that it cannot lag behind the commands. */
import { Argument, Command } from 'commander';
import type { CommandNode } from './completion/tree.ts';
import type { CommandIo } from './io.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function completionCommand(io: CommandIo): Command {
  const command = new Command('completion')
    .description('print the script that completes commands, options, their values and file names in a shell')
    .addArgument(new Argument('<shell>', 'the shell to print it for').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(rtplat completion bash)              for this shell; put it into ~/.bashrc to keep it
  $ rtplat completion zsh > ~/.zfunc/_rtplat      a folder of $fpath
  $ rtplat completion fish > ~/.config/fish/completions/rtplat.fish`,
    );
  return command.action(async (shell: Shell) => {
    const { commandTree } = await import('./completion/tree.ts');
    io.stdout.write(await scriptFor(shell, commandTree(rootOf(command))));
  });
}

function rootOf(command: Command): Command {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root;
}

async function scriptFor(shell: Shell, tree: CommandNode): Promise<string> {
  switch (shell) {
    case 'bash':
      return (await import('./completion/bash.ts')).bashCompletion(tree);
    case 'zsh':
      return (await import('./completion/zsh.ts')).zshCompletion(tree);
    case 'fish':
      return (await import('./completion/fish.ts')).fishCompletion(tree);
  }
}
