/** `rtplat ari-serve` as a process, as far as it goes without an Asterisk; test/asterisk has the rest. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRun } from '../../src/core/report/read-run.ts';
import { Cli, runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'rtplat-ari-serve-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Accepts, and never answers. */
let silent: Server;
let port: number;
const sockets = new Set<Socket>();

beforeEach(async () => {
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  port = (silent.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  silent.close();
  await once(silent, 'close');
});

function args(...more: readonly string[]): string[] {
  // Ports of no range that anything else here uses; none is bound without a call.
  return ['ari-serve', '--ari-url', `http://127.0.0.1:${port}`, '--http-port', '0', '--range', '10900-10901', ...more];
}

describe('rtplat ari-serve', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends in good order on %s while Asterisk does not answer: report, run file, status 0',
    async (signal) => {
      const out = join(folder, `${signal}.json`);
      const cli = new Cli(args('--out', out), { ARI_PASS: 'secret' });
      await cli.shows(/ari-serve: ports 10900-10901 .* HTTP on/);
      if (sockets.size === 0) await once(silent, 'connection');
      cli.signal(signal);
      const { status, stdout, stderr } = await cli.end();
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain(`${signal} received; calls to end: 0`);
      expect(stdout).toContain('verdict: insufficient');
      expect(stdout).not.toContain('secret');
      const run = parseRun(readFileSync(out, 'utf8'), out);
      expect(run).toMatchObject({ command: 'ari-serve', summary: { total_latencies: 0, p50_latency: null, verdict: 'insufficient' } });
    },
  );

  it('pushes its metrics when it starts and when it ends, as the configuration says', async () => {
    const pushed: { readonly url: string | undefined; readonly tenant: unknown; readonly body: string }[] = [];
    const receiver = createHttpServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        pushed.push({ url: request.url, tenant: request.headers['x-scope-orgid'], body: Buffer.concat(chunks).toString('latin1') });
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const [headers, config] = [join(folder, 'otlp.headers'), join(folder, 'otlp.toml')];
    writeFileSync(headers, 'X-Scope-OrgID: 7\n');
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    writeFileSync(config, `otlp = "${url}"\notlp_interval = "1h"\notlp_headers_file = "${headers}"\n`);
    const cli = new Cli(args('--config', config), { ARI_PASS: 'secret' });
    await cli.shows(/Metrics are pushed to http:\S+\/v1\/metrics every 3600 s/);
    cli.signal('SIGTERM');
    expect((await cli.end()).status).toBe(0);
    receiver.close();
    expect(pushed.length).toBe(2);
    for (const { url, tenant, body } of pushed) {
      expect({ url, tenant }).toEqual({ url: '/v1/metrics', tenant: '7' });
      for (const part of ['rtplat-ari-serve', 'rtplat_latency_seconds', 'rtplat_lost_packets_total']) expect(body).toContain(part);
    }
  });

  it.each([
    [['--otlp', 'collector:4318'], 'Write http://HOST:4318'],
    [['--otlp', 'http://me:pw@collector'], 'without credentials'],
    [['--otlp', 'http://127.0.0.1:9', '--otlp-headers-file', '/none'], 'cannot read the OTLP headers file /none: ENOENT'],
    [['--otlp-interval', '10ms'], 'too short'],
    [['--otlp-interval', '2h'], '1h at most'],
  ])('%j: status 2', async (more, said) => {
    const { status, stderr } = await runCli(args(...more), { ARI_PASS: 'secret' });
    expect(status).toBe(2);
    expect(stderr).toContain(said);
  });

  it('serves health and metrics while Asterisk does not answer, and says why it is not healthy', async () => {
    const cli = new Cli(args(), { ARI_PASS: 'secret' });
    const [, url = ''] = await cli.shows(/HTTP on (http:\S+)\/ /);
    const health = await fetch(`${url}/health`);
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({
      status: 'unhealthy',
      reason: expect.stringContaining('no connection to Asterisk') as string,
    });
    expect(await (await fetch(`${url}/metrics`)).json()).toMatchObject({
      total_latencies: 0,
      p99_latency: null,
      ports: { total: 2, free: 2 },
    });
    cli.signal('SIGINT');
    expect((await cli.end()).status).toBe(0);
  });

  it('writes nothing but JSON lines with --log-format json', async () => {
    const cli = new Cli(args('--log-format', 'json'), { ARI_PASS: 'secret' });
    await cli.shows(/"message":"ari-serve: ports/);
    cli.signal('SIGINT');
    const lines = (await cli.end()).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toMatchObject({ time: expect.any(String) as string, level: expect.any(String) as string });
    expect(lines.at(-1)).toMatchObject({ message: 'final report', summary: { total_latencies: 0 } });
  });

  it('fails in one line when its HTTP port is taken', async () => {
    const taken = ['ari-serve', '--ari-url', `http://127.0.0.1:${port}`, '--http-port', String(port), '--range', '10900-10901'];
    expect(await runCli(taken, { ARI_PASS: 'secret' })).toEqual({
      status: 1,
      stdout: '',
      stderr: `rtplat: cannot serve HTTP on 127.0.0.1:${port}: EADDRINUSE; choose another with --http-port, or see who holds it: ss -ltnp 'sport = :${port}'\n`,
    });
  });

  it.each([
    ['no password', [], {}, 'no password for the ARI user asterisk; set ARI_PASS, or name a file with --ari-pass-file'],
    ['a password file that is not there', ['--ari-pass-file', '/proc/none/x'], {}, 'cannot read --ari-pass-file /proc/none/x: ENOENT'],
    [
      'a password file without a password',
      ['--ari-pass-file', join(folder, 'empty')],
      {},
      `--ari-pass-file ${join(folder, 'empty')} is empty`,
    ],
    ['credentials in the address', ['--ari-url', 'http://u:p@127.0.0.1'], {}, 'Credentials do not belong into the address'],
    ['a path in the address', ['--ari-url', 'http://127.0.0.1:8088/x'], {}, 'Leave the path away'],
    [
      'a range from the environment that runs backwards',
      [],
      { PORT_RANGE: '10100-10000', ARI_PASS: 'x' },
      "value '10100-10000' from env 'PORT_RANGE' is invalid",
    ],
    ['a duration without a unit', ['--loss-timeout', '2'], { ARI_PASS: 'x' }, 'Not a duration'],
    ['a loss time-out beyond the histogram', ['--loss-timeout', '2m'], { ARI_PASS: 'x' }, 'The histogram ends at 60s'],
    ['an application name with a dot', ['--app', 'a.b'], { ARI_PASS: 'x' }, 'Not an application name'],
  ] as const)('refuses %s with one line and status 2', async (_, more, env, says) => {
    writeFileSync(join(folder, 'empty'), '\n');
    const { status, stdout, stderr } = await runCli(['ari-serve', ...more], env);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('takes a bare number of seconds from METRICS_INTERVAL_SEC, as its name says', async () => {
    const cli = new Cli(args(), { ARI_PASS: 'secret', METRICS_INTERVAL_SEC: '5' });
    await cli.shows(/ari-serve: ports/);
    cli.signal('SIGINT');
    expect((await cli.end()).status).toBe(0);
  });
});
