import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { LONGEST_RTCP_BYTES, middleOf, ntpTime, parseRtcp, roundTripMs, writeRtcp } from '../../../src/core/rtp/rtcp.ts';
import type { ReportBlock, RtcpReport } from '../../../src/core/rtp/rtcp.ts';

/** Bytes from hexadecimal digits; blanks are for the reader. */
function bytes(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

const parse = (packet: Uint8Array): ReturnType<typeof parseRtcp> => parseRtcp(packet, 0, packet.length);

const BLOCK: ReportBlock = {
  ssrc: 0xfedc_ba98,
  fractionLost: 0x40,
  cumulativeLost: -2,
  highestSequence: 0x0001_ffff,
  jitterTicks: 33,
  lastSr: 0xb705_2000,
  delaySinceLastSr: 0x0005_4000,
};
const BLOCK_HEX = 'fedcba98 40fffffe 0001ffff 00000021 b7052000 00054000';
const SENDER = { ntp: { seconds: 0xb44d_b705, fraction: 0x2000_0000 }, rtpTimestamp: 0xffff_fff0, packets: 250, octets: 40_000 };
const SENDER_HEX = 'b44db705 20000000 fffffff0 000000fa 00009c40';
/** The CNAME `a@b`, a null and one byte of padding to the word. */
const SDES_HEX = '81 ca 0003 89abcdef 01 03 614062 000000';

describe('RFC 3550 §6.4: reports', () => {
  it.each([
    { what: 'a sender report with a block', hex: `81 c8 000c 89abcdef ${SENDER_HEX} ${BLOCK_HEX}`, sender: SENDER, block: BLOCK },
    { what: 'a sender report without one', hex: `80 c8 0006 89abcdef ${SENDER_HEX}`, sender: SENDER, block: undefined },
    { what: 'a receiver report', hex: `81 c9 0007 89abcdef ${BLOCK_HEX}`, sender: undefined, block: BLOCK },
    { what: 'an empty receiver report', hex: '80 c9 0001 89abcdef', sender: undefined, block: undefined },
  ])('reads and writes the golden bytes of $what', ({ hex, sender, block }) => {
    const golden = bytes(`${hex} ${SDES_HEX}`);
    const buffer = new Uint8Array(LONGEST_RTCP_BYTES).fill(0xaa);
    const length = writeRtcp(buffer, { ssrc: 0x89ab_cdef, sender, block, cname: 'a@b', bye: false });
    expect(buffer.subarray(0, length)).toEqual(golden);
    expect(parse(golden)).toEqual([
      { kind: 'report', ssrc: 0x89ab_cdef, sender, blocks: block === undefined ? [] : [block] },
      { kind: 'cname', ssrc: 0x89ab_cdef, cname: 'a@b' },
    ]);
  });

  it('writes a goodbye as the last word (§6.6)', () => {
    const buffer = new Uint8Array(LONGEST_RTCP_BYTES);
    const length = writeRtcp(buffer, { ssrc: 7, sender: undefined, block: undefined, cname: 'a@b', bye: true });
    expect(buffer.subarray(length - 8, length)).toEqual(bytes('81 cb 0001 00000007'));
    expect(parse(buffer.subarray(0, length))).toContainEqual({ kind: 'bye', ssrcs: [7] });
  });

  it('reads back whatever it writes, within its room', () => {
    const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
    const block = fc.record({
      ssrc: uint32,
      fractionLost: fc.integer({ min: 0, max: 255 }),
      cumulativeLost: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
      highestSequence: uint32,
      jitterTicks: uint32,
      lastSr: uint32,
      delaySinceLastSr: uint32,
    });
    const sender = fc.record({
      ntp: fc.record({ seconds: uint32, fraction: uint32 }),
      rtpTimestamp: uint32,
      packets: uint32,
      octets: uint32,
    });
    const report: fc.Arbitrary<RtcpReport> = fc.record({
      ssrc: uint32,
      sender: fc.option(sender, { nil: undefined }),
      block: fc.option(block, { nil: undefined }),
      cname: fc.string({ unit: 'binary', maxLength: 300 }).filter((name) => name.isWellFormed() && !name.startsWith('\ufeff')),
      bye: fc.boolean(),
    });
    fc.assert(
      fc.property(report, (written) => {
        const buffer = new Uint8Array(LONGEST_RTCP_BYTES + 8).fill(0xaa);
        const length = writeRtcp(buffer, written);
        expect(length % 4).toBe(0);
        expect(length).toBeLessThanOrEqual(LONGEST_RTCP_BYTES);
        const parts = parseRtcp(buffer, 0, length);
        if (typeof parts === 'string') return expect.fail(parts);
        const { ssrc, block: one, cname } = written;
        expect(parts[0]).toEqual({ kind: 'report', ssrc, sender: written.sender, blocks: one === undefined ? [] : [one] });
        const name = parts[1];
        expect(name?.kind === 'cname' && cname.startsWith(name.cname)).toBe(true);
        expect(parts.slice(2)).toEqual(written.bye ? [{ kind: 'bye', ssrcs: [ssrc] }] : []);
        return undefined;
      }),
    );
  });
});

describe('RFC 3550 A.2: what is not a compound packet', () => {
  it.each([
    ['too-short', '80 c9 00'],
    ['version', '40 c9 0001 00000000'],
    ['version', '80 c9 0001 00000000 00 ca 0000'],
    ['first', '80 cb 0001 00000000'],
    ['length', '80 c9 0002 00000000'],
    ['length', '80 c9 0001 00000000 80ca'],
    // The first part is never padded …
    ['padding', 'a0 c9 0002 00000000 00000004'],
    // … and others only at the end, by whole words.
    ['padding', '80 c9 0001 00000000 a0 cb 0001 00000004 80 cb 0000'],
    ['padding', '80 c9 0001 00000000 a0 cb 0001 00000000'],
    ['padding', '80 c9 0001 00000000 a0 cb 0001 00000003'],
    ['padding', '80 c9 0001 00000000 a0 cb 0001 00000008'],
    ['content', `81 c9 0001 00000000`],
    ['content', '80 c8 0001 00000000'],
    ['content', '80 c9 0001 00000000 82 cb 0001 00000000'],
    ['content', '80 c9 0001 00000000 81 ca 0001 00000000'],
    ['content', '80 c9 0001 00000000 81 ca 0002 00000000 01060000'],
    ['content', '80 c9 0001 00000000 81 ca 0000'],
  ])('%s: %s', (problem, hex) => {
    expect(parse(bytes(hex))).toBe(problem);
  });

  it('takes padding at the end, and steps over what it does not know', () => {
    // SDES with a NOTE, application data, XR (RFC 3611), a padded BYE.
    const hex = '80 c9 0001 00000001 81 ca 0002 00000002 07024142 81 ca 0002 00000003 07014100';
    expect(parse(bytes(hex))).toBe('content');
    const whole = '80 c9 0001 00000001 81 ca 0002 00000003 07014100 80 cc 0001 00000001 80 cf 0001 00000001 a1 cb 0002 00000001 00000004';
    expect(parse(bytes(whole))).toEqual([
      { kind: 'report', ssrc: 1, sender: undefined, blocks: [] },
      { kind: 'other', type: 204 },
      { kind: 'other', type: 207 },
      { kind: 'bye', ssrcs: [1] },
    ]);
  });

  it('never throws, and never looks beyond its bytes', () => {
    const word = fc.uint8Array({ minLength: 4, maxLength: 4 });
    const likely = fc
      .tuple(fc.integer({ min: 0x80, max: 0xbf }), fc.integer({ min: 199, max: 208 }), fc.array(word, { maxLength: 20 }), fc.boolean())
      .map(([first, type, words, exact]) =>
        [first, type, 0, exact ? words.length : words.length + 1].concat(words.flatMap((w) => Array.from(w))),
      );
    const compound = fc.array(likely, { minLength: 1, maxLength: 4 }).map((parts) => Uint8Array.from(parts.flat()));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), compound), fc.integer({ min: 0, max: 5 }), (content, offset) => {
        const before = new Uint8Array(offset + content.length + 300).fill(0xff);
        before.set(content, offset);
        const after = new Uint8Array(offset + content.length);
        after.set(content, offset);
        expect(parseRtcp(before, offset, content.length)).toEqual(parseRtcp(after, offset, content.length));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('RFC 3550 §6.4.1: the round trip', () => {
  test('the example of figure 2 is 6.125 s', () => {
    // A is 0xb710_8000: 46864.5 s, and LSR 46853.125 s.
    const block = { ...BLOCK, lastSr: 0xb705_2000, delaySinceLastSr: 0x0005_4000 };
    expect(roundTripMs(11.375e9, block)).toBe(6125);
  });

  it('is unknown without an SR, and where it would be negative by more than clocks err', () => {
    expect(roundTripMs(5, { ...BLOCK, lastSr: 0 })).toBeUndefined();
    expect(roundTripMs(1e6, { ...BLOCK, lastSr: 900, delaySinceLastSr: 130 })).toBe(0);
    expect(roundTripMs(1e6, { ...BLOCK, lastSr: 900, delaySinceLastSr: 132 })).toBeUndefined();
  });

  test('NTP time counts from 1900', () => {
    expect(ntpTime(0)).toEqual({ seconds: 2_208_988_800, fraction: 0 });
    expect(ntpTime(1.5e9)).toEqual({ seconds: 2_208_988_801, fraction: 2 ** 31 });
    expect(middleOf({ seconds: 0xb44d_b705, fraction: 0x2000_ffff })).toBe(0xb705_2000);
  });
});
