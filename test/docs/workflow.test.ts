import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { histogramOf, makeRun } from '../core/report/make-run.ts';
import { ROOT } from './markdown.ts';

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly jobs: { readonly latency: { readonly env: Readonly<Record<string, string>>; readonly steps: readonly Step[] } };
}

const text = readFileSync(`${ROOT}/examples/github-workflow.yml`, 'utf8');
const document = parseDocument(text, { strict: true, uniqueKeys: true });
const workflow = document.toJS() as Workflow;
const { env, steps } = workflow.jobs.latency;

function stepOf(name: string): string {
  const script = steps.find((step) => step.name === name)?.run;
  if (script === undefined) throw new Error(`the workflow has no step ${name}`);
  return script;
}

describe('examples/github-workflow.yml', () => {
  let folder = '';
  /** The process group of the step that leaves something running. */
  let left: number | undefined;
  let environment: Readonly<Record<string, string | undefined>> = {};

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rtplat-workflow-'));
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    const shim = join(bin, 'rtplat');
    writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${ROOT}/bin/rtplat.ts' "$@"\n`);
    chmodSync(shim, 0o755);
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    await new Promise<void>((resolve) => {
      socket.close(resolve);
    });
    environment = {
      ...env,
      HOME: process.env['HOME'],
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      PORT: String(port),
      TARGET: `udp://127.0.0.1:${port}`,
      DURATION: '1s',
      GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
    };
  });
  afterAll(() => {
    try {
      if (left !== undefined) process.kill(-left);
    } catch {
      // Nothing was left.
    }
    rmSync(folder, { recursive: true });
  });

  /** As GitHub runs a step of `shell: bash`. */
  async function runStep(name: string): Promise<{ readonly status: number | null; readonly output: string }> {
    const script = join(folder, 'step.sh');
    writeFileSync(script, stepOf(name));
    const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    if (name === 'Start what is to be measured') left = child.pid;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => (output += piece));
    const [status] = (await once(child, 'exit')) as [number | null];
    return { status, output };
  }

  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

  test('is YAML of the form of a workflow', () => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    expect(Object.keys(workflow.on)).toEqual(['push', 'pull_request', 'workflow_dispatch']);
    for (const step of steps) {
      expect(
        ['uses', 'run'].filter((key) => key in step),
        step.name,
      ).toHaveLength(1);
      if (step.uses !== undefined) expect(step.uses).toMatch(/^actions\/[a-z/-]+@v\d+$/);
    }
    const contexts = [...text.matchAll(/\$\{\{ ([\w.]+) \}\}/g)].map(([, context]) => context);
    expect(new Set(contexts)).toEqual(new Set(['github.ref', 'github.run_id']));
  });

  test('installs the package of this version', () => {
    const { version } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { version: string };
    expect(stepOf('Install rtplat')).toBe(`npm install --global ./rtplat-${version}.tgz`);
  });

  test('measures, judges and tells', async () => {
    expect(await runStep('Start what is to be measured')).toMatchObject({ status: 0 });
    expect(await runStep('Measure three times')).toMatchObject({ status: 0 });
    for (const n of [1, 2, 3]) expect(JSON.parse(read(`runs/${n}.json`))).toMatchObject({ schema: 'rtplat.run/1', command: 'probe' });

    // A second of packets is too little for a verdict, whatever the machine makes of it; it is no misuse.
    const judged = await runStep('Judge');
    expect([3, 4], judged.output).toContain(judged.status);
    expect(read('verdict.xml')).toContain('<testcase name="p99&lt;20ms"');
    expect(read('report.html')).toMatch(/^<!doctype html>/);
    expect(JSON.parse(read('report.json'))).toMatchObject({ gate: { schema: 'rtplat.gate/1' } });
    expect(read('summary.md')).toContain('**Verdict: ');
  });

  test('keeps a baseline, and compares with it', async () => {
    rmSync(join(folder, 'runs'), { recursive: true, force: true });
    mkdirSync(join(folder, 'runs'));
    const latency = histogramOf(Array.from({ length: 20_000 }, (_, i) => 1e6 + i * 10));
    for (const n of [1, 2, 3]) writeFileSync(join(folder, 'runs', `${n}.json`), JSON.stringify(makeRun({ latency })));
    const kept = await runStep('Make them the baseline');
    expect(kept.status, kept.output).toBe(0);
    expect(JSON.parse(read('baseline/main.json'))).toMatchObject({ schema: 'rtplat.run/1', parts: [{}, {}, {}] });
    const judged = await runStep('Judge');
    expect(JSON.parse(read('report.json')), judged.output).toMatchObject({ baseline: { schema: 'rtplat.baseline/1' } });
  });
});
