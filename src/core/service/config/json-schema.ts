/** The JSON Schema (draft 2020-12) of a configuration file, for editors that know TOML. */
import { anyFields } from './schema.ts';
import type { AnyField, AnyFields, ConfigSchema, JsonSchema } from './schema.ts';

export function configJsonSchema<T>(schema: ConfigSchema<T>): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `Configuration of ${schema.title}`,
    ...objectSchema(anyFields(schema)),
  };
}

function objectSchema(fields: AnyFields): JsonSchema {
  const entries = Object.entries(fields);
  const required = entries.filter(([, field]) => field.kind === 'key' && field.presence === 'required').map(([name]) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, field]) => [name, fieldSchema(field)])),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function fieldSchema(field: AnyField): JsonSchema {
  const description = field.doc;
  switch (field.kind) {
    case 'key':
      return { description, ...field.type.jsonSchema, ...(field.presence === 'default' && { default: field.default }) };
    case 'table':
      return { description, ...objectSchema(field.fields) };
    case 'list':
      return { type: 'array', description, items: objectSchema(field.fields) };
  }
}
