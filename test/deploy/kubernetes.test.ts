/**
 * The manifests against the schemas of Kubernetes and of the Prometheus operator. Those say nothing of members that they do not know:
 * the types do, to which the documents are compiled as literals.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../docs/markdown.ts';
import { documentsOf, readText, readYaml } from './yaml.ts';

interface Labels {
  readonly [name: string]: string;
}

interface Container {
  readonly ports?: readonly {
    readonly name: string;
    readonly containerPort: number;
    readonly hostPort: number;
    readonly protocol?: string;
  }[];
  readonly resources: { readonly requests: Labels; readonly limits: Labels };
  readonly securityContext: object;
  readonly volumeMounts?: readonly { readonly name: string }[];
  readonly [probe: `${string}Probe`]:
    | { readonly httpGet?: { readonly port: string }; readonly tcpSocket?: { readonly port: string } }
    | undefined;
}

interface PodSpec {
  readonly hostNetwork: boolean;
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: object;
  readonly containers: readonly [Container];
  readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Labels;
  readonly spec: {
    readonly selector: { readonly matchLabels: Labels };
    readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
  };
}

const BASE = 'deploy/kubernetes/base';
const MONITORING = 'deploy/kubernetes/monitoring';

/** What `kubectl apply -k` of the folder sends. */
function manifests(folder: string): readonly Manifest[] {
  const { resources } = readYaml(`${folder}/kustomization.yaml`) as { readonly resources: readonly string[] };
  return resources.flatMap((file) => documentsOf(readText(`${folder}/${file}`)) as readonly Manifest[]);
}

const rule = execFileSync('sh', [join(ROOT, MONITORING, 'prometheus-rule.sh')], { encoding: 'utf8' });
const base = manifests(BASE);
const all = [...base, ...manifests(MONITORING), ...(documentsOf(rule) as readonly Manifest[])];
const workloads = base.filter(({ kind }) => ['DaemonSet', 'Deployment', 'StatefulSet'].includes(kind));

/** The module that has the model: `kubernetes-models/apps/v1/DaemonSet`. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  const library = apiVersion.startsWith('monitoring.coreos.com/') ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
  return `${library}/${apiVersion}/${kind}`;
}

/** What the compiler has against documents; empty when nothing. */
function compile(documents: readonly Manifest[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'rtplat-manifests-'));
  try {
    const source = documents.map(
      (document, i) =>
        `import type { I${document.kind} as T${i} } from '${moduleOf(document)}';\nexport const d${i}: T${i} = ${JSON.stringify(document, null, 1)};\n`,
    );
    writeFileSync(join(dir, 'manifests.ts'), source.join('\n'));
    symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
    const args = ['--noEmit', '--strict', '--skipLibCheck', '--types', '', '--module', 'nodenext', '--target', 'es2024', 'manifests.ts'];
    return spawnSync(join(ROOT, 'node_modules/.bin/tsc'), args, { cwd: dir, encoding: 'utf8' }).stdout;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe('the schemas', () => {
  test.each(all.map((document) => [`${document.kind} ${document.metadata.name}`, document] as const))('%s', async (_, document) => {
    const models = (await import(moduleOf(document))) as Record<string, new (data: object) => { validate(): void }>;
    const Model = models[document.kind];
    if (Model === undefined) throw new Error(`${moduleOf(document)} has no ${document.kind}`);
    expect(() => new Model(document).validate()).not.toThrow();
  });

  test('no member that they do not know, no value of another type', () => {
    expect(compile(all)).toBe('');
    const [first] = workloads;
    if (first === undefined) throw new Error('no workload');
    const { spec } = first;
    const misspelt = { ...first, spec: { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, hostNetwrk: true } } } };
    expect(compile([misspelt])).toContain('hostNetwrk');
  });
});

describe.each(workloads.map((workload) => [workload.metadata.name, workload] as const))('%s', (_, { spec }) => {
  const pod = spec.template.spec;
  const [container] = pod.containers;

  test('selects its own pods, and names what there is', () => {
    expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
    const ports = container.ports?.map(({ name }) => name) ?? [];
    for (const probe of ['readinessProbe', 'livenessProbe'] as const) {
      const port = container[probe]?.httpGet?.port ?? container[probe]?.tcpSocket?.port;
      if (port !== undefined) expect(ports).toContain(port);
      expect(container[probe], probe).toBeDefined();
    }
    const volumes = pod.volumes?.map(({ name }) => name) ?? [];
    for (const { name } of container.volumeMounts ?? []) expect(volumes).toContain(name);
    const configMaps = base.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name);
    for (const { configMap } of pod.volumes ?? []) if (configMap !== undefined) expect(configMaps).toContain(configMap.name);
  });

  test('is as the level "restricted" wants it, the network of the host apart', () => {
    expect(pod).toMatchObject({
      hostNetwork: true,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('has memory bounded, and no limit on the CPU', () => {
    expect(Object.keys(container.resources.requests).toSorted()).toEqual(['cpu', 'memory']);
    expect(Object.keys(container.resources.limits)).toEqual(['memory']);
  });

  test('declares the ports of the host that it takes', () => {
    for (const { containerPort, hostPort } of container.ports ?? []) expect(hostPort).toBe(containerPort);
  });
});

test('no two workloads want the same port of a node', () => {
  const taken = workloads.flatMap(({ spec }) => spec.template.spec.containers[0].ports ?? []);
  const names = taken.map(({ hostPort, protocol = 'TCP' }) => `${hostPort}/${protocol}`);
  expect(new Set(names).size).toBe(names.length);
});

describe('the ranges of ari-serve', () => {
  const script = readText(`${BASE}/ari-serve.yaml`)
    .split('\n')
    .filter((line) => /^ {14}(ordinal|first|exec)/.test(line))
    .join('\n');
  let lines: readonly string[];

  beforeAll(() => {
    const run = (pod: string): string =>
      execFileSync('sh', ['-ceu', script.replace('exec rtplat', 'echo')], { env: { ...process.env, POD_NAME: pod }, encoding: 'utf8' });
    lines = ['rtplat-ari-serve-0', 'rtplat-ari-serve-1', 'rtplat-ari-serve-12'].map(run);
  });

  test('follow from the ordinal', () => {
    expect(lines.map((line) => line.trim())).toEqual([
      'ari-serve --range 10000-10100 --app rtplat-0 --log-format json',
      'ari-serve --range 10200-10300 --app rtplat-1 --log-format json',
      'ari-serve --range 12400-12500 --app rtplat-12 --log-format json',
    ]);
  });
});

test('the configuration of sip-serve has no problem', () => {
  const toml = base.find(({ metadata }) => metadata.name === 'rtplat-sip-serve')?.data?.['sip-serve.toml'] ?? '';
  const dir = mkdtempSync(join(tmpdir(), 'rtplat-manifests-'));
  try {
    writeFileSync(join(dir, 'sip-serve.toml'), toml);
    const args = [join(ROOT, 'bin/rtplat.ts'), 'sip-serve', '--config', join(dir, 'sip-serve.toml'), '--check'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
