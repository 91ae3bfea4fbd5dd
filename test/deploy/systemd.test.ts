/** The units, as far as they can be judged without a systemd that runs them: scripts/test-systemd.sh has one. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../docs/markdown.ts';
import { runCli } from '../e2e/run-cli.ts';

const UNITS = path.join(ROOT, 'deploy/systemd');
const services = readdirSync(UNITS).filter((name) => name.endsWith('.service'));

/** The value of the only line that sets it. */
function setting(file: string, key: string): string {
  const lines = readFileSync(path.join(UNITS, file), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${key}=`));
  expect(lines).toHaveLength(1);
  return lines[0]?.slice(key.length + 1) ?? '';
}

it('there is one for every command that serves', () => {
  expect(services.toSorted()).toEqual([
    'rtplat-ari-serve.service',
    'rtplat-echo.service',
    'rtplat-monitor.service',
    'rtplat-sip-serve.service',
  ]);
});

describe.each(services)('%s', (service) => {
  const command = service.slice('rtplat-'.length, -'.service'.length);
  const file = path.join(ROOT, 'deploy/etc', `${command}.toml`);

  it('runs its command with its configuration, and has a manual page', () => {
    expect(setting(service, 'ExecStart')).toBe(`/usr/bin/rtplat ${command} --config /etc/rtplat/${command}.toml`);
    expect(setting(service, 'Documentation')).toBe(`man:rtplat-${command}(1)`);
    expect(existsSync(path.join(ROOT, 'man', `rtplat-${command}.1`))).toBe(true);
  });

  it('has a configuration to begin with that is right', async () => {
    const credentials = mkdtempSync(path.join(tmpdir(), 'rtplat-credentials-'));
    onTestFinished(() => rmSync(credentials, { recursive: true }));
    writeFileSync(path.join(credentials, 'ari-pass'), 'secret\n');
    // A monitor with nothing to watch has no use, and says so.
    const question = command === 'monitor' ? '--print-config' : '--check';
    const { status, stderr } = await runCli([command, '--config', file, question], { CREDENTIALS_DIRECTORY: credentials });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

it('a service has more time to stop than sip-serve gives its calls', async () => {
  const { stdout } = await runCli(['sip-serve', '--config', path.join(ROOT, 'deploy/etc/sip-serve.toml'), '--print-config']);
  const grace = Number(/^stop_grace_seconds = (\d+)$/m.exec(stdout)?.[1]);
  expect(grace).toBeGreaterThan(0);
  expect(Number(setting('rtplat-.service.d/10-rtplat.conf', 'TimeoutStopSec'))).toBeGreaterThan(grace + 10);
});

// An older one cannot judge units that are not installed.
const analyze =
  Number(/^systemd (\d+)/.exec(spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1] ?? 0) >= 252;

it.runIf(analyze)('systemd-analyze security gives each 2.0 at most, with realtime.conf too', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'rtplat-units-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const folder = path.join(root, 'usr/lib/systemd/system');
  mkdirSync(folder, { recursive: true });
  for (const name of [...services, 'rtplat-.service.d']) cpSync(path.join(UNITS, name), path.join(folder, name), { recursive: true });
  const score = (unit: string): number => {
    const { stdout, stderr } = spawnSync('systemd-analyze', ['security', '--offline=true', `--root=${root}`, '--no-pager', unit], {
      encoding: 'utf8',
    });
    const found = /Overall exposure level for .*: ([\d.]+) /.exec(stdout)?.[1];
    if (found === undefined) throw new Error(`systemd-analyze has no verdict on ${unit}: ${stderr}`);
    return Number(found);
  };
  for (const service of services) expect(score(service), service).toBeLessThanOrEqual(2);
  cpSync(path.join(UNITS, 'examples/realtime.conf'), path.join(folder, 'rtplat-echo.service.d/realtime.conf'), { recursive: true });
  expect(score('rtplat-echo.service')).toBeLessThanOrEqual(2);
  // It can fail: without the drop-in hardly anything is closed.
  rmSync(path.join(folder, 'rtplat-.service.d'), { recursive: true });
  expect(score('rtplat-echo.service')).toBeGreaterThan(5);
});
