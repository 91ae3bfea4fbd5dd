/** Sizes in bytes as a user writes them: `2MB`, `512kB`, `1MiB`, `4096`. */
import { leadingDecimal } from './duration.ts';

const BYTES_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['k', 1024],
  ['kb', 1024],
  ['kib', 1024],
  ['m', 1024 ** 2],
  ['mb', 1024 ** 2],
  ['mib', 1024 ** 2],
]);

/** @returns bytes, or undefined when `text` is not a size. Socket buffers come in binary kilobytes, so kB and KiB both mean 1024. */
export function parseByteSize(text: string): number | undefined {
  const trimmed = text.trim();
  const digits = leadingDecimal(trimmed);
  if (digits === '') return undefined;
  const scale = BYTES_PER_UNIT.get(trimmed.slice(digits.length).trim().toLowerCase());
  const bytes = scale === undefined ? Number.NaN : Number(digits) * scale;
  return Number.isInteger(bytes) ? bytes : undefined;
}
