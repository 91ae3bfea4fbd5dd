// Files and services that nobody should have written: `rtplat report` says one line, ends with status 1, and takes little memory.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRun } from '../core/report/make-run.ts';

const BIN = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
/** Of the heap: a text of 64 MB fits, what a hostile one could be made into does not. */
const HEAP = '--max-old-space-size=400';
const text = JSON.stringify(makeRun());
let folder = '';

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param input comes again and again, until nobody takes it. */
async function report(args: readonly string[], input?: string): Promise<Ended> {
  const child = spawn(process.execPath, [HEAP, BIN, 'report', ...args], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece));
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
  // The other end hangs up: that is what is awaited.
  child.stdin.on('error', () => {});
  if (input === undefined) child.stdin.end();
  else {
    const more = (): void => {
      while (child.stdin.writable && child.stdin.write(input));
    };
    child.stdin.on('drain', more);
    more();
  }
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

function expectRefusal({ status, stdout, stderr }: Ended, message: string): void {
  expect(stderr).toContain(message);
  expect(stderr.trimEnd()).not.toContain('\n');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
}

/** The run with other data for a histogram: `plain` under zlib in its envelope. */
function withHistogram(plain: Buffer): string {
  const data = deflateSync(plain, { level: 9 });
  const header = Buffer.alloc(8);
  header.writeUInt32BE(0x1c849314, 0);
  header.writeInt32BE(data.length, 4);
  const run = makeRun();
  return JSON.stringify({ ...run, histogram: { ...run.histogram, data: Buffer.concat([header, data]).toString('base64') } });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rtplat-hostile-'));
  const hostile: Readonly<Record<string, string>> = {
    'truncated.json': text.slice(0, -100),
    'foreign.json': '{"schema":"k6.summary/1"}',
    'future.json': text.replace('rtplat.run/1', 'rtplat.run/2'),
    'open.json': '['.repeat(30_000_000),
    'deep.json': text.replace('"options":{', `"options":{"x":${'['.repeat(100_000)}${']'.repeat(100_000)},`),
    'lists.json': text.replace('"calls":[', `"calls":[${'[],'.repeat(20_000_000)}`),
    'bomb.json': withHistogram(Buffer.alloc(50_000_000)),
    'infinite.json': text.replace('"max_latency":10', '"max_latency":1e999'),
    'twice.json': text.replace('"schema":"rtplat.run/1"', '"schema":"rtplat.run/1","schema":"rtplat.run/3"'),
  };
  for (const [name, content] of Object.entries(hostile)) writeFileSync(join(folder, name), content);
  mkdirSync(join(folder, 'runs'));
  writeFileSync(join(folder, 'runs', 'good.json'), text);
  writeFileSync(join(folder, 'runs', 'half.json'), text.slice(0, -100));
  const sparse = join(folder, 'sparse.json');
  closeSync(openSync(sparse, 'w'));
  truncateSync(sparse, 3 * 2 ** 30);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a file', () => {
  test.each([
    ['truncated.json', 'truncated.json is not a run: it is not JSON'],
    ['foreign.json', 'its schema is "k6.summary/1", not "rtplat.run/1"'],
    ['future.json', 'has schema "rtplat.run/2"; this rtplat reads "rtplat.run/1"'],
    ['twice.json', 'has schema "rtplat.run/3"; this rtplat reads "rtplat.run/1"'],
    ['sparse.json', 'sparse.json is too long for a run: 3221225472 bytes, at most 67108864'],
    ['open.json', 'open.json is not a run: it is nested more than 64 deep'],
    ['deep.json', 'deep.json is not a run: it is nested more than 64 deep'],
    ['lists.json', 'lists.json is not a run: it has more than 4000000 values'],
    ['bomb.json', '"histogram": the histogram data cannot be decoded'],
    ['infinite.json', '"summary.max_latency": expected a finite number, found Infinity'],
    ['runs', 'runs/half.json is not a run: it is not JSON'],
    ['runs/*.json', 'runs/half.json is not a run: it is not JSON'],
    ['/dev/zero', '/dev/zero is too long for a run: more than 67108864 bytes'],
  ])('%s', async (name, message) => {
    expectRefusal(await report([name]), message);
  });

  test('that has no end, as standard input', async () => {
    expectRefusal(await report(['-'], '{"schema":"rtplat.run/1",'.repeat(1_000)), 'standard input is too long for a run');
  });
});

describe('text of a run', () => {
  const nasty = `\u001b[2J\u001b]0;x\u0007\u0000\u009b\u202e</script><script>alert(1)</script><img src=x onerror=alert(1)>`;

  test.each(['table', 'markdown', 'html', 'junit', 'csv', 'prometheus', 'hgrm', 'json'])(
    'reaches no terminal and runs nowhere: %s',
    async (format) => {
      const run = makeRun({
        command: 'ari-serve',
        host: { ...makeRun().host, hostname: nasty },
        options: { target: nasty },
        engine: nasty,
        match: nasty,
        quality: { codec: nasty, concealment: nasty, delay_source: nasty },
        verdict: 'inconclusive',
        verdictReasons: [nasty],
        calls: [{ id: nasty, name: nasty, state: nasty, peer: nasty, end_reason: nasty }],
      });
      writeFileSync(join(folder, 'nasty.json'), JSON.stringify(run));
      const { status, stdout, stderr } = await report(['nasty.json', '--format', format, '--fail-on', 'call:p99<1s']);
      expect(status).toBe(4);
      for (const control of ['\u001b', '\u0007', '\u0000', '\u009b']) expect(stdout + stderr).not.toContain(control);
      if (format === 'html' || format === 'markdown' || format === 'junit') {
        expect(stdout).not.toContain('<script');
        expect(stdout).not.toContain('<img');
      }
    },
  );

  test('is no prototype', async () => {
    const bad = '"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},';
    const polluting = ['"options":{', '"host":{', '"summary":{', '"tool":{'].reduce((run, at) => run.replace(at, `${at}${bad}`), text);
    writeFileSync(join(folder, 'polluting.json'), polluting);
    const clean = await report(['runs/good.json']);
    const { status, stdout } = await report(['polluting.json']);
    expect(status).toBe(0);
    expect(stdout.replace('polluting.json', 'runs/good.json')).toBe(clean.stdout);
  });
});

describe('a service', () => {
  let server: Server | undefined;
  let url = '';
  /** What it does with a request. */
  let behave: (response: ServerResponse) => void = () => {};

  beforeAll(async () => {
    server = createServer((_, response) => behave(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server?.close();
    server?.closeAllConnections();
  });

  test('that answers without an end', async () => {
    const piece = ' '.repeat(1_000_000);
    behave = (response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', more).on('error', () => {});
      more();
    };
    expectRefusal(await report([url]), '/metrics answered more than 16777216 bytes');
  });

  test('that begins to answer and never goes on', async () => {
    behave = (response) => void response.write('{"total_channels":');
    expectRefusal(await report([url, '--timeout', '300ms']), '/metrics did not answer within 0.3 s');
  });

  test('that hangs up in the middle', async () => {
    behave = (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{', () => response.destroy());
    };
    expectRefusal(await report([url]), '/metrics cannot be reached');
  });

  test('that answers lists within lists', async () => {
    behave = (response) => void response.end('['.repeat(10_000_000));
    expectRefusal(await report([url]), '/metrics did not answer the metrics document of an rtplat service: it is nested more than 64 deep');
  });

  test('that sends elsewhere', async () => {
    behave = (response) => void response.writeHead(302, { location: 'http://192.0.2.1/' }).end();
    expectRefusal(await report([url]), '/metrics answered 302, not 200');
  });
});
