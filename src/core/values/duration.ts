/** Durations as a user writes them: a number and a unit, `20ms`, `5s`, `2m`, `1h`, `250us`. Nanoseconds inside. */

const NS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['µs', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['min', 60e9],
  ['h', 3600e9],
]);

/** @returns nanoseconds, or undefined when `text` is not a duration. A bare `0` needs no unit; `bareUnit` allows one for all. */
export function parseDurationNs(text: string, bareUnit?: 'ms' | 's'): number | undefined {
  const trimmed = text.trim();
  const digits = leadingDecimal(trimmed);
  if (digits === '') return undefined;
  const value = Number(digits);
  const unit = trimmed.slice(digits.length).trim() || (value === 0 ? 's' : (bareUnit ?? ''));
  const scale = NS_PER_UNIT.get(unit);
  const ns = scale === undefined ? Number.NaN : value * scale;
  return Number.isFinite(ns) ? ns : undefined;
}

/** The shortest exact form, in a unit of which there is at least one: 20 ms is `20ms`, 90 s is `90s`, 2.5 ms is `2.5ms`. */
export function formatDurationNs(ns: number): string {
  if (ns === 0) return '0s';
  let shortest = `${ns}ns`;
  for (const unit of ['h', 'm', 's', 'ms', 'us']) {
    const scale = NS_PER_UNIT.get(unit) as number;
    const text = `${ns / scale}${unit}`;
    if (ns >= scale && text.length < shortest.length && (ns / scale) * scale === ns) shortest = text;
  }
  return shortest;
}

/** The unsigned decimal number that `text` starts with, such as `12` or `0.5`; empty when it starts with none. */
export function leadingDecimal(text: string): string {
  let end = 0;
  let dots = 0;
  let digits = 0;
  for (; end < text.length; end++) {
    const c = text[end] as string;
    if (c === '.') {
      if (++dots > 1) return '';
    } else if (c >= '0' && c <= '9') digits += 1;
    else break;
  }
  return digits === 0 ? '' : text.slice(0, end);
}
