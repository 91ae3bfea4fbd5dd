/** Packages of the npm registry, fetched once, compared with the checksum that the repository names, and unpacked. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { npm } from '../npm.ts';

/** Kept outside the tree, beside the Nodes that the packed package is tried on. */
const cache = path.join(
  process.env['RTPLAT_NODES'] ?? path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'rtplat', 'nodes'),
  'tarballs',
);

/**
 * Unpacks `name@version` into `folder`, without the folder `package/` that its tarball begins with.
 *
 * @param integrity `sha512-` and the checksum in base64, as lockfiles have it. @throws Error when the tarball is another.
 */
export function unpackFromRegistry(name: string, version: string, integrity: string, folder: string): void {
  const tarball = path.join(cache, `${name.replace('@', '').replaceAll('/', '-')}-${version}.tgz`);
  if (!existsSync(tarball) || checksum(tarball) !== integrity) {
    const fresh = path.join(cache, `.${process.pid}`);
    mkdirSync(fresh, { recursive: true });
    try {
      npm(['pack', `${name}@${version}`, '--pack-destination', fresh], { cwd: fresh });
      const fetched = path.join(fresh, path.basename(tarball));
      const found = checksum(fetched);
      if (found !== integrity) throw new Error(`${name}@${version} from the registry has the checksum ${found}, not ${integrity}`);
      renameSync(fetched, tarball);
    } finally {
      rmSync(fresh, { recursive: true });
    }
  }
  run('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1']);
}

function checksum(file: string): string {
  return `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
}

/** @returns standard output. @throws Error with what the program complained of. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const done = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${done.error?.message ?? ''}${done.stderr}${done.stdout}`);
  return done.stdout;
}
