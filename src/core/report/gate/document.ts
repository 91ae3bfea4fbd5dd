/** The member `gate` that a JSON document has when bounds were checked. Numbers are in the units of the document it stands in. */
import type { Verdict } from '../run.ts';
import type { Finding, GateResult } from './check.ts';
import type { Operator } from './expression.ts';
import type { Scope } from './fields.ts';

export const GATE_SCHEMA = 'rtplat.gate/1';

export interface GateDocument {
  readonly schema: typeof GATE_SCHEMA;
  readonly verdict: Verdict;
  readonly checks: readonly GateCheckDocument[];
}

export interface GateCheckDocument {
  /** As it was written, without blanks. */
  readonly bound: string;
  readonly scope: Scope;
  /** Its name in the run document, or a percentile such as `p99.9`. */
  readonly field: string;
  readonly operator: Operator;
  readonly limit: number;
  readonly status: Verdict;
  /** The run or call that the next four are of: the worst one; null of all together, or when there is none. */
  readonly subject: string | null;
  readonly value: number | null;
  readonly samples: number;
  readonly needed: number | null;
  /** How far the bound is missed; null when it holds. */
  readonly distance: number | null;
  /** How many runs or calls were checked. */
  readonly subjects: number;
  /** Those that violate it, worst first. */
  readonly violations: readonly { readonly subject: string; readonly value: number | null; readonly distance: number | null }[];
}

export function gateDocument({ checks, verdict }: GateResult): GateDocument {
  return {
    schema: GATE_SCHEMA,
    verdict,
    checks: checks.map(({ bound, status, subject, value, samples, needed, distance, subjects, violations }) => ({
      bound: bound.text,
      scope: bound.scope,
      field: bound.field.name,
      operator: bound.operator,
      limit: bound.limit,
      status,
      subject: bound.scope === 'all' || subjects === 0 ? null : subject,
      value,
      samples,
      needed: needed ?? null,
      distance,
      subjects,
      violations: bound.scope === 'all' ? [] : violations.map((violation: Finding) => pick(violation)),
    })),
  };
}

function pick({ subject, value, distance }: Finding): GateCheckDocument['violations'][number] {
  return { subject, value, distance };
}
