/** What the monitor tells over HTTP: `/services`, `/health`, `/metrics`. Pure. */
import { FamilyList } from '../report/render/families.ts';
import type { MetricFamily, Sample } from '../report/render/families.ts';
import type { Phase, PolicyState } from './policy-types.ts';
import type { Reason } from './verdict.ts';

export interface ServiceDocument {
  readonly name: string;
  readonly phase: Phase;
  /** Whether it answered when it was last looked at; null before the first look. */
  readonly up: boolean | null;
  /** Why it cannot work although it answers; null when it can, or does not say. */
  readonly not_ready: string | null;
  readonly pid: number | null;
  readonly up_seconds: number | null;
  /** Failed looks in a row. */
  readonly failures: number;
  readonly last_failure: { readonly reason: Reason; readonly text: string } | null;
  readonly last_probe_ms: number | null;
  readonly checks: { readonly passed: number; readonly failed: number };
  /** Restarts within the window. */
  readonly attempts: number;
  readonly restarts: Readonly<Record<string, number>>;
  readonly restart_in_seconds: number | null;
}

export interface MonitorHealth {
  /** `unhealthy` when a service needs somebody: it was given up, or is down and nothing may restart it. */
  readonly status: 'healthy' | 'unhealthy';
  readonly reason: string | null;
  readonly uptime_seconds: number;
  readonly services: { readonly total: number; readonly up: number; readonly given_up: number };
  readonly memory_usage_mb: number | null;
  readonly cpu_usage_percent: number | null;
}

export interface MonitorFacts {
  readonly uptimeSeconds: number;
  readonly memoryBytes: number | null;
  readonly cpuPercent: number | null;
}

export function serviceDocument(name: string, state: PolicyState): ServiceDocument {
  return {
    name,
    phase: state.phase,
    up: state.up,
    not_ready: state.notReady,
    pid: state.pid,
    up_seconds: state.upForMs === null ? null : state.upForMs / 1e3,
    failures: state.failures,
    last_failure: state.lastFailure,
    last_probe_ms: state.lastProbeMs,
    checks: state.checks,
    attempts: state.attempts,
    restarts: Object.fromEntries(state.restarts),
    restart_in_seconds: state.restartInMs === null ? null : state.restartInMs / 1e3,
  };
}

export function monitorHealth(services: readonly ServiceDocument[], facts: MonitorFacts): MonitorHealth {
  const lost = services.filter(({ phase }) => phase === 'given_up' || phase === 'down');
  const reasons = lost.map(({ name, phase, last_failure: failure }) => {
    return `${name} is ${phase === 'down' ? 'down' : 'given up'}${failure === null ? '' : `: ${failure.text}`}`;
  });
  return {
    status: reasons.length === 0 ? 'healthy' : 'unhealthy',
    reason: reasons.length === 0 ? null : reasons.join('; '),
    uptime_seconds: facts.uptimeSeconds,
    services: {
      total: services.length,
      up: services.filter(({ up }) => up === true).length,
      given_up: services.filter(({ phase }) => phase === 'given_up').length,
    },
    memory_usage_mb: facts.memoryBytes === null ? null : facts.memoryBytes / 1024 ** 2,
    cpu_usage_percent: facts.cpuPercent,
  };
}

/** What is not known is left out, never 0. */
export function monitorFamilies(services: readonly ServiceDocument[], facts: MonitorFacts): readonly MetricFamily[] {
  const families = new FamilyList();
  const each = (value: (service: ServiceDocument) => number | null): readonly Sample[] =>
    services.map((service) => [value(service), { service: service.name }]);
  families.gauge(
    'monitor_up',
    'Whether the service answered when it was last looked at.',
    each(({ up }) => flag(up)),
  );
  families.gauge(
    'monitor_ready',
    'Whether the service says that it can work; of those that are up.',
    each((service) => (service.up === true ? flag(service.not_ready === null) : null)),
  );
  families.gauge(
    'monitor_given_up',
    'Whether the service is not restarted any more.',
    each(({ phase }) => flag(phase === 'given_up')),
  );
  families.counter(
    'monitor_restarts',
    'Restarts of the service, by what was wrong.',
    services.flatMap(({ name, restarts }) => Object.entries(restarts).map(([reason, count]): Sample => [count, { service: name, reason }])),
  );
  families.gauge(
    'monitor_attempts',
    'Restarts of the service within its window.',
    each(({ attempts }) => attempts),
  );
  families.counter(
    'monitor_checks',
    'Looks at the service, by how they ended.',
    services.flatMap(({ name, checks }): Sample[] => [
      [checks.passed, { service: name, result: 'passed' }],
      [checks.failed, { service: name, result: 'failed' }],
    ]),
  );
  families.gauge(
    'monitor_last_probe_seconds',
    'How long the last answer took.',
    each(({ last_probe_ms: ms }) => (ms === null ? null : Math.round(ms * 1e6) / 1e9)),
  );
  families.gauge(
    'monitor_service_uptime_seconds',
    'Time since the service came up, as the monitor saw it.',
    each(({ up_seconds: up }) => up),
  );
  families.gauge('monitor_uptime_seconds', 'Time since the monitor started.', facts.uptimeSeconds);
  return families.list();
}

function flag(value: boolean | null): number | null {
  return value === null ? null : Number(value);
}
