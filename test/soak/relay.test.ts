/**
 * Hours of calls through `ari-serve` in minutes of ours: the real session, fleet, allocator, relay and matching, with an Asterisk, a clock
 * and a network that are simulated. Five minutes of it by default; RTPLAT_SOAK_HOURS=8 is the long form.
 */
import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { AriSession } from '../../src/core/ari/session.ts';
import { legIds } from '../../src/core/ari/ids.ts';
import { RelayFleet } from '../../src/core/relay/fleet.ts';
import { LocalMedia } from '../../src/core/relay/media.ts';
import type { Logger } from '../../src/core/service/log.ts';
import type { Endpoint } from '../../src/core/udp/engine.ts';
import { FakeAsterisk } from '../kit/fake-asterisk.ts';
import { heldMb } from '../kit/heap.ts';
import { ECHO, MediaPath } from './media-path.ts';
import type { CallSocket } from './media-path.ts';

const HOURS = Number(process.env['RTPLAT_SOAK_HOURS'] ?? 1 / 12);
const SECONDS = Math.round(HOURS * 3_600);
const CALLS = 50;
const PORTS = { first: 10_000, last: 10_099 };
const PACKET_MS = 20;
const LOSS_TIMEOUT_NS = 2e9;
/** How often memory is looked at. */
const LOOKS = 8;
/** Rows of the run file, which are kept for a day, take half of it. */
const MOST_MB_AN_HOUR = 0.5;
const APP = 'rtplat';
const MEDIA = '192.0.2.20';

const quiet = (): void => {};
const LOG: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, scoped: () => LOG };

interface Caller {
  readonly id: string;
  readonly number: number;
  readonly from: Endpoint;
  readonly endsMs: number;
  /** When in the 20 ms of a packet it sends. */
  readonly phase: number;
  socket: CallSocket | undefined;
  ssrc: number;
  sequence: number;
}

afterEach(() => {
  vi.useRealTimers();
});

