import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallRtcp } from '../../../src/core/caller/rtcp-call.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { StreamSource } from '../../../src/core/probe/source.ts';
import { RTP_HEADER_BYTES } from '../../../src/core/rtp/packet.ts';
import { LONGEST_RTCP_BYTES, middleOf, ntpTime, parseRtcp, writeRtcp } from '../../../src/core/rtp/rtcp.ts';
import type { ReportBlock, RtcpPacket } from '../../../src/core/rtp/rtcp.ts';

const MS = 1e6;
const PTIME_NS = 20 * MS;
const START_NS = 5e12;
const UNIX_NS = 1.7e18;
const FAR_SSRC = 0xfa_0000;

type Report = Extract<RtcpPacket, { kind: 'report' }>;

/** A call on a clock of its own: it sends a packet every 20 ms and gets its turn every 50 ms; the far end answers as a test wants. */
class Rig {
  nowNs = START_NS;
  /** What we sent, with when. */
  readonly sent: { readonly atNs: number; readonly packets: readonly RtcpPacket[]; readonly bytes: number }[] = [];
  readonly source: StreamSource;
  readonly rtcp: CallRtcp;
  packets = 0;

  constructor(seed = 1) {
    const random = new SeededRandom(seed);
    this.source = new StreamSource(PTIME_NS, new SeededRandom(seed));
    this.rtcp = new CallRtcp({
      ...{ source: this.source, clockRateHz: 8_000, payloadBytes: 160, ptimeNs: PTIME_NS, cname: 'a name', nowNs: START_NS },
      unixNs: (atNs) => UNIX_NS + atNs,
      random: () => random.uint32() / 2 ** 32,
      send: (buffer, length) => {
        const packets = parseRtcp(buffer, 0, length);
        if (typeof packets === 'string') throw new Error(packets);
        this.sent.push({ atNs: this.nowNs, packets, bytes: length });
        return true;
      },
    });
  }

  /** @param returns whether our packets come back, as they are. */
  run(ms: number, returns = true): void {
    const bytes = new Uint8Array(RTP_HEADER_BYTES + 160);
    for (const endNs = this.nowNs + ms * MS; this.nowNs < endNs; this.nowNs += 10 * MS) {
      if ((this.nowNs - START_NS) % PTIME_NS === 0) {
        this.source.write(bytes, this.packets++);
        if (returns) this.rtcp.arrived(bytes, 0, bytes.length, this.nowNs + MS);
      }
      if ((this.nowNs - START_NS) % (50 * MS) === 0) this.rtcp.turn(this.nowNs, START_NS, this.packets);
    }
  }

  /** Our last SR. */
  get lastSr(): { readonly atNs: number; readonly report: Report } {
    const { atNs, packets } = this.sent.at(-1)!;
    return { atNs, report: packets[0] as Report };
  }

  /** A report of the far end about us arrives so long from now. */
  hears(afterMs: number, block: Partial<ReportBlock>): void {
    const bytes = new Uint8Array(LONGEST_RTCP_BYTES);
    const none = { fractionLost: 0, cumulativeLost: 0, highestSequence: 0, jitterTicks: 0, lastSr: 0, delaySinceLastSr: 0 };
    const report = { ssrc: FAR_SSRC, sender: undefined, cname: 'far', bye: false };
    const length = writeRtcp(bytes, { ...report, block: { ssrc: this.source.ssrc, ...none, ...block } });
    this.rtcp.received(bytes, 0, length, this.nowNs + afterMs * MS);
  }

  /** The middle of the NTP time of our last SR. */
  get lsr(): number {
    return middleOf(this.lastSr.report.sender!.ntp);
  }
}

describe('our reports (RFC 3550 §6.2, §6.4.1)', () => {
  it('begin at once, as sender reports, with the counts and the media time of that instant', () => {
    const rig = new Rig();
    rig.run(100);
    expect(rig.sent).toHaveLength(1);
    expect(rig.sent[0]?.packets).toEqual([
      {
        kind: 'report',
        ssrc: rig.source.ssrc,
        sender: { ntp: ntpTime(UNIX_NS + START_NS), rtpTimestamp: rig.source.timestampAt(0), packets: 1, octets: 160 },
        blocks: [expect.objectContaining({ ssrc: rig.source.ssrc, cumulativeLost: 0, lastSr: 0 })],
      },
      { kind: 'cname', ssrc: rig.source.ssrc, cname: 'a name' },
    ]);
  });

  it('say nothing before there is media', () => {
    const rig = new Rig();
    rig.rtcp.turn(START_NS + 1e9, START_NS, 0);
    expect(rig.sent).toEqual([]);
    rig.rtcp.bye(START_NS + 1e9);
    expect(rig.sent).toEqual([]);
  });

  it('follow by the reduced minimum, 360 over the kbit/s of both directions, and never take more than 5 % of them', () => {
    for (let seed = 1; seed < 20; seed++) {
      const rig = new Rig(seed);
      rig.run(60_000);
      const gaps = rig.sent.slice(1).map(({ atNs }, i) => (atNs - rig.sent[i]!.atNs) / 1e9);
      // 160 kbit/s: 2.25 s, drawn from half to one and a half of it over e − 3/2.
      expect(Math.min(...gaps)).toBeGreaterThan(0.9);
      expect(Math.max(...gaps)).toBeLessThan(2.85);
      const bytes = rig.sent.reduce((sum, each) => sum + each.bytes + 28, 0);
      expect(bytes / 60).toBeLessThan(1_000);
    }
  });

  it('end with a BYE', () => {
    const rig = new Rig();
    rig.run(1_000);
    rig.rtcp.bye(rig.nowNs);
    expect(rig.sent.at(-1)?.packets.at(-1)).toEqual({ kind: 'bye', ssrcs: [rig.source.ssrc] });
  });

  it('name who sends now: nobody, before anything came back', () => {
    const rig = new Rig();
    rig.run(100, false);
    expect(rig.lastSr.report.blocks).toEqual([]);
  });
});

