/**
 * Asks the npm registry for known advisories of all that users get, bundled packages included, and fails for each that
 * deploy/advisories.json gives no reason for (`"GHSA-…": "why it does not apply"`). It needs a registry that answers audits, and is no part of CI.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { outerPath } from './npm.ts';
import { advisoryFaults } from './packages/advisories.ts';
import type { Accepted, AuditReport } from './packages/advisories.ts';
import { bundledPackages, lockfile, ROOT, shippedPackages } from './packages/lockfile.ts';

const { stdout, stderr } = spawnSync('npm', ['audit', '--json'], { cwd: ROOT, env: { ...process.env, PATH: outerPath }, encoding: 'utf8' });
const report = JSON.parse(stdout || '{}') as Partial<AuditReport> & { readonly message?: string };
if (report.vulnerabilities === undefined) {
  process.stderr.write(`the registry did not answer the audit: ${report.message ?? stderr}\n`);
  process.exitCode = 1;
} else {
  const lock = lockfile();
  const shipped = [...shippedPackages(lock), ...bundledPackages(lock, readFileSync(path.join(ROOT, 'THIRD-PARTY-NOTICES.txt'), 'utf8'))];
  const accepted = JSON.parse(readFileSync(path.join(ROOT, 'deploy/advisories.json'), 'utf8')) as Accepted;
  const faults = advisoryFaults({ vulnerabilities: report.vulnerabilities }, shipped, accepted);
  for (const fault of faults) process.stdout.write(`${fault}\n`);
  process.stdout.write(`${shipped.length} packages that users get, ${faults.length} advisories to look at\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
