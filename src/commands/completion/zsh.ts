/** Completion for zsh: a function of the completion system, to be sourced or put in a folder of `fpath` as `_rtplat`. */
import type { CommandNode, OptionNode, Value } from './tree.ts';

export function zshCompletion(root: CommandNode): string {
  return `#compdef ${root.name}
# ${root.name} completion for zsh
${functionsOf(root, []).join('\n')}
if [[ $funcstack[1] == _${root.name} ]]; then
  _${root.name} "$@"
else
  compdef _${root.name} ${root.name}
fi
`;
}

/** One function a command, children first, since a function names them. */
function functionsOf(node: CommandNode, parents: readonly string[]): readonly string[] {
  const names = [...parents, node.name];
  const own = `_${names.map((name) => name.replaceAll('-', '_')).join('_')}`;
  const children = node.commands.flatMap((child) => functionsOf(child, names));
  const specs = node.options.map((option) => `    ${optionSpec(option)}`);
  if (node.commands.length === 0) {
    const operand = node.operand.kind === 'none' ? [] : [`    ${quote(`*:${action(node.operand)}`)}`];
    return [...children, `${own}() {\n  _arguments -s -S \\\n${[...specs, ...operand].join(' \\\n')}\n}`];
  }
  const described = node.commands.map(({ name, description }) => `    ${quote(`${name}:${description}`)}`);
  const dispatch = node.commands.map(({ name }) => `    ${name}) ${own}_${name.replaceAll('-', '_')} ;;`);
  return [
    ...children,
    `${own}() {
  local state line
  typeset -A opt_args
  local -a commands=(
${described.join('\n')}
  )
  _arguments -s -S -C \\
${specs.join(' \\\n')} \\
    '1: :->command' \\
    '*:: :->rest'
  case $state in
  command) _describe command commands ;;
  rest)
    case $line[1] in
${dispatch.join('\n')}
    esac
    ;;
  esac
}`,
  ];
}

/** `'(-p --port)'{-p,--port}'[description]:value:action'`. */
function optionSpec({ flags, description, value }: OptionNode): string {
  const text = `[${description
    .replaceAll('\\', '\\\\')
    .replaceAll('[', String.raw`\[`)
    .replaceAll(']', String.raw`\]`)}]${value.kind === 'none' ? '' : `:${action(value)}`}`;
  if (flags.length === 1) return quote(`${flags[0]}${text}`);
  return `${quote(`(${flags.join(' ')})`)}{${flags.join(',')}}${quote(text)}`;
}

/** `message:action` of `_arguments`. */
function action(value: Value): string {
  switch (value.kind) {
    case 'choices':
      return `${value.name}:(${value.choices.join(' ')})`;
    case 'file':
      return `${value.name}:_files`;
    case 'text':
      return `${value.name}: `;
    case 'none':
      return '';
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
