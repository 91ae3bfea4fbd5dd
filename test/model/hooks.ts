/**
 * Loaded before the model (`node --import`): the sources that it drives are read as they are, with two differences. Private fields
 * (`#phase`) become plain ones (`$phase`), so that the state of a program can be read and compared; and one seeded fault is put
 * in where `RTPLAT_MODEL_FAULT` names it, so that a test can prove that the model finds it.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { FAULTS } from './faults.ts';

const SOURCES = new URL('../../src/core/', import.meta.url).href;
const name = process.env['RTPLAT_MODEL_FAULT'];
const fault = FAULTS.find((known) => known.name === name);
if (name !== undefined && fault === undefined) throw new Error(`no fault is called ${name}`);

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith(SOURCES) || !url.endsWith('.ts')) return nextLoad(url, context);
    let source = readFileSync(fileURLToPath(url), 'utf8');
    if (fault !== undefined && url.endsWith(`/${fault.file}`)) {
      // A fault that no longer fits its source would prove nothing.
      if (source.split(fault.replace).length !== 2) throw new Error(`the fault ${fault.name} does not fit ${fault.file}`);
      source = source.replace(fault.replace, () => fault.by);
    }
    return { format: 'module-typescript', shortCircuit: true, source: source.replaceAll(/#(?=[a-z])/g, '$') };
  },
});
