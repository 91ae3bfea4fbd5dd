/** Whether a relay service can take a call, and why not. Pure. */
import type { PortCounts } from '../report/metrics.ts';

/** One thing that must hold for a call to be taken. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why not; null when it holds. */
  readonly reason: string | null;
}

export interface HealthFacts {
  /** Signalling: the ARI connection, or the SIP sockets. */
  readonly signalling: HealthCheck;
  readonly echo: HealthCheck;
  readonly ports: PortCounts;
  readonly stopping: boolean;
  readonly uptimeSeconds: number;
  readonly activeCalls: number;
  readonly totalCalls: number;
  readonly memoryBytes: number;
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
  readonly memory_usage_mb: number;
  readonly cpu_usage_percent: number | null;
  readonly ports: PortCounts;
}

export function healthDocument(facts: HealthFacts): HealthDocument {
  // A foreign port is tried again at the next call, so it may be the one that is left.
  const portLeft = facts.ports.free + facts.ports.foreign > 0;
  const checks: HealthCheck[] = [
    facts.signalling,
    facts.echo,
    { name: 'ports', ok: portLeft, reason: portLeft ? null : `all ${facts.ports.total} ports are in use` },
  ];
  if (facts.stopping) checks.push({ name: 'service', ok: false, reason: 'the service is stopping' });
  const reasons = checks.flatMap(({ ok, reason }) => (ok ? [] : [reason ?? 'unknown']));
  return {
    status: reasons.length === 0 ? 'healthy' : 'unhealthy',
    reason: reasons.length === 0 ? null : reasons.join('; '),
    checks,
    uptime_seconds: facts.uptimeSeconds,
    active_calls: facts.activeCalls,
    total_calls: facts.totalCalls,
    memory_usage_mb: facts.memoryBytes / 1024 ** 2,
    cpu_usage_percent: facts.cpuPercent,
    ports: facts.ports,
  };
}
