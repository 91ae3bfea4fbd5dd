/** A whole as the sum of its parts and a rest, each with its bounds. Pure arithmetic of means. */
import { BUDGET_PARTS } from '../report/budget.ts';
import type { BudgetPart, BudgetSplit } from '../report/budget.ts';

export function unknownPart(reason: string): BudgetPart {
  return { ms: null, low_ms: null, high_ms: null, p50_ms: null, samples: null, reason };
}

export interface KnownPart {
  readonly ms: number;
  /** No farther off than between these; exact where left out. */
  readonly lowMs?: number;
  readonly highMs?: number;
  readonly p50Ms?: number | null;
  readonly samples: number | null;
}

export function knownPart({ ms, lowMs = ms, highMs = ms, p50Ms = null, samples }: KnownPart): BudgetPart {
  return { ms, low_ms: lowMs, high_ms: highMs, p50_ms: p50Ms, samples, reason: null };
}

/** The whole and its parts, with the rest: that is at its least where the whole is, and each part at its most. */
export function splitOf(whole: BudgetPart, parts: BudgetSplit['parts']): BudgetSplit {
  if (whole.ms === null) return { whole, parts, unexplained: unknownPart('the whole is not known') };
  const measured = BUDGET_PARTS.map((name) => parts[name]).filter(({ ms }) => ms !== null);
  const sum = (bound: 'ms' | 'low_ms' | 'high_ms'): number => measured.reduce((total, part) => total + (part[bound] ?? 0), 0);
  const unexplained = knownPart({
    ms: whole.ms - sum('ms'),
    lowMs: (whole.low_ms ?? whole.ms) - sum('high_ms'),
    highMs: (whole.high_ms ?? whole.ms) - sum('low_ms'),
    samples: whole.samples,
  });
  return { whole, parts, unexplained };
}

/** Several calls as one: means over all of their packets. A part that one of them lacks is unknown, and in the rest of all. */
export function totalOf(splits: readonly BudgetSplit[]): (BudgetSplit & { readonly calls: number }) | null {
  const known = splits.filter(({ whole }) => whole.ms !== null && (whole.samples ?? 0) > 0);
  if (known.length === 0) return null;
  const packets = known.reduce((total, { whole }) => total + (whole.samples ?? 0), 0);
  const over = (partOf: (split: BudgetSplit) => BudgetPart): BudgetPart => {
    const missing = known.map(partOf).find(({ ms }) => ms === null);
    if (missing !== undefined) return unknownPart(missing.reason ?? 'not known of every call');
    const mean = (bound: 'ms' | 'low_ms' | 'high_ms'): number =>
      known.reduce((total, split) => total + (partOf(split)[bound] ?? 0) * (split.whole.samples ?? 0), 0) / packets;
    const samples = known.reduce((total, split) => total + (partOf(split).samples ?? 0), 0);
    return knownPart({ ms: mean('ms'), lowMs: mean('low_ms'), highMs: mean('high_ms'), samples });
  };
  const parts = Object.fromEntries(
    BUDGET_PARTS.map((name) => [name, over((split) => split.parts[name])]),
  ) as unknown as BudgetSplit['parts'];
  return {
    ...splitOf(
      over(({ whole }) => whole),
      parts,
    ),
    calls: known.length,
  };
}