test(`${SECONDS} seconds of ${CALLS} calls at once`, { timeout: 120_000 + SECONDS * 200 }, async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const path = new MediaPath({ seed: 8, lossTimeoutNs: LOSS_TIMEOUT_NS });
  const settings = {
    ...{ bindAddress: '0.0.0.0', bufferBytes: null, echoSocket: 'shared' as const },
    ...{ lossTimeoutNs: LOSS_TIMEOUT_NS, lateThresholdNs: 3e6 },
  };
  const nowNs = (): number => path.nowNs();
  const media = new LocalMedia(path, settings);
  const fleet = new RelayFleet({ media, range: PORTS, echo: () => ECHO, nowNs, log: LOG });
  const session = new AriSession({ app: APP, instance: 'now', format: 'ulaw', advertise: () => '192.0.2.10', fleet, log: LOG, nowNs });
  let linked = true;
  const asterisk = new FakeAsterisk((event) => {
    if (linked) session.event(event);
  });
  session.connected(asterisk);

  let serial = 0;
  const live = new Set<Caller>();
  /** Hung up, and not seen to be over yet. */
  const leaving = new Set<Caller>();
  const sums = { calls: 0, sent: 0, returned: 0, duplicates: 0, lateAfterLoss: 0, reordered: 0, toPeer: 0, strangers: 0 };
  const held: number[] = [];
  const startMs = path.ms;
  const endMs = startMs + SECONDS * 1_000;

  /** The first stays for all the time. */
  const call = (): void => {
    const number = ++serial;
    const id = `1756544841.${number}`;
    const from = { address: MEDIA, port: 20_000 + (number % 20_000) * 2 };
    asterisk.media = from;
    asterisk.call(id);
    const endsMs = number === 1 ? endMs : path.ms + 30_000 + Math.floor(180_000 * path.share());
    const [phase, ssrc, sequence] = [path.ms % PACKET_MS, Math.floor(path.share() * 2 ** 32), Math.floor(path.share() * 65_536)];
    live.add({ id, number, from, endsMs, phase, ssrc, sequence, socket: undefined });
  };
  const talk = (caller: Caller): void => {
    caller.socket ??= [...path.sockets.values()].find(({ peer }) => peer?.port === caller.from.port);
    const { socket } = caller;
    if (socket === undefined || socket.closed) return;
    caller.sequence += 1;
    // Some change their SSRC now and then, as after a transfer.
    if (caller.sequence % 30_000 === 0) caller.ssrc = (caller.ssrc + 1) >>> 0;
    path.arrive(socket, caller.from, caller.ssrc, caller.sequence);
    if (path.share() < 0.001) {
      socket.truth.strangers += 1;
      path.arrive(socket, { address: '192.0.2.66', port: 6_666 }, 7, 7);
    }
  };
  const hangUp = (caller: Caller): void => {
    live.delete(caller);
    leaving.add(caller);
    if (!asterisk.channels.has(caller.id)) return;
    // Now and then it is the leg to us that goes first.
    const { externalId } = legIds(APP, 'now', caller.number);
    if (caller.number % 10 === 0 && asterisk.channels.has(externalId)) asterisk.end(externalId);
    else asterisk.end(caller.id, 'StasisEnd', 'ChannelDestroyed');
  };
  const settle = (): void => {
    for (const caller of leaving) {
      const document = fleet.call(caller.id);
      if (document?.state !== 'ended') continue;
      leaving.delete(caller);
      const { truth } = caller.socket as CallSocket;
      const { counters } = document;
      expect(counters).toMatchObject({
        from_peer: truth.sent,
        sent: truth.sent,
        returned: truth.returned,
        lost: truth.sent - truth.returned,
        in_flight: 0,
        late_after_loss: truth.lateAfterLoss,
        duplicates: truth.duplicates,
        reordered: truth.reordered,
        from_echo: truth.toPeer,
        to_peer: truth.toPeer,
        rejected_source: truth.strangers,
        ...{ unmatched: 0, untracked: 0, duplicates_sent: 0, malformed: 0 },
      });
      expect(document.total_latencies).toBe(truth.returned);
      // What a histogram keeps is within a thousandth.
      expect((document.avg_latency ?? Number.NaN) / (truth.latencySumNs / truth.returned / 1e6)).toBeCloseTo(1, 3);
      expect((document.max_latency ?? Number.NaN) / (truth.mostNs / 1e6)).toBeCloseTo(1, 3);
      sums.calls += 1;
      for (const name of ['sent', 'returned', 'duplicates', 'lateAfterLoss', 'reordered', 'toPeer', 'strangers'] as const)
        sums[name] += truth[name];
    }
  };
  const second = (now: number): void => {
    settle();
    // A connection to Asterisk is lost every ten minutes, for five seconds.
    if (now % 600 === 300) {
      linked = false;
      session.disconnected();
    } else if (now % 600 === 305) {
      linked = true;
      session.connected(asterisk);
    }
    asterisk.requests.length = 0;
    if (now > 0 && now % Math.round(SECONDS / LOOKS) === 0) held.push(heldMb());
  };
  const pass = async (untilMs: number, calling: boolean): Promise<void> => {
    while (path.ms < untilMs) {
      const sincePhase = path.ms % PACKET_MS;
      for (const caller of live) if (caller.phase === sincePhase) talk(caller);
      path.step();
      if (path.ms % 10 === 0) await setImmediate();
      if (path.ms % 50 === 0) vi.advanceTimersByTime(50);
      if (path.ms % 1_000 === 0) second((path.ms - startMs) / 1_000);
      if (!calling || path.ms % 200 !== 7) continue;
      for (const caller of live) if (caller.endsMs <= path.ms) hangUp(caller);
      if (live.size < CALLS && linked) call();
    }
  };

  await pass(endMs, true);
  for (const caller of live) hangUp(caller);
  // Packets are waited for, ports are drained, and Asterisk is looked at twice.
  await pass(endMs + 70_000, false);

  process.stdout.write(
    `soak: ${SECONDS} s, ${sums.calls} calls, ${sums.sent} packets, ${sums.sent - sums.returned} lost; ${held.map((mb) => mb.toFixed(2)).join(' ')} MB\n`,
  );

  expect([live.size, leaving.size, path.sockets.size]).toEqual([0, 0, 0]);
  expect([asterisk.channels.size, asterisk.bridges.size]).toEqual([0, 0]);
  expect(fleet.ports()).toEqual({ total: 100, free: 100, bound: 0, draining: 0, foreign: 0 });
  const metrics = fleet.metrics();
  expect(metrics).toMatchObject({
    total_channels: serial,
    active_channels: 0,
    calls_refused: 0,
    calls_failed: 0,
    stray_echoes: path.strays,
  });
  expect(metrics.peak_channels).toBeGreaterThanOrEqual(CALLS);
  expect(metrics.counters).toMatchObject({
    sent: sums.sent,
    returned: sums.returned,
    lost: sums.sent - sums.returned,
    in_flight: 0,
    duplicates: sums.duplicates,
    late_after_loss: sums.lateAfterLoss,
    reordered: sums.reordered,
    to_peer: sums.toPeer,
    rejected_source: sums.strangers,
  });
  expect(sums.calls).toBe(serial);
  expect(sums.sent).toBeGreaterThan(SECONDS * CALLS * 40);
  for (const name of ['duplicates', 'lateAfterLoss', 'reordered', 'strangers'] as const) expect(sums[name]).toBeGreaterThan(0);
  const rows = await fleet.series();
  expect(rows.reduce((sum, { sent }) => sum + sent, 0)).toBe(sums.sent);
  expect(rows.reduce((sum, { received }) => sum + received, 0)).toBe(sums.returned);
  expect(rows.reduce((sum, { lost }) => sum + lost, 0)).toBe(sums.sent - sums.returned);

  // The first look comes after everything was made that a call, or a port, is made of once.
  const [, settled = Number.NaN] = held;
  const growth = (held.at(-1) ?? Number.NaN) - settled;
  expect(growth).toBeLessThan(Math.max(2, MOST_MB_AN_HOUR * HOURS));
  await session.shutdown();
  await media.stop();
});
