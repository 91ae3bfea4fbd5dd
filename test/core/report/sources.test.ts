import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSources } from '../../../src/core/report/sources.ts';
import type { Source } from '../../../src/core/report/sources.ts';
import { pcap } from '../../kit/pcap.ts';
import { scene } from '../../kit/pcap-scenes.ts';
import { makeCall, makeMetrics } from './make-metrics.ts';
import { histogramOf, makeRun } from './make-run.ts';
import { serve } from './serve.ts';
import type { Answer, TestServer } from './serve.ts';

const latency = histogramOf([1e6, 2e6]);
const metrics = makeMetrics(latency, 0);
const SERVICE: Record<string, Answer> = {
  '/metrics': { body: JSON.stringify(metrics) },
  '/channels': { body: JSON.stringify({ channels: [makeCall(latency)] }) },
};

let directory = '';
let server: TestServer | undefined;
/** A port on which nothing answers. */
let nobody = '';

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rtplat-sources-'));
  const gone = await serve({});
  await gone.stop();
  nobody = gone.url;
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  await server?.stop();
  server = undefined;
});

function put(path: string, endedAt = '2026-11-21T10:00:10.000Z'): void {
  writeFileSync(join(directory, path), JSON.stringify(makeRun({ endedAt })));
}

function read(
  names: readonly string[],
  options: { stdin?: string | readonly Buffer[]; service?: string; timeoutMs?: number; token?: string; withRows?: boolean } = {},
): Promise<readonly Source[]> {
  return readSources(names, {
    directory,
    stdin: Readable.from(typeof options.stdin === 'object' ? options.stdin : [options.stdin ?? '']),
    timeoutMs: options.timeoutMs ?? 5_000,
    token: options.token,
    defaultService: options.service ?? nobody,
    withRows: options.withRows ?? true,
  });
}

async function namesOf(names: readonly string[]): Promise<readonly string[]> {
  return (await read(names)).map(({ name }) => name);
}

describe('files', () => {
  it('reads a file, and standard input', async () => {
    put('a.json');
    const [file, input] = await read(['a.json', '-'], { stdin: JSON.stringify(makeRun()) });
    expect(file).toEqual({ kind: 'run', name: 'a.json', run: makeRun() });
    expect(input).toEqual({ kind: 'run', name: 'standard input', run: makeRun() });
  });

  it('reads a capture, and one that comes through standard input in pieces', async () => {
    const file = pcap(scene({ echoNs: 1e6 }));
    writeFileSync(join(directory, 'call'), file);
    const [found] = await read(['call']);
    expect(found).toMatchObject({ kind: 'capture', name: 'call', capture: { streams: [{}, {}] } });
    if (found?.kind !== 'capture') return;
    for (const bytes of [file, gzipSync(file)]) {
      const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 3), bytes.subarray(3, 500), bytes.subarray(500)];
      const [piped] = await read(['-'], { stdin: pieces });
      const { streams, round_trips } = found.capture;
      expect(piped).toMatchObject({ kind: 'capture', name: 'standard input', capture: { streams, round_trips } });
    }
  });

  it('reads the runs of a directory in the order of their names, and passes over the rest', async () => {
    mkdirSync(join(directory, 'd'));
    put('d/b.json');
    put('d/a.json');
    put('d/.b.json.123.tmp');
    put('d/notes.txt');
    writeFileSync(join(directory, 'd/package.json'), '{"name":"x"}');
    mkdirSync(join(directory, 'd/folder.json'));
    expect(await namesOf(['d'])).toEqual(['d/a.json', 'd/b.json']);
  });

  it('reads a glob, and passes over what is no run', async () => {
    put('a1.json');
    put('a2.json');
    writeFileSync(join(directory, 'a3.json'), '{}');
    expect(await namesOf(['a*.json'])).toEqual(['a1.json', 'a2.json']);
    await expect(read(['z*'])).rejects.toMatchObject({ code: 'file', message: 'no file matches z*' });
    await expect(read(['a3*'])).rejects.toThrow('no file that matches a3* is a run');
  });

  it('counts a file once, however often and by whatever name it is given', async () => {
    put('a.json');
    symlinkSync('a.json', join(directory, 'link.json'));
    expect(await namesOf(['a.json', './a.json', '*.json', '.', 'link.json'])).toEqual(['a.json']);
  });

  it('reads many files in order, and the end of them all', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `run-${String(i).padStart(2, '0')}.json`);
    for (const name of names) put(name);
    writeFileSync(join(directory, 'run-07x.json'), '{}');
    expect(await namesOf(['.'])).toEqual(names);
    expect(await namesOf(['run-*.json', 'run-03.json'])).toEqual(names);
    writeFileSync(join(directory, 'run-29.json'), '{"schema":"rtplat.run/2"}');
    await expect(read(['.'])).rejects.toThrow('run-29.json has schema "rtplat.run/2"');
  });

  it('leaves the rows of several runs away where nobody wants them, and never those of one', async () => {
    put('a.json');
    put('b.json');
    const rowsOf = async (names: readonly string[], withRows: boolean): Promise<readonly (number | undefined)[]> =>
      (await read(names, { withRows })).map((source) =>
        source.kind === 'run' ? source.run.series.length + source.run.calls.length : undefined,
      );
    const { series, calls } = makeRun();
    const all = series.length + calls.length;
    expect(all).toBeGreaterThan(0);
    expect(await rowsOf(['a.json'], false)).toEqual([all]);
    expect(await rowsOf(['a.json', './a.json'], false)).toEqual([all]);
    expect(await rowsOf(['a.json', 'b.json'], false)).toEqual([0, 0]);
    expect(await rowsOf(['.'], false)).toEqual([0, 0]);
    expect(await rowsOf(['.'], true)).toEqual([all, all]);
  });

  it('reads a pipe by its name, and no pipe of a directory', async () => {
    put('a.json');
    execFileSync('mkfifo', [join(directory, 'pipe.json')]);
    expect(await namesOf(['.'])).toEqual(['a.json']);
    const reading = read(['pipe.json']);
    await writeFile(join(directory, 'pipe.json'), JSON.stringify(makeRun()));
    expect(await reading).toEqual([{ kind: 'run', name: 'pipe.json', run: makeRun() }]);
  });

  it('says plainly what cannot be read', async () => {
    mkdirSync(join(directory, 'empty'));
    writeFileSync(join(directory, 'other.json'), '{}');
    writeFileSync(join(directory, 'huge.json'), '');
    truncateSync(join(directory, 'huge.json'), 2 ** 30);
    writeFileSync(join(directory, 'half.json'), JSON.stringify(makeRun()).slice(0, 300));
    await expect(read(['none.json'])).rejects.toMatchObject({ code: 'file', message: 'there is no file none.json' });
    await expect(read(['empty'])).rejects.toMatchObject({ code: 'file', message: 'there is no run in the directory empty' });
    await expect(read(['other.json'])).rejects.toMatchObject({ code: 'format' });
    await expect(read(['huge.json'])).rejects.toThrow('huge.json is too long for a run: 1073741824 bytes');
    await expect(read(['half.json'])).rejects.toThrow('half.json is not a run: it is not JSON');
    await expect(read(['ha*'])).rejects.toThrow('half.json is not a run: it is not JSON');
    await expect(read(['call.pcap'])).rejects.toMatchObject({ code: 'file', message: 'there is no file call.pcap' });
    writeFileSync(join(directory, 'call.pcapng'), 'no capture');
    await expect(read(['call.pcapng'])).rejects.toThrow('call.pcapng is not a capture: its first four bytes are 6e6f2063');
  });
});

