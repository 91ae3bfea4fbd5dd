/** Whether a service can take a call, and why not. Pure. */
import type { PortCounts } from '../report/metrics.ts';

/** One thing that must hold for a call to be taken. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why not; null when it holds. */
  readonly reason: string | null;
  /** false: it is worth knowing, and calls are taken without it. */
  readonly required?: false;
}

export interface HealthFacts {
  /** Those of the ports and of the stop come behind them. */
  readonly checks: readonly HealthCheck[];
  readonly ports: PortCounts;
  /** Of relayed calls, where other calls have ports of their own; null where none is relayed. */
  readonly relayPorts?: PortCounts | null;
  readonly stopping: boolean;
  readonly uptimeSeconds: number;
  readonly activeCalls: number;
  readonly totalCalls: number;
  /** Resident; null when it is not known. */
  readonly memoryBytes: number | null;
  /** Of one core, over the last second; null before the first second is over. */
  readonly cpuPercent: number | null;
}

export interface HealthDocument {
  readonly status: 'healthy' | 'unhealthy';
  /** Every reason not to be healthy, joined; null when there is none. */
  readonly reason: string | null;
  readonly checks: readonly HealthCheck[];
  readonly uptime_seconds: number;
  readonly active_calls: number;
  readonly total_calls: number;
  readonly memory_usage_mb: number | null;
  readonly cpu_usage_percent: number | null;
  readonly ports: PortCounts;
  readonly relay_ports?: PortCounts | null;
}

export function healthDocument(facts: HealthFacts): HealthDocument {
  const { ports, relayPorts } = facts;
  const checks: HealthCheck[] = [...facts.checks, portsCheck('ports', ports)];
  if (relayPorts != null) checks.push(portsCheck('relay_ports', relayPorts));
  if (facts.stopping) checks.push({ name: 'service', ok: false, reason: 'the service is stopping' });
  const reasons = checks.flatMap(({ ok, reason, required }) => (ok || required === false ? [] : [reason ?? 'unknown']));
  return {
    status: reasons.length === 0 ? 'healthy' : 'unhealthy',
    reason: reasons.length === 0 ? null : reasons.join('; '),
    checks,
    uptime_seconds: facts.uptimeSeconds,
    active_calls: facts.activeCalls,
    total_calls: facts.totalCalls,
    memory_usage_mb: facts.memoryBytes === null ? null : facts.memoryBytes / 1024 ** 2,
    cpu_usage_percent: facts.cpuPercent,
    ports,
    ...(relayPorts === undefined ? {} : { relay_ports: relayPorts }),
  };
}

function portsCheck(name: string, { free, foreign, total }: PortCounts): HealthCheck {
  // A foreign port is tried again at the next call, so it may be the one that is left.
  const left = free + foreign > 0;
  const what = name === 'ports' ? 'ports' : 'ports of relayed calls';
  return { name, ok: left, reason: left ? null : `all ${total} ${what} are in use` };
}
