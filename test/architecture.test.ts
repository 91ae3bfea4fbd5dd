/** The linter keeps the two floors of the house; these tests keep the linter: each rule must bite where it should, and only there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const oxlint = path.join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');

/** What a pure file may have: Date and an engine as mere types, and the few values that the engine places lend out. */
const clean = [
  "import type { UdpEngine } from '../udp/portable.ts';",
  "import { escapeControl } from '../values/terminal.ts';",
  "import { RtplatError } from '../errors.ts';",
  'export function stamp(now: Date, engine: UdpEngine): string {',
  "  if (engine.nowNs() < 0) throw new RtplatError('timeout', 'no answer');",
  '  return escapeControl(now.toISOString());',
  '}',
  '',
].join('\n');

const using = (module: string): string => `import { it } from '${module}';\nexport const used = it;\n`;

const refusedImports = [
  using('node:fs'),
  using('fs/promises'),
  "import type { Socket } from 'node:dgram';\nexport type S = Socket;\n",
  "export { performance } from 'node:perf_hooks';\n",
  "export const load = (): Promise<unknown> => import('node:fs');\n",
  "export const load = (): Promise<unknown> => import('ari-client');\n",
  ...['ari-client', 'ora', 'chalk', 'cli-table3', 'commander'].map(using),
  ...[
    'udp/portable',
    'echo/server',
    'service/http',
    'service/log',
    'ari/client',
    'ari/connection',
    'ari/session',
    'ari/health',
    'ari/vendor',
  ].map((name) => using(`../${name}.ts`)),
  ...[
    ...[
      'udp/batch/engine',
      'relay/media',
      'relay/fleet',
      'probe/pacer',
      'probe/session',
      'report/sources',
      'report/service-source',
      'report/files',
    ],
    ...['caller/call-media', 'caller/caller', 'caller/placed-call', 'caller/signalling', 'probe/pacer-pool'],
    ...['caller/ari-call', 'caller/ari-line', 'caller/service-watch', 'caller/sip-line'],
    ...[
      'srtp/session-keys',
      'srtp/transform',
      'srtp/sender',
      'srtp/receiver',
      'sip/transports/udp',
      'monitor/host/runner',
      'media/fleet',
      'media/link',
      'sip-server/server',
      'sip-server/player-legs',
    ],
  ].map((name) => using(`../${name}.ts`)),
  using('../../commands/main.ts'),
  using('../../../bin/rtplat.ts'),
];

const refusedGlobals = [
  'Date.now()',
  'new Date(0).getTime()',
  'performance.now()',
  'setTimeout(() => 1, 1)',
  'setInterval(() => 1, 1)',
  'setImmediate(() => 1)',
  'clearTimeout(1)',
  'queueMicrotask(() => 1)',
  'process.pid',
  "console.log('x')",
  "fetch('http://localhost')",
  "new WebSocket('ws://localhost')",
  'globalThis.Date.now()',
  'global.process.pid',
  "require('node:fs')",
].map((expression) => `export const value: unknown = ${expression};\n`);

const engines = `udp/portable echo/server service/http ari/client ari/connection ari/session ari/session-calls ari/health ari/vendor
  udp/batch/engine relay/media relay/fleet relay/plane-thread relay/echo-watch probe/session probe/pacer report/sources report/service-source report/files stats/inflate
  caller/ari-call caller/ari-line caller/service-watch caller/sip-line
  caller/call-media caller/caller caller/placed-call caller/signalling probe/pacer-pool probe/pacer-pool-thread
  srtp/session-keys srtp/counter-mode srtp/gcm srtp/transform srtp/sender srtp/receiver sip/transports/udp media/fleet media/link media/plane-thread media/recorder sip-server/server sip-server/player-legs`
  .split(/\s+/)
  .map((name) => `src/core/${name}.ts`);
const neighbours = [
  'ari/calls',
  'relay/tracker',
  'relay/worker',
  'relay/plane',
  'probe/matching',
  'sip/user-agent',
  'sip/client-agent',
  'caller/outcome',
  'caller/agreement',
  'media/plane',
  'report/render',
  'stats/histogram',
  'srtp/packet-index',
  'ports/allocator',
].map((name) => `src/core/${name}.ts`);

const impure = "import { performance } from 'node:perf_hooks';\nexport const t = performance.now() + Date.now();\n";
const upward = `export const t = Date.now();\n${using('../../commands/main.ts')}`;

