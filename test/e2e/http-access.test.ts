/** HTTP beyond loopback: no service starts without a token by mistake, and who has the token is served. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Cli, runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'rtplat-http-access-'));
const TOKEN = '5e2c77ab01d94f6c';
const tokenFile = join(folder, 'token');
const monitorFile = join(folder, 'monitor.toml');
const NO_ASTERISK = ['--ari-url', 'http://127.0.0.1:1', '--range', '10960-10969'];
const PASS = { ARI_PASS: 'secret' };

writeFileSync(tokenFile, `${TOKEN}\n`);
writeFileSync(
  monitorFile,
  `[monitor]\nstate_directory = ${JSON.stringify(folder)}\n[http]\nbind_address = "0.0.0.0"\n[[service]]\nname = "a"\nkind = "echo"\n`,
);

let cli: Cli | undefined;

afterEach(async () => {
  await cli?.kill();
  cli = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** @returns the port of its HTTP service. */
async function serve(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  cli = new Cli(args, { ...PASS, ...env }, folder);
  const [, port] = await cli.shows(/HTTP on http:\/\/\S+?:(\d+)\//);
  return Number(port);
}

function statusOf(port: number, headers: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/metrics', headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

describe('HTTP on every address without a token', () => {
  it.each([
    ['ari-serve', ['ari-serve', ...NO_ASTERISK, '--http-bind', '0.0.0.0'], '--http-token-file'],
    ['sip-serve', ['sip-serve', '--http-bind', '::'], 'health.token_file (--http-token-file)'],
    ['sip-serve --check', ['sip-serve', '--check', '--http-bind', '192.0.2.7'], 'health.token_file (--http-token-file)'],
    ['echo', ['echo', '--port', '0', '--http-port', '0', '--http-bind', '0.0.0.0'], '--http-token-file'],
    ['monitor', ['monitor', '--config', monitorFile], 'http.token_file'],
    ['monitor --check', ['monitor', '--check', '--config', monitorFile], 'http.token_file'],
  ])('%s does not start, and says in one line what to do', async (_name, args, option) => {
    const { status, stderr } = await runCli(args, PASS);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^rtplat: HTTP on \S+ is reached from other hosts, and no token is asked for/);
    expect(stderr).toContain(option);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('is served where a firewall is said to keep strangers out', async () => {
    const port = await serve(['ari-serve', ...NO_ASTERISK, '--http-bind', '0.0.0.0', '--http-port', '0', '--http-open']);
    expect(await statusOf(port)).toBe(200);
    expect(await statusOf(port, { host: 'evil.example' })).toBe(421);
  });

  it('and an echo without HTTP needs none', async () => {
    cli = new Cli(['echo', '--port', '0', '--http-bind', '0.0.0.0']);
    await cli.shows(/echo listening/);
  });
});

describe('with a token', () => {
  it('ari-serve serves who has it: a program, a proxy by its name, report and watch', async () => {
    const port = await serve([
      'ari-serve',
      ...NO_ASTERISK,
      ...['--http-bind', '0.0.0.0', '--http-port', '0', '--http-token-file', tokenFile, '--http-host', 'a.example,b.example'],
    ]);
    const bearer = { authorization: `Bearer ${TOKEN}` };
    expect(await statusOf(port)).toBe(401);
    expect(await statusOf(port, bearer)).toBe(200);
    expect(await statusOf(port, { ...bearer, host: 'b.example' })).toBe(200);
    expect(await statusOf(port, { ...bearer, host: 'c.example' })).toBe(421);
    const url = `http://127.0.0.1:${port}`;
    for (const asking of [
      ['report', url, '--json'],
      ['watch', url, '--once'],
    ]) {
      const refused = await runCli(asking);
      expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('answered 401') as string });
      expect(refused.stderr).toContain('--service-token-file');
      expect(await runCli([...asking, '--service-token-file', tokenFile])).toMatchObject({ status: 0, stderr: '' });
      expect(await runCli(asking, { RTPLAT_SERVICE_TOKEN: TOKEN })).toMatchObject({ status: 0, stderr: '' });
    }
  });

  it('of the environment, sip-serve, echo and monitor ask for it too', async () => {
    const quiet = ['--bind', '127.0.0.1', '--port', '0'];
    const env = { RTPLAT_HTTP_TOKEN: TOKEN, RTPLAT_HTTP_BIND: '0.0.0.0' };
    for (const args of [
      ['sip-serve', ...quiet, '--http-port', '0'],
      ['echo', ...quiet, '--http-port', '0'],
      ['monitor', '--config', monitorFile, '--http-port', '0'],
    ]) {
      const port = await serve(args, env);
      expect([args[0], await statusOf(port), await statusOf(port, { authorization: `Bearer ${TOKEN}` })]).toEqual([args[0], 401, 200]);
      await cli?.kill();
    }
  });
});
