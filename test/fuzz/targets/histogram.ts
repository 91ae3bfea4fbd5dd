import { deflateSync } from 'node:zlib';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';
import type { EncodedHistogram } from '../../../src/core/stats/histogram.ts';
import { must } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

/** Bytes of the container around what is compressed, and of the header within. */
const OUTER_BYTES = 8;
const into = new LatencyHistogram();

export const target: FuzzTarget = {
  name: 'histogram',
  what: 'HdrHistograms of run files, before they are compressed, or as they are: decoded to counts that add up, or refused',
  code: ['stats/hdr-decoder.ts', 'stats/inflate.ts'],
  mostBytes: 1_500,
  inputs: 50_000,
  seeds: (random) => {
    const histogram = new LatencyHistogram();
    for (let i = 0; i < 40; i += 1) histogram.record(1_000 + (random.uint32() % 50_000_000));
    const { data } = histogram.encode();
    return [Uint8Array.of(0), Uint8Array.of(1, ...Buffer.from(data, 'base64')), Uint8Array.of(2, ...Buffer.from(data))];
  },
  check(input) {
    const encoded = encodedOf(input);
    let decoded: LatencyHistogram;
    try {
      decoded = LatencyHistogram.decode(encoded, into) ?? into;
    } catch (error) {
      if (error instanceof RangeError) return;
      throw error;
    }
    must(decoded.count === encoded.count, 'count', decoded.count, encoded.count);
    for (const quantile of [0, 0.5, 0.99, 1]) {
      const ns = decoded.quantileNs(quantile);
      must(ns === null || (Number.isFinite(ns) && ns >= 0), 'a quantile is', ns);
    }
  },
};

/** By the first byte: what is compressed, bytes that are not text, or text. */
function encodedOf(input: Uint8Array): EncodedHistogram {
  const rest = input.subarray(1);
  let data = Buffer.from(rest).toString('latin1');
  if (input[0] === 0) {
    const zipped = deflateSync(rest);
    const outer = Buffer.alloc(OUTER_BYTES);
    outer.writeUInt32BE(0x1c849304);
    outer.writeUInt32BE(zipped.length, 4);
    data = Buffer.concat([outer, zipped]).toString('base64');
  } else if (input[0] === 1) data = Buffer.from(rest).toString('base64');
  return { ...into.encode(), data, count: 40, minNs: 1_000, maxNs: 50_000_000 };
}
