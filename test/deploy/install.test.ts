/** install.sh and uninstall.sh of the tarball, without root and without units; scripts/test-systemd.sh tries them with both. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../scripts/packages/fetch.ts';
import { makeTarball } from '../../scripts/packages/tarball.ts';
import { ROOT } from '../docs/markdown.ts';
import { smallApp } from './app-tree.ts';

let folder = '';
let prefix = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rtplat-install-test-'));
  prefix = path.join(folder, 'opt', 'rtplat');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** @returns the folder that a tarball of this version was unpacked to. */
function unpacked(version: string): string {
  const out = path.join(folder, `of-${version}`);
  mkdirSync(out);
  const app = smallApp(path.join(out, 'app'), version);
  run('tar', ['-xzf', makeTarball({ app, cpu: 'x64', version, date: 1e9, fast: true, out }), '-C', out]);
  return path.join(out, `rtplat-${version}-linux-x64`);
}

function call(script: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync('sh', [script, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

const install = (from: string, ...args: readonly string[]) => call(path.join(from, 'install.sh'), '--no-systemd', ...args);
const version = () => run(path.join(prefix, 'bin/rtplat'), ['--version']).trim();

describe('install.sh', () => {
  it('installs, puts a newer version in the place of an older one, and leaves nothing else', () => {
    expect(install(unpacked('1.0.0'), '--prefix', prefix)).toMatchObject({ status: 0, stderr: '' });
    expect(version()).toBe('1.0.0');
    expect(install(unpacked('1.0.1'), '--prefix', prefix)).toMatchObject({ status: 0, stderr: '' });
    expect(version()).toBe('1.0.1');
    expect(install(prefix, '--prefix', prefix)).toMatchObject({ status: 0, stderr: '' });
    expect(version()).toBe('1.0.1');
    expect(readdirSync(path.dirname(prefix))).toEqual(['rtplat']);
  });

  it('does nothing in a dry run', () => {
    const { status, stdout } = install(unpacked('1.0.0'), '--prefix', prefix, '--dry-run');
    expect(status).toBe(0);
    expect(stdout).toContain(`+ mv ${prefix}.new ${prefix}\n`);
    expect(existsSync(path.dirname(prefix))).toBe(false);
  });

  it('does not take the place of something else', () => {
    mkdirSync(prefix, { recursive: true });
    writeFileSync(path.join(prefix, 'precious'), '');
    expect(install(unpacked('1.0.0'), '--prefix', prefix)).toEqual({
      status: 1,
      stdout: '',
      stderr: `install.sh: ${prefix} holds something that is not rtplat; choose another --prefix\n`,
    });
    expect(readdirSync(prefix)).toEqual(['precious']);
  });

  it.each([
    [['--prefix', '/usr/lib'], /must be a folder for rtplat alone/],
    [['--prefix', 'opt'], /must be an absolute path/],
    [['--prefix', '/opt/a b'], /must be an absolute path/],
    [['--prefix', '/opt/../etc'], /without \/\.\//],
    [['--prefix', '/opt/rtplat/'], /a slash at its end/],
    [['--prefix'], /--prefix needs a value/],
    [['--user', 'a b'], /must be the name of a user/],
    [['--force'], /unknown argument --force/],
  ])('refuses %j', (args, message) => {
    const { status, stdout, stderr } = install(path.join(ROOT, 'deploy/install'), ...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('uninstall.sh', () => {
  it('takes away what install.sh installed, and may be run again', () => {
    const from = unpacked('1.0.0');
    install(from, '--prefix', prefix);
    const uninstall = path.join(from, 'uninstall.sh');
    expect(call(uninstall, '--prefix', prefix, '--dry-run').stdout).toBe(`+ rm -rf ${prefix}\nNothing was done.\n`);
    expect(existsSync(prefix)).toBe(true);
    expect(call(path.join(prefix, 'uninstall.sh'), '--prefix', prefix)).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(prefix)).toBe(false);
    expect(call(uninstall, '--prefix', prefix)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('does not take away something else', () => {
    mkdirSync(prefix, { recursive: true });
    const { status, stderr } = call(path.join(ROOT, 'deploy/install/uninstall.sh'), '--prefix', prefix);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `uninstall.sh: ${prefix} is not what install.sh installs; nothing was removed\n`,
    });
    expect(existsSync(prefix)).toBe(true);
  });
});

const shellcheck = spawnSync('shellcheck', ['--version']).status === 0;

it.runIf(shellcheck)('shellcheck has nothing against the scripts', () => {
  const scripts = [
    'deploy/install/install.sh',
    'deploy/install/uninstall.sh',
    'deploy/deb/postinst',
    'deploy/deb/prerm',
    'deploy/deb/postrm',
  ];
  const { stdout } = spawnSync('shellcheck', [...scripts, 'scripts/test-systemd.sh', 'scripts/packages/systemd-checks.bash'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
});
