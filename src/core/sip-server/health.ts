/** What `/health` of `sip-serve` checks besides ports and self-checks. Pure. */
import type { HealthCheck } from '../service/health.ts';
import type { RegistrationRow } from './metrics.ts';
import { isRegistered } from './metrics-families.ts';

/**
 * Calls are taken without a registration, by whoever knows our address: it is told, and does not make the service unhealthy. An account
 * that is asked for the first time has not failed.
 */
export function registrationsCheck(accounts: readonly RegistrationRow[]): readonly HealthCheck[] {
  if (accounts.length === 0) return [];
  const missing = accounts.filter(({ state, problem }) => !isRegistered(state) && problem !== null);
  const reason = missing.map(({ account, problem }) => `${account} is not registered: ${problem ?? 'unknown'}`).join('; ');
  return [{ name: 'registrations', ok: missing.length === 0, reason: missing.length === 0 ? null : reason, required: false }];
}

/** Whether one more call has room. */
export function roomCheck(full: boolean, active: number): HealthCheck {
  return { name: 'calls', ok: !full, reason: full ? `${active} calls are up, and behavior.max_concurrent_calls allows no more` : null };
}

/** A part that is down does not answer either: why it is down says more. */
export function partChecks(checks: readonly HealthCheck[], down: Readonly<Record<string, string | undefined>>): readonly HealthCheck[] {
  return checks.map((check) => {
    const reason = down[check.name];
    return reason === undefined ? check : { name: check.name, ok: false, reason };
  });
}
