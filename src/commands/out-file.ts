/** `--out` of the commands that write a run file. */
import { InvalidArgumentError } from 'commander';
import type { Option } from 'commander';
import { option } from './options.ts';

/** @param description what is written, and when. */
export function outOption(description: string): Option {
  return option('-o, --out <file>', description, { env: 'RTPLAT_OUT', parse: outFile });
}

/** Other programs take `-` for standard output; here it would be a file that nobody finds. */
function outFile(text: string): string {
  if (text === '-') throw new InvalidArgumentError('Write /dev/stdout for standard output, or ./- for a file of that name.');
  return text;
}