/** Every sample by the path it is linted at. */
const samples = new Map<string, string>([
  ['src/core/rtp/clean.ts', clean],
  ...refusedImports.map((text, i) => [`src/core/rtp/import-${i}.ts`, text] as const),
  ...refusedGlobals.map((text, i) => [`src/core/rtp/global-${i}.ts`, text] as const),
  ...[...engines, ...neighbours].map((file) => [file, impure] as const),
  ['src/core/udp/upward.ts', upward],
  ['src/core/cycle/a.ts', "import { b } from './b.ts';\nexport const a = (): number => b() + 1;\n"],
  ['src/core/cycle/b.ts', "import { a } from './a.ts';\nexport const b = (): number => a() + 1;\n"],
  ['src/commands/floating.ts', 'export function start(work: () => Promise<void>): void {\n  work();\n}\n'],
  ['src/commands/any.ts', 'export const later: any = 1;\n'],
]);

interface LintReport {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
  readonly number_of_files: number;
}

let copy: string;
let status: number | null;
let report: LintReport;

beforeAll(() => {
  copy = mkdtempSync(path.join(tmpdir(), 'rtplat-lint-'));
  copyFileSync(path.join(root, '.oxlintrc.json'), path.join(copy, '.oxlintrc.json'));
  for (const [name, text] of samples) {
    const file = path.join(copy, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const run = spawnSync(process.execPath, [oxlint, '--format', 'json'], { cwd: copy, encoding: 'utf8' });
  status = run.status;
  report = JSON.parse(run.stdout) as LintReport;
});

afterAll(() => {
  rmSync(copy, { recursive: true });
});

/** The rules that spoke about one sample. The samples import modules that are not there, which the `no-unsafe-*` rules mind. */
function findings(file: string): string[] {
  expect(samples.has(file)).toBe(true);
  return report.diagnostics.filter((found) => found.filename === file && !found.code.includes('no-unsafe')).map((found) => found.code);
}

test('the linter read every sample and failed', () => {
  expect(report.number_of_files).toBe(samples.size);
  expect(status).toBe(1);
});

describe('the pure floor', () => {
  test('lets a clean file pass', () => {
    expect(findings('src/core/rtp/clean.ts')).toEqual([]);
  });

  test.each(refusedImports.map((text, i) => [text, i] as const))('refuses %j', (_text, i) => {
    expect(findings(`src/core/rtp/import-${i}.ts`)).toEqual(['eslint(no-restricted-imports)']);
  });

  test.each(refusedGlobals.map((text, i) => [text, i] as const))('refuses %j', (_text, i) => {
    expect(findings(`src/core/rtp/global-${i}.ts`)).toEqual(['eslint(no-restricted-globals)']);
  });

  test.each(neighbours)('holds in %s, beside an engine', (file) => {
    expect(findings(file)).toEqual(['eslint(no-restricted-imports)', 'eslint(no-restricted-globals)']);
  });
});

describe('the engine places', () => {
  test.each(engines)('%s may use a clock and node:*', (file) => {
    expect(findings(file)).toEqual([]);
  });

  test('import neither commands nor bin', () => {
    expect(findings('src/core/udp/upward.ts')).toEqual(['eslint(no-restricted-imports)']);
  });
});

test('an import cycle is refused', () => {
  expect(findings('src/core/cycle/a.ts')).toEqual(['import(no-cycle)']);
  expect(findings('src/core/cycle/b.ts')).toEqual(['import(no-cycle)']);
});

test('the type-aware and the strict rules run', () => {
  expect(findings('src/commands/floating.ts')).toEqual(['typescript(no-floating-promises)']);
  expect(findings('src/commands/any.ts')).toEqual(['typescript(no-explicit-any)']);
});

test('the linter reads every source file of this repository', () => {
  const listed = new Set(execFileSync(process.execPath, [oxlint, '--debug=files'], { cwd: root, encoding: 'utf8' }).split('\n'));
  const sources = ['src', 'bin'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => path.join(folder, name)),
  );
  expect(sources.length).toBeGreaterThan(20);
  expect(sources.filter((source) => !listed.has(source))).toEqual([]);
});

test('no source file switches a rule off', () => {
  const offenders = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => /(?:ox|es)lint-disable/.test(readFileSync(path.join(root, 'src', name), 'utf8')));
  expect(offenders).toEqual([]);
});
