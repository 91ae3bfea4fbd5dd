/** Calls over a network that is simulated, and a PBX that makes packets of its own: no real time, everything seeded. */
import { describe, expect, it, test } from 'vitest';
import { ALAW_OF_LINEAR, LINEAR_OF_ALAW, LINEAR_OF_ULAW, ULAW_OF_LINEAR } from '../../../src/core/audio/g711.ts';
import { AudioCorrelator } from '../../../src/core/match/audio-correlator.ts';
import { audioOf, codecNamed } from '../../../src/core/caller/audio.ts';
import type { CallCodecName } from '../../../src/core/caller/audio.ts';
import { MatchingStream } from '../../../src/core/caller/matching-stream.ts';
import type { MatchMode } from '../../../src/core/caller/match-choice.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { silentPacket, streamSources } from '../../../src/core/probe/source.ts';
import type { CallRow } from '../../../src/core/report/run.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import type { ClockName } from '../../../src/core/udp/engine.ts';
import { fraction, normal } from '../match/kit/path.ts';

const MS = 1e6;
const PTIME_NS = 20 * MS;
const correlator = new AudioCorrelator();

interface Sample {
  readonly index: number;
  readonly latencyNs: number;
  readonly hostDelayNs: number;
}

interface Path {
  readonly seconds: number;
  readonly delayMs: number;
  readonly jitterMs?: number;
  readonly loss?: number;
  readonly mode?: Exclude<MatchMode, 'header'>;
  readonly codec?: CallCodecName;
  readonly clock?: ClockName;
  /** What is made of each payload. */
  readonly change?: (payload: Uint8Array, index: number) => Uint8Array;
  /** Whether the packets keep their headers. */
  readonly faithful?: boolean;
  /** Bytes of the packets that come back; those that were sent in are cut anew. */
  readonly bytes?: number;
  /** The PBX holds everything back by so much more from this packet on. */
  readonly moved?: { readonly from: number; readonly byMs: number };
  /** With the kernel's clock: so long after it was handed over a packet leaves, and as long after it came an echo is read. */
  readonly hostMs?: number;
  /** By how much the delay grows. */
  readonly skewPpm?: number;
}

interface Result {
  readonly row: CallRow;
  readonly samples: readonly Sample[];
  /** By packet, of those that came back. */
  readonly truth: ReadonlyMap<number, number>;
  readonly sent: number;
}

const transcode = (payload: Uint8Array): Uint8Array =>
  payload.map((code) => {
    const alaw = ALAW_OF_LINEAR[LINEAR_OF_ULAW[code]! & 0xffff]!;
    return ULAW_OF_LINEAR[LINEAR_OF_ALAW[alaw]! & 0xffff]!;
  });
const quieter = (payload: Uint8Array): Uint8Array => payload.map((code) => ULAW_OF_LINEAR[Math.round(LINEAR_OF_ULAW[code]! / 2) & 0xffff]!);
const silence = (payload: Uint8Array): Uint8Array => new Uint8Array(payload.length).fill(0xff);

