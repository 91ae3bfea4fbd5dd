import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import hdr from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { decodeHdr } from '../../../src/core/stats/hdr-decoder.ts';

const CONFIGURATION = { lowest: 1_000, highest: 60_000_000_000, digits: 3 };
const BUCKETS = 18_432;

interface Header {
  readonly payloadLength?: number;
  readonly digits?: number;
  readonly lowest?: bigint;
  readonly highest?: bigint;
  readonly cookie?: number;
}

function plain(
  payload: Uint8Array,
  { payloadLength, digits = 3, lowest = 1_000n, highest = 60_000_000_000n, cookie }: Header = {},
): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32BE(cookie ?? 0x1c849313, 0);
  header.writeInt32BE(payloadLength ?? payload.length, 4);
  header.writeInt32BE(digits, 12);
  header.writeBigInt64BE(lowest, 16);
  header.writeBigInt64BE(highest, 24);
  header.writeDoubleBE(1, 32);
  return Buffer.concat([header, payload]);
}

function zipped(bytes: Uint8Array, length?: number): string {
  const data = deflateSync(bytes, { level: 9 });
  const header = Buffer.alloc(8);
  header.writeUInt32BE(0x1c849314, 0);
  header.writeInt32BE(length ?? data.length, 4);
  return Buffer.concat([header, data]).toString('base64');
}

function decode(data: string): { readonly counts: Uint32Array; readonly total: number } {
  const counts = new Uint32Array(BUCKETS);
  return { ...decodeHdr(data, CONFIGURATION, counts), counts };
}

describe('decodeHdr', () => {
  it('reads what hdr-histogram-js writes, bucket for bucket', () => {
    const sample = fc.tuple(fc.integer({ min: 0, max: 59_999_999_999 }), fc.integer({ min: 1, max: 4_000_000_000 }));
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 40 }), (samples) => {
        const theirs = hdr.build({
          lowestDiscernibleValue: 1_000,
          highestTrackableValue: 60e9,
          numberOfSignificantValueDigits: 3,
          bitBucketSize: 64,
        });
        for (const [value, count] of new Map(samples)) theirs.recordValueWithCount(value, count);
        const data = hdr.encodeIntoCompressedBase64(theirs);
        const fits = Array.from({ length: BUCKETS }, (_, i) =>
          (theirs as unknown as { getCountAtIndex(i: number): number }).getCountAtIndex(i),
        );
        if (fits.some((count) => count > 0xffff_ffff)) return;
        const { counts, total } = decode(data);
        expect([...counts]).toEqual(fits);
        expect(total).toBe(theirs.totalCount);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['no base64', '!!!!'],
    ['base64 of nothing', Buffer.alloc(8).toString('base64')],
    ['zlib data that is cut', zipped(plain(Buffer.alloc(2_000, 2))).slice(0, 40)],
    ['a negative length', zipped(plain(Buffer.alloc(4)), -1)],
    ['a length beyond the data', zipped(plain(Buffer.alloc(4)), 2 ** 31 - 1)],
    ['another cookie inside', zipped(plain(Buffer.alloc(4), { cookie: 0x1c849301 }))],
    ['a payload said to be of 2 GB', zipped(plain(Buffer.alloc(4), { payloadLength: 2 ** 31 - 1 }))],
    ['a payload said to be negative', zipped(plain(Buffer.alloc(4), { payloadLength: -4 }))],
    ['more buckets than there are', zipped(plain(Buffer.alloc(BUCKETS + 1, 2)))],
    ['a run of empty buckets beyond the last', zipped(plain(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])))],
    ['a count that 32 bits cannot hold', zipped(plain(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x40])))],
    ['a word that does not end', zipped(plain(Buffer.from([0x80, 0x80])))],
    ['64 bits of ones', zipped(plain(Buffer.alloc(9, 0xff)))],
    ['a bomb: 40 MB of zeros', zipped(plain(Buffer.alloc(40_000_000)))],
  ])('refuses %s', (_, data) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(() => decode(data)).toThrow(new RangeError('the histogram data cannot be decoded'));
    // What came out of it was bounded before it came.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  });

  it.each([{ digits: 5 }, { lowest: 1n }, { highest: 2n ** 52n }, { highest: -1n }])('refuses another configuration: %o', (header) => {
    expect(() => decode(zipped(plain(Buffer.alloc(4), header)))).toThrow('another range or precision');
  });

  it('answers buckets or a RangeError for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, whole) => {
        const data = whole ? zipped(plain(bytes)) : zipped(bytes);
        try {
          const { counts, total } = decode(data);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(total);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
