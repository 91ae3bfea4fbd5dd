/** The budget of calls that were placed, beside what their service told. Pure. */
import { budgetOf } from '../budget/budget.ts';
import type { PlacedName } from '../budget/join.ts';
import type { BudgetMembers } from '../report/budget.ts';
import type { RunDocument } from '../report/run.ts';
import type { ServiceFacts } from './service-watch.ts';

/** @param names of the calls, in order; null of those that were never answered. */
export function budgetWith(
  { url, trouble, calls }: ServiceFacts,
  { calls: rows }: Pick<RunDocument, 'calls'>,
  names: readonly (PlacedName | null)[],
): BudgetMembers {
  return budgetOf({ url, trouble, rows, there: [...calls.values()], nameOf: (_, i) => names[i] ?? null });
}
