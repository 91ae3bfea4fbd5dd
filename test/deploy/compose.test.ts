/** What can be said of compose/ without Docker; scripts/test-compose.sh runs it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT, readPage } from '../docs/markdown.ts';
import { readText, readYaml } from './yaml.ts';

interface Service {
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly restart?: string;
  readonly image?: string;
  readonly build?: { readonly context: string };
  readonly ports: readonly string[];
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly environment?: Readonly<Record<string, string>>;
  readonly network_mode?: string;
  readonly extra_hosts?: readonly string[];
}

interface Composition {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const { services, volumes } = readYaml('compose/compose.yaml') as Composition;
const host = (readYaml('compose/host.yaml') as Composition).services;

describe.each(Object.entries(services))('%s', (name, service) => {
  test('is confined, is told to be healthy, and comes back', () => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'unless-stopped',
    });
    expect(service.healthcheck?.test[0]).toBe('CMD');
  });

  test('is reached over loopback, unless somebody says otherwise', () => {
    for (const port of service.ports) {
      expect(port).toMatch(port.endsWith('/udp') ? /^\$\{PUBLISH:-127\.0\.0\.1\}:/ : /^127\.0\.0\.1:/);
    }
  });

  test('mounts files that are there, and volumes that are declared', () => {
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) expect(existsSync(join(ROOT, 'compose', source)), volume).toBe(true);
      else expect(Object.keys(volumes), volume).toContain(source);
    }
  });

  test('has a tag to its image, and what it is built from', () => {
    expect(service.image).toMatch(/:[\w.-]+$/);
    expect(service.image).not.toMatch(/:latest$/);
    if (service.build !== undefined) expect(existsSync(join(ROOT, 'compose', service.build.context, 'Dockerfile'))).toBe(true);
  });

  test('on the network of the host: publishes nothing, finds the others, keeps HTTP on loopback', () => {
    expect(host[name]).toMatchObject({ network_mode: 'host', ports: [] });
    const names = (host[name]?.extra_hosts ?? []).map((entry) => entry.split('=')[0]);
    expect(names).toEqual(expect.arrayContaining(['asterisk', 'echo', 'ari-serve', 'sip-serve', 'prometheus']));
    for (const [variable, value] of Object.entries(service.environment ?? {})) {
      if (value === '0.0.0.0') expect(host[name]?.environment?.[variable], variable).toBe('127.0.0.1');
    }
  });
});

test('the published ports are taken back on the network of the host', () => {
  expect(readText('compose/host.yaml').split('    ports: !reset []\n')).toHaveLength(Object.keys(services).length + 1);
});

test('the table of ports in docs/compose.md is complete', () => {
  const published = Object.entries(services).flatMap(([name, { ports }]) =>
    ports.map((port) => `${port.split(':').at(-2)}${port.endsWith('/udp') ? '/udp' : '/tcp'} ${name}`),
  );
  const rows = [...readPage('docs/compose.md').prose.matchAll(/^\| (\d+\/(?:udp|tcp)) \| `([\w-]+)` \|/gm)];
  expect(rows.map(([, port, name]) => `${port} ${name}`).toSorted()).toEqual(published.toSorted());
});

test('what the image is built from is sent to the builder', () => {
  const sent = readText('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  for (const path of sent) expect(existsSync(join(ROOT, path)), path).toBe(true);
  const copied = [...readText('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '));
  expect(copied).toContain('package-lock.json');
  for (const path of copied.filter((one) => one !== '.')) {
    expect(existsSync(join(ROOT, path)), path).toBe(true);
    expect(
      sent.some((one) => path === one || path.startsWith(`${one}/`)),
      path,
    ).toBe(true);
  }
});

test('the configuration of sip-serve has no problem', () => {
  const args = [join(ROOT, 'bin/rtplat.ts'), 'sip-serve', '--config', join(ROOT, 'compose/sip-serve.toml'), '--check'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.each(['compose/smoke.sh', 'compose/asterisk/entrypoint.sh', 'scripts/test-compose.sh', 'scripts/test-watching.sh'])(
  '%s is a program',
  (path) => {
    expect(spawnSync('sh', ['-n', join(ROOT, path)], { encoding: 'utf8' }).stderr).toBe('');
    expect(readText(path)).toMatch(/^#!\/bin\/sh\n/);
  },
);
