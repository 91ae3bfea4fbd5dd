/** Whose doing it is when a bound of the service-level table is violated. */
import type { ServiceLevelCheck } from '../../src/core/stats/service-level.ts';
import type { CallsRun } from './run.ts';

/**
 * - `ours`: relay or echo.
 * - `the caller's`: the audio left late.
 * - `Asterisk's`: it left on time, and came to us late.
 * - `the machine's`: no core was free for those who had work to do.
 */
export type Owner = 'ours' | "the caller's" | "Asterisk's" | "the machine's";

export interface Judgement {
  readonly check: ServiceLevelCheck;
  /** Nobody when the bound holds, or was not measured well enough. */
  readonly owners: readonly Owner[];
  /** What of the value can be ours: all of it, but for late packets those that were not late yet when they came to us. */
  readonly ourPart: number | null;
}

/** Of the cores: above it, whoever wants to run has to wait. */
const BUSY = 0.9;

export function judge(run: CallsRun, cores: number): readonly Judgement[] {
  const { counters } = run.metrics;
  const returned = Math.max(counters.returned, 1);
  const added = Math.max(counters.late - counters.late_from_peer, 0) / returned;
  return run.sla.checks.map((check) => {
    const ourPart = check.name === 'late_ratio' ? added : check.value;
    if (check.status !== 'fail') return { check, owners: [], ourPart };
    if (check.name === 'packet_loss_ratio')
      return { check, owners: [dropped(run) || !isBusy(run, cores) ? 'ours' : "the machine's"], ourPart };
    const here: Owner = isBusy(run, cores) ? "the machine's" : 'ours';
    if (check.name !== 'late_ratio') return { check, owners: [here], ourPart };
    const before = counters.late_from_peer / returned;
    // Of a sender that is often late by nearly the threshold, whoever adds the least delay makes many late: those are its, too.
    if (sentLate(run, check.bound)) return { check, owners: ["the caller's"], ourPart };
    // Our own clock stamps what comes from Asterisk only when we get to run.
    if (run.metrics.clock === 'user') return { check, owners: [here], ourPart };
    const owners: Owner[] = [];
    if (before > check.bound || before >= added) owners.push("Asterisk's");
    if (added > check.bound || added > before) owners.push(here);
    return { check, owners, ourPart };
  });
}

export function isBusy(run: CallsRun, cores: number): boolean {
  return run.usage.machine.busyCores >= BUSY * cores;
}

/** Cores that programs had which are no part of the run. */
export function otherCores({ usage }: CallsRun): number {
  const own = Object.values(usage.processes).reduce((sum, { cores }) => sum + cores, 0);
  return Math.max(usage.machine.busyCores - usage.machine.stolenCores - own, 0);
}

/** Whether a buffer of ours was full, or the kernel would not send. */
function dropped({ metrics, echo }: CallsRun): boolean {
  return (metrics.socket_drops ?? 0) + (echo.socket_drops ?? 0) + metrics.counters.send_errors + echo.send_errors > 0;
}

/** SIPp does not say how it sends: what comes late is put down to it then. */
function sentLate({ pacing }: CallsRun, bound: number): boolean {
  return pacing === null || pacing.late / Math.max(pacing.sent, 1) > bound;
}
