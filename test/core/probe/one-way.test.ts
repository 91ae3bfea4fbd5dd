/** Each direction by itself, by sockets of this host: far ends that stamp as a test wants, and a link that is slow in one direction. */
import { afterEach, describe, expect, it } from 'vitest';
import { EchoService } from '../../../src/core/echo/echo.ts';
import { OneWayDelays } from '../../../src/core/oneway/delays.ts';
import { oneWayMembers } from '../../../src/core/oneway/document.ts';
import { writeStamp } from '../../../src/core/oneway/stamp.ts';
import { Stamper } from '../../../src/core/oneway/stamper.ts';
import { CLOCK_SYNCHRONISED, CLOCK_UNSYNCHRONISED } from '../../../src/core/oneway/wall.ts';
import type { WallTime } from '../../../src/core/oneway/wall.ts';
import type { OneWayMembers } from '../../../src/core/report/run.ts';
import { ProbeSession } from '../../../src/core/probe/session.ts';
import type { ProbeResult } from '../../../src/core/probe/result.ts';
import { RTP_HEADER_BYTES } from '../../../src/core/rtp/packet.ts';
import { createBatchEngine } from '../../../src/core/udp/batch/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import type { Endpoint, UdpEngine } from '../../../src/core/udp/engine.ts';
import { openOneWay, WallClock } from '../../../src/core/udp/wall-clock.ts';
import { oneWayLink } from './one-way-link.ts';
import { faithful, reflector } from './reflectors.ts';
import type { Behaviour } from './reflectors.ts';

const MS = 1e6;
const engine = createBatchEngine();
const portable = createPortableEngine();
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** The clock of this host, but for what a test says of it. */
function clockOf(changes: Partial<Record<keyof WallTime, unknown>> = {}): WallTime {
  const clock = WallClock.open();
  if (clock === undefined) throw new Error('this host has no such clock');
  return new Proxy(clock, {
    get: (_clock, name) => {
      if (name === 'look') return (nowNs: number) => clock.look(nowNs);
      return name in changes ? changes[name as keyof WallTime] : clock[name as keyof WallTime];
    },
  });
}

/** Clocks that are two, as far as anybody is told, and synchronised. */
const GOOD = { state: CLOCK_SYNCHRONISED, maxErrorNs: MS };
const ELSEWHERE = { ...GOOD, identityHigh: 1, identityLow: 1 };

async function echo(wall: WallTime | undefined): Promise<Endpoint> {
  const stamper = wall === undefined ? undefined : new Stamper(wall, () => engine.nowNs());
  const service = new EchoService({ engine, addresses: ['127.0.0.1'], port: 0, bufferBytes: 1 << 20, stamper });
  closing.push(() => service.stop());
  return (await service.start()).local;
}

async function farEnd(behaviour: Behaviour): Promise<Endpoint> {
  const { at, close } = await reflector(engine, behaviour);
  closing.push(close);
  return at;
}

async function run(target: Endpoint, near: WallTime, by: UdpEngine = engine): Promise<{ result: ProbeResult; oneWay: OneWayMembers }> {
  const session = new ProbeSession({
    engine: by,
    targets: [target],
    options: {
      ...{ streams: 2, intervalNs: 10 * MS, ptimeNs: 20 * MS, durationNs: 200 * MS, timeoutNs: 10_000 * MS },
      ...{ lateThresholdNs: 3 * MS, seed: 1, bufferBytes: 65_536, oneWay: true },
    },
    oneWay: by === engine ? new OneWayDelays(near, engine.nowNs()) : openOneWay(by),
  });
  const result = await session.run();
  if (result.oneWay === undefined) throw new Error('nothing said');
  return { result, oneWay: oneWayMembers(result.oneWay) };
}

/** Nothing is lost of a round trip: it is what was measured of its parts, by other stamps of the same clocks. */
function expectWhole({ result, oneWay }: Awaited<ReturnType<typeof run>>): void {
  const { there_ms: there, back_ms: back, turnaround_ms: turnaround } = oneWay;
  const leastMs = (result.latency.minNs ?? Number.NaN) / MS;
  expect((there?.min ?? Number.NaN) + (back?.min ?? Number.NaN)).toBeLessThanOrEqual(leastMs + 0.02);
  const mostMs = (there?.max ?? Number.NaN) + (back?.max ?? Number.NaN) + (turnaround?.max ?? Number.NaN);
  expect(mostMs).toBeGreaterThanOrEqual((result.latency.maxNs ?? Number.NaN) / MS - 0.02);
}

