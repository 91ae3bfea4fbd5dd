// A real receiver: test/asterisk/watching/otlp.test.ts.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FamilyList } from '../../../../src/core/report/render/families.ts';
import type { MetricFamily } from '../../../../src/core/report/render/families.ts';
import { ProtobufWriter } from '../../../../src/core/report/render/protobuf.ts';
import { OtlpPusher } from '../../../../src/core/service/otlp/pusher.ts';
import { MemoryLog } from '../../../kit/memory-log.ts';

interface Push {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Receiver {
  readonly url: string;
  readonly pushes: Push[];
  /** Settles when there have been so many. */
  had(count: number): Promise<void>;
}

/** @param answer to the push of that number, from 0. */
async function receiver(answer: (response: ServerResponse, number: number) => void): Promise<Receiver> {
  const pushes: Push[] = [];
  let waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      pushes.push({ url: `${request.method} ${request.url}`, headers: request.headers, body: Buffer.concat(chunks) });
      answer(response, pushes.length - 1);
      for (const { count, resolve } of waiting) if (pushes.length >= count) resolve();
      waiting = waiting.filter(({ count }) => pushes.length < count);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`,
    pushes,
    had: async (count) => {
      if (pushes.length >= count) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ count, resolve });
      await promise;
    },
  };
}

function pusherTo(url: string, log: MemoryLog, more: { readonly intervalMs?: number; readonly headersFile?: string } = {}): OtlpPusher {
  let made = 0;
  return new OtlpPusher({
    settings: { url: new URL(url), intervalMs: more.intervalMs ?? 1, headersFile: more.headersFile },
    service: 'sip-serve',
    place: 8_080,
    version: '1.2.3',
    families: (): readonly MetricFamily[] => {
      const families = new FamilyList();
      families.counter(`made_${made++}`, 'How often.', 1);
      return families.list();
    },
    log: log.logger,
    env: {},
  });
}

const HOUR_MS = 3_600_000;
const WORKS = 'Metrics are pushed to http://127.0.0.1:';
const FAILS = 'Metrics cannot be pushed to http://127.0.0.1:';

describe('OtlpPusher', () => {
  it('pushes at once, at an interval, and at the end', async () => {
    const log = new MemoryLog();
    const { url, pushes, had } = await receiver((response) => response.end());
    const pusher = pusherTo(url, log);
    pusher.start();
    await had(3);
    await pusher.stop();
    // Each has numbers of its own time. One that the end has cut off may be missing.
    const numbers = pushes.map(({ body }) => Number(/rtplat_made_(\d+)_total/.exec(body.toString())?.[1]));
    expect(numbers.slice(0, 3)).toEqual([0, 1, 2]);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
    for (const push of pushes) {
      expect(push.url).toBe('POST /v1/metrics');
      expect(push.headers['content-type']).toBe('application/x-protobuf');
      for (const part of ['service.name', 'rtplat-sip-serve', 'service.instance.id', ':8080']) expect(push.body.toString()).toContain(part);
    }
    expect(log.lines).toEqual([`${WORKS}${new URL(url).port}/v1/metrics every 0.001 s`]);
  });

  it('says once that it fails, goes on, and says when it works', async () => {
    const log = new MemoryLog();
    const { url, pushes, had } = await receiver((response, number) => {
      response.statusCode = number < 3 ? 503 : 200;
      response.end(number < 3 ? 'no\nroom\u001b[31m' : '');
    });
    const pusher = pusherTo(url, log);
    pusher.start();
    await had(5);
    await pusher.stop();
    expect(pushes.length).toBeGreaterThanOrEqual(6);
    expect(log.lines.length).toBe(2);
    expect(log.lines[0]).toMatch(/^Metrics cannot be pushed to \S+: it answered 503 \(no room.{1,8}\[31m\); it is tried again/);
    expect(log.lines[0]).not.toContain('\u001b');
    expect(log.lines[1]).toContain(WORKS);
  });

  it('does not follow a redirect', async () => {
    const log = new MemoryLog();
    const { url, pushes } = await receiver((response) => response.writeHead(307, { location: '/elsewhere' }).end());
    const pusher = pusherTo(url, log, { intervalMs: HOUR_MS });
    pusher.start();
    await log.said('it answered 307');
    await pusher.stop();
    expect(pushes.map((push) => push.url)).toEqual(['POST /v1/metrics', 'POST /v1/metrics']);
  });

  it('says what was refused of a push that was taken', async () => {
    const log = new MemoryLog();
    const writer = new ProtobufWriter();
    writer.message(1, (partial) => {
      partial.unsigned(1, 7);
      partial.text(2, 'too many labels');
    });
    const { url } = await receiver((response) => response.end(writer.bytes()));
    const pusher = pusherTo(url, log, { intervalMs: HOUR_MS });
    pusher.start();
    await log.said('it refused 7 numbers (too many labels)');
    await pusher.stop();
    expect(log.lines.at(-1)).toBe('The last metrics were not pushed: it refused 7 numbers (too many labels)');
  });

  it('leaves a receiver alone for as long as it asks for', async () => {
    const log = new MemoryLog();
    const { url, pushes } = await receiver((response, number) => {
      response.writeHead(number === 0 ? 429 : 200, { 'retry-after': '3600' }).end();
    });
    const pusher = pusherTo(url, log);
    pusher.start();
    await log.said('it answered 429');
    // Meanwhile others are answered, often enough for a push to come between them.
    for (let i = 0; i < 50; i++) await (await fetch(`${url}/other`)).arrayBuffer();
    await pusher.stop();
    expect(pushes.map((push) => push.url).filter((one) => one === 'POST /v1/metrics').length).toBe(2);
  });

  it('ends what is under way for the last push, and that in time', async () => {
    const log = new MemoryLog();
    // Never answers.
    const { url, pushes, had } = await receiver(() => {});
    const pusher = pusherTo(url, log);
    pusher.start();
    await had(1);
    await pusher.stop();
    expect(pushes.length).toBe(2);
    expect(log.lines).toEqual(['The last metrics were not pushed: no answer in time']);
  });

  it('nobody listens', async () => {
    const log = new MemoryLog();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const pusher = pusherTo(`http://127.0.0.1:${port}/v1/metrics`, log, { intervalMs: HOUR_MS });
    pusher.start();
    await log.said(`${FAILS}${port}/v1/metrics: ECONNREFUSED; `);
    await pusher.stop();
  });

  it('pushes with the headers of a file, as they are then', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'rtplat-otlp-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const headersFile = join(dir, 'headers');
    writeFileSync(headersFile, 'Authorization: Bearer first');
    const log = new MemoryLog();
    const { url, pushes, had } = await receiver((response) => response.end());
    const pusher = pusherTo(url, log, { intervalMs: HOUR_MS, headersFile });
    pusher.start();
    await had(1);
    writeFileSync(headersFile, 'Authorization: Bearer second');
    await pusher.stop();
    expect(pushes.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second']);
    expect(() => pusherTo(url, log, { headersFile: join(dir, 'none') })).toThrow(/cannot read the OTLP headers file/);
  });
});
