import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { captureLayout } from '../../../src/core/capture/tables.ts';
import { checkCapture } from '../../../src/core/capture/verdict.ts';
import { frame, pcap, pcapng, rtp, statistics } from '../../kit/pcap.ts';
import type { Datagram, Packet } from '../../kit/pcap.ts';
import { scene, together } from '../../kit/pcap-scenes.ts';
import { measure, onlyStream } from './measure.ts';

const FROM: Datagram['from'] = ['192.0.2.1', 4000];
const TO: Datagram['to'] = ['198.51.100.2', 5004];

/** Datagrams 20 ms apart. */
function datagrams(payloads: readonly Buffer[], fragment = 0): readonly Packet[] {
  return payloads.map((payload, i) => ({
    atNs: 1_795_000_000_000_000_000n + BigInt(i * 20_000_000),
    frame: frame('ethernet', { from: FROM, to: TO, payload }, fragment),
  }));
}

function sequences(...numbers: readonly number[]): readonly Packet[] {
  return datagrams(numbers.map((sequence) => rtp({ sequence, timestamp: sequence * 160, ssrc: 1 })));
}

const of = (packets: readonly Packet[]): ReturnType<typeof measure> => measure(pcap(packets, { nanoseconds: true }));

describe('one stream', () => {
  it('has its addresses, its times and no fault when it has none', () => {
    expect(onlyStream(of(scene({ packets: 100 })))).toEqual({
      source: '192.0.2.1:4000',
      destination: '198.51.100.2:5004',
      ssrc: 0xdeadbeef,
      payload_types: [0],
      clock_rate_hz: 8_000,
      start_seconds: 0,
      duration_seconds: 1.98,
      packets: 100,
      expected: 100,
      lost: 0,
      loss_ratio: 0,
      duplicates: 0,
      reordered: 0,
      out_of_sequence: 0,
      restarts: 0,
      mean_jitter_ms: 0,
      max_jitter_ms: 0,
      max_delta_ms: 20,
      markers: 0,
      max_pause_ms: null,
      previous_ssrc: null,
    });
  });

  it('of a file that is not in the order of time lasts from its earliest packet to its latest', () => {
    const times = [0, 20, 40, 60, -500, 80, 70];
    const packets = sequences(1, 2, 3, 4, 5, 6, 7).map(({ frame }, i): Packet => ({
      frame,
      atNs: 1_795_000_000_000_000_000n + BigInt(times[i]! * 1_000_000),
    }));
    expect(onlyStream(of(packets))).toMatchObject({ start_seconds: -0.5, duration_seconds: 0.58, max_delta_ms: 20, packets: 7 });
  });

  it('counts what is lost, doubled and overtaken, also across the wraps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 65_300, max: 65_535 }),
        fc.subarray(Array.from({ length: 200 }, (_, i) => i + 6)),
        fc.nat(150),
        (first, kept, at) => {
          // No gap so long that the sequence might have started over.
          const some = [50, 100, 150, 200].filter((n) => !kept.includes(n));
          const sent = [0, 1, 2, 3, 4, 5, ...kept, ...some, 210, 211].toSorted((a, b) => a - b);
          const i = Math.min(6 + at, sent.length - 2);
          const [one, two] = [sent[i] ?? 0, sent[i + 1] ?? 0];
          const arrived = [...sent.slice(0, i), two, one, one, ...sent.slice(i + 2)].map((n) => (first + n) & 0xffff);
          expect(onlyStream(of(sequences(...arrived)))).toMatchObject({
            packets: sent.length + 1,
            expected: 212,
            lost: 212 - sent.length,
            duplicates: 1,
            reordered: 1,
            restarts: 0,
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('tells pauses from gaps by the marker', () => {
    const stream = onlyStream(of(scene({ packets: 150, talkspurt: 50 })));
    expect(stream).toMatchObject({ markers: 2, max_pause_ms: 1_020, max_delta_ms: 20, max_jitter_ms: 0 });
  });

  it('that starts over is no loss, and a stray packet neither', () => {
    const before = [1, 2, 3, 4, 5, 6, 7];
    expect(onlyStream(of(sequences(...before, 40_000, 40_001, 40_002)))).toMatchObject({ lost: 0, restarts: 1, out_of_sequence: 0 });
    expect(onlyStream(of(sequences(...before, 40_000, 8, 9)))).toMatchObject({ lost: 0, restarts: 0, out_of_sequence: 1 });
  });

  it('of a dynamic payload type has the clock rate of its timestamps, or none', () => {
    const rate = (ticks: number): number | null => onlyStream(of(scene({ payloadType: 111, ticks }))).clock_rate_hz;
    expect([160, 320, 960, 1_800].map(rate)).toEqual([8_000, 16_000, 48_000, 90_000]);
    const none = of(scene({ payloadType: 111, ticks: 0 }));
    expect(onlyStream(none)).toMatchObject({ clock_rate_hz: null, mean_jitter_ms: null, max_jitter_ms: null, max_delta_ms: 20 });
    expect(captureLayout(none).tables[1]?.note).toBe('streams of an unknown clock rate, without jitter: 1');
  });

  it('is shown with IPv6 addresses as RFC 5952 has them', () => {
    const v6 = (address: string): string => onlyStream(of(scene({ from: [address, 4000], to: ['2001:db8:0:0:1:0:0:1', 6] }))).source;
    expect(v6('2001:db8:0:0:0:0:0:1')).toBe('[2001:db8::1]:4000');
    expect(v6('0:0:0:0:0:0:0:0')).toBe('[::]:4000');
    expect(v6('2001:0:1:2:3:4:5:6')).toBe('[2001:0:1:2:3:4:5:6]:4000');
    expect(onlyStream(of(scene({ from: ['1:0:0:2:0:0:0:3', 1], to: ['2001:db8:0:0:1:0:0:1', 6] })))).toMatchObject({
      source: '[1:0:0:2::3]:1',
      destination: '[2001:db8::1:0:0:1]:6',
    });
  });
});

describe('what is RTP', () => {
  it('are five packets in sequence; the first of them count', () => {
    expect(of(sequences(7, 8, 9, 10))).toMatchObject({ streams: [], frames: { rtp: 0, other_udp: 4 } });
    expect(of(sequences(7, 8, 9, 10, 11))).toMatchObject({ streams: [{ packets: 5 }], frames: { rtp: 5, other_udp: 0 } });
    // What is far apart proves nothing.
    expect(of(sequences(1, 300, 600, 900, 1_200, 1_500))).toMatchObject({ streams: [], frames: { other_udp: 6 } });
  });

  it('is not what looks like it in one packet, however often', () => {
    const query = Buffer.from('8180010000010001000000000377777700000100', 'hex');
    expect(of(datagrams(Array.from({ length: 50 }, () => query)))).toMatchObject({ streams: [], frames: { other_udp: 50 } });
    expect(captureLayout(of([])).doubts).toEqual(['no RTP stream was found: five packets in sequence make one']);
  });

  it('is told from RTCP, STUN and other datagrams', () => {
    const rtcp = Buffer.alloc(28);
    rtcp.set([0x80, 200, 0, 6]);
    const stun = Buffer.alloc(20, 1);
    const capture = of([...sequences(1, 2, 3, 4, 5, 6), ...datagrams([rtcp, stun, Buffer.from('INVITE sip:'), Buffer.alloc(0)])]);
    expect(capture.frames).toMatchObject({ total: 10, rtp: 6, rtcp: 1, other_udp: 3 });
  });

  it('in frames that the capture cut counts by its header', () => {
    const capture = measure(pcap(scene({ packets: 50 }), { snapLength: 54 }));
    expect(onlyStream(capture)).toMatchObject({ packets: 50, lost: 0 });
    expect(capture.frames.cut).toBe(50);
    expect(capture.warnings).toEqual(['50 datagrams are not whole in the capture: they count by their headers']);
  });

  it('in fragments counts by the first of them', () => {
    const whole = scene({ packets: 10 });
    const parts = whole.flatMap(({ atNs, frame: bytes }) => {
      const first = Buffer.from(bytes.subarray(0, 14 + 20 + 8 + 56));
      first.writeUInt16BE(20 + 64, 16);
      first.writeUInt16BE(0x2000, 20);
      const second = Buffer.concat([bytes.subarray(0, 34), bytes.subarray(14 + 20 + 64)]);
      second.writeUInt16BE(second.length - 14, 16);
      second.writeUInt16BE(8, 20);
      return [
        { atNs, frame: first },
        { atNs, frame: second },
      ];
    });
    const capture = of(parts);
    expect(onlyStream(capture)).toMatchObject({ packets: 10, lost: 0 });
    expect(capture.frames).toMatchObject({ total: 20, rtp: 10, fragments: 10, cut: 10 });
    expect(capture.warnings[0]).toBe('10 further parts of fragmented datagrams are left out; the first parts count');
  });

  it('is found behind the extension headers of IPv6', () => {
    const extended = scene({ packets: 10, from: ['2001:db8:0:0:0:0:0:1', 4000], to: ['2001:db8:0:0:0:0:0:2', 6] }).map(
      ({ atNs, frame: bytes }) => {
        const head = Buffer.from(bytes.subarray(0, 54));
        head.writeUInt16BE(bytes.length - 54 + 8 + 12 + 8, 18);
        head[20] = 0;
        const hopByHop = Buffer.from([51, 0, 0, 0, 0, 0, 0, 0]);
        const authentication = Buffer.from([44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        const fragment = Buffer.from([17, 0, 0, 0, 0, 0, 0, 1]);
        return { atNs, frame: Buffer.concat([head, hopByHop, authentication, fragment, bytes.subarray(54)]) };
      },
    );
    expect(onlyStream(of(extended)).packets).toBe(10);
  });

  it('is left out of TCP, ARP and broken frames, which are counted', () => {
    const [first] = scene({ packets: 1 });
    const bytes = first?.frame ?? Buffer.alloc(0);
    const tcp = Buffer.from(bytes);
    tcp[23] = 6;
    const arp = Buffer.from(bytes);
    arp.writeUInt16BE(0x0806, 12);
    const broken = Buffer.from(bytes);
    broken[14] = 0x42;
    const frames = [tcp, arp, broken, bytes.subarray(0, 13)].map((bytes) => ({ atNs: first?.atNs ?? 0n, frame: bytes }));
    expect(of(frames).frames).toMatchObject({ total: 4, not_udp: 1, not_ip: 1, broken: 2 });
  });
});

describe('round trips', () => {
  it('are those of each packet to its echo, to the nanosecond', () => {
    const { streams, round_trips: trips } = of(scene({ echoNs: 12_345_678 }));
    expect(streams).toHaveLength(2);
    expect(trips?.summary).toMatchObject({
      total_latencies: 400,
      max_latency: 12.345678,
      avg_latency: 12.345678,
      late_ratio: 0,
      packet_loss_ratio: 0,
      sent: 400,
      received: 400,
      lost: 0,
      in_flight: 0,
      unmatched: 0,
    });
    expect(trips?.pairs).toMatchObject([
      { source: '192.0.2.1:4000', destination: '198.51.100.2:5004', total_latencies: 400, p50_latency: 12.345678 },
    ]);
    expect(trips?.peak_channels).toBe(1);
  });

  it('are lost where an echo is missing, and in flight where the capture ends', () => {
    const packets = scene({ packets: 600, echoNs: 500_000_000 });
    const echoes = packets.filter(({ frame: bytes }) => bytes.readUInt16BE(34) === 5004);
    const dropped = new Set(echoes.slice(100, 130));
    const summary = of(packets.filter((packet) => !dropped.has(packet)).slice(0, -25)).round_trips?.summary;
    expect(summary).toMatchObject({ sent: 600, lost: 30, in_flight: 25, received: 545, total_latencies: 545 });
    expect(summary?.packet_loss_ratio).toBeCloseTo(30 / 575, 9);
  });

  it('count all that was sent before the first echo, however long before', () => {
    const packets = scene({ packets: 1_000, echoNs: 1_000_000 });
    const silent = packets.filter(
      ({ atNs, frame: bytes }) => bytes.readUInt16BE(34) === 4000 || atNs - (packets[0]?.atNs ?? 0n) > 10_000_000_000n,
    );
    expect(of(silent).round_trips?.summary).toMatchObject({ sent: 1_000, received: 500, lost: 500, unmatched: 0 });
  });

  it('go from the caller to the echo, also when the capture begins with an echo', () => {
    const trips = of(scene({ echoNs: 30_000_000 }).slice(2)).round_trips;
    expect(trips?.pairs).toMatchObject([{ source: '192.0.2.1:4000', sent: 398, received: 398, unmatched: 2 }]);
    const quick = of(scene({ echoNs: 1_000_000 }).slice(1)).round_trips;
    expect(quick?.pairs).toMatchObject([{ source: '192.0.2.1:4000', sent: 399, received: 399, unmatched: 1, max_latency: 1 }]);
  });

  it('are none between two parties that talk to each other', () => {
    const capture = of(together(scene({ ssrc: 1 }), scene({ ssrc: 2, from: TO, to: FROM })));
    expect(capture.streams).toHaveLength(2);
    expect(capture.round_trips).toBeNull();
    expect(checkCapture(capture)).toMatchObject({ verdict: 'insufficient', channels: 0 });
  });

  it('are checked against the service level as those of a run', () => {
    const verdict = (echoNs: number): string => checkCapture(of(scene({ packets: 10_000, echoNs }))).verdict;
    expect(verdict(2_000_000)).toBe('pass');
    expect(verdict(30_000_000)).toBe('fail');
    expect(checkCapture(of(scene({ echoNs: 1e6 }))).verdict).toBe('insufficient');
  });

  it('have no certain loss when the capture lost frames itself', () => {
    const packets = scene({ packets: 10_000, echoNs: 1e6 });
    const file = (dropped: bigint): Buffer => Buffer.concat([pcapng(packets), statistics(dropped)]);
    expect(checkCapture(measure(file(0n))).verdict).toBe('pass');
    const lossy = measure(file(7n));
    expect(lossy).toMatchObject({ frames: { dropped: 7 }, warnings: [expect.stringContaining('the capture itself lost 7 frames')] });
    expect(checkCapture(lossy)).toMatchObject({ verdict: 'inconclusive' });
    expect(
      checkCapture(lossy)
        .checks.filter(({ status }) => status !== 'pass')
        .map(({ name }) => name),
    ).toEqual(['packet_loss_ratio']);
    // The sections of a file lose independently; one that does not say it adds nothing.
    expect(measure(Buffer.concat([file(3n), file(4n), pcapng(packets)])).frames.dropped).toBe(7);
    expect(measure(pcapng(packets)).frames.dropped).toBeNull();
  });

  it('of calls one after the other are of one channel', () => {
    const calls = [0, 1, 2].map((i) => scene({ echoNs: 1e6, from: ['192.0.2.1', 4000 + i], delayNs: i * 20e9 }));
    expect(of(together(...calls)).round_trips).toMatchObject({ peak_channels: 1, pairs: [{}, {}, {}] });
    const at = calls.map((_, i) => scene({ echoNs: 1e6, from: ['192.0.2.1', 4000 + i] }));
    expect(of(together(...at)).round_trips?.peak_channels).toBe(3);
  });
});

it('tells a change of the SSRC from another stream', () => {
  const other = scene({ ssrc: 9, from: ['192.0.2.9', 4000] });
  const { streams } = of(together(scene({ ssrc: 1 }), other, scene({ ssrc: 2, delayNs: 9e9 })));
  expect(streams.map(({ ssrc, previous_ssrc }) => [ssrc, previous_ssrc])).toEqual([
    [1, null],
    [9, null],
    [2, 1],
  ]);
});

describe('the document', () => {
  const schema = JSON.parse(readFileSync(new URL('../../../schema/rtplat.capture-1.schema.json', import.meta.url), 'utf8')) as object;
  const validate = new Ajv({ strict: true, formats: { 'date-time': true } }).compile(schema);
  const capture = of(scene({ echoNs: 1e6, loss: 0.1 }));

  it.each([capture, of([]), of(scene())])('is what its schema says', (document) => {
    expect(validate(JSON.parse(JSON.stringify(document))), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...document, frames: {} })).toBe(false);
  });

  it('becomes tables of as many cells as columns', () => {
    const many = Array.from({ length: 60 }, (_, i) => scene({ packets: 10, from: ['192.0.2.1', 4000 + i], echoNs: 1e6, link: 'raw' }));
    for (const document of [capture, of([]), measure(pcap(together(...many), { link: 'raw' }))]) {
      const { title, tables } = captureLayout(document);
      expect(title).toContain('x.pcap: pcap');
      for (const { columns, rows } of tables) for (const row of rows) expect(row).toHaveLength(columns.length);
      expect(tables[1]?.note.includes('and 70 more streams')).toBe(document.streams.length === 120);
    }
  });
});
