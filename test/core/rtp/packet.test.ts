import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { clockRateOf, createRtpPacket, parseRtp, RTP_HEADER_BYTES, type RtpPacket, writeRtpHeader } from '../../../src/core/rtp/packet.ts';

/** Bytes from hexadecimal digits; blanks are for the reader. */
function bytes(hex: string): Uint8Array {
  const digits = hex.replaceAll(' ', '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

function parse(packet: Uint8Array): RtpPacket | string {
  const out = createRtpPacket();
  return parseRtp(packet, 0, packet.length, out) ?? out;
}

/** V=2, marker, PCMU, sequence 0x1234, timestamp 0x89abcdef, SSRC 0xfedcba98, four bytes of payload. */
const GOLDEN = '80 80 1234 89abcdef fedcba98 ff7f0080';
const GOLDEN_HEADER = { marker: true, payloadType: 0, sequence: 0x1234, timestamp: 0x89abcdef, ssrc: 0xfedcba98 };

describe('RFC 3550 §5.1: the fixed header', () => {
  it('reads the golden bytes', () => {
    expect(parse(bytes(GOLDEN))).toEqual({
      ...GOLDEN_HEADER,
      csrcCount: 0,
      extension: false,
      payloadOffset: 12,
      payloadLength: 4,
    });
  });

  it('writes the golden bytes', () => {
    const packet = new Uint8Array(16);
    const payload = writeRtpHeader(packet, 0, GOLDEN_HEADER);
    packet.set(bytes('ff7f0080'), payload);
    expect(packet).toEqual(bytes(GOLDEN));
  });

  it('writes at an offset and leaves all around it alone', () => {
    const buffer = new Uint8Array(20).fill(0xaa);
    expect(writeRtpHeader(buffer, 4, { marker: false, payloadType: 8, sequence: 1, timestamp: 2, ssrc: 3 })).toBe(16);
    expect(buffer).toEqual(bytes('aaaaaaaa 80 08 0001 00000002 00000003 aaaaaaaa'));
  });

  it('takes every field modulo its width', () => {
    const buffer = new Uint8Array(12);
    writeRtpHeader(buffer, 0, { marker: false, payloadType: 0x88, sequence: 65_536 + 7, timestamp: 2 ** 32 + 9, ssrc: -1 });
    expect(buffer).toEqual(bytes('80 08 0007 00000009 ffffffff'));
  });

  test('a packet of the header alone has no payload', () => {
    expect(parse(bytes('80 00 0000 00000000 00000000'))).toMatchObject({ payloadOffset: 12, payloadLength: 0 });
  });

  it('reads back whatever it writes', () => {
    const header = fc.record({
      marker: fc.boolean(),
      // 64 to 95 with a marker is RTCP (RFC 5761 §4).
      payloadType: fc.oneof(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 96, max: 127 })),
      sequence: fc.integer({ min: 0, max: 0xffff }),
      timestamp: fc.integer({ min: 0, max: 0xffff_ffff }),
      ssrc: fc.integer({ min: 0, max: 0xffff_ffff }),
    });
    fc.assert(
      fc.property(header, fc.nat({ max: 50 }), fc.nat({ max: 200 }), (fields, offset, payloadLength) => {
        const buffer = new Uint8Array(offset + RTP_HEADER_BYTES + payloadLength + 3).fill(0xff);
        writeRtpHeader(buffer, offset, fields);
        const out = createRtpPacket();
        expect(parseRtp(buffer, offset, RTP_HEADER_BYTES + payloadLength, out)).toBeUndefined();
        expect(out).toEqual({ ...fields, csrcCount: 0, extension: false, payloadOffset: RTP_HEADER_BYTES, payloadLength });
      }),
    );
  });
});

describe('RFC 3550 §5.1: CSRC list and padding', () => {
  it('skips the contributing sources', () => {
    expect(parse(bytes('82 00 0001 00000002 00000003 11111111 22222222 abcd'))).toMatchObject({
      csrcCount: 2,
      payloadOffset: 20,
      payloadLength: 2,
    });
  });

  it('refuses more contributing sources than there are bytes', () => {
    expect(parse(bytes('82 00 0001 00000002 00000003 11111111 222222'))).toBe('csrc-overrun');
  });

  it('takes the padding off the payload', () => {
    expect(parse(bytes('a0 00 0001 00000002 00000003 abcd 000003'))).toMatchObject({ payloadOffset: 12, payloadLength: 2 });
  });

  it('lets the padding take the whole payload', () => {
    expect(parse(bytes('a0 00 0001 00000002 00000003 00000004'))).toMatchObject({ payloadLength: 0 });
  });

  it.each(['a0 00 0001 00000002 00000003 abcd00', 'a0 00 0001 00000002 00000003 abcd04', 'a0 00 0001 00000002 00000003'])(
    'refuses padding of 0 bytes or more than the payload: %s',
    (hex) => {
      expect(parse(bytes(hex))).toBe('padding-overrun');
    },
  );
});

