/**
 * Bundles ari-client 2.2.0, patched, into dist/vendor/ari-client.cjs, and writes THIRD-PARTY-NOTICES.txt for what is in it
 * (`--check`: says whether the committed one is up to date). The tree under ari-client is old; so it is a development
 * dependency whose code is bundled, and none of it reaches the node_modules of a user.
 *
 * Bundled: ari-client, swagger-client, backoff-func, ws. Replaced by files of scripts/vendor: request and shred (HTTP), lodash,
 * bluebird, uuid, btoa. In package.json an override keeps `request` at 2.2.9, the last version without dependencies: it is never
 * run, and its later tree would only stand about. (An alias would read better; npm 9 cannot read a lockfile with one.)
 */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { generate } from './generate.ts';
import { cuts, patch, patches } from './vendor/patches.ts';

const root = path.join(import.meta.dirname, '..');
const modules = path.join(root, 'node_modules');

const replaced: Readonly<Record<string, string>> = {
  request: 'http.ts',
  lodash: 'lodash.ts',
  bluebird: 'promise.ts',
  uuid: 'uuid.ts',
};

const applied = new Set<string>();

const patching: Plugin = {
  name: 'patching',
  setup(context) {
    context.onResolve({ filter: /^(request|lodash|bluebird|uuid)$/ }, ({ path: name }) => ({
      path: path.join(import.meta.dirname, 'vendor', replaced[name] ?? ''),
    }));
    // The client alone: ws also brings a server.
    context.onResolve({ filter: /^ws$/ }, () => ({ path: path.join(modules, 'ws', 'lib', 'websocket.js') }));
    context.onLoad({ filter: /node_modules\/(ari-client|swagger-client)\/lib\/\w+\.js$/ }, async ({ path: file }) => {
      const name = path.relative(modules, file);
      applied.add(name);
      return { contents: patch(name, await readFile(file, 'utf8')), loader: 'js' };
    });
  },
};

const result = await build({
  stdin: {
    contents: "export { connect } from 'ari-client';\nexport { settings } from 'request';\n",
    resolveDir: modules,
    sourcefile: 'ari-client.js',
  },
  outfile: path.join(root, 'dist', 'vendor', 'ari-client.cjs'),
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node22',
  legalComments: 'inline',
  banner: { js: '// ari-client 2.2.0, bundled and changed by the build of rtplat. Licences: THIRD-PARTY-NOTICES.txt.' },
  define: { 'process.env.WS_NO_BUFFER_UTIL': '"1"', 'process.env.WS_NO_UTF_8_VALIDATE': '"1"' },
  // Named imports of a CommonJS file that its importer replaces with ours.
  logOverride: { 'import-is-undefined': 'error' },
  metafile: true,
  plugins: [patching],
});

for (const name of new Set([...Object.keys(patches), ...Object.keys(cuts)])) {
  if (!applied.has(name)) throw new Error(`${name} was to be patched but was not bundled`);
}

generate('THIRD-PARTY-NOTICES.txt', await notices(Object.keys(result.metafile.inputs)));

/** The licence of every package that has a file in the bundle. */
async function notices(files: readonly string[]): Promise<string> {
  const packages = new Set(
    files.map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter((name) => name !== undefined),
  );
  const parts = [
    [
      'rtplat bundles the packages below in dist/vendor/ari-client.cjs. ari-client and swagger-client were changed: the changes are',
      'listed, with their reasons, in scripts/vendor/patches.ts of the source code.',
    ].join('\n'),
  ];
  for (const name of [...packages].toSorted()) {
    const folder = path.join(modules, name);
    const description = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as { version: string };
    const licence = (await readdir(folder)).find((file) => /^licen[cs]e/i.test(file));
    if (licence === undefined) throw new Error(`${name} is bundled and has no licence file`);
    const text = (await readFile(path.join(folder, licence), 'utf8')).replaceAll('\r', '').trim();
    parts.push(`${name} ${description.version}\n\n${text}`);
  }
  const apache = await readFile(path.join(import.meta.dirname, 'vendor', 'apache-2.0.txt'), 'utf8');
  parts.push(`The Apache License that ari-client and swagger-client name\n\n${apache.trim()}`);
  return `${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