describe('a probe of an echo that stamps, on one host', () => {
  it('has each direction to some microseconds, and neither below 0 by more than that', async () => {
    const ran = await run(await echo(clockOf()), clockOf());
    expect(ran.oneWay).toMatchObject({ same_clock: true, reason: null });
    const { error_ms: errorMs, there_ms: there, back_ms: back } = ran.oneWay;
    expect(Math.min(there?.min ?? Number.NaN, back?.min ?? Number.NaN)).toBeGreaterThanOrEqual(-(errorMs ?? 0));
    expectWhole(ran);
  });

  it.each(['there', 'back'] as const)('shows a link that is slow on the way %s in that direction alone', async (slow) => {
    const link = await oneWayLink({ to: await echo(clockOf()), delayMs: 40, slow });
    closing.push(link.close);
    const ran = await run(link.at, clockOf());
    expect(ran.oneWay.reason).toBeNull();
    const { there_ms: there, back_ms: back } = ran.oneWay;
    const [delayed, other] = slow === 'there' ? [there, back] : [back, there];
    // A timer of Node may be a millisecond early; what is not delayed is quick once in forty times on any machine.
    expect(delayed?.min).toBeGreaterThan(38);
    expect(other?.min).toBeLessThan(delayed?.min ?? 0);
    expectWhole(ran);
  });

  it('adds the errors of two clocks that are synchronised', async () => {
    const { oneWay } = await run(await echo(clockOf(ELSEWHERE)), clockOf(GOOD));
    expect(oneWay).toMatchObject({ same_clock: false, reason: null });
    expect(oneWay.error_ms).toBeGreaterThan(2);
    expect(oneWay.error_ms).toBeLessThan(2.1);
  });
});

describe('no number and a reason', () => {
  it.each<readonly [string, () => Promise<Endpoint>, RegExp]>([
    ['an echo without times', () => echo(undefined), /^the far end writes no times/],
    [
      'a far end that is not synchronised',
      () => echo(clockOf({ ...ELSEWHERE, state: CLOCK_UNSYNCHRONISED })),
      /far end is not synchronised$/,
    ],
    ['payloads of somebody else', () => farEnd((bytes) => [bytes.fill(0x55, RTP_HEADER_BYTES)]), /^payloads came back changed/],
    ['packets that are cut', () => farEnd((bytes) => [bytes.subarray(0, RTP_HEADER_BYTES + 30)]), /^payloads came back cut short/],
    ['half a stamp', () => farEnd((bytes) => [bytes.fill(0xff, RTP_HEADER_BYTES + 7)]), /came back damaged$/],
  ])('%s', async (_what, target, reason) => {
    const { oneWay, result } = await run(await target(), clockOf(GOOD));
    expect(oneWay).toMatchObject({ there_ms: null, back_ms: null, error_ms: null });
    expect(oneWay.reason).toMatch(reason);
    // The round trip is measured all the same.
    expect(result.received).toBe(40);
  });

  it('a far end that says it is synchronised, and lives an hour ahead', async () => {
    const ahead = clockOf(ELSEWHERE);
    const offsetNs = ahead.offsetNs + 3_600e9;
    const { oneWay } = await run(await echo(clockOf({ ...ELSEWHERE, offsetNs })), clockOf(GOOD));
    expect(oneWay).toMatchObject({ there_ms: null, back_ms: null, error_ms: null });
    expect(oneWay.reason).toMatch(
      /^the clocks disagree: the times of (\d+) of \1 packets contradict each other, by up to 3599\d{3}\.\d+ ms/,
    );
  });

  it('a far end that makes its times up', async () => {
    const near = clockOf(GOOD);
    const liar = await farEnd((bytes, n) => {
      const nowNs = engine.nowNs();
      writeStamp(bytes, RTP_HEADER_BYTES, clockOf(ELSEWHERE), nowNs - n * 1e9, nowNs, true);
      return [bytes];
    });
    const { oneWay } = await run(liar, near);
    expect(oneWay.there_ms).toBeNull();
    expect(oneWay.turnaround_ms).toBeNull();
    expect(oneWay.reason).toMatch(/^the clocks disagree/);
  });

  it('a clock that is set in the middle of the run', async () => {
    let looks = 0;
    const nearClock = clockOf(GOOD);
    const near = new Proxy(nearClock, {
      get: (_clock, name) => {
        if (name === 'look') return () => (looks += 1);
        return name === 'steps' ? Number(looks > 10) : nearClock[name as keyof WallTime];
      },
    });
    const { oneWay } = await run(await echo(clockOf()), near);
    expect(oneWay.there_ms).toBeNull();
    expect(oneWay.reason).toBe('the clock of this end was set during the run');
  });

  it('an engine that no kernel tells the times', async () => {
    const { oneWay } = await run(await farEnd(faithful), clockOf(), portable);
    expect(oneWay).toMatchObject({ packets: 0, same_clock: null, turnaround_ms: null });
    expect(oneWay.reason).toMatch(/takes Linux and the batch engine$/);
  });
});
