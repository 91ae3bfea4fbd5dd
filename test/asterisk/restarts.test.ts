// Bar 3: whoever goes away comes back to order: Asterisk, the echo server, or the service itself.
import { type Server, createServer as createHttpServer } from 'node:http';
import { type Socket, createServer as createTcpServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Asterisk } from './kit/asterisk.ts';
import { until } from './kit/process.ts';
import type { Service } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';
import type { World } from './kit/world.ts';
import { RELEASES, hangUpCallers, note, startWorld } from './kit/world.ts';

const LONG_MS = 300_000;
const AWAY = /^No connection to Asterisk: /;
const BACK = /^Connected to Asterisk /;

/** Waits until so many calls are up and have packets returned. */
function callsUp(service: Service, count: number): Promise<unknown> {
  return until(`${count} calls up`, async () => {
    const live = (await service.calls()).filter((call) => call.state === 'up' && call.counters.returned > 0);
    return live.length === count ? true : undefined;
  });
}

/** The outage is said in one line, whatever becomes of its reason, and never once an attempt. */
function expectSaidOnce(service: Service, first: string): void {
  const lines = service.messages(AWAY);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(first);
}

/** A call from the first packet to the last. */
async function expectNewCall(world: World, service: Service): Promise<void> {
  expect(await world.callers({ calls: 1, durationMs: 700 }).result).toMatchObject({ answered: 1, successful: 1, failed: 0 });
  const { ports } = await service.idle();
  expect(ports.free).toBe(101);
  const newest = (await service.calls()).find((call) => call.end_reason === 'caller hung up');
  expect(newest?.counters.returned).toBeGreaterThan(0);
  expect(newest?.counters.to_peer).toBe(newest?.counters.from_peer);
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}

/** Where the killed Asterisk's HTTP server was, `server` is now. */
async function takePlaceOf(asterisk: Asterisk, server: Server | ReturnType<typeof createTcpServer>): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(new URL(asterisk.ari.url).port), '127.0.0.1', resolve);
  });
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return close;
}

