/** The programs to compare with: compiled from bench/peers into a cache outside of the tree, or installed on the machine. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

const PEERS = path.join(import.meta.dirname, '..', 'peers');
const C_FLAGS = ['-O2', '-Wall', '-Wextra', '-pthread'];
/** Where root's programs are, which a user's PATH may leave out. */
const MORE_PATH = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

/**
 * Compiles bench/peers/NAME.c unless this very source was compiled before.
 *
 * @param libraries to link with, without `lib`.
 * @returns the path of the program.
 * @throws Error when there is no C compiler, or the source does not compile.
 */
export function compile(name: string, libraries: readonly string[] = []): string {
  const source = path.join(PEERS, `${name}.c`);
  const headers = readdirSync(PEERS).filter((file) => file.endsWith('.h'));
  const inputs = [source, ...headers.toSorted().map((file) => path.join(PEERS, file))];
  const linked = libraries.map((library) => `-l${library}`);
  return cached(name, inputs, [...C_FLAGS, ...linked], (target) => {
    execFileSync(tool('cc', 'gcc'), [...C_FLAGS, '-o', target, source, ...linked], { stdio: ['ignore', 'inherit', 'inherit'] });
  });
}

/** The same for bench/peers/NAME.go, with nothing but Go's own library: the network is not asked. */
export function compileGo(name: string): string {
  const source = path.join(PEERS, `${name}.go`);
  return cached(name, [source], ['go'], (target) => {
    execFileSync(tool('go', 'golang-go'), ['build', '-o', target, source], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, GOPROXY: 'off', GO111MODULE: 'off', GOTOOLCHAIN: 'local', GOCACHE: path.join(cacheFolder(), 'go') },
    });
  });
}

/**
 * A program of this machine.
 *
 * @param debianPackage what to install where it is missing.
 * @returns its path.
 * @throws Error naming the package.
 */
export function tool(command: string, debianPackage: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...MORE_PATH];
  for (const folder of folders) {
    const file = path.join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  throw new Error(`${command} is missing: install the Debian package ${debianPackage} (scripts/bench-peers.sh installs all of them)`);
}

function cacheFolder(): string {
  const own = process.env['RTPLAT_BENCH_CACHE'];
  return own ?? path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'rtplat', 'bench');
}

function cached(name: string, inputs: readonly string[], flags: readonly string[], build: (target: string) => void): string {
  const hash = createHash('sha256').update(flags.join(' '));
  for (const input of inputs) hash.update(readFileSync(input));
  const folder = cacheFolder();
  const file = path.join(folder, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  // Two runs may compile at once; each moves a whole program into place.
  const partial = `${file}.${process.pid}`;
  try {
    build(partial);
    renameSync(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
  return file;
}
