/** What the keys of one `[[service]]` demand of each other. */
import type { Report } from '../../service/config/schema.ts';
import type { ConfigPath } from '../../service/config/problem.ts';
import { healthUrlOf, probeNameOf, probeOf, probeTargetOf } from '../plan.ts';
import type { ServiceTable } from './services.ts';

/** What says whether a service is up; with a fault in one of them, that there is none of them is no news. */
const WAYS: readonly ConfigPath[] = [['kind'], ['command'], ['systemd_unit'], ['pid_file'], ['health_url'], ['probe']];

export function checkService(service: ServiceTable, report: Report): void {
  checkControl(service, report);
  checkProbe(service, report);
  checkTimes(service, report);
}

function checkControl(service: ServiceTable, report: Report): void {
  const { command, systemd_unit: unit, pid_file: pidFile } = service;
  if (command !== undefined && unit !== undefined) {
    report.problem([['systemd_unit'], ['command']], 'both "command" and "systemd_unit" are set', 'one of them starts it: keep that one');
  }
  if (command?.length === 1 && command[0]?.includes(' ') === true) {
    const words = command[0].split(' ').filter((word) => word !== '');
    report.problem([['command']], 'the command is one word with blanks', `there is no shell: write ${JSON.stringify(words)}`);
  }
  for (const name of ['directory', 'environment', 'output'] as const) {
    if (service[name] !== undefined && command === undefined) {
      report.problem([[name], ['command']], `"${name}" is of a command, and there is none`, `take "${name}" away, or set "command"`);
    }
  }
  if (service.systemd_user && unit === undefined) {
    report.problem([['systemd_user']], '"systemd_user" is of a systemd_unit, and there is none', 'take it away');
  }
  const isWatched = [command, unit, pidFile, healthUrlOf(service)].some((way) => way !== undefined) || probeNameOf(service) !== 'none';
  if (!isWatched) {
    const hint = 'set "command", "systemd_unit", "pid_file", "health_url" or "probe"';
    report.problem([['name'], ...WAYS], `nothing tells whether "${service.name}" is up`, hint);
  }
}

function checkProbe(service: ServiceTable, report: Report): void {
  const name = probeNameOf(service);
  const target = probeTargetOf(service);
  const PROBE: ConfigPath = ['probe'];
  const TARGET: ConfigPath = ['probe_target'];
  const KIND: ConfigPath = ['kind'];
  if (name === 'none') {
    if (target !== undefined) report.problem([TARGET, PROBE, KIND], '"probe_target" is of a probe, and there is none', 'set "probe"');
  } else if (target === undefined) {
    report.problem([PROBE, TARGET, KIND], `probe "${name}" has no target`, 'set "probe_target"');
  } else if (probeOf(name, target) === undefined) {
    const wanted = name === 'http' ? 'a URL such as "http://127.0.0.1:8080/"' : 'HOST:PORT such as "127.0.0.1:4000"';
    report.problem([TARGET, PROBE, KIND], `probe "${name}" wants ${wanted}, not ${JSON.stringify(target)}`, '');
  }
}

function checkTimes(service: ServiceTable, report: Report): void {
  const { interval_ms: interval, timeout_ms: timeout, restart_delay_ms: delay, restart_delay_max_ms: most } = service;
  if (timeout > interval) {
    report.problem(
      [['timeout_ms'], ['interval_ms']],
      `an answer may take ${timeout} ms, and every ${interval} ms one is wanted`,
      'raise interval_ms',
    );
  }
  if (delay > most) {
    report.problem(
      [['restart_delay_ms'], ['restart_delay_max_ms']],
      `the delay of ${delay} ms is above its maximum of ${most} ms`,
      'raise that',
    );
  }
  const { max_attempts: attempts, attempt_window_seconds: window } = service;
  if (leastTimeMs(service) >= window * 1e3) {
    report.warning(
      [['attempt_window_seconds'], ['max_attempts'], ['restart_delay_ms'], ['restart_delay_max_ms']],
      `with these delays ${attempts} restarts and the next take longer than ${window} s: it may never be given up`,
      'raise attempt_window_seconds',
    );
  }
}

/** From the first of `max_attempts` restarts to one more, when each fails at once and every delay is as short as it can be. */
function leastTimeMs({ max_attempts: attempts, restart_delay_ms: delay, restart_delay_max_ms: most }: ServiceTable): number {
  let sum = 0;
  for (let n = 2; n <= attempts + 1; n++) sum += Math.min(most, delay * 2 ** (n - 1)) / 2;
  return sum;
}
