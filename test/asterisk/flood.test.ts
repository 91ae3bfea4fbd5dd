// Forged packets in masses, to every port that is open, while fifty calls are relayed.
import { setImmediate, setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { writeRtpHeader } from '../../src/core/rtp/packet.ts';
import { forger } from './kit/forged.ts';
import type { Forger } from './kit/forged.ts';
import { otherHost } from './kit/other-host.ts';
import { until } from './kit/process.ts';
import { echoMetrics } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';
import { note, startWorld } from './kit/world.ts';

const scratch = scratchFolder();
const OURS = '10.99.0.1';
const CALLS = 50;
const ECHO_HTTP = 9095;
const BURST = 100;
const CAPS = ['--source-rate', '50', '--total-rate', '1000'];
/** Of the forged packets, whatever their rate. */
const MOST_MS = 4_000;
const MOST_PACKETS = 400_000;

/** Sends to each in turn, from as many addresses as there are. @param everyMs between two bursts. @returns how many. */
async function flood(targets: readonly Forger[], everyMs: number): Promise<number> {
  const rtp = new Uint8Array(172).fill(0xff);
  const endMs = performance.now() + MOST_MS;
  let sent = 0;
  while (performance.now() < endMs && sent < MOST_PACKETS) {
    for (let n = 0; n < BURST; n++, sent++) {
      writeRtpHeader(rtp, 0, { marker: false, payloadType: 0, sequence: sent & 0xffff, timestamp: sent, ssrc: sent });
      targets[sent % targets.length]?.send({ address: `198.18.${(sent >>> 8) & 255}.${sent & 255}`, port: 30_000 }, rtp);
    }
    await (everyMs === 0 ? setImmediate() : setTimeout(everyMs));
  }
  return sent;
}

test.each([
  ['as fast as they can be sent', 0],
  ['below what the echo answers to strangers', 125],
])('forged packets, %s, cost fifty calls nothing that the kernel did not drop', async (how, everyMs) => {
  const dir = scratch('flood');
  const host = await otherHost(dir);
  onTestFinished(() => host.stop());
  const world = await startWorld(dir, { release: 'sid' });
  const echo = await world.echo({ args: ['--http-port', String(ECHO_HTTP), ...CAPS] });
  await echo.line(/HTTP on/);
  const service = await world.service();
  const sipp = world.callers({ calls: CALLS, rate: 25, durationMs: 12_000 });
  const calls = await until('fifty calls with media', async () => {
    const live = (await service.calls()).filter(({ counters }) => (counters.returned ?? 0) > 10);
    return live.length === CALLS ? live : undefined;
  });
  const ports = calls.flatMap(({ port }) => port ?? []);
  expect(ports).toHaveLength(CALLS);
  // Every other packet is the echo's.
  const toEcho = forger({ address: OURS, port: 4000 });
  const toCalls = ports.map((port) => forger({ address: OURS, port }));
  onTestFinished(() => [toEcho, ...toCalls].forEach((one) => one.close()));
  const forged = await flood(
    toCalls.flatMap((one) => [toEcho, one]),
    everyMs,
  );

  expect(await sipp.result).toMatchObject({ created: CALLS, successful: CALLS, failed: 0, errors: '' });
  await service.idle();
  const { counters, socket_drops: drops, p50_latency: p50, p99_latency: p99 } = await service.metrics();
  const { packets: echoed = Number.NaN, refused = Number.NaN, socket_drops: echoDrops = Number.NaN } = await echoMetrics(ECHO_HTTP);
  // Nothing is relayed for strangers; what came was refused, or dropped before it came.
  expect(counters.rejected_source).toBeGreaterThan(0);
  expect(counters.rejected_source).toBeLessThanOrEqual(forged / 2);
  expect(echoed - counters.sent + echoDrops).toBeGreaterThanOrEqual(Math.floor(forged / 2) - (drops ?? 0));
  if (everyMs === 0) expect(refused).toBeGreaterThan(0);
  else expect(refused).toBe(0);
  expect([counters.sent, counters.in_flight]).toEqual([counters.returned + counters.lost, 0]);
  expect(counters.lost - counters.late_after_loss).toBeLessThanOrEqual((drops ?? Number.NaN) + echoDrops);
  expect(counters.returned).toBeGreaterThan(CALLS * 400);
  note(
    `flood ${how}: ${forged} forged, ${counters.sent} packets of calls, ${counters.lost} lost, dropped by the kernel ${drops} and ${echoDrops}, p50 ${p50?.toFixed(2)} p99 ${p99?.toFixed(2)} ms, refused ${refused}`,
  );
  expect((await echo.stop()).code).toBe(0);
  expect((await service.finish()).code).toBe(0);
});
