/** Writes `schema/rtplat.gate-1.schema.json`: what `report` adds to a document when bounds were checked; `--check` only compares. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { GateSchema } from '../src/core/report/gate/schema.ts';
import { generate } from './generate.ts';

const { $schema, ...body } = toJsonSchema(GateSchema, { target: 'draft-07' });
const document = {
  $schema,
  $id: 'urn:rtplat:schema:gate-1',
  title: 'rtplat.gate/1',
  description:
    'The member "gate" of what rtplat report prints as JSON with --fail-on or --thresholds. Milliseconds, fractions of 1 and counts, as the field has them; null is "not measured", or that there is nothing to say.',
  ...body,
};

generate('schema/rtplat.gate-1.schema.json', `${JSON.stringify(document, undefined, 2)}\n`);
