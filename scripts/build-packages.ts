/**
 * Builds every package that a user installs into `dist-packages/`: a .deb and a tarball for x64 and arm64, the npm package, its
 * bill of materials (CycloneDX), and SHA256SUMS. The same commit gives the same bytes.
 *
 *   --out FOLDER      another folder
 *   --cpu LIST        x64, arm64, or both with a comma (default)
 *   --version V       another version than that of package.json, or several: tests upgrade from one to the next
 *   --fast            compress quickly rather than well, for tests
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pack } from './npm.ts';
import { makeAppTree } from './packages/app-tree.ts';
import { makeDeb } from './packages/deb.ts';
import { run } from './packages/fetch.ts';
import { lockfile, ROOT } from './packages/lockfile.ts';
import type { Cpu } from './packages/lockfile.ts';
import { digest, sourceDate, tarGz } from './packages/reproducible.ts';
import { sbom } from './packages/sbom.ts';
import { makeTarball } from './packages/tarball.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: path.join(ROOT, 'dist-packages') },
    cpu: { type: 'string', default: 'x64,arm64' },
    version: { type: 'string', multiple: true },
    fast: { type: 'boolean', default: false },
  },
});
const out = path.resolve(values.out);
const { fast } = values;
const own = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { readonly version: string; readonly description: string };
const versions = values.version ?? [own.version];
const date = sourceDate(ROOT);
const work = mkdtempSync(path.join(tmpdir(), 'rtplat-packages-'));
mkdirSync(out, { recursive: true });

try {
  const packed = pack(work).tarball;
  const made: string[] = [];
  for (const cpu of values.cpu.split(',').map(cpuOf)) {
    const app = path.join(work, `app-${cpu}`);
    makeAppTree(packed, app, cpu);
    for (const version of versions) {
      const settings = { app, cpu, version, date, fast, out };
      made.push(makeDeb(settings), makeTarball(settings));
    }
  }
  const npmPackage = path.join(out, path.basename(packed));
  // npm writes the permissions that the files have here, in an order that changes.
  run('tar', ['-xzf', packed, '-C', work]);
  tarGz(npmPackage, work, 'package', { date, fast });
  made.push(npmPackage);
  const bill = path.join(out, `${path.basename(packed, '.tgz')}.cdx.json`);
  writeFileSync(
    bill,
    sbom({
      lock: lockfile(),
      notices: readFileSync(path.join(ROOT, 'THIRD-PARTY-NOTICES.txt'), 'utf8'),
      version: own.version,
      description: own.description,
      date,
    }),
  );
  made.push(bill);
  const sums = made.toSorted().map((file) => `${digest('sha256', file)}  ${path.basename(file)}\n`);
  writeFileSync(path.join(out, 'SHA256SUMS'), sums.join(''));
  for (const file of made) process.stdout.write(`${path.relative(process.cwd(), file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB\n`);
} finally {
  rmSync(work, { recursive: true });
}

function cpuOf(text: string): Cpu {
  if (text !== 'x64' && text !== 'arm64') throw new Error(`--cpu takes x64 and arm64, not ${text}`);
  return text;
}
