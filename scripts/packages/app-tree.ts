/**
 * What is installed, by whatever package: the program, its dependencies after the lockfile, and the Node that it runs on. The
 * folder can be moved; `bin/rtplat` in it finds the rest.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run, unpackFromRegistry } from './fetch.ts';
import { lockfile, pinnedNode, productionPackages, ROOT } from './lockfile.ts';
import type { Cpu } from './lockfile.ts';

const WRAPPER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" "$here/../dist/bin/rtplat.js" "$@"
`;

/** What packages bring along that is of no use here: the Node that we bring needs glibc, and nobody works on packages there. */
const UNUSED = ['@koromix/koffi-linux-CPU/musl_CPU', 'sdp-transform/.github', 'sdp-transform/.eslintrc.js', 'sdp-transform/checker.js'];

/** @param packed the tarball of \`npm pack\`. @param folder that does not exist yet. */
export function makeAppTree(packed: string, folder: string, cpu: Cpu): void {
  mkdirSync(path.join(folder, 'bin'), { recursive: true });
  run('tar', ['-xzf', packed, '-C', folder, '--strip-components=1']);
  rmSync(path.join(folder, 'dist', 'bin', 'rtplat.d.ts'));
  // They go where manual pages are looked for.
  rmSync(path.join(folder, 'man'), { recursive: true });
  addNode(folder, cpu);
  for (const place of productionPackages(lockfile(), cpu)) addPackage(folder, place, cpu);
  for (const name of UNUSED) rmSync(path.join(folder, 'node_modules', name.replaceAll('CPU', cpu)), { recursive: true });
  writeFileSync(path.join(folder, 'bin', 'rtplat'), WRAPPER, { mode: 0o755 });
}

function addNode(folder: string, cpu: Cpu): void {
  const pinned = pinnedNode();
  const node = mkdtempSync(`${folder}.node-`);
  unpackFromRegistry(`node-linux-${cpu}`, pinned.version, pinned.integrity[cpu], node);
  cpSync(path.join(node, 'bin', 'node'), path.join(folder, 'bin', 'node'));
  cpSync(path.join(node, 'LICENSE'), path.join(folder, 'NODE-LICENSE'));
  rmSync(node, { recursive: true });
}

function addPackage(folder: string, place: string, cpu: Cpu): void {
  const { version, integrity, cpu: cpus } = lockfile().packages[place] ?? {};
  const target = path.join(folder, place);
  mkdirSync(target, { recursive: true });
  if (cpus === undefined || process.arch === cpu) {
    // A package that brought others along has them in the lockfile too.
    cpSync(path.join(ROOT, place), target, { recursive: true, filter: (file) => file !== path.join(ROOT, place, 'node_modules') });
    return;
  }
  if (version === undefined || integrity === undefined) throw new Error(`package-lock.json has no checksum of ${place}`);
  unpackFromRegistry(place.slice('node_modules/'.length), version, integrity, target);
}
