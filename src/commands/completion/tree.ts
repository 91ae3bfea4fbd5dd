/** What a completion script knows of a command line: the commander tree, without its actions. */
import type { Command, Option } from 'commander';

export interface CommandNode {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionNode[];
  readonly commands: readonly CommandNode[];
  /** What stands behind the options; none when nothing can be offered. */
  readonly operand: Value;
}

export interface OptionNode {
  /** `-p`, `--port`: at least one. */
  readonly flags: readonly [string, ...string[]];
  readonly description: string;
  readonly value: Value;
}

/** What may follow: nothing, free text, a path, or one of some words. */
export type Value =
  | { readonly kind: 'none' }
  | { readonly kind: 'text'; readonly name: string }
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'choices'; readonly name: string; readonly choices: readonly string[] };

/** Placeholders that stand for paths. */
const PATHS: ReadonlySet<string> = new Set(['file', 'path', 'directory', 'dir', 'source']);

/** @param siblings names of the commands beside it. */
export function commandTree(command: Command, siblings: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  return {
    name: command.name(),
    description: firstLine(help.subcommandDescription(command)),
    options: help.visibleOptions(command).map(optionNode),
    commands: commands.map((child) =>
      commandTree(
        child,
        commands.map((other) => other.name()),
      ),
    ),
    operand: operandValue(command, siblings),
  };
}

function optionNode(option: Option): OptionNode {
  const [first, ...rest] = [option.short, option.long].filter((flag) => flag !== undefined);
  const name = placeholder(option.flags);
  return {
    flags: [first ?? option.flags, ...rest],
    description: firstLine(option.description),
    value: option.required || option.optional ? valueOf(name, option.argChoices) : { kind: 'none' },
  };
}

/** The first argument stands for all; the one of commander's own `help` is one of the commands beside it. */
function operandValue(command: Command, siblings: readonly string[]): Value {
  const [operand] = command.registeredArguments;
  if (operand === undefined) return { kind: 'none' };
  return valueOf(operand.name(), command.name() === 'help' ? siblings.filter((name) => name !== 'help') : operand.argChoices);
}

function valueOf(name: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: 'choices', name, choices };
  return PATHS.has(name) ? { kind: 'file', name } : { kind: 'text', name };
}

/** `duration` of `--ptime <duration>`. */
function placeholder(flags: string): string {
  const from = Math.max(flags.indexOf('<'), flags.indexOf('['));
  const to = Math.max(flags.indexOf('>'), flags.indexOf(']'));
  return from < 0 ? '' : flags.slice(from + 1, to).replace('...', '');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** A command with the names that lead to it: `['rtplat', 'help', 'echo']`. */
export interface CommandPath {
  readonly names: readonly string[];
  readonly node: CommandNode;
}

/** The command and all below it, parents first. */
export function flatten(node: CommandNode, parents: readonly string[] = []): readonly CommandPath[] {
  const names = [...parents, node.name];
  return [{ names, node }, ...node.commands.flatMap((child) => flatten(child, names))];
}
