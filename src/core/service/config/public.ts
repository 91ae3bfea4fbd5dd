/** A configuration as others may see it: without its secrets. */
import { anyFields, member } from './schema.ts';
import type { AnyFields, ConfigSchema } from './schema.ts';

/** Its members, named as in the file; those that are not set are left out. */
export function publicConfig<T>(schema: ConfigSchema<T>, config: T): Readonly<Record<string, unknown>> {
  return shown(anyFields(schema), config);
}

function shown(fields: AnyFields, config: unknown): Readonly<Record<string, unknown>> {
  const members: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = member(config, name);
    if (value === undefined) continue;
    if (field.kind === 'table') members[name] = shown(field.fields, value);
    else if (field.kind === 'list') members[name] = (value as readonly unknown[]).map((one) => shown(field.fields, one));
    else if (!field.secret) members[name] = value;
  }
  return members;
}
