/** Merges the histograms of a log with hdr-histogram-js and prints their percentiles: a subject of bench/merge.ts. */
import { readFileSync } from 'node:fs';
import hdr from 'hdr-histogram-js';
import { HIGHEST_NS, LOWEST_NS, SIGNIFICANT_DIGITS } from '../../src/core/stats/histogram.ts';

const [log = ''] = process.argv.slice(2);
const merged = hdr.build({
  lowestDiscernibleValue: LOWEST_NS,
  highestTrackableValue: HIGHEST_NS,
  numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
  bitBucketSize: 32,
  useWebAssembly: false,
});
for (const line of readFileSync(log, 'utf8').split('\n')) {
  const data = line.split(',')[3];
  if (data?.startsWith('H') === true) merged.add(hdr.decodeFromCompressedBase64(data, 32));
}
process.stdout.write(`${JSON.stringify(merged.summary)}\n`);