/** Sends, and has come back, packet by packet in the order of time. */
function run(path: Path): Result {
  const {
    seconds,
    delayMs,
    jitterMs = 0,
    loss = 0,
    mode = 'auto',
    codec = 'PCMU',
    clock = 'user',
    change,
    faithful,
    bytes,
    moved,
    hostMs = 0,
    skewPpm = 0,
  } = path;
  const seed = 4_711;
  const audio = {
    ...audioOf({ ...codecNamed(codec), payloadType: codec === 'PCMU' ? 0 : 9 }),
    noiseSeed: seed,
  };
  const options = {
    ...{ streams: 1, intervalNs: PTIME_NS, ptimeNs: PTIME_NS, audio, durationNs: seconds * 1e9, timeoutNs: 2e9 },
    ...{ lateThresholdNs: 3 * MS, seed, bufferBytes: 65_536 },
  };
  const samples: Sample[] = [];
  const [source] = streamSources(options) as [ReturnType<typeof streamSources>[0]];
  const stream = new MatchingStream({
    ...{ mode, options, audio, source, correlator, clock },
    sample: (index, latencyNs, _late, hostDelayNs) => samples.push({ index, latencyNs, hostDelayNs }),
  });
  const random = new SeededRandom(seed);
  const sent = seconds * 50;
  const events: { readonly atNs: number; readonly send?: number; readonly come?: Uint8Array }[] = [];
  const truth = new Map<number, number>();
  const packet = silentPacket(PTIME_NS, audio);
  let cut = new Uint8Array();
  let cuts = 0;
  for (let index = 0; index < sent; index++) {
    const dueNs = index * PTIME_NS;
    events.push({ atNs: dueNs, send: index });
    source.write(packet, index);
    if (fraction(random) < loss) continue;
    const extraMs = moved !== undefined && index >= moved.from ? moved.byMs : 0;
    const delayNs = Math.max(0, delayMs + extraMs + jitterMs * normal(random)) * MS + dueNs * skewPpm * 1e-6;
    const payload = packet.slice(RTP_HEADER_BYTES);
    const changed = change?.(payload, index) ?? payload;
    const back = Uint8Array.from(packet);
    back.set(changed, RTP_HEADER_BYTES);
    if (bytes !== undefined) {
      cut = Uint8Array.from([...cut, ...changed]);
      while (cut.length >= bytes) {
        events.push({ atNs: dueNs + delayNs, come: made(cut.subarray(0, bytes), cuts, cuts * bytes) });
        cut = cut.slice(bytes);
        cuts += 1;
      }
      continue;
    }
    truth.set(index, delayNs);
    events.push({ atNs: dueNs + delayNs, come: faithful === true ? back : made(changed, index, (index * audio.clockRateHz) / 50) });
  }
  events.sort((a, b) => a.atNs - b.atNs || (a.send === undefined ? 1 : -1));
  for (const { atNs, send, come } of events) {
    if (send !== undefined) stream.sent(send, atNs, atNs - hostMs * MS);
    if (send !== undefined && clock === 'kernel') stream.departed(send, atNs);
    if (come !== undefined) stream.arrived(come, 0, come.length, { atNs, readNs: atNs + hostMs * MS });
    if (send !== undefined && send % 3 === 0) stream.expire(atNs);
  }
  stream.finish(seconds * 1e9 + 3e9);
  const counters = stream.counters();
  expect(counters.sent).toBe(counters.returned + counters.lost + counters.inFlight);
  expect(new Set(samples.map(({ index }) => index)).size).toBe(samples.length);
  expect(stream.unstamped).toBe(clock === 'kernel' && hostMs === 0 ? samples.length : 0);
  return { row: stream.row(20_000, 0), samples, truth, sent };

  function made(payload: Uint8Array, number: number, timestamp: number): Uint8Array {
    const bytesOut = new Uint8Array(RTP_HEADER_BYTES + payload.length);
    const header = {
      marker: false,
      payloadType: audio.payloadType,
      sequence: number & 0xffff,
      timestamp: (timestamp + 5_000) >>> 0,
      ssrc: 99,
    };
    writeRtpHeader(bytesOut, 0, header);
    bytesOut.set(payload, RTP_HEADER_BYTES);
    return bytesOut;
  }
}

function expectTruth({ samples, truth }: Result, withinNs: number): void {
  for (const { index, latencyNs } of samples) expect(Math.abs(latencyNs - (truth.get(index) ?? Number.NaN))).toBeLessThan(withinNs);
}

describe('auto', () => {
  it('is by header while that is untouched, whatever became of the payload', () => {
    for (const change of [undefined, transcode, silence]) {
      const result = run({ seconds: 4, delayMs: 80, jitterMs: 5, loss: 0.03, faithful: true, ...(change === undefined ? {} : { change }) });
      expect(result.row).toMatchObject({ match: 'header', match_share: 1 });
      expect(result.samples).toHaveLength(result.truth.size);
      expectTruth(result, 1);
    }
  });

  it.each(['PCMU', 'G722', 'L16'] as const)('is by payload where the packets are others, %s', (codec) => {
    const result = run({ seconds: 4, delayMs: 80, jitterMs: 5, loss: 0.03, codec });
    expect(result.row).toMatchObject({ match: 'payload', match_share: 1, counters: { returned: result.truth.size, unmatched: 0 } });
    expect(result.row.lost_audio_ms).toBeCloseTo(20 * (result.sent - result.truth.size));
    expect(result.samples).toHaveLength(result.truth.size);
    expectTruth(result, 1);
  });

  it('is by audio where the codec was another one in between, though most bytes are as they were', () => {
    const result = run({ seconds: 6, delayMs: 80, jitterMs: 5, loss: 0.03, change: transcode });
    expect(result.row).toMatchObject({ match: 'audio', packet_loss_ratio: null });
    expect(result.row.counters).not.toHaveProperty('lost');
    expect(result.row.not_found).toBe(result.sent - result.samples.length);
    expect(result.row.match_score).toBeGreaterThan(0.95);
    expectTruth(result, result.row.match_error_ms! * MS);
  });

  it.each([
    ['header', { faithful: true }],
    ['payload', {}],
    ['audio', { change: transcode }],
  ] as const)('%s: from stamp to stamp where the kernel gives them, and tells what it left out', (match, path) => {
    const result = run({ seconds: 4, delayMs: 80, jitterMs: 5, clock: 'kernel', hostMs: 7, ...path });
    expect(result.row).toMatchObject({ match });
    expect(result.samples.length).toBeGreaterThan(195);
    expectTruth(result, Math.max(1, (result.row.match_error_ms ?? 0) * MS));
    for (const { hostDelayNs } of result.samples) expect(hostDelayNs).toBeCloseTo(14 * MS, -1);
    run({ seconds: 2, delayMs: 80, clock: 'kernel', ...path });
  });

  it('gives no number for what cannot be matched, but the reason', () => {
    const result = run({ seconds: 4, delayMs: 80, change: silence });
    expect(result.samples).toEqual([]);
    expect(result.row).toMatchObject({ match: null, match_share: null, p50_latency: null, jitter_ms: null });
    expect(result.row.match_reason).toBe(
      '200 packets came back and cannot be matched, not by header (200 have another SSRC), ' +
        'not by payload (0 hold the bytes that were sent), not by audio (it is heard in 0; 200 silent)',
    );
  });

  it('says loss, and no reason, where nothing came', () => {
    const { row, samples } = run({ seconds: 1, delayMs: 80, loss: 1 });
    expect(samples).toEqual([]);
    expect(row).toMatchObject({ match: null, match_reason: null, packet_loss_ratio: 1, counters: { sent: 50, returned: 0, lost: 50 } });
  });

  it('matches calls of a few packets', () => {
    expect(run({ seconds: 0.1, delayMs: 10, faithful: true }).row.match).toBe('header');
    expect(run({ seconds: 0.1, delayMs: 10 }).row).toMatchObject({ match: 'payload', counters: { returned: 5 } });
    expect(run({ seconds: 0.1, delayMs: 10, change: silence }).row.match).toBeNull();
  });
});

