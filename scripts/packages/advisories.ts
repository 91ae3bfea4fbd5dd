/** Known advisories of what users get, against those that were looked at and do not apply. */
import { nameOf } from './lockfile.ts';

/** Of `npm audit --json`, as far as it is read. */
export interface AuditReport {
  readonly vulnerabilities: Readonly<Record<string, Vulnerability>>;
}

interface Vulnerability {
  /** Advisories of the package itself; the names of packages that it has them from. */
  readonly via: readonly (string | { readonly url: string; readonly title: string; readonly severity: string })[];
  /** Places in the lockfile. */
  readonly nodes: readonly string[];
}

/** Why an advisory does not apply, by its id (`GHSA-…`). */
export type Accepted = Readonly<Record<string, string>>;

/** @param shipped places in the lockfile. @returns a line for each advisory that nobody has looked at, and for each reason that is not needed any more. */
export function advisoryFaults({ vulnerabilities }: AuditReport, shipped: readonly string[], accepted: Accepted): readonly string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { via, nodes } of Object.values(vulnerabilities)) {
    const place = nodes.find((node) => shipped.includes(node));
    if (place === undefined) continue;
    for (const advisory of via) {
      if (typeof advisory === 'string') continue;
      const id = advisory.url.slice(advisory.url.lastIndexOf('/') + 1);
      seen.add(id);
      if (accepted[id] === undefined) faults.push(`${nameOf(place)}: ${advisory.severity}: ${advisory.title} (${advisory.url})`);
    }
  }
  for (const id of Object.keys(accepted)) if (!seen.has(id)) faults.push(`${id} is accepted and there is no such advisory any more`);
  return faults;
}
