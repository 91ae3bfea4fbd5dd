/** Writes `schema/rtplat.baseline-1.schema.json`: what `report --baseline` adds to a document; `--check` only compares. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { BaselineSchema } from '../src/core/report/baseline/schema.ts';
import { generate } from './generate.ts';

const { $schema, ...body } = toJsonSchema(BaselineSchema, { target: 'draft-07' });
const document = {
  $schema,
  $id: 'urn:rtplat:schema:baseline-1',
  title: 'rtplat.baseline/1',
  description:
    'The member "baseline" of what rtplat report prints as JSON with --baseline. Milliseconds, fractions of 1 and counts; null is "not measured", or that there is nothing to say.',
  ...body,
};

generate('schema/rtplat.baseline-1.schema.json', `${JSON.stringify(document, undefined, 2)}\n`);