describe('what the far end says', () => {
  it('is unknown, and not 0, until it has said it', () => {
    const rig = new Rig();
    rig.run(10_000);
    const { sent, ...facts } = rig.rtcp.facts();
    expect(sent).toBe(rig.sent.length);
    expect(facts).toEqual({
      ...{ received: 0, reports: 0, malformed: 0, roundTrips: 0 },
      ...{ roundTripMs: null, meanRoundTripMs: null, leastRoundTripMs: null, mostRoundTripMs: null, roundTripErrorMs: null },
      ...{ farEndLost: null, farEndReceived: null, farEndFractionLost: null, farEndJitterMs: null },
    });
  });

  it('is the round trip without the time that it held our report, whatever both are', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 400, noNaN: true }), fc.integer({ min: 0, max: 60_000 }), (tripMs, heldMs) => {
        const rig = new Rig();
        rig.run(50);
        const fromNowMs = (rig.lastSr.atNs - rig.nowNs) / MS + tripMs + heldMs;
        rig.hears(fromNowMs, { lastSr: rig.lsr, delaySinceLastSr: Math.round(heldMs * 65.536) });
        expect(rig.rtcp.facts().roundTripMs).toBeGreaterThan(tripMs - 0.02);
        expect(rig.rtcp.facts().roundTripMs).toBeLessThan(tripMs + 0.02);
      }),
    );
  });

  it('is counted from when our report left by the kernel, where that is known', () => {
    const rig = new Rig();
    rig.run(50);
    rig.rtcp.departed(rig.lastSr.atNs + 3 * MS);
    rig.hears((rig.lastSr.atNs - rig.nowNs) / MS + 10, { lastSr: rig.lsr });
    expect(rig.rtcp.facts().roundTripMs).toBeCloseTo(7, 9);
  });

  it('has a median, a least and a most over its reports, and the error of a far end that counts in whole milliseconds', () => {
    const rig = new Rig();
    rig.run(50);
    const from = (rig.lastSr.atNs - rig.nowNs) / MS;
    for (const tripMs of [4, 9, 2]) rig.hears(from + tripMs + 37, { lastSr: rig.lsr, delaySinceLastSr: Math.floor(37 * 65.536) });
    const coarse = rig.rtcp.facts();
    expect(coarse).toMatchObject({ roundTrips: 3, roundTripErrorMs: 1 });
    expect(coarse.meanRoundTripMs).toBeCloseTo(5, 1);
    expect(coarse.leastRoundTripMs).toBeCloseTo(2, 1);
    expect(coarse.roundTripMs).toBeCloseTo(4, 1);
    expect(coarse.mostRoundTripMs).toBeCloseTo(9, 1);
    rig.hears(from + 40, { lastSr: rig.lsr, delaySinceLastSr: 2_450 });
    expect(rig.rtcp.facts().roundTripErrorMs).toBeCloseTo(1 / 65.536, 9);
  });

  it('tells no round trip of a report that we never sent, nor of another stream than ours', () => {
    const rig = new Rig();
    rig.run(50);
    rig.hears(5, { lastSr: (rig.lsr + 1) >>> 0 });
    expect(rig.rtcp.facts()).toMatchObject({ received: 1, reports: 1, roundTrips: 0, roundTripMs: null });
    rig.hears(5, { ssrc: 1, lastSr: rig.lsr, cumulativeLost: 7 });
    expect(rig.rtcp.facts()).toMatchObject({ received: 2, reports: 1, roundTripMs: null, farEndLost: 0 });
  });

  it('is what it received: highest number, loss and jitter, also where the number has wrapped and our turn is still to come', () => {
    for (let seed = 1; seed < 30; seed++) {
      const rig = new Rig(seed);
      rig.run(1_930);
      // The last two packets left after our turn.
      const highestSequence = rig.source.sequenceOf(96) + 0x1_0000;
      rig.hears(0, { highestSequence, cumulativeLost: 7, fractionLost: 64, jitterTicks: 24 });
      expect(rig.rtcp.facts()).toMatchObject({ farEndLost: 7, farEndReceived: 90, farEndFractionLost: 0.25, farEndJitterMs: 3 });
    }
  });

  it('is nothing of ours where it names a packet that was never sent', () => {
    const rig = new Rig();
    rig.run(1_000);
    rig.hears(0, { highestSequence: rig.source.sequenceOf(0) - 1 });
    expect(rig.rtcp.facts()).toMatchObject({ reports: 1, farEndReceived: null });
  });

  it('is counted where it is no RTCP', () => {
    const rig = new Rig();
    rig.rtcp.received(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 0, 8, START_NS);
    expect(rig.rtcp.facts()).toMatchObject({ malformed: 1, received: 0 });
  });
});
