/** A row of bars, one a value. */

const BLOCKS = '▁▂▃▄▅▆▇█'.split('');
/** Where the terminal has no blocks: rising too, if less evenly. */
const SIGNS = '_.-=+*#@'.split('');

/**
 * The last `width` values, the newest at the right, each between 0 and `top`: 0 is the lowest bar, and a value that was not measured is a
 * blank, so that neither looks like the other. Scaled from 0, since a scale of its own for each row would make noise look like change.
 */
export function sparkline(values: readonly (number | null)[], top: number, width: number, unicode: boolean): string {
  const bars = unicode ? BLOCKS : SIGNS;
  const shown = lastOf(values, width).map((value) => {
    if (value === null) return ' ';
    const step = top > 0 ? Math.floor((value / top) * bars.length) : 0;
    return bars[Math.min(Math.max(step, 0), bars.length - 1)] ?? ' ';
  });
  return shown.join('').padStart(width);
}

/** The highest of the last `width` values; null when none was measured. */
export function topOf(values: readonly (number | null)[], width: number): number | null {
  let top: number | null = null;
  for (const value of lastOf(values, width)) if (value !== null && (top === null || value > top)) top = value;
  return top;
}

/** `slice(-0)` would be all of them. */
function lastOf<T>(values: readonly T[], count: number): readonly T[] {
  return values.slice(Math.max(0, values.length - count));
}
