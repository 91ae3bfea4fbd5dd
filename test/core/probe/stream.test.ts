import { describe, expect, it } from 'vitest';
import type { ProbeOptions } from '../../../src/core/probe/result.ts';
import { silentPacket, streamSources } from '../../../src/core/probe/source.ts';
import type { StreamSource } from '../../../src/core/probe/source.ts';
import { NOT_A_SAMPLE, ProbeStream } from '../../../src/core/probe/stream.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';
import type { ClockName } from '../../../src/core/udp/engine.ts';

const MS = 1e6;
const PTIME_NS = 20 * MS;

const options: ProbeOptions = {
  streams: 1,
  intervalNs: PTIME_NS,
  ptimeNs: PTIME_NS,
  durationNs: 3600e9,
  timeoutNs: 2e9,
  lateThresholdNs: 3 * MS,
  seed: 1,
  bufferBytes: 65_536,
};

/** A stream with the packets that belong to it. Packet i is due at i × 20 ms. */
class Bench {
  readonly stream: ProbeStream;
  readonly source: StreamSource;

  constructor(clock: ClockName, histogram?: LatencyHistogram) {
    [this.source] = streamSources(options) as [StreamSource];
    this.stream = new ProbeStream(options, this.source, clock, histogram);
  }

  /** Sends packet `index`. @returns its bytes. */
  send(index: number, lateNs = 0): Uint8Array {
    const packet = silentPacket(PTIME_NS);
    this.source.write(packet, index);
    this.stream.sent(index, index * PTIME_NS, index * PTIME_NS + lateNs);
    return packet;
  }

  arrive(packet: Uint8Array, atNs: number, readNs = atNs): number {
    return this.stream.arrived(packet, 0, packet.length, { atNs, readNs });
  }
}

describe.each(['user', 'kernel'] as const)('a stream by the %s clock', (clock) => {
  it('matches its packets over the wrap of the sequence numbers', () => {
    const bench = new Bench(clock);
    const count = 70_000;
    for (let i = 0; i < count; i++) {
      const packet = bench.send(i);
      expect(bench.arrive(packet, i * PTIME_NS + MS)).toBeCloseTo(MS, -1);
      expect(bench.stream.lastIndex).toBe(i);
    }
    expect(bench.stream.counters()).toMatchObject({ sent: count, returned: count, lost: 0, late: 0, unmatched: 0 });
  });

  it('tells late packets, duplicates, strangers, and what is no RTP', () => {
    const bench = new Bench(clock);
    const [first, second] = [bench.send(0), bench.send(1)];
    expect(bench.arrive(first, MS)).toBe(MS);
    expect(bench.stream.lastLate).toBe(false);
    expect(bench.arrive(second, 25 * MS)).toBe(5 * MS);
    expect(bench.stream.lastLate).toBe(true);
    expect(bench.arrive(second, 26 * MS)).toBe(NOT_A_SAMPLE);
    const foreign = Uint8Array.from(second);
    foreign[8] = (foreign[8] as number) ^ 0xff;
    expect(bench.arrive(foreign, 27 * MS)).toBe(NOT_A_SAMPLE);
    expect(bench.arrive(Uint8Array.of(1, 2, 3), 28 * MS)).toBe(NOT_A_SAMPLE);
    expect(bench.stream.counters()).toMatchObject({ sent: 2, returned: 2, late: 1, duplicates: 1, unmatched: 1, malformed: 1 });
  });

  it('has no percentiles in its row when it has no histogram', () => {
    expect(new Bench(clock).stream.row(1, 0)).not.toHaveProperty('p50_latency');
    expect(new Bench(clock, new LatencyHistogram()).stream.row(1, 0)).toHaveProperty('p50_latency', null);
  });
});

describe('a stream by the user clock', () => {
  it('measures from the due time, however late the packet was sent', () => {
    const histogram = new LatencyHistogram();
    const bench = new Bench('user', histogram);
    bench.send(0);
    const packet = bench.send(1, 4 * MS);
    expect(bench.arrive(packet, PTIME_NS + 7 * MS)).toBe(7 * MS);
    expect(histogram.maxNs).toBe(7 * MS);
    expect(bench.stream.row(4711, 0)).toMatchObject({ port: 4711, total_latencies: 1, max_latency: 7, counters: { sent: 2, returned: 1 } });
  });

  it('knows no delay of the host, and misses no stamp', () => {
    const bench = new Bench('user');
    const packet = bench.send(0);
    bench.stream.departed(0, MS);
    expect(bench.arrive(packet, 5 * MS)).toBe(5 * MS);
    expect(bench.stream.lastHostDelayNs).toBeNaN();
    expect(bench.stream.unstamped).toBe(0);
  });
});

describe("a stream by the kernel's clock", () => {
  it('measures between the stamps, and tells what a user clock would have added', () => {
    const histogram = new LatencyHistogram();
    const bench = new Bench('kernel', histogram);
    // Due at 0, handed over at 4 ms, left at 4.5; back at 5.5, read at 9.
    const packet = bench.send(0, 4 * MS);
    bench.stream.departed(0, 4.5 * MS);
    expect(bench.arrive(packet, 5.5 * MS, 9 * MS)).toBe(MS);
    expect(histogram.maxNs).toBe(MS);
    expect(bench.stream.lastHostDelayNs).toBe(4 * MS);
    expect(bench.stream.unstamped).toBe(0);
  });

  it.each([
    ['no stamp came', []],
    ['the stamp cannot be relied on', [[0, Number.NaN]]],
    ['the kernel counts sends that are not known', [[7, 4.5 * MS]]],
  ] as const)('counts from the hand-over where %s, and says so', (_why, stamps) => {
    const bench = new Bench('kernel');
    const packet = bench.send(0, 4 * MS);
    for (const [index, atNs] of stamps) bench.stream.departed(index, atNs);
    expect(bench.arrive(packet, 6 * MS, 9 * MS)).toBe(2 * MS);
    expect(bench.stream.lastHostDelayNs).toBeNaN();
    expect(bench.stream.unstamped).toBe(1);
  });

  it('says so too where the arrival has no stamp', () => {
    const bench = new Bench('kernel');
    const packet = bench.send(0);
    bench.stream.departed(0, MS);
    expect(bench.arrive(packet, 6 * MS, 6 * MS)).toBe(5 * MS);
    expect(bench.stream.lastHostDelayNs).toBeNaN();
    expect(bench.stream.unstamped).toBe(1);
  });

  it('has no negative latency when two readings of the clock disagree', () => {
    const bench = new Bench('kernel');
    const packet = bench.send(0);
    bench.stream.departed(0, MS + 200);
    expect(bench.arrive(packet, MS, 2 * MS)).toBe(0);
  });
});
