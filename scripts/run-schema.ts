/** Writes the schemas in `schema/` from those that documents are read and checked by; `--check` only says whether they are up to date. */
import { toJsonSchema } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';
import { CaptureSchema } from '../src/core/capture/schema.ts';
import { RunSchema } from '../src/core/report/read-run.ts';
import { RunsSchema } from '../src/core/report/runs-document.ts';
import { generate } from './generate.ts';

publish('run', RunSchema, 'One run of rtplat.');
publish('runs', RunsSchema, 'Several runs of rtplat and what they make together, as `rtplat report --json` prints them.');
publish('capture', CaptureSchema, 'What `rtplat report` found in a capture.');

function publish(name: string, from: GenericSchema, what: string): void {
  const schema = toJsonSchema(from, {
    target: 'draft-07',
    // JSON has no infinities to forbid.
    ignoreActions: ['finite'],
  });
  const { $schema, ...body } = schema;
  const document = {
    $schema,
    $id: `urn:rtplat:schema:${name}-1`,
    title: `rtplat.${name}/1`,
    description: `${what} Latencies in milliseconds, ratios as fractions of 1; null is "not measured". Unknown members may stand anywhere.`,
    ...body,
  };
  generate(`schema/rtplat.${name}-1.schema.json`, `${JSON.stringify(document, undefined, 2)}\n`);
}
