/** One input again: what it does, how long it takes. */
import { readFileSync } from 'node:fs';
import { loadTarget } from '../targets/index.ts';
import { aloneMs, SLOW_MS } from './slow.ts';

/** @returns the exit status: 1 when it is a bug. */
export async function replay(name: string, file: string): Promise<0 | 1> {
  const target = await loadTarget(name);
  const input = new Uint8Array(readFileSync(file));
  try {
    await target.check(input);
    const ms = await aloneMs(target, input);
    process.stdout.write(`${name}: ${input.length} bytes, nothing wrong, ${ms.toFixed(1)} ms of processor time\n`);
    return ms > SLOW_MS ? 1 : 0;
  } catch (error) {
    process.stdout.write(`${name}: ${input.length} bytes\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  } finally {
    await target.close?.();
  }
}
