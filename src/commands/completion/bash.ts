/** Completion for bash 4 and later; needs nothing of the bash-completion package. */
import { flatten } from './tree.ts';
import type { CommandNode, OptionNode, Value } from './tree.ts';

export function bashCompletion(root: CommandNode): string {
  const paths = flatten(root);
  const subcommands = paths.slice(1).map(({ names }) => `    ${quote(names.join(' '))}) path=${quote(names.join(' '))} ;;`);
  return `# ${root.name} completion for bash
_${root.name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous= path=${quote(root.name)} i
  ((COMP_CWORD > 0)) && previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # "--name=value" reaches us as three words, or as two while the value is empty.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]] && ((COMP_CWORD > 1)); then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
${subcommands.join('\n')}
    esac
  done
  case "$path $previous" in
${paths.flatMap(({ names, node }) => node.options.map((option) => optionCase(names, option))).join('')}  esac
  if [[ $current == -* ]]; then
    case "$path" in
${paths.map(({ names, node }) => `    ${quote(names.join(' '))}) ${reply(node.options.flatMap(({ flags }) => flags))} ;;`).join('\n')}
    esac
    return
  fi
  case "$path" in
${paths.map(({ names, node }) => `    ${quote(names.join(' '))}) ${operand(node)} ;;`).join('\n')}
  esac
}
complete -F _${root.name} ${root.name}
`;
}

/** What follows an option that takes a value; the options that take none are not there. */
function optionCase(names: readonly string[], { flags, value }: OptionNode): string {
  if (value.kind === 'none') return '';
  const patterns = flags.map((flag) => quote(`${names.join(' ')} ${flag}`)).join('|');
  return `    ${patterns}) ${offer(value)}; return ;;\n`;
}

function operand(node: CommandNode): string {
  return node.commands.length > 0 ? reply(node.commands.map(({ name }) => name)) : offer(node.operand);
}

function offer(value: Value): string {
  switch (value.kind) {
    case 'choices':
      return reply(value.choices);
    case 'file':
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current")';
    case 'text':
    case 'none':
      return ':';
  }
}

function reply(words: readonly string[]): string {
  return `mapfile -t COMPREPLY < <(compgen -W ${quote(words.join(' '))} -- "$current")`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
