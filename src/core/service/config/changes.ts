/** What a reload changes. */
import { keyName } from './problem.ts';
import type { ConfigPath } from './problem.ts';
import { anyFields, member } from './schema.ts';
import type { AnyField, AnyFields, ConfigSchema } from './schema.ts';

export interface ConfigChange {
  /** `sip.port`; `route` for a whole list of tables. */
  readonly name: string;
  /** Whether a running service can take it; else it needs a restart. */
  readonly reloadable: boolean;
  /** As TOML, `not set`, `(set)` for a secret, or `2 tables`. */
  readonly before: string;
  readonly after: string;
}

export interface ConfigChanges<T> {
  /** In the order of the schema. */
  readonly changes: readonly ConfigChange[];
  /** What a running service goes on with: the new configuration where it can be reloaded, the old one elsewhere. */
  readonly effective: T;
}

/** Secrets in files are not looked at: their contents may have changed behind the same name. */
export function changed<T>(schema: ConfigSchema<T>, before: T, after: T): ConfigChanges<T> {
  const changes: ConfigChange[] = [];
  const effective = mixed(anyFields(schema), before, after, [], changes);
  return { changes, effective: effective as T };
}

function mixed(fields: AnyFields, before: unknown, after: unknown, path: ConfigPath, changes: ConfigChange[]): unknown {
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = mixedField(field, member(before, name), member(after, name), [...path, name], changes);
    if (value !== undefined) result[name] = value;
  }
  return result;
}

function mixedField(field: AnyField, before: unknown, after: unknown, path: ConfigPath, changes: ConfigChange[]): unknown {
  if (field.kind === 'table') return mixed(field.fields, before, after, path, changes);
  if (fingerprint(field, before) === fingerprint(field, after)) return before;
  changes.push({ name: keyName(path), reloadable: field.reloadable, before: summary(field, before), after: summary(field, after) });
  return field.reloadable ? after : before;
}

/** Text that is the same for the same values. */
function fingerprint(field: AnyField, value: unknown): string {
  if (field.kind === 'key') return value === undefined ? '' : field.type.print(value);
  const values = field.kind === 'list' ? (value as readonly unknown[]) : [value];
  return JSON.stringify(values.map((one) => Object.entries(field.fields).map(([name, inner]) => fingerprint(inner, member(one, name)))));
}

function summary(field: Exclude<AnyField, { kind: 'table' }>, value: unknown): string {
  if (field.kind === 'list') return `${(value as readonly unknown[]).length} tables`;
  if (value === undefined) return 'not set';
  return field.secret ? '(set)' : field.type.print(value);
}
