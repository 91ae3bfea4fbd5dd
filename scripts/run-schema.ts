/** Writes `schema/rtplat.run-1.schema.json` from the schema that runs are read by; `--check` only says whether it is up to date. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { RunSchema } from '../src/core/report/read-run.ts';
import { generate } from './generate.ts';

const schema = toJsonSchema(RunSchema, {
  target: 'draft-07',
  // JSON has no infinities to forbid.
  ignoreActions: ['finite'],
});
const { $schema, ...body } = schema;
const document = {
  $schema,
  $id: 'urn:rtplat:schema:run-1',
  title: 'rtplat.run/1',
  description:
    'One run of rtplat. Latencies in milliseconds, ratios as fractions of 1; null is "not measured". Unknown members may stand anywhere.',
  ...body,
};

generate('schema/rtplat.run-1.schema.json', `${JSON.stringify(document, undefined, 2)}\n`);
