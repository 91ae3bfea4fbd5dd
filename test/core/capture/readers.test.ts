import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtplatError } from '../../../src/core/errors.ts';
import { looksLikeCapture } from '../../../src/core/capture/reader.ts';
import { frame, pcap, pcapng, rtp, statistics } from '../../kit/pcap.ts';
import type { SectionOptions } from '../../kit/pcap.ts';
import { scene, together } from '../../kit/pcap-scenes.ts';
import { measure, onlyStream } from './measure.ts';

const packets = scene({ packets: 20 });
const plain = pcap(packets);
const next = pcapng(packets);
/** Of each frame in `plain`: 14 of Ethernet, 28 of IP and UDP, 172 of RTP. */
const RECORD = 16 + 14 + 28 + 172;

function patched(file: Buffer, at: number, ...bytes: readonly number[]): Buffer {
  const copy = Buffer.from(file);
  copy.set(bytes, at);
  return copy;
}

describe('times', () => {
  const cases: readonly (readonly [string, Buffer, number])[] = [
    ['pcap, microseconds', plain, 1_000],
    ['pcap, nanoseconds', pcap(packets, { nanoseconds: true }), 1],
    ['pcap, big endian', pcap(packets, { bigEndian: true, nanoseconds: true }), 1],
    ...([6, 9, 0x80 | 30] as const).map((timeUnit): readonly [string, Buffer, number] => [
      `pcapng, unit ${timeUnit}`,
      pcapng(packets, { timeUnit }),
      timeUnit === 6 ? 1_000 : 1,
    ]),
    // Of picoseconds since 1970, 64 bits would not hold today's.
    ['pcapng, picoseconds', pcapng(packets, { timeUnit: 12, timeOffset: 1_790_000_000 }), 1],
    ['pcapng, offset', pcapng(packets, { timeUnit: 9, timeOffset: 1_700_000_000, bigEndian: true }), 1],
  ];
  it.each(cases)('of %s are exact to their unit', (_, file, unitNs) => {
    const capture = measure(file);
    const seconds = Number((packets.at(-1)?.atNs ?? 0n) - (packets[0]?.atNs ?? 0n)) / 1e9;
    expect(Math.abs((capture.duration_seconds ?? Number.NaN) - seconds) * 1e9).toBeLessThanOrEqual(unitNs + 1);
    expect(onlyStream(capture)).toMatchObject({ packets: 20, lost: 0, max_jitter_ms: expect.closeTo(0, 2) as number });
  });

  it('of several interfaces and sections count from one beginning', () => {
    const later = scene({ packets: 20, ssrc: 5, delayNs: 3e9, link: 'raw' });
    const both = Buffer.concat([next, pcapng(later, { timeUnit: 9, bigEndian: true, link: 'raw' })]);
    expect(measure(both).streams.map(({ start_seconds }) => start_seconds)).toEqual([0, expect.closeTo(3, 5)]);
  });

  it('that are missing are not measured: packets are', () => {
    const capture = measure(pcapng(scene({ loss: 0.1, echoNs: 1e6 }), { simple: true }));
    expect(capture).toMatchObject({ duration_seconds: null });
    for (const stream of capture.streams) {
      expect(stream.lost).toBeGreaterThan(0);
      expect(stream).toMatchObject({ start_seconds: null, mean_jitter_ms: null, max_jitter_ms: null, max_delta_ms: null });
    }
    expect(capture.round_trips?.summary).toMatchObject({ total_latencies: 0, p50_latency: null, packet_loss_ratio: null });
  });
});

it('gives the same numbers however the bytes come', () => {
  const mixed = together(scene({ loss: 0.1, packets: 60 }), scene({ packets: 60, ssrc: 3, echoNs: 2e6 }));
  for (const file of [pcap(mixed), pcapng(mixed)]) {
    const whole = measure(file);
    for (const piece of [1, 7, 1_000]) expect(measure(file, piece)).toEqual(whole);
  }
});

it.each([
  ['nothing', new Uint8Array(0), 'x.pcap is not a capture: it ends after 0 bytes, within its header'],
  ['a header that is cut', plain.subarray(0, 20), 'it ends after 20 bytes, within its header'],
  ['a section header that is cut', next.subarray(0, 20), 'it ends after 20 bytes, within its header'],
  ['text', Buffer.from('{"schema":"rtplat.run/1"}'), 'is not a capture: its first four bytes are 7b227363'],
  ['a later pcap', patched(plain, 4, 3), 'is pcap of version 3.4 (bytes 4 to 7); only 2.4 is read'],
  ['a variant of pcap', patched(plain, 0, 0x34, 0xcd), 'is of a variant of pcap that is not read'],
  ['USB', patched(plain, 20, 189), 'has frames of link type 189 (byte 20), which is not read'],
  [
    'an endless frame',
    patched(plain, 24 + RECORD + 8, 0xff, 0xff, 0xff, 0xff),
    `the frame at byte ${24 + RECORD} says it is 4294967295 bytes long`,
  ],
  ['a later pcapng', patched(next, 12, 2), 'has a section of pcapng 2.0 at byte 0; only 1.x is read'],
  ['a section without byte order', patched(next, 8, 9), 'a section does not say its byte order, at byte 0'],
  ['a block without length', patched(next, 28 + 4, 0, 0, 0, 0), 'a block cannot be 0 bytes long, at byte 28'],
  ['a block of two lengths', patched(next, 24, 32), 'a block is 28 bytes long by its beginning but 32 by its end, at byte 0'],
  ['an unknown interface', patched(next, next.length - RECORD - 16 - 2 + 8, 3), 'a frame is of interface 3, and 1 are described'],
])('refuses %s with one line', (_, file, message) => {
  expect(() => measure(file)).toThrow(RtplatError);
  expect(() => measure(file)).toThrow(message);
});