describe('a live service', () => {
  it('gives its metrics and its calls as JSON', async () => {
    server = await serve(SERVICE);
    expect(await read([server.url])).toEqual([{ kind: 'service', name: server.url, metrics, calls: [makeCall(latency)] }]);
    expect(server.accepted).toEqual(['application/json', 'application/json']);
  });

  it('may live below a path', async () => {
    server = await serve({ '/lab/metrics': SERVICE['/metrics'], '/lab/channels': SERVICE['/channels'] });
    expect(await read([`${server.url}/lab`])).toHaveLength(1);
  });

  it('is named in every complaint about it', async () => {
    await expect(read([nobody])).rejects.toMatchObject({ code: 'network', message: `${nobody}/metrics cannot be reached: ECONNREFUSED` });
    await expect(read(['http://'])).rejects.toMatchObject({ code: 'usage', message: 'http:// is not a URL' });
    const cases: [Record<string, Answer | undefined>, string, string][] = [
      [{}, 'network', '/metrics answered 404, not 200'],
      [{ '/metrics': { body: '<html>' } }, 'format', '/metrics did not answer the metrics document of an rtplat service: it is not JSON'],
      [{ '/metrics': { body: '{}' } }, 'format', '"total_latencies"'],
      [{ ...SERVICE, '/channels': { body: '[]' } }, 'format', '/channels did not answer the list of channels'],
      [{ '/metrics': undefined }, 'timeout', '/metrics did not answer within 0.2 s'],
      [{ '/metrics': { body: ' '.repeat(17 * 2 ** 20) } }, 'format', '/metrics answered more than 16777216 bytes'],
    ];
    for (const [answers, code, message] of cases) {
      server = await serve(answers);
      const timeoutMs = code === 'timeout' ? 200 : 5_000;
      await expect(read([server.url], { timeoutMs })).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
      await server.stop();
    }
    server = undefined;
  });
});

describe('without a source', () => {
  it('does not take an old run for a service that wants a token', async () => {
    put('a.json');
    server = await serve({ ...SERVICE, '/metrics': { status: 401, body: '' } });
    await expect(read([], { service: server.url })).rejects.toMatchObject({
      code: 'credentials',
      message: `${server.url}/metrics answered 401: it wants other credentials`,
      hint: expect.stringContaining('--service-token-file') as string,
    });
  });

  it('takes the service when it answers as rtplat', async () => {
    put('a.json');
    server = await serve(SERVICE);
    expect(await read([], { service: server.url })).toMatchObject([{ kind: 'service', name: server.url }]);
  });

  it('takes the newest run by its end when nothing, or something else, answers there', async () => {
    mkdirSync(join(directory, 'runs'));
    put('old.json', '2026-11-21T10:00:10.000Z');
    put('runs/new.json', '2026-11-22T10:00:10.000Z');
    // An hour ahead of UTC: the text is greater, the time is not.
    put('offset.json', '2026-11-22T10:30:00.000+01:00');
    writeFileSync(join(directory, 'zz.json'), JSON.stringify(makeRun()).slice(0, 300));
    expect(await read([])).toMatchObject([{ kind: 'run', name: 'runs/new.json' }]);
    server = await serve({ '/metrics': { body: 'another program' } });
    expect(await read([], { service: server.url })).toMatchObject([{ name: 'runs/new.json' }]);
  });

  it('says so when there is neither', async () => {
    await expect(read([])).rejects.toMatchObject({
      code: 'file',
      message: `there is nothing to report: no rtplat service answers on ${nobody}, and there is no run file here or in ./runs`,
      hint: expect.stringContaining('rtplat probe') as string,
    });
  });

  it('tells of a broken run when there is no good one', async () => {
    writeFileSync(join(directory, 'half.json'), JSON.stringify(makeRun()).slice(0, 300));
    await expect(read([])).rejects.toThrow('half.json is not a run: it is not JSON');
  });
});
