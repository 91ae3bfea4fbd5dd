/** What is to be done about one service: its table of the configuration with what its kind brings along. */
import type { HealthQuestion } from './health-answer.ts';
import type { ProbeName, ServiceKind, ServiceTable } from './config/services.ts';
import type { PolicySettings } from './policy-types.ts';
import { parseHostPort } from '../values/address.ts';
import type { HostPort } from '../values/address.ts';

export type Probe =
  | { readonly kind: 'echo' | 'sip'; readonly host: string; readonly port: number }
  | { readonly kind: 'http'; readonly url: string };

/** A port of the service; nobody else may have it when the service is started. */
export interface ServicePort extends HostPort {
  readonly transport: 'UDP' | 'TCP';
}

export interface ServicePlan {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]] | null;
  readonly directory: string | null;
  readonly environment: readonly (readonly [name: string, value: string])[];
  readonly output: string | null;
  readonly unit: { readonly name: string; readonly user: boolean } | null;
  readonly pidFile: string | null;
  readonly health: HealthQuestion | null;
  /** Of the token that its health endpoint and an http probe want. */
  readonly tokenFile: string | null;
  readonly probe: Probe | null;
  readonly timeoutMs: number;
  readonly ports: readonly ServicePort[];
  readonly policy: PolicySettings;
}

interface KindDefaults {
  readonly probe: ProbeName;
  readonly target?: string;
  readonly healthUrl?: string;
}

const KINDS: Readonly<Record<ServiceKind, KindDefaults>> = {
  echo: { probe: 'echo', target: '127.0.0.1:4000' },
  'sip-serve': { probe: 'sip', target: '127.0.0.1:5060' },
  'ari-serve': { probe: 'none', healthUrl: 'http://127.0.0.1:9090/health' },
  other: { probe: 'none' },
};

export function probeNameOf({ kind, probe }: Pick<ServiceTable, 'kind' | 'probe'>): ProbeName {
  return probe ?? KINDS[kind].probe;
}

/** undefined where there is nothing that would know. */
export function probeTargetOf(service: Pick<ServiceTable, 'kind' | 'probe' | 'probe_target'>): string | undefined {
  const { target, probe } = KINDS[service.kind];
  return service.probe_target ?? (probeNameOf(service) === probe ? target : undefined);
}

export function healthUrlOf({ kind, health_url: url }: Pick<ServiceTable, 'kind' | 'health_url'>): string | undefined {
  return url ?? KINDS[kind].healthUrl;
}

/** @returns undefined where there is no such target, or none of that kind. */
export function probeOf(name: ProbeName, target: string | undefined): Probe | undefined {
  if (name === 'none' || target === undefined) return undefined;
  if (name === 'http') {
    const url = URL.parse(target);
    return url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') ? undefined : { kind: 'http', url: target };
  }
  const place = parseHostPort(target);
  return place === undefined ? undefined : { kind: name, ...place };
}

/** @param service that was checked. */
export function planOf(service: ServiceTable, keepRunning: boolean): ServicePlan {
  const [program, ...args] = service.command ?? [];
  const url = healthUrlOf(service);
  const probe = probeOf(probeNameOf(service), probeTargetOf(service)) ?? null;
  return {
    name: service.name,
    command: program === undefined ? null : [program, ...args],
    directory: service.directory ?? null,
    environment: (service.environment ?? []).map(entryOf),
    output: service.output ?? null,
    unit: service.systemd_unit === undefined ? null : { name: service.systemd_unit, user: service.systemd_user },
    pidFile: service.pid_file ?? null,
    health: url === undefined ? null : { url, document: service.kind !== 'other', onUnhealthy: service.on_unhealthy },
    tokenFile: service.token_file ?? null,
    probe,
    timeoutMs: service.timeout_ms,
    ports: [...portsOfProbe(probe), ...(url === undefined ? [] : [portOfUrl(url)])],
    policy: {
      control: program !== undefined ? 'process' : service.systemd_unit !== undefined ? 'unit' : 'none',
      intervalMs: service.interval_ms,
      failures: service.failures,
      startupMs: service.startup_ms,
      graceMs: service.stop_grace_ms,
      delayMs: service.restart_delay_ms,
      delayMaxMs: service.restart_delay_max_ms,
      maxAttempts: service.max_attempts,
      windowMs: service.attempt_window_seconds * 1_000,
      stableMs: service.stable_after_seconds * 1_000,
      keepRunning,
    },
  };
}

function entryOf(entry: string): readonly [string, string] {
  const equals = entry.indexOf('=');
  return [entry.slice(0, equals), entry.slice(equals + 1)];
}

function portsOfProbe(probe: Probe | null): readonly ServicePort[] {
  if (probe === null) return [];
  return [probe.kind === 'http' ? portOfUrl(probe.url) : { transport: 'UDP', host: probe.host, port: probe.port }];
}

function portOfUrl(text: string): ServicePort {
  const { hostname, port, protocol } = new URL(text);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return { transport: 'TCP', host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}