describe('payload', () => {
  it('has a packet come back when all of it has, cut anew from 20 ms to 30', () => {
    const { row, samples } = run({ seconds: 3, delayMs: 40, bytes: 240, mode: 'payload' });
    expect(row).toMatchObject({ match: 'payload', match_share: 1, lost_audio_ms: 0, counters: { sent: 150, returned: 150, lost: 0 } });
    // The first of three waits for half of the second, that one for the third, and the third for nobody.
    for (const { index, latencyNs } of samples) expect(latencyNs).toBeCloseTo((index % 3 === 2 ? 40 : 60) * MS, -3);
  });

  it('refuses what was converted', () => {
    const { row, samples } = run({ seconds: 3, delayMs: 40, change: quieter, mode: 'payload' });
    expect(samples).toEqual([]);
    expect(row.match).toBeNull();
    expect(row.match_reason).toMatch(/^150 packets came back and cannot be matched, not by payload/);
  });
});

describe('audio', () => {
  test.each([
    [20, 0.01],
    [80, 0.03],
    [150, 0.05],
  ])('%i ms with 5 ms of jitter and a loss of %f: found, the median within 2 ms', (delayMs, loss) => {
    const result = run({ seconds: 20, delayMs, jitterMs: 5, loss, change: quieter, mode: 'audio' });
    expect(result.samples.length).toBeGreaterThan(0.99 * result.truth.size);
    expect(Math.abs((result.row.p50_latency ?? Number.NaN) - delayMs)).toBeLessThan(2);
    expect(result.row.delay_moves).toEqual([]);
    expectTruth(result, result.row.match_error_ms! * MS);
  });

  it('holds the codec back: G.722, there and back', () => {
    const { row } = run({ seconds: 6, delayMs: 50, codec: 'G722', mode: 'audio' });
    expect(row.match_share).toBeGreaterThan(0.99);
    expect(row.p50_latency).toBeGreaterThan(51.375 - 0.1);
    expect(row.p50_latency).toBeLessThan(51.375 + 0.1);
  });

  it('tells when a delay moved, and by how much', () => {
    const { row } = run({ seconds: 12, delayMs: 60, jitterMs: 3, change: quieter, moved: { from: 300, byMs: 40 }, mode: 'audio' });
    expect(row.delay_moves).toHaveLength(1);
    expect(row.delay_moves?.[0]?.at_seconds).toBe(6);
    expect(Math.abs((row.delay_moves?.[0]?.by_ms ?? 0) - 40)).toBeLessThan(3);
  });

  it('tells a clock that is off, and how sure that is', () => {
    const { row } = run({ seconds: 30, delayMs: 60, jitterMs: 1, change: quieter, skewPpm: 80, mode: 'audio' });
    expect(Math.abs((row.clock_skew_ppm ?? 0) - 80)).toBeLessThan(row.clock_skew_error_ppm ?? 0);
    expect(row.clock_skew_error_ppm).toBeLessThan(40);
    expect(run({ seconds: 4, delayMs: 60, change: quieter, mode: 'audio' }).row).toMatchObject({
      clock_skew_ppm: null,
      clock_skew_error_ppm: null,
    });
  });
});
