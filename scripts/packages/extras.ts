/** What comes with the program: manual pages, completions, units, configuration to begin with. The same in every package. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './fetch.ts';
import { gzip } from './reproducible.ts';
import { ROOT } from './lockfile.ts';

/** Where each kind of thing goes. */
export interface ExtraPlaces {
  readonly man: string;
  readonly bash: string;
  readonly zsh: string;
  readonly fish: string;
  readonly systemd: string;
  readonly backoff: string;
  readonly sysusers: string;
  readonly polkit: string;
  readonly examples: string;
  readonly etc: string;
}

export function addExtras(places: ExtraPlaces): void {
  const program = path.join(ROOT, 'bin', 'rtplat.ts');
  for (const page of readdirSync(path.join(ROOT, 'man'))) {
    put(path.join(places.man, `${page}.gz`), gzip(readFileSync(path.join(ROOT, 'man', page))));
  }
  put(places.bash, run(process.execPath, [program, 'completion', 'bash']));
  put(places.zsh, run(process.execPath, [program, 'completion', 'zsh']));
  put(places.fish, run(process.execPath, [program, 'completion', 'fish']));
  const units = path.join(ROOT, 'deploy', 'systemd');
  cpSync(units, places.systemd, { recursive: true, filter: (file) => file === units || file.includes('.service') });
  put(places.backoff, readFileSync(path.join(units, 'backoff.conf')));
  put(places.sysusers, readFileSync(path.join(units, 'sysusers.conf')));
  put(places.polkit, readFileSync(path.join(units, 'polkit.rules')));
  cpSync(path.join(units, 'examples'), places.examples, { recursive: true });
  cpSync(path.join(ROOT, 'deploy', 'etc'), places.etc, { recursive: true });
}

export function put(file: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content, { mode });
}
