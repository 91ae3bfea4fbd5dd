/** The tarball for any Linux: the folder runs where it is unpacked, and install.sh in it makes services of it. */
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './lockfile.ts';
import type { Cpu } from './lockfile.ts';
import { addExtras } from './extras.ts';
import { tarGz } from './reproducible.ts';

export interface TarballSettings {
  readonly app: string;
  readonly cpu: Cpu;
  readonly version: string;
  /** Seconds since 1970. */
  readonly date: number;
  readonly fast: boolean;
  /** Folder to write to. */
  readonly out: string;
}

/** @returns the path of the tarball. */
export function makeTarball({ app, cpu, version, date, fast, out }: TarballSettings): string {
  const name = `rtplat-${version}-linux-${cpu}`;
  const root = path.join(path.dirname(app), name);
  const share = path.join(root, 'share');
  cpSync(app, root, { recursive: true });
  addExtras({
    man: path.join(share, 'man/man1'),
    bash: path.join(share, 'completions/rtplat.bash'),
    zsh: path.join(share, 'completions/_rtplat'),
    fish: path.join(share, 'completions/rtplat.fish'),
    systemd: path.join(share, 'systemd'),
    backoff: path.join(share, 'systemd/backoff.conf'),
    sysusers: path.join(share, 'sysusers.conf'),
    polkit: path.join(share, 'polkit.rules'),
    examples: path.join(share, 'examples'),
    etc: path.join(share, 'etc'),
  });
  for (const script of ['install.sh', 'uninstall.sh']) cpSync(path.join(ROOT, 'deploy/install', script), path.join(root, script));
  const file = path.join(out, `${name}.tar.gz`);
  tarGz(file, path.dirname(root), name, { date, fast });
  rmSync(root, { recursive: true });
  return file;
}
