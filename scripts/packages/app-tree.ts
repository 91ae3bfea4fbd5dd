/**
 * What is installed, by whatever package: the program, its dependencies after the lockfile, and the Node that it runs on. The
 * folder can be moved; `bin/rtplat` in it finds the rest.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run, unpackFromRegistry } from './fetch.ts';

export const ROOT: string = path.join(import.meta.dirname, '..', '..');

export type Cpu = 'x64' | 'arm64';

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface PinnedNode {
  readonly version: string;
  readonly integrity: Readonly<Record<Cpu, string>>;
}

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
  for (const place of productionPackages(cpu)) addPackage(folder, place, cpu);
  for (const name of UNUSED) rmSync(path.join(folder, 'node_modules', name.replaceAll('CPU', cpu)), { recursive: true });
  writeFileSync(path.join(folder, 'bin', 'rtplat'), WRAPPER, { mode: 0o755 });
}

function addNode(folder: string, cpu: Cpu): void {
  const pinned = JSON.parse(readFileSync(path.join(ROOT, 'deploy/node.json'), 'utf8')) as PinnedNode;
  const node = mkdtempSync(`${folder}.node-`);
  unpackFromRegistry(`node-linux-${cpu}`, pinned.version, pinned.integrity[cpu], node);
  cpSync(path.join(node, 'bin', 'node'), path.join(folder, 'bin', 'node'));
  cpSync(path.join(node, 'LICENSE'), path.join(folder, 'NODE-LICENSE'));
  rmSync(node, { recursive: true });
}

const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** Places in the lockfile (`node_modules/ora/node_modules/chalk`) of all that the program needs on a processor. */
function productionPackages(cpu: Cpu): readonly string[] {
  const found = new Set<string>();
  const visit = (place: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = lock.packages[place] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const wanted = resolve(place, name);
      if (found.has(wanted) || lock.packages[wanted]?.cpu?.includes(cpu) === false) continue;
      found.add(wanted);
      visit(wanted);
    }
  };
  visit('');
  return [...found].toSorted();
}

/** Node's own way to find a package: beside whoever asks, then one level up after the other. */
function resolve(from: string, name: string): string {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (lock.packages[place] !== undefined) return place;
    if (at === '') throw new Error(`package-lock.json has no ${name}, which ${from} needs`);
  }
}

function addPackage(folder: string, place: string, cpu: Cpu): void {
  const { version, integrity, cpu: cpus } = lock.packages[place] ?? {};
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
