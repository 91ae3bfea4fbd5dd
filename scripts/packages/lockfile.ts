/** What the lockfile says of the packages that users get. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT: string = path.join(import.meta.dirname, '..', '..');

export type Cpu = 'x64' | 'arm64';
export const CPUS: readonly Cpu[] = ['x64', 'arm64'];

export interface LockedPackage {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  /** By their place: `node_modules/ora/node_modules/chalk`. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface PinnedNode {
  readonly version: string;
  readonly integrity: Readonly<Record<Cpu, string>>;
}

export function lockfile(): Lockfile {
  return JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as Lockfile;
}

/** The Node that packages bring. */
export function pinnedNode(): PinnedNode {
  return JSON.parse(readFileSync(path.join(ROOT, 'deploy/node.json'), 'utf8')) as PinnedNode;
}

/** The name of a package by its place: `@koromix/koffi-linux-x64`. */
export function nameOf(place: string): string {
  return place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** Places in the lockfile of all that the program needs on a processor. */
export function productionPackages(lock: Lockfile, cpu: Cpu): readonly string[] {
  const found = new Set<string>();
  const visit = (place: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = lock.packages[place] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const wanted = placeOf(lock, place, name);
      if (found.has(wanted) || lock.packages[wanted]?.cpu?.includes(cpu) === false) continue;
      found.add(wanted);
      visit(wanted);
    }
  };
  visit('');
  return [...found].toSorted();
}

/** The same of all processors. */
export function shippedPackages(lock: Lockfile): readonly string[] {
  return [...new Set(CPUS.flatMap((cpu) => productionPackages(lock, cpu)))].toSorted();
}

/**
 * Packages that are no dependency of a user's, since the build puts them into one file: `name version` heads the licence of each.
 *
 * @param notices THIRD-PARTY-NOTICES.txt. @returns their places in the lockfile.
 */
export function bundledPackages(lock: Lockfile, notices: string): readonly string[] {
  const heads = notices.split(`\n\n${'-'.repeat(80)}\n\n`).map((part) => part.split('\n', 1)[0] ?? '');
  return heads
    .map((head) => /^(\S+) (\d+\.\d+\.\d+\S*)$/.exec(head))
    .filter((match) => match !== null)
    .map(([, name = '', version = '']) => {
      const place = Object.keys(lock.packages).find((one) => nameOf(one) === name && lock.packages[one]?.version === version);
      if (place === undefined) throw new Error(`package-lock.json has no ${name} ${version}, which THIRD-PARTY-NOTICES.txt names`);
      return place;
    })
    .toSorted();
}

/** Node's own way to find a package: beside whoever asks, then one level up after the other. */
export function placeOf(lock: Lockfile, from: string, name: string): string {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (lock.packages[place] !== undefined) return place;
    if (at === '') throw new Error(`package-lock.json has no ${name}, which ${from} needs`);
  }
}
