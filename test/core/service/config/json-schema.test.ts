import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { configJsonSchema } from '../../../../src/core/service/config/json-schema.ts';
import { printConfig } from '../../../../src/core/service/config/print.ts';
import { readConfig } from '../../../../src/core/service/config/read.ts';
import { SAMPLE } from './sample.ts';

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(configJsonSchema(SAMPLE));
const isValid = (text: string): boolean => validate(parse(text));

describe('the JSON Schema', () => {
  it('takes what is taken', () => {
    const { config } = readConfig('server.tls.cert = "c"\n[[rule]]\nmatch = "6"', 'sample.toml', SAMPLE);
    expect(config && isValid(printConfig(SAMPLE, config))).toBe(true);
    expect(isValid('')).toBe(true);
    expect(isValid('server.hosts = "127.0.0.1"')).toBe(true);
  });

  it.each(['nmae = "x"', 'name = 5', 'server.port = 65536', 'server.mode = "fast"', 'limits.ratio = 1.5', '[[rule]]', 'server.hosts = []'])(
    'refuses %j, which is refused',
    (text) => {
      expect(readConfig(text, 'sample.toml', SAMPLE).problems).toHaveLength(1);
      expect(isValid(text)).toBe(false);
    },
  );
});
