/** Ports and port ranges as a user writes them. */

/** Inclusive on both ends. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** @returns 1 … 65535 (0 too when `zero` says that it means "any free port"), or undefined. */
export function parsePort(text: string, zero: 'zero-allowed' | 'no-zero' = 'no-zero'): number | undefined {
  const port = wholeNumber(text);
  if (port === undefined || port > 65_535 || (port === 0 && zero === 'no-zero')) return undefined;
  return port;
}

/** @returns the range of `10000-10100`, or of a single `10000`; undefined when it is no range or runs backwards. */
export function parsePortRange(text: string): PortRange | undefined {
  const dash = text.indexOf('-');
  const first = parsePort((dash < 0 ? text : text.slice(0, dash)).trim());
  const last = dash < 0 ? first : parsePort(text.slice(dash + 1).trim());
  if (first === undefined || last === undefined || last < first) return undefined;
  return { first, last };
}

export function formatPortRange(range: PortRange): string {
  return `${range.first}-${range.last}`;
}

export function portCount(range: PortRange): number {
  return range.last - range.first + 1;
}

/** The ports in both ranges, or undefined when they have none in common. */
export function overlapOf(a: PortRange, b: PortRange): PortRange | undefined {
  const first = Math.max(a.first, b.first);
  const last = Math.min(a.last, b.last);
  return first <= last ? { first, last } : undefined;
}

/** @returns the number that `text` spells in decimal digits alone (up to 15 of them), or undefined. */
export function wholeNumber(text: string): number | undefined {
  if (text.length === 0 || text.length > 15) return undefined;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x30 || c > 0x39) return undefined;
  }
  return Number(text);
}
