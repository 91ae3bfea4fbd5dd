/**
 * Bounds against what was measured. A bound passes only on enough samples, as the service level's do; what was not measured is
 * `insufficient`, and what a distrusted run says is `inconclusive`.
 *
 * Samples that a pass takes:
 * - a percentile q: 100 / (1 − q), and 200 at the least; the maximum: 10,000; a mean and the jitter, as p50: 200;
 * - a ratio: 3 / bound, and 100 at the least; for a bound of 0, where no number proves anything, 3,000;
 * - R and MOS, and counts of lost, late, repeated packets: 100.
 *
 * One sample above the bound of a maximum violates it on any number, as do more events than a count allows, and as many events as would
 * violate a ratio even if no more of them came up to the number needed.
 */
import { samplesNeeded } from '../../stats/service-level.ts';
import { worst } from '../merge.ts';
import type { Verdict } from '../run.ts';
import { sendErrorOf } from '../verdict.ts';
import type { Bound, Operator } from './expression.ts';
import type { Field } from './fields.ts';
import type { GateSubjects, Subject } from './subject.ts';

/** One bound on one subject. */
export interface Finding {
  readonly subject: string;
  readonly status: Verdict;
  /** null when it was not measured. */
  readonly value: number | null;
  readonly samples: number;
  /** How many a pass takes; present when there are too few. */
  readonly needed?: number;
  /** How far a violated bound is missed, in its unit, never negative; null when it holds or nothing was measured. */
  readonly distance: number | null;
}

/** One bound: the finding of its worst subject, and how many there were. */
export interface GateCheck extends Finding {
  readonly bound: Bound;
  /** Runs or calls that it was checked on. */
  readonly subjects: number;
  /** Of those, how many violate it, worst first. */
  readonly violations: readonly Finding[];
}

export interface GateResult {
  readonly checks: readonly GateCheck[];
  readonly verdict: Verdict;
}

export function checkBounds(bounds: readonly Bound[], { all, runs, calls }: GateSubjects): GateResult {
  const subjects = { all: [all], run: runs, call: calls };
  const checks = bounds.map((bound) => checkBound(bound, subjects[bound.scope]));
  return { checks, verdict: worst(checks.map(({ status }) => status)) };
}

/** Of none there is nothing to say, and that is no pass. */
function checkBound(bound: Bound, subjects: readonly Subject[]): GateCheck {
  const asked = subjects.filter(({ relayed }) => relayed || bound.field.kind === 'duration');
  const findings = asked.map((subject) => find(bound, subject));
  const status = findings.length === 0 ? 'insufficient' : worst(findings.map((finding) => finding.status));
  const ofStatus = findings.filter((finding) => finding.status === status).toSorted((a, b) => graver(bound, a, b));
  const [gravest = { subject: '', status, value: null, samples: 0, distance: null }] = ofStatus;
  return { ...gravest, bound, subjects: findings.length, violations: status === 'fail' ? ofStatus : [] };
}

/** Where samples are missing, the fewest first; else the value that is the farthest on the wrong side, or the nearest to it. */
function graver({ operator, limit }: Bound, a: Finding, b: Finding): number {
  if (a.status === 'insufficient') return a.samples - b.samples;
  const badness = ({ value }: Finding): number => {
    if (value === null) return 0;
    if (operator === '==') return Math.abs(value - limit);
    if (operator === '!=') return -Math.abs(value - limit);
    return isUpper(operator) ? value : -value;
  };
  return badness(b) - badness(a);
}

function find(bound: Bound, subject: Subject): Finding {
  const { field, operator, limit } = bound;
  const value = subject.value(field);
  const samples = subject.samples(field.basis);
  const needed = neededFor(field, limit);
  const base = { subject: subject.name, value, samples };
  if (value === null) return { ...base, status: 'insufficient', distance: null, ...(samples < needed && { needed }) };
  const holds = compare(value, operator, limit);
  const enough = samples >= needed;
  const violated = !holds && (enough || isDisproved(bound, value, samples, needed));
  if (!violated && !enough) return { ...base, status: 'insufficient', needed, distance: null };
  const distance = holds ? null : rounded(Math.abs(value - limit));
  return { ...base, status: isDoubtful(bound, value, subject) ? 'inconclusive' : violated ? 'fail' : 'pass', distance };
}

/** Few samples more can prove a bound wrong that could not be proven right by them. */
function isDisproved({ field, operator, limit }: Bound, value: number, samples: number, needed: number): boolean {
  if (!(isUpper(operator) || operator === '==') || value < limit) return false;
  if (field.kind === 'peak' || field.kind === 'events') return true;
  return field.kind === 'ratio' && Math.round(value * samples) > limit * needed;
}

/** What the instrument may have caused itself. */
function isDoubtful({ field, operator, limit }: Bound, value: number, subject: Subject): boolean {
  if (subject.distrusted) return true;
  const { sendError } = subject;
  const excess = value - limit;
  if (sendError === null || excess < 0 || field.basis !== 'latencies') return false;
  // What is too high, or high enough, only because packets left late.
  if (compare(value, operator, limit) === isUpper(operator)) return false;
  return excess <= sendErrorOf(field.name, field.quantile, sendError);
}

function neededFor({ kind, quantile }: Field, limit: number): number {
  switch (kind) {
    case 'time':
      if (quantile !== null) return samplesNeeded(Math.max(0.5, quantile));
      return LEAST_OF_A_MEAN;
    case 'peak':
      return samplesNeeded(0.99);
    case 'ratio':
      return limit === 0 ? LEAST_OF_NOTHING : Math.max(LEAST_PACKETS, Math.ceil(3 / limit));
    case 'events':
    case 'score':
      return LEAST_PACKETS;
    case 'amount':
    case 'duration':
      return 0;
  }
}

const LEAST_OF_A_MEAN = 200;
const LEAST_OF_NOTHING = 3_000;
const LEAST_PACKETS = 100;

function isUpper(operator: Operator): boolean {
  return operator === '<' || operator === '<=';
}

function compare(value: number, operator: Operator, limit: number): boolean {
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '==':
      return value === limit;
    case '!=':
      return value !== limit;
  }
}

/** Without the noise of a subtraction: no unit of ours is finer than a millionth of a millionth. */
function rounded(value: number): number {
  return Math.round(value * 1e12) / 1e12;
}
