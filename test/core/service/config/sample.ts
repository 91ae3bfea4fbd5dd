/** A configuration with one of everything. */
import { key, optionalKey, requiredKey, table, tableList } from '../../../../src/core/service/config/schema.ts';
import type { ConfigSchema } from '../../../../src/core/service/config/schema.ts';
import { choice, decimal, integer, listOf, numericAddress, text, yesOrNo } from '../../../../src/core/service/config/value-types.ts';

export interface Sample {
  readonly name: string;
  readonly server: {
    readonly port: number;
    readonly hosts: readonly string[];
    readonly mode: 'slow' | 'quick' | 'off';
    readonly verbose: boolean;
    readonly token?: string;
    readonly tls: { readonly port: number; readonly cert?: string };
  };
  readonly limits: { readonly low: number; readonly high: number; readonly ratio: number };
  readonly rule: readonly { readonly match: string; readonly weight: number; readonly levels?: readonly number[] }[];
}

export const SAMPLE: ConfigSchema<Sample> = {
  title: 'a sample',
  fields: {
    name: key(text({ most: 20 }), { default: 'nobody', doc: 'Who it is.', reloadable: true }),
    server: table<Sample['server']>('The server.', {
      port: key(integer(0, 65_535), { default: 80, doc: 'Its port.' }),
      hosts: key(listOf(numericAddress, 1, 3, 'distinct'), { default: ['127.0.0.1'], doc: 'Its addresses.' }),
      mode: key(choice(['slow', 'quick', 'off']), { default: 'slow', doc: 'How it works.', reloadable: true }),
      verbose: key(yesOrNo, { default: false, doc: 'Whether it talks.', reloadable: true }),
      token: optionalKey(text(), { example: 'abc', doc: 'What nobody may see.', secret: true, reloadable: true }),
      tls: table<Sample['server']['tls']>('Its other port.', {
        port: key(integer(0, 65_535), { default: 443, doc: 'The port.' }),
        cert: optionalKey(text({ what: 'a file name' }), { example: 'cert.pem', doc: 'The certificate.' }),
      }),
    }),
    limits: table('Bounds.', {
      low: key(integer(0, 100), { default: 10, doc: 'The lower one.', reloadable: true }),
      high: key(integer(0, 100), { default: 20, doc: 'The upper one.', reloadable: true }),
      ratio: key(decimal(0, 1), { default: 1, doc: 'A fraction.', reloadable: true }),
    }),
    rule: tableList<Sample['rule'][number]>({
      doc: 'Rules.',
      reloadable: true,
      fields: {
        match: requiredKey(text(), { example: '6??', doc: 'What it is for.' }),
        weight: key(integer(0, 9), { default: 1, doc: 'How much it counts.' }),
        levels: optionalKey(listOf(integer(0, 9), 0, 4, 'repeated'), { example: [1, 2], doc: 'Some numbers.' }),
      },
      example: '[[rule]]\nmatch = "6??"\nweight = 2\n',
      check: (rule, report) => {
        if (rule.match === 'heavy' && rule.weight < 5) report.problem([['weight'], ['match']], 'heavy is at least 5', 'raise it');
      },
    }),
  },
  check: ({ limits, rule }, report) => {
    if (limits.low > limits.high) {
      report.problem(
        [
          ['limits', 'low'],
          ['limits', 'high'],
        ],
        `${limits.low} is above ${limits.high}`,
        'swap them',
      );
    }
    for (const [index, { match }] of rule.entries()) {
      if (match === 'odd') report.warning([['rule', index, 'match']], 'odd is odd', '');
    }
  },
};
