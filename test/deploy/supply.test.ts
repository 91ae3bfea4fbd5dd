/** What users get: its licences, its scripts, its checksums, what is known against it, and its bill of materials. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { advisoryFaults } from '../../scripts/packages/advisories.ts';
import { bundledPackages, lockfile, nameOf, productionPackages, ROOT, shippedPackages } from '../../scripts/packages/lockfile.ts';
import type { LockedPackage, Lockfile } from '../../scripts/packages/lockfile.ts';
import { sbom } from '../../scripts/packages/sbom.ts';
import { supplyFaults } from '../../scripts/packages/supply.ts';
import type { Description } from '../../scripts/packages/supply.ts';

const lock = lockfile();
const notices = readFileSync(path.join(ROOT, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
const shipped = shippedPackages(lock);
const bundled = bundledPackages(lock, notices);
const SETTINGS = { lock, notices, version: '1.2.3', description: 'A test', date: Date.UTC(2026, 0, 2) / 1_000 };

function describeInstalled(place: string): Description | undefined {
  const file = path.join(ROOT, place, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Description) : undefined;
}

describe('the packages that users get', () => {
  it('are those of package.json and what they need, on both processors', () => {
    const { dependencies = {}, optionalDependencies = {} } = lock.packages[''] as LockedPackage;
    const names = shipped.map(nameOf);
    for (const name of [...Object.keys(dependencies), ...Object.keys(optionalDependencies), 'string-width', 'pako'])
      expect(names).toContain(name);
    expect(names).not.toContain('typescript');
    expect(productionPackages(lock, 'x64')).not.toContain('node_modules/@koromix/koffi-linux-arm64');
    expect(bundled.map(nameOf)).toEqual(expect.arrayContaining(['ari-client', 'swagger-client', 'ws']));
  });

  it('have licences that we may ship, no install scripts, and checksums', () => {
    expect(supplyFaults(lock, shipped, describeInstalled)).toEqual([]);
    expect(supplyFaults(lock, bundled, describeInstalled, bundled)).toEqual([]);
  });

  it.each<[string, Partial<LockedPackage>, Description | undefined, RegExp]>([
    ['another licence', { license: 'GPL-3.0-only' }, undefined, /^a 1\.0\.0 is under GPL-3\.0-only$/],
    ['none', {}, undefined, /is under no licence/],
    ['another licence than it says', { license: 'MIT' }, { license: 'GPL-3.0-only' }, /names another licence/],
    ['a script of its own', { license: 'MIT' }, { license: 'MIT', scripts: { postinstall: 'x' } }, /runs a script/],
    ['a script that the lockfile knows of', { license: 'MIT', hasInstallScript: true }, undefined, /runs a script/],
    ['no checksum', { license: 'MIT', integrity: '' }, undefined, /no SHA-512/],
    ['a weak one', { license: 'MIT', integrity: 'sha1-x' }, undefined, /no SHA-512/],
    ['another origin', { license: 'MIT', resolved: 'git+ssh://example.org/a' }, undefined, /is not from https/],
  ])('are refused with %s', (_what, faulty, description, said) => {
    const good = { version: '1.0.0', resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz', integrity: 'sha512-x' };
    const one: Lockfile = { packages: { 'node_modules/a': { ...good, ...faulty } } };
    const faults = supplyFaults(one, ['node_modules/a'], () => description);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(said);
  });
});

describe('known advisories', () => {
  const via = [{ url: 'https://github.com/advisories/GHSA-aaaa', title: 'Bad things', severity: 'high' }];
  const report = { vulnerabilities: { a: { via, nodes: ['node_modules/a'] }, b: { via: ['a'], nodes: ['node_modules/b'] } } };

  it('of what is shipped need a reason, of other things none', () => {
    expect(advisoryFaults(report, ['node_modules/a'], {})).toEqual(['a: high: Bad things (https://github.com/advisories/GHSA-aaaa)']);
    expect(advisoryFaults(report, ['node_modules/c'], {})).toEqual([]);
  });

  it('that do not apply are accepted, as long as there are any', () => {
    const accepted = { 'GHSA-aaaa': 'never called' };
    expect(advisoryFaults(report, ['node_modules/a'], accepted)).toEqual([]);
    expect(advisoryFaults({ vulnerabilities: {} }, ['node_modules/a'], accepted)).toEqual([
      'GHSA-aaaa is accepted and there is no such advisory any more',
    ]);
  });

  it('each have a reason in deploy/advisories.json', () => {
    const accepted = JSON.parse(readFileSync(path.join(ROOT, 'deploy/advisories.json'), 'utf8')) as Record<string, unknown>;
    for (const [id, why] of Object.entries(accepted))
      expect([id, why]).toEqual([expect.stringMatching(/^GHSA-/), expect.stringMatching(/\w+ \w+/)]);
  });
});

describe('the bill of materials', () => {
  const text = sbom(SETTINGS);

  it('is CycloneDX 1.6 by its schema', () => {
    const folder = path.join(
      path.dirname(createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json')),
      'res/schema',
    );
    const schemaOf = (name: string): object =>
      JSON.parse(readFileSync(path.join(folder, `${name}.SNAPSHOT.schema.json`), 'utf8')) as object;
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    for (const name of ['spdx', 'jsf-0.82', 'cryptography-defs'])
      ajv.addSchema(schemaOf(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
    const valid = ajv.compile(schemaOf('bom-1.6'));
    expect([valid(JSON.parse(text)), valid.errors]).toEqual([true, null]);
    const broken = JSON.parse(text) as { components: { type: string }[] };
    broken.components[0]!.type = 'nonsense';
    expect(valid(broken)).toBe(false);
  });

  it('names each package that users get once, with its checksum, and refers to nothing else', () => {
    const { components, dependencies, metadata } = JSON.parse(text) as {
      readonly metadata: { readonly component: { readonly 'bom-ref': string } };
      readonly components: readonly {
        readonly 'bom-ref': string;
        readonly purl: string;
        readonly hashes?: readonly { content: string }[];
      }[];
      readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
    };
    const refs = components.map((one) => one['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
    expect(refs).toHaveLength(new Set([...shipped, ...bundled]).size + 1);
    for (const { hashes, purl } of components)
      if (purl.startsWith('pkg:npm/')) expect(hashes?.[0]?.content, purl).toMatch(/^[0-9a-f]{128}$/);
    const known = [...refs, metadata.component['bom-ref']];
    for (const { ref, dependsOn } of dependencies) for (const one of [ref, ...dependsOn]) expect(known).toContain(one);
  });

  it('is the same, bit for bit, and another of another commit', () => {
    expect(sbom(SETTINGS)).toBe(text);
    expect(JSON.parse(sbom({ ...SETTINGS, date: SETTINGS.date + 1 }))).not.toMatchObject({
      serialNumber: (JSON.parse(text) as { serialNumber: string }).serialNumber,
    });
  });
});

it('a release is published with its provenance, and by nobody else', () => {
  const own = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    publishConfig: object;
    scripts: Record<string, string>;
  };
  expect(own.publishConfig).toEqual({ access: 'public', provenance: true });
  // Nothing of ours runs when somebody installs us.
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(own.scripts).not.toHaveProperty(name);
});