it.each([
  ['pcap', plain],
  ['pcapng', next],
])('measures a %s that is cut in its last frame, and says so', (_, file) => {
  const capture = measure(file.subarray(0, -10));
  expect(onlyStream(capture).packets).toBe(19);
  expect(capture.warnings).toEqual([`the file is cut: it ends at byte ${file.length - 10}, within the record behind frame 19`]);
  expect(measure(file).warnings).toEqual([]);
});

it('passes over blocks of other types, however long, and frames of links that it does not know', () => {
  const long = Buffer.alloc(1_000_000);
  long.writeUInt32LE(0xbad, 0);
  long.writeUInt32LE(long.length, 4);
  long.writeUInt32LE(long.length, long.length - 4);
  expect(onlyStream(measure(Buffer.concat([next, long]))).packets).toBe(20);
  const foreign = patched(next, 28 + 8, 189);
  expect(measure(foreign)).toMatchObject({ streams: [], frames: { total: 20, foreign: 20 } });
});

it('takes huge frames of other protocols without holding them', () => {
  const jumbo = { atNs: 1_795_000_000_000_000_000n, frame: Buffer.alloc(200_000, 0x11) };
  const capture = measure(pcap([jumbo, ...packets, jumbo]));
  expect(onlyStream(capture).packets).toBe(20);
  expect(capture.frames).toMatchObject({ total: 22, not_ip: 2 });
});

describe('hostile files', () => {
  const options: SectionOptions[] = [{}, { bigEndian: true }, { timeUnit: 9 }, { simple: true }];
  const files = [
    Buffer.concat([next, statistics(1n)]),
    plain,
    pcap(packets, { bigEndian: true }),
    ...options.map((option) => pcapng(packets, option)),
  ];

  function survives(file: Uint8Array): void {
    try {
      const { frames } = measure(file);
      const { total, cut: _cut, dropped: _dropped, ...kinds } = frames;
      expect(Object.values(kinds).reduce((sum, count) => sum + count, 0)).toBe(total);
    } catch (error) {
      expect(error).toBeInstanceOf(RtplatError);
    }
  }

  it('random bytes, with or without the right beginning, give numbers or an RtplatError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.constantFrom(...files), fc.nat(80), (bytes, file, head) => {
        survives(bytes);
        survives(Buffer.concat([file.subarray(0, head), bytes]));
      }),
      { numRuns: 300 },
    );
  });

  it('files with changed bytes do, too', () => {
    const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), value: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(change, { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (file, changes, end) => {
          const copy = Buffer.from(file.subarray(0, Math.floor(file.length * (1 - end * end * end))));
          for (const { at, value } of changes) copy[Math.floor(at * copy.length)] = value;
          survives(copy);
        },
      ),
      { numRuns: 600 },
    );
  });

  it('streams beyond those that are measured are counted', () => {
    const ssrcs = Array.from({ length: 20_000 }, (_, i) => i);
    const many = ssrcs.flatMap((ssrc) =>
      [0, 1, 2, 3, 4].map((sequence) => ({
        atNs: 1_795_000_000_000_000_000n + BigInt(ssrc * 1_000_000),
        frame: frame('raw', { from: ['10.0.0.1', 1], to: ['10.0.0.2', 2], payload: rtp({ ssrc, sequence, timestamp: 0, bytes: 0 }) }),
      })),
    );
    const capture = measure(pcap(many, { link: 'raw' }));
    expect(capture.streams).toHaveLength(8_192);
    expect(capture.frames).toMatchObject({ rtp: 5 * 8_192, rtp_untracked: 5 * (20_000 - 8_192), other_udp: 0 });
    expect(capture.warnings).toEqual(['59040 RTP packets are of more streams than are measured']);
  });
});

it('finds all streams of a capture that begins in the middle of them, and says when they are more than it can follow', () => {
  const all = (streams: number): Buffer =>
    pcap(
      Array.from({ length: 6 * streams }, (_, i) => ({
        atNs: 1_795_000_000_000_000_000n,
        frame: frame('raw', {
          from: ['10.0.0.1', 1],
          to: ['10.0.0.2', 2],
          payload: rtp({ ssrc: i % streams, sequence: Math.floor(i / streams), timestamp: 0, bytes: 0 }),
        }),
      })),
      { link: 'raw' },
    );
  expect(measure(all(8_000))).toMatchObject({ frames: { rtp: 6 * 8_000, other_udp: 0 }, warnings: [] });
  const { frames, streams, warnings } = measure(all(17_000));
  expect(streams).toHaveLength(8_192);
  expect(frames.rtp).toBe(6 * 8_192);
  expect(frames.rtp_untracked).toBeGreaterThan(0);
  expect(frames.rtp + frames.rtp_untracked + frames.other_udp).toBe(6 * 17_000);
  expect(warnings).toEqual([
    `${frames.rtp_untracked} RTP packets are of more streams than are measured`,
    expect.stringMatching(/^\d+ datagrams that may be RTP are of more sources at once than can be followed/),
  ]);
});

it('knows captures by their first bytes', () => {
  for (const file of [plain, pcap([], { bigEndian: true }), next]) expect(looksLikeCapture(file)).toBe(true);
  for (const file of ['', '{"a', '{"schema":1}']) expect(looksLikeCapture(Buffer.from(file))).toBe(false);
});
