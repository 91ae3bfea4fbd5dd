/** The packages: the same bytes whoever builds them, and in them what belongs there. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDeb } from '../../scripts/packages/deb.ts';
import { run } from '../../scripts/packages/fetch.ts';
import { makeTarball } from '../../scripts/packages/tarball.ts';
import { ROOT } from '../docs/markdown.ts';
import { smallApp } from './app-tree.ts';

const DATE = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;
const debian = spawnSync('dpkg-deb', ['--version']).status === 0;

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rtplat-packages-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('npm is told of every manual page', () => {
  const { man } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { readonly man: readonly string[] };
  expect(man).toEqual(
    readdirSync(path.join(ROOT, 'man'))
      .toSorted()
      .map((page) => `man/${page}`),
  );
});

type Make = typeof makeDeb;

/** @param name of the place that it is built in. */
function build(make: Make, name: string, version = '1.0.0'): string {
  const out = path.join(folder, name);
  mkdirSync(out, { recursive: true });
  return make({ app: smallApp(path.join(out, 'app')), cpu: 'x64', version, date: DATE, fast: true, out });
}

/** Built by somebody else: other permissions of new files, another time zone, another folder. */
function buildElsewhere(make: Make): string {
  const umask = process.umask(0o077);
  const zone = process.env['TZ'];
  process.env['TZ'] = 'Asia/Kathmandu';
  try {
    return build(make, 'elsewhere');
  } finally {
    process.umask(umask);
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
}

describe('the tarball', () => {
  it('is the same, bit for bit, whoever builds it', () => {
    const [here, there] = [build(makeTarball, 'here'), buildElsewhere(makeTarball)];
    expect(path.basename(here)).toBe('rtplat-1.0.0-linux-x64.tar.gz');
    expect(readFileSync(there).equals(readFileSync(here))).toBe(true);
  });

  it('belongs to root, is of the time of the commit, and is all in one folder', () => {
    const lines = run('tar', ['--utc', '-tvzf', build(makeTarball, 'here')])
      .trim()
      .split('\n');
    expect(lines.length).toBeGreaterThan(30);
    for (const line of lines)
      expect(line).toMatch(/^(?:drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) 0\/0 +\d+ 2026-01-02 03:04 rtplat-1\.0\.0-linux-x64\//);
    const programs = lines
      .filter((line) => line.startsWith('-rwx'))
      .map((line) =>
        line
          .slice(line.indexOf('/bin/') + 1)
          .split(' ')
          .at(-1),
      );
    expect(new Set(programs.map((name) => name?.split('x64/').at(-1)))).toEqual(
      new Set(['bin/node', 'bin/rtplat', 'install.sh', 'uninstall.sh']),
    );
  });
});

describe.runIf(debian)('the Debian package', () => {
  it('is the same, bit for bit, whoever builds it', () => {
    const [here, there] = [build(makeDeb, 'here'), buildElsewhere(makeDeb)];
    expect(path.basename(here)).toBe('rtplat_1.0.0-1_amd64.deb');
    expect(readFileSync(there).equals(readFileSync(here))).toBe(true);
  });

  it('belongs to root, and writes to /usr and /etc/rtplat alone', () => {
    const lines = run('dpkg-deb', ['--contents', build(makeDeb, 'here')])
      .trim()
      .split('\n');
    for (const line of lines) {
      expect(line).toMatch(/^(?:drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx) root\/root .* \.\/(?:$|usr\/|etc\/$|etc\/rtplat\/)/);
    }
  });

  it('says what may be edited, what was packed, and what is run around an installation', () => {
    const deb = build(makeDeb, 'here');
    const [control, files] = [path.join(folder, 'control'), path.join(folder, 'files')];
    run('dpkg-deb', ['--control', deb, control]);
    run('dpkg-deb', ['--extract', deb, files]);
    const configuration = readdirSync(path.join(ROOT, 'deploy/etc')).map((name) => `/etc/rtplat/${name}`);
    expect(readFileSync(path.join(control, 'conffiles'), 'utf8').trim().split('\n').toSorted()).toEqual(configuration.toSorted());
    expect(readdirSync(control).toSorted()).toEqual(['conffiles', 'control', 'md5sums', 'postinst', 'postrm', 'prerm']);
    const checked = spawnSync('md5sum', ['--check', '--strict', '--quiet', path.join(control, 'md5sums')], {
      cwd: files,
      encoding: 'utf8',
    });
    expect(checked).toMatchObject({ status: 0, stdout: '' });
    expect(existsSync(path.join(files, 'usr/share/man/man1/rtplat-sip-serve.1.gz'))).toBe(true);
    expect(readFileSync(path.join(control, 'control'), 'utf8')).toMatch(/^Version: 1\.0\.0-1\nArchitecture: amd64\n/m);
  });

  it('of a version before another is older for dpkg, too', () => {
    const [older, newer] = ['2.0.0-rc.1', '2.0.0'].map((version) => path.basename(build(makeDeb, version, version)).split('_')[1] ?? '');
    expect(older).toBe('2.0.0~rc.1-1');
    expect(spawnSync('dpkg', ['--compare-versions', older ?? '', 'lt', newer ?? '']).status).toBe(0);
  });
});
