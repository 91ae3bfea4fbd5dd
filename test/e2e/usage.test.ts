import { expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

test.each([
  [['bogus'], "rtplat: unknown command 'bogus'; see rtplat --help"],
  [['ecko'], "rtplat: unknown command 'ecko' (Did you mean echo?); see rtplat --help"],
  [['--bogus'], "rtplat: unknown option '--bogus'; see rtplat --help"],
  [['echo', '--prot', '1'], "rtplat: unknown option '--prot' (Did you mean --port?); see rtplat echo --help"],
  [['monitor', 'bogus'], "rtplat: too many arguments for 'monitor'. Expected 0 arguments but got 1: bogus; see rtplat monitor --help"],
  [['echo', '--\u001b[2J'], "rtplat: unknown option '--\\x1b[2J'; see rtplat echo --help"],
])('rtplat %j says in one line what is wrong and where to look', async (args, line) => {
  expect(await runCli(args)).toMatchObject({ status: 2, stdout: '', stderr: `${line}\n` });
});
