/** What `systemctl show` says of a unit. */
import { wholeNumber } from '../values/ports.ts';
import { failed, passed } from './verdict.ts';
import type { Verdict } from './verdict.ts';

export interface UnitStatus {
  /** `loaded`, `not-found`, … */
  readonly load: string;
  /** `active`, `activating`, `failed`, … */
  readonly active: string;
  /** `running`, `auto-restart`, … */
  readonly sub: string;
  /** null while there is no main process. */
  readonly pid: number | null;
}

export const UNIT_PROPERTIES = ['LoadState', 'ActiveState', 'SubState', 'MainPID'] as const;

/** @param text lines of `NAME=VALUE`. @returns undefined when one of {@link UNIT_PROPERTIES} is not there. */
export function parseUnitStatus(text: string): UnitStatus | undefined {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1).trim());
  }
  const [load, active, sub, main] = UNIT_PROPERTIES.map((name) => values.get(name));
  if (load === undefined || active === undefined || sub === undefined || main === undefined) return undefined;
  const pid = wholeNumber(main);
  return { load, active, sub, pid: pid === undefined || pid === 0 ? null : pid };
}

/** A unit between two states is what systemd is at work on: it gets the time that a slow answer gets. */
export function judgeUnit(unit: string, { load, active, sub }: UnitStatus): Verdict {
  switch (active) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return passed(null);
    case 'inactive':
    case 'failed':
      return failed('exited', load === 'not-found' ? `systemd knows no unit ${unit}` : `${unit} is ${active} (${sub})`, 'gone');
    default:
      return failed('exited', `${unit} is ${active} (${sub})`);
  }
}
