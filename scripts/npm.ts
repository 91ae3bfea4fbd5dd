/** Runs npm on the Node that it belongs to: this project's own Node stands first in PATH and is not always one that it knows. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const own = path.join(import.meta.dirname, '..', 'node_modules', '.bin');

/** PATH without this project's programs. */
export const outerPath: string = (process.env['PATH'] ?? '')
  .split(path.delimiter)
  .filter((folder) => folder !== own && !folder.endsWith('node-gyp-bin'))
  .join(path.delimiter);

/** @returns standard output. @throws Error with what npm complained of. */
export function npm(args: readonly string[], options: { readonly cwd: string; readonly cache?: string }): string {
  const quiet = ['--no-audit', '--no-fund', '--no-progress', '--no-update-notifier', '--loglevel=error'];
  const env = Object.fromEntries(
    Object.entries({ ...process.env, PATH: outerPath }).filter(
      ([name]) => !/^npm_(?:lifecycle|package|command|execpath|node_execpath)/.test(name),
    ),
  );
  const caching = options.cache === undefined ? [] : ['--cache', options.cache];
  const run = spawnSync('npm', [...args, ...quiet, ...caching], { cwd: options.cwd, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (run.status !== 0) throw new Error(`npm ${args.join(' ')} failed: ${run.error?.message ?? ''}${run.stderr}${run.stdout}`);
  return run.stdout;
}

/** Packs this repository (and, through `prepack`, builds it) into `folder`. @returns the path of the tarball, and what is in it. */
export function pack(folder: string): { readonly tarball: string; readonly files: readonly string[]; readonly bytes: number } {
  const text = npm(['pack', '--json', '--pack-destination', folder], { cwd: path.join(import.meta.dirname, '..') });
  // What prepack prints may stand before the document.
  const parsed = JSON.parse(text.slice(text.indexOf('['))) as readonly {
    readonly filename: string;
    readonly size: number;
    readonly files: readonly { readonly path: string }[];
  }[];
  const packed = parsed[0];
  if (packed === undefined) throw new Error('npm pack packed nothing');
  return { tarball: path.join(folder, path.basename(packed.filename)), files: packed.files.map((file) => file.path), bytes: packed.size };
}
