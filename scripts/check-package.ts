/**
 * Packs the package and looks at it as a user gets it: what is in the tarball, whether publint and attw agree with it, what a
 * global installation into an empty prefix brings along, whether a TypeScript program can import it, and whether it is the same when it is
 * packed once more.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { npm, pack } from './npm.ts';
import { run } from './packages/fetch.ts';
import { digest, sourceDate, tarGz } from './packages/reproducible.ts';

const root = path.join(import.meta.dirname, '..');
const binaries = path.join(root, 'node_modules', '.bin');
const work = mkdtempSync(path.join(tmpdir(), 'rtplat-package-'));

let failed = 0;
let passed = 0;

function check(name: string, complaint: string): void {
  if (complaint === '') passed += 1;
  else failed += 1;
  process.stdout.write(complaint === '' ? `ok    ${name}\n` : `FAIL  ${name}\n${complaint.trim().replaceAll(/^/gm, '      ')}\n`);
}

/** @returns what a program complained of, '' when it was content. */
function complaintOf(program: string, args: readonly string[], cwd: string): string {
  const ran = spawnSync(program, args, { cwd, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });
  return ran.status === 0 ? '' : `${ran.error?.message ?? ''}${ran.stdout}${ran.stderr}`;
}

try {
  const { tarball, files, bytes } = pack(work);
  process.stdout.write(`${path.basename(tarball)}: ${files.length} files, ${Math.round(bytes / 1024)} kB packed\n`);
  const allowed =
    /^(?:dist\/(?:bin|src)\/.*\.(?:js|d\.ts)|dist\/vendor\/ari-client\.cjs|schema\/[^/]+\.json|man\/rtplat[a-z-]*\.1|(?:README|CHANGELOG)\.md|LICENSE|THIRD-PARTY-NOTICES\.txt|package\.json)$/;
  check('nothing is packed that a user has no use for', files.filter((file) => !allowed.test(file)).join('\n'));
  const wanted = [
    'dist/bin/rtplat.js',
    'dist/src/index.d.ts',
    'dist/vendor/ari-client.cjs',
    'LICENSE',
    'THIRD-PARTY-NOTICES.txt',
    'README.md',
  ];
  check('what a user needs is packed', wanted.filter((file) => !files.includes(file)).join('\n'));
  check('publint', complaintOf(path.join(binaries, 'publint'), ['run', '--strict', tarball], root));
  check('attw', complaintOf(path.join(binaries, 'attw'), [tarball, '--profile', 'esm-only'], root));

  check('packed once more, it is the same', reproducible(tarball));
  installed(tarball);
  imported(tarball);
} finally {
  rmSync(work, { recursive: true });
}
process.stdout.write(`${passed} of ${passed + failed} checks ok\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** Built once more, at another time and under another umask. @returns which files differ. */
function reproducible(tarball: string): string {
  const again = path.join(work, 'again');
  const before = process.umask(0o077);
  try {
    mkdirSync(again);
    const date = sourceDate(root);
    const parents = [tarball, pack(again).tarball].map((packed, i) => {
      const parent = path.join(work, `unpacked-${i}`);
      mkdirSync(parent);
      run('tar', ['-xzf', packed, '-C', parent]);
      // As build-packages.ts does: npm keeps permissions, and an order that changes.
      tarGz(path.join(parent, 'rtplat.tgz'), parent, 'package', { date, fast: true });
      return parent;
    });
    const [one, other] = parents.map((parent) => digest('sha256', path.join(parent, 'rtplat.tgz')));
    if (one === other) return '';
    return complaintOf('diff', ['-r', '--brief', ...parents.map((parent) => path.join(parent, 'package'))], work) || 'the archives differ';
  } finally {
    process.umask(before);
  }
}

interface Tree {
  readonly dependencies?: Readonly<Record<string, Tree & { readonly version: string }>>;
}

/** Every package of a tree as `name@version`. */
function namesIn(tree: Tree, found: string[] = []): string[] {
  for (const [name, below] of Object.entries(tree.dependencies ?? {})) {
    found.push(`${name}@${below.version}`);
    namesIn(below, found);
  }
  return found;
}

/** A global installation into an empty prefix. */
function installed(tarball: string): void {
  const prefix = path.join(work, 'prefix');
  mkdirSync(prefix);
  npm(['install', '--global', '--prefix', prefix, tarball], { cwd: work });
  const list = npm(['ls', '--all', '--global', '--prefix', prefix], { cwd: work });
  process.stdout.write(list.replaceAll(work, '').trimEnd().concat('\n'));
  const names = namesIn(JSON.parse(npm(['ls', '--all', '--json', '--global', '--prefix', prefix], { cwd: work })) as Tree);
  const bundled =
    /^(?:ari-client|swagger-client|shred|request|bluebird|lodash|ws|uuid|btoa|tough-cookie|form-data|cookiejar|backoff-func)@/;
  check('the tree under ari-client is not installed', names.filter((name) => bundled.test(name)).join('\n'));
  const description = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  const ran = spawnSync(path.join(prefix, 'bin', 'rtplat'), ['--version'], { encoding: 'utf8' });
  check(
    'the installed command starts and says its version',
    ran.stdout === `${description.version}\n` && ran.status === 0 ? '' : `${ran.status}: ${ran.stdout}${ran.stderr}`,
  );
}

/** A strict TypeScript program that imports the library and its schema, with the declarations of the library checked too. */
function imported(tarball: string): void {
  const project = path.join(work, 'project');
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  npm(['install', tarball], { cwd: project });
  writeFileSync(
    path.join(project, 'main.ts'),
    [
      "import { createRtpPacket, LatencyHistogram, parseRtp } from 'rtplat';",
      "import schema from 'rtplat/schema/run.json' with { type: 'json' };",
      'const histogram: LatencyHistogram = new LatencyHistogram();',
      'histogram.record(1_000_000);',
      'const rejection: string | undefined = parseRtp(new Uint8Array(3), 0, 3, createRtpPacket());',
      "if (rejection !== 'too-short' || histogram.count !== 1 || schema.$id === '') throw new Error('rtplat does not work as imported');",
      '',
    ].join('\n'),
  );
  const options = ['--module', 'nodenext', '--target', 'es2023', '--strict', '--resolveJsonModule', '--types', '', '--ignoreConfig'];
  check('a TypeScript program imports the library', complaintOf(path.join(binaries, 'tsc'), [...options, 'main.ts'], project));
  check('and runs', complaintOf(process.execPath, ['main.js'], project));
}
