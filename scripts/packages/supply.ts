/** What may not be in what users get: another licence, a script that runs when it is installed, bytes that nobody has pinned. */
import type { Lockfile } from './lockfile.ts';
import { nameOf } from './lockfile.ts';

/** All of them let us ship it under MIT, with their notices. */
export const LICENCES: ReadonlySet<string> = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '(MIT AND Zlib)']);
const REGISTRY = 'https://registry.npmjs.org/';
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'] as const;

/** Of an installed package: what its package.json says. */
export interface Description {
  readonly license?: unknown;
  readonly scripts?: Readonly<Record<string, string>>;
}

/**
 * @param places of the packages in the lockfile. @param bundled those of them whose licence the lockfile may not know: their text is in
 * THIRD-PARTY-NOTICES.txt. @param describe undefined for what is not installed here. @returns a line for each fault.
 */
export function supplyFaults(
  lock: Lockfile,
  places: readonly string[],
  describe: (place: string) => Description | undefined,
  bundled: readonly string[] = [],
): readonly string[] {
  return places.flatMap((place) => {
    const { version, resolved = REGISTRY, integrity = '', license, hasInstallScript } = lock.packages[place] ?? {};
    const who = `${nameOf(place)} ${version ?? '?'}`;
    const description = describe(place);
    const scripts = INSTALL_SCRIPTS.filter((name) => description?.scripts?.[name] !== undefined);
    const faults: string[] = [];
    if (!resolved.startsWith(REGISTRY)) faults.push(`${who} is not from ${REGISTRY}: ${resolved}`);
    if (!integrity.startsWith('sha512-')) faults.push(`${who} has no SHA-512 checksum in package-lock.json`);
    if (bundled.includes(place)) return faults;
    if (license === undefined || !LICENCES.has(license)) faults.push(`${who} is under ${license ?? 'no licence'}`);
    if (description !== undefined && description.license !== license) faults.push(`${who} names another licence than package-lock.json`);
    if (hasInstallScript === true || scripts.length > 0) faults.push(`${who} runs a script when it is installed`);
    return faults;
  });
}
