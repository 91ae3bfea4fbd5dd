/**
 * Where the round trip of calls goes, part by part, in a run document: `whole = the parts that were measured + unexplained`. All are means,
 * which add up, as medians do not. What was not measured is null, and lies in `unexplained`.
 */

/** On the way of a packet, in its order; `caller_network` and `service_network` are there and back. */
export const BUDGET_PARTS = ['caller_network', 'service_network', 'service', 'echo'] as const;
export type BudgetPartName = (typeof BUDGET_PARTS)[number];

/** A mean, milliseconds, and between which bounds it may be; all three are null where it was not measured. */
export interface BudgetPart {
  readonly ms: number | null;
  readonly low_ms: number | null;
  readonly high_ms: number | null;
  /** Of the same, where percentiles are known. */
  readonly p50_ms: number | null;
  /** Packets or reports that the mean is of. */
  readonly samples: number | null;
  /** Why it is null, one phrase. */
  readonly reason: string | null;
}

export interface BudgetSplit {
  /** The caller's round trip. */
  readonly whole: BudgetPart;
  readonly parts: { readonly [Name in BudgetPartName]: BudgetPart };
  /** The whole without the parts that were measured: what Asterisk does between its legs, and what was not measured. May be below 0. */
  readonly unexplained: BudgetPart;
}

export interface CallBudget extends BudgetSplit {
  /** As in `calls` of the document. */
  readonly id: string;
  /** The same call in the service. */
  readonly service_call: string | null;
  /** How that is known; null where it is not. */
  readonly joined_by: 'call-id' | 'channel' | 'only' | null;
  /** Why it is not, one phrase. */
  readonly join_problem: string | null;
  /** What codecs are known to hold back, and is in `unexplained`, ms; null where nothing is known to. */
  readonly codec_delay_ms: number | null;
}

export interface BudgetMembers {
  /** URL of the service. */
  readonly service: string;
  /** Why its numbers are not to be relied on, one line. */
  readonly trouble: string | null;
  readonly calls: readonly CallBudget[];
  /** Over all packets of the calls that were joined; null where none was. */
  readonly total: (BudgetSplit & { readonly calls: number }) | null;
}
