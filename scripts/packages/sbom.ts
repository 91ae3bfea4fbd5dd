/**
 * What users get, as a bill of materials in CycloneDX 1.6 (ECMA-424): the packages that are installed along, those that are bundled, and
 * the Node of the Debian packages and tarballs. The same commit gives the same bytes.
 *
 * Not by `npm sbom --omit dev`, which leaves out what development needs as well.
 */
import { createHash } from 'node:crypto';
import { bundledPackages, nameOf, pinnedNode, placeOf, shippedPackages } from './lockfile.ts';
import type { Lockfile } from './lockfile.ts';
import { LICENCES } from './supply.ts';

export interface SbomSettings {
  readonly lock: Lockfile;
  /** THIRD-PARTY-NOTICES.txt. */
  readonly notices: string;
  readonly version: string;
  readonly description: string;
  /** Seconds since 1970. */
  readonly date: number;
}

interface Component {
  readonly 'bom-ref': string;
  readonly [member: string]: unknown;
}

export function sbom({ lock, notices, version, description, date }: SbomSettings): string {
  const shipped = shippedPackages(lock);
  const bundled = bundledPackages(lock, notices).filter((place) => !shipped.includes(place));
  const node = pinnedNode().version;
  const self = purl('rtplat', version);
  const components: readonly Component[] = [
    ...shipped.map((place) => component(lock, place, 'required', 'installed')),
    ...bundled.map((place) => component(lock, place, 'required', 'bundled in dist/vendor/ari-client.cjs')),
    {
      'bom-ref': `pkg:generic/nodejs@${node}`,
      type: 'platform',
      name: 'Node.js',
      version: node,
      scope: 'optional',
      licenses: [{ license: { id: 'MIT' } }],
      purl: `pkg:generic/nodejs@${node}`,
      properties: [{ name: 'rtplat:shipped', value: 'in the Debian packages and the tarballs' }],
    },
  ];
  const root = { ref: self, dependsOn: [...needs(lock, ''), ...bundled.map((place) => refOf(lock, place))].toSorted() };
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(date * 1_000).toISOString(),
      lifecycles: [{ phase: 'build' }],
      component: {
        'bom-ref': self,
        type: 'application',
        name: 'rtplat',
        version,
        description,
        licenses: [{ license: { id: 'MIT' } }],
        purl: self,
      },
    },
    components,
    dependencies: [root, ...shipped.map((place) => ({ ref: refOf(lock, place), dependsOn: needs(lock, place) }))],
  };
  return `${JSON.stringify({ ...document, serialNumber: serialOf(JSON.stringify(document)) }, null, 2)}\n`;
}

function component(lock: Lockfile, place: string, scope: 'required', how: string): Component {
  const { version = '', license, integrity = '' } = lock.packages[place] ?? {};
  const full = nameOf(place);
  const slash = full.indexOf('/');
  return {
    'bom-ref': refOf(lock, place),
    type: 'library',
    ...(slash < 0 ? {} : { group: full.slice(0, slash) }),
    name: full.slice(slash + 1),
    version,
    scope,
    hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') }],
    ...(license === undefined ? {} : { licenses: [licenceOf(license)] }),
    purl: purl(full, version),
    properties: [{ name: 'rtplat:shipped', value: how }],
  };
}

/** An identifier of SPDX, an expression of several, or what an old package calls its licence. */
function licenceOf(text: string): object {
  if (text.startsWith('(')) return { expression: text };
  return { license: LICENCES.has(text) ? { id: text } : { name: text } };
}

/** Two places may have the same package: a reference stands once. */
function refOf(lock: Lockfile, place: string): string {
  return `${purl(nameOf(place), lock.packages[place]?.version ?? '')}#${place}`;
}

function needs(lock: Lockfile, place: string): readonly string[] {
  const { dependencies = {}, optionalDependencies = {} } = lock.packages[place] ?? {};
  return Object.keys({ ...dependencies, ...optionalDependencies })
    .map((name) => refOf(lock, placeOf(lock, place, name)))
    .toSorted();
}

function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** A UUID made of the content (RFC 9562, version 8). */
function serialOf(content: string): string {
  const hex = createHash('sha256').update(content).digest('hex');
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
