/** Whether a benchmark may open what it needs. */
import { readFileSync } from 'node:fs';

/** @throws Error when this process, and so those that it starts, may not open enough files. */
export function checkFiles(needed: number): void {
  const line = readFileSync('/proc/self/limits', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('Max open files'));
  const hard = line?.trim().split(/\s+/).at(4);
  if (hard !== 'unlimited' && !(Number(hard) >= needed))
    throw new Error(`${hard} open files are allowed, ${needed} are needed: raise ulimit -Hn`);
}
