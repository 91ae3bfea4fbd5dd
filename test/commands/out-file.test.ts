import { Command } from 'commander';
import { expect, it } from 'vitest';
import { outOption } from '../../src/commands/out-file.ts';

function parsed(file: string): unknown {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  return command.addOption(outOption('write a file')).parse(['--out', file], { from: 'user' }).opts()['out'];
}

it('takes any file, and refuses -, which other programs take for standard output', () => {
  expect(['run.json', './-', '/dev/stdout'].map(parsed)).toEqual(['run.json', './-', '/dev/stdout']);
  expect(() => parsed('-')).toThrow('Write /dev/stdout for standard output, or ./- for a file of that name.');
});
