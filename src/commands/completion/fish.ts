/** Completion for fish 3 and later. */
import { flatten } from './tree.ts';
import type { CommandNode, OptionNode, Value } from './tree.ts';

export function fishCompletion(root: CommandNode): string {
  const lines = [`# ${root.name} completion for fish`, `complete -c ${root.name} -f`];
  for (const { names, node } of flatten(root)) {
    const condition = conditionOf(names, node);
    for (const child of node.commands) {
      lines.push(`complete -c ${root.name} -n ${quote(condition)} -a ${quote(child.name)} -d ${quote(child.description)}`);
    }
    for (const option of node.options) lines.push(`complete -c ${root.name} -n ${quote(condition)} ${optionPart(option)}`);
    const operand = offer(node.operand);
    if (operand !== '') lines.push(`complete -c ${root.name} -n ${quote(condition)}${operand}`);
  }
  return `${lines.join('\n')}\n`;
}

/** True once all of the path's names were seen, and none of the next ones. */
function conditionOf(names: readonly string[], node: CommandNode): string {
  const seen = names.slice(1).map((name) => `__fish_seen_subcommand_from ${name}`);
  const next = node.commands.map(({ name }) => name);
  return [...seen, ...(next.length === 0 ? [] : [`not __fish_seen_subcommand_from ${next.join(' ')}`])].join('; and ');
}

function optionPart({ flags, description, value }: OptionNode): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const takes = value.kind === 'none' ? '' : ' -r';
  return `${names.join(' ')}${takes}${offer(value)} -d ${quote(description)}`;
}

/** `-F` brings back the file names that the first line of the script turned off. */
function offer(value: Value): string {
  switch (value.kind) {
    case 'choices':
      return ` -a ${quote(value.choices.join(' '))}`;
    case 'file':
      return ' -F';
    case 'text':
    case 'none':
      return '';
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}
