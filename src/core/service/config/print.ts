/** A configuration as commented TOML (`--print-config`). Read again, it is the same configuration, but for the secrets. */
import { anyFields, inTomlOrder, member } from './schema.ts';
import type { AnyField, AnyFields, AnyTableList, ConfigSchema, Key } from './schema.ts';
import { tableName } from './problem.ts';
import type { ConfigPath } from './problem.ts';

const WIDTH = 120;

export function printConfig<T>(schema: ConfigSchema<T>, config: T): string {
  const lines = [
    ...comment(`Configuration of ${schema.title}. A key that is left away has its default; an unknown one is an error.`),
    ...comment('Keys marked "reloads" take effect at SIGHUP; the others at the next start.'),
    ...printFields(anyFields(schema), config, []),
  ];
  return `${lines.join('\n')}\n`;
}

function printFields(fields: AnyFields, config: unknown, path: ConfigPath): readonly string[] {
  return inTomlOrder(fields).flatMap(([name, field]) => printField(field, name, member(config, name), path));
}

function printField(field: AnyField, name: string, value: unknown, path: ConfigPath): readonly string[] {
  switch (field.kind) {
    case 'key':
      return ['', ...comment(`${field.doc} ${constraints(field)}`), printKey(field, name, value)];
    case 'table': {
      const inner = [...path, name];
      return ['', '', ...comment(field.doc), tableName(inner), ...printFields(field.fields, value, inner)];
    }
    case 'list':
      return printList(field, [...path, name], value as readonly unknown[]);
  }
}

function printKey(key: Key<unknown>, name: string, value: unknown): string {
  if (value === undefined) return `# ${name} = ${key.type.print(key.example)}`;
  return key.secret ? `# ${name} = "(set)"` : `${name} = ${key.type.print(value)}`;
}

/** What the keys mean and how such a table looks, commented out; then the tables that there are. */
function printList(list: AnyTableList, path: ConfigPath, elements: readonly unknown[]): readonly string[] {
  const keys = inTomlOrder(list.fields).flatMap(([name, field]) =>
    field.kind === 'key' ? comment(`- ${name}: ${field.doc} ${constraints(field)}`) : [],
  );
  const example = list.example.trim().split('\n');
  const entries = elements.flatMap((element) => ['', `[[${path.join('.')}]]`, ...printSet(list.fields, element)]);
  const note = list.reloadable ? 'Reloads.' : 'Needs a restart.';
  return ['', '', ...comment(`${list.doc} ${note}`), ...keys, '#', ...example.map((line) => `# ${line}`.trimEnd()), ...entries];
}

function printSet(fields: AnyFields, element: unknown): readonly string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const value = member(element, name);
    return field.kind === 'key' && value !== undefined ? [printKey(field, name, value)] : [];
  });
}

/** `(a whole number from 0 to 65535; 5060 by default; reloads)` */
function constraints(key: Key<unknown>): string {
  const parts = [key.type.expected];
  if (key.presence === 'default') parts.push(`${key.type.print(key.default)} by default`);
  if (key.presence === 'required') parts.push('must be set');
  if (key.reloadable) parts.push('reloads');
  return `(${parts.join('; ')})`;
}

function comment(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