describe.each(RELEASES)('Asterisk of %s', (release) => {
  const scratch = scratchFolder();

  test('killed with 20 calls up: said once, and after its return every port is free and a call works', async () => {
    const world = await startWorld(scratch('asterisk-killed'), { release });
    await world.echo();
    const service = await world.service();
    const sipp = world.callers({ calls: 20, rate: 40, durationMs: LONG_MS });
    await callsUp(service, 20);

    await world.asterisk.kill9();
    await service.unhealthy(/no connection to Asterisk: .*ECONNREFUSED/);
    await sipp.vanish();
    // What became of the calls nobody can know yet.
    expect((await service.health()).body.active_calls).toBe(20);
    await world.asterisk.start();
    const took = await seconds(async () => {
      await service.healthy(15_000);
      await service.idle(15_000);
    });
    expect(took).toBeLessThan(15);
    await world.cleared();
    expectSaidOnce(service, 'the event connection was closed');
    expect(service.messages(BACK)).toHaveLength(2);
    const metrics = await service.metrics();
    expect(metrics.counters.sent).toBe(metrics.counters.returned + metrics.counters.lost);
    await expectNewCall(world, service);
    note(`${release}, Asterisk killed with 20 calls: every port free ${took.toFixed(2)} s after its return`);
    expect((await service.finish()).code).toBe(0);
  });

  test('ari-serve killed with 20 calls up: the next instance ends them, leaves a call that is not ours alone, and takes calls', async () => {
    const world = await startWorld(scratch('service-killed'), { release });
    await world.echo();
    const first = await world.service();
    const sipp = world.callers({ calls: 20, rate: 40, durationMs: LONG_MS });
    await callsUp(first, 20);
    await first.kill9();
    // One that talks to Asterisk's Echo() and has nothing to do with us.
    world.callers({ calls: 1, durationMs: LONG_MS, extension: '601' });
    const stranger = await until('the call to 601', async () =>
      (await world.asterisk.ari.channels()).find((channel) => channel.dialplan.exten === '601' && channel.state === 'Up'),
    );
    expect(await world.asterisk.ari.bridges()).toHaveLength(20);

    const next = await world.service();
    const took = await seconds(() => world.cleared());
    expect(await sipp.result).toMatchObject({ answered: 20, hungUpByPeer: 20, failed: 0 });
    expect((await world.asterisk.ari.channels()).map(({ id }) => id)).toEqual([stranger.id]);
    await expectNewCall(world, next);
    expect((await world.asterisk.ari.channels()).map(({ id }) => id)).toEqual([stranger.id]);
    note(`${release}, ari-serve killed with 20 calls: cleaned up ${took.toFixed(2)} s after the next one was healthy`);
    await next.finish();
    expect((await world.asterisk.ari.channels()).map(({ id }) => id)).toEqual([stranger.id]);
  });

  test('echo stopped and started with 5 calls up: /health tells, loss is counted as loss, calls stay up, latency resumes', async () => {
    const world = await startWorld(scratch('echo-stopped'), { release });
    const echo = await world.echo();
    const service = await world.service();
    const sipp = world.callers({ calls: 5, rate: 40, durationMs: LONG_MS });
    await callsUp(service, 5);
    expect((await service.metrics()).counters.lost).toBe(0);

    expect(await echo.stop()).toMatchObject({ code: 0, signal: null, errors: '' });
    await service.unhealthy(/^the echo server does not answer: /);
    const lost = await until('loss on all 5 calls', async () => {
      const calls = await service.calls();
      return calls.length === 5 && calls.every(({ counters }) => counters.lost > 0) ? (await service.metrics()).counters.lost : undefined;
    });
    const away = await service.metrics();
    expect(away.active_channels).toBe(5);
    expect(away.packet_loss_ratio).toBeGreaterThan(0);
    expect(away.packet_loss_ratio).toBeLessThan(1);
    expect((await world.asterisk.ari.bridges()).length).toBe(5);

    await world.echo();
    const took = await seconds(() => service.healthy());
    await until('latency samples on all 5 calls', async () => {
      const calls = await service.calls();
      const before = away.total_latencies;
      return calls.length === 5 && calls.every(({ state }) => state === 'up') && (await service.metrics()).total_latencies > before + 50
        ? true
        : undefined;
    });
    expect(service.messages(/^Echo server \S+ does not answer: /)).toHaveLength(1);
    expect(service.messages(/^Echo server \S+ answers$/)).toHaveLength(2);
    await hangUpCallers(world.asterisk);
    expect(await sipp.result).toMatchObject({ answered: 5, hungUpByPeer: 5, failed: 0 });
    await service.idle();
    const metrics = await service.metrics();
    expect(metrics.counters.lost).toBeGreaterThanOrEqual(lost);
    expect(metrics.counters.from_peer).toBe(metrics.counters.returned + metrics.counters.lost);
    expect(metrics.packet_loss_ratio).toBe(metrics.counters.lost / metrics.counters.sent);
    note(
      `${release}, echo away: ${metrics.counters.lost} of ${metrics.counters.sent} packets lost; healthy ${took.toFixed(2)} s after its return`,
    );
  });

  test('Asterisk frozen and thawed with 2 calls up: /health tells, the calls outlive it', async () => {
    const world = await startWorld(scratch('frozen'), { release });
    await world.echo();
    const service = await world.service();
    const sipp = world.callers({ calls: 2, rate: 40, durationMs: LONG_MS });
    await callsUp(service, 2);
    await world.asterisk.freeze();
    const noticed = await seconds(() => service.unhealthy(/no connection to Asterisk: /));
    const before = (await service.metrics()).total_latencies;
    world.asterisk.thaw();
    const took = await seconds(() => service.healthy());
    await until('packets again', async () => ((await service.metrics()).total_latencies > before + 50 ? true : undefined));
    expect((await service.metrics()).active_channels).toBe(2);
    expect(service.messages(AWAY)).toHaveLength(1);
    await hangUpCallers(world.asterisk);
    expect(await sipp.result).toMatchObject({ answered: 2, hungUpByPeer: 2, failed: 0 });
    await service.idle();
    await world.cleared();
    await expectNewCall(world, service);
    note(`${release}, Asterisk frozen: noticed after ${noticed.toFixed(1)} s, healthy ${took.toFixed(2)} s after the thaw`);
  });

  test('ARI down at start: the service starts, says so, and connects when Asterisk comes', async () => {
    const world = await startWorld(scratch('down-at-start'), { release });
    await world.asterisk.kill9();
    await world.echo();
    const service = await world.service({ wait: 'serving' });
    await service.unhealthy(/no connection to Asterisk: .*ECONNREFUSED/);
    await world.asterisk.start();
    const took = await seconds(() => service.healthy());
    expectSaidOnce(service, 'ECONNREFUSED');
    await expectNewCall(world, service);
    note(`${release}, ARI down at start: healthy ${took.toFixed(2)} s after Asterisk was there`);
  });

  test('a wrong password at start: one line on standard error, exit status 2', async () => {
    const world = await startWorld(scratch('wrong-password'), { release });
    await world.echo();
    const service = await world.service({ password: 'not-the-password', wait: 'nothing' });
    const ending = await service.ended;
    expect(ending).toMatchObject({ code: 2, signal: null });
    expect(ending.errors.split('\n')).toEqual([
      expect.stringMatching(/^rtplat: Asterisk at http:\/\/127\.0\.0\.1:8088 refuses the ARI user rtplat \(HTTP 401\).*ARI_PASS/),
      '',
    ]);
    expect(ending.errors + ending.output).not.toContain('not-the-password');
  });

  test('nonsense in place of Asterisk: unhealthy, one line, no end of trying, and the real one is welcome', async () => {
    const world = await startWorld(scratch('nonsense'), { release });
    await world.echo();
    await world.asterisk.kill9();
    let asked = 0;
    const leave = await takePlaceOf(
      world.asterisk,
      createHttpServer((_, response) => {
        asked += 1;
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>It works!</title>');
      }),
    );
    const service = await world.service({ wait: 'serving' });
    await service.unhealthy(/the answer of 127\.0\.0\.1:8088 is not ARI's/);
    await until('5 attempts', () => (asked >= 5 ? true : undefined), { timeoutMs: 40_000 });
    expect(service.messages(AWAY)).toHaveLength(1);
    await leave();
    await world.asterisk.start();
    await service.healthy();
    await expectNewCall(world, service);
    expect(service.messages(BACK)).toHaveLength(1);
  });

  test('a server that accepts and never answers in place of Asterisk: unhealthy, one line, no end of trying', async () => {
    const world = await startWorld(scratch('silence'), { release });
    await world.echo();
    await world.asterisk.kill9();
    let accepted = 0;
    const leave = await takePlaceOf(
      world.asterisk,
      createTcpServer(() => void (accepted += 1)),
    );
    const service = await world.service({ wait: 'serving' });
    await until('2 attempts', () => (accepted >= 2 ? true : undefined), { timeoutMs: 60_000 });
    await service.unhealthy(/no connection to Asterisk: /);
    expect(service.messages(AWAY)).toHaveLength(1);
    await leave();
    await world.asterisk.start();
    await service.healthy();
    await expectNewCall(world, service);
    expect(service.messages(BACK)).toHaveLength(1);
  });

  test('a second instance with the same application name: the first says so in /health', async () => {
    const world = await startWorld(scratch('second-instance'), { release });
    await world.echo();
    const first = await world.service();
    const second = await world.service({ name: 'second', httpPort: 9091, args: ['--range', '11000-11100'] });
    const health = await first.unhealthy(/another program registered the application rtplat/);
    expect(health.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(['ari']);
    expect(first.messages(AWAY)).toHaveLength(1);
    expect((await second.health()).status).toBe(200);
    await expectNewCall(world, second);
    expect(await first.calls()).toEqual([]);
    expect((await first.finish()).code).toBe(0);
  });
});