describe('RFC 3550 §5.3.1: the header extension', () => {
  it('skips it', () => {
    expect(parse(bytes('90 00 0001 00000002 00000003 bede0001 10ff0000 abcdef'))).toMatchObject({
      extension: true,
      payloadOffset: 20,
      payloadLength: 3,
    });
  });

  it('accepts one of no words', () => {
    expect(parse(bytes('90 00 0001 00000002 00000003 bede0000 ab'))).toMatchObject({ payloadOffset: 16, payloadLength: 1 });
  });

  it('finds it behind the contributing sources', () => {
    expect(parse(bytes('91 00 0001 00000002 00000003 11111111 bede0001 00000000 ab'))).toMatchObject({
      payloadOffset: 24,
      payloadLength: 1,
    });
  });

  it.each([
    '90 00 0001 00000002 00000003 bede00',
    '90 00 0001 00000002 00000003 bede0002 00000000',
    '90 00 0001 00000002 00000003 bedeffff',
  ])('refuses one that runs past the end: %s', (hex) => {
    expect(parse(bytes(hex))).toBe('extension-overrun');
  });
});

describe('what is not RTP', () => {
  it.each([
    ['an empty datagram', '', 'too-short'],
    ['eleven bytes', '80 00 0001 00000002 000000', 'too-short'],
    ['version 0: STUN', '00 01 0000 2112a442 00000000 00000000', 'version'],
    ['version 1', '40 00 0001 00000002 00000003', 'version'],
    ['version 3', 'c0 00 0001 00000002 00000003', 'version'],
    ['an RTCP sender report (RFC 5761 §4)', '80 c8 0006 00000002 00000003', 'rtcp'],
    ['the first RTCP type', '80 c0 0006 00000002 00000003', 'rtcp'],
    ['the last RTCP type', '80 df 0006 00000002 00000003', 'rtcp'],
  ])('%s', (_, hex, rejection) => {
    expect(parse(bytes(hex))).toBe(rejection);
  });

  test('the payload types around the RTCP range are RTP', () => {
    expect(parse(bytes('80 bf 0001 00000002 00000003'))).toMatchObject({ marker: true, payloadType: 63 });
    expect(parse(bytes('80 e0 0001 00000002 00000003'))).toMatchObject({ marker: true, payloadType: 96 });
  });

  test('a length beyond the buffer is too short', () => {
    expect(parseRtp(bytes(GOLDEN), 8, 16, createRtpPacket())).toBe('too-short');
  });

  test('no bytes at all make it throw, and what it accepts lies inside the packet', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      // Version 2 with any flags, so that the deeper checks are reached.
      fc
        .tuple(fc.integer({ min: 0x80, max: 0xbf }), fc.uint8Array({ minLength: 8, maxLength: 120 }))
        .map(([first, rest]) => Uint8Array.from([first, ...rest])),
    );
    fc.assert(
      fc.property(hostile, fc.nat({ max: 8 }), (packet, offset) => {
        const out = createRtpPacket();
        const length = packet.length - offset;
        if (parseRtp(packet, offset, length, out) !== undefined) return;
        expect(out.payloadOffset).toBeGreaterThanOrEqual(RTP_HEADER_BYTES + 4 * out.csrcCount);
        expect(out.payloadLength).toBeGreaterThanOrEqual(0);
        expect(out.payloadOffset + out.payloadLength).toBeLessThanOrEqual(length);
        expect(out.timestamp).toBeGreaterThanOrEqual(0);
        expect(out.ssrc).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('RFC 3551 §6: clock rates', () => {
  it.each([
    [0, 8_000],
    [8, 8_000],
    [9, 8_000],
    [6, 16_000],
    [10, 44_100],
    [11, 44_100],
    [14, 90_000],
    [16, 11_025],
    [17, 22_050],
    [25, 90_000],
    [34, 90_000],
    [35, 8_000],
    [101, 8_000],
  ])('payload type %i runs at %i Hz', (payloadType, rate) => {
    expect(clockRateOf(payloadType)).toBe(rate);
  });
});
