/** The percentile distribution as HdrHistogram writes it (`.hgrm`), which its plotters read; values in milliseconds. */
import hdr from 'hdr-histogram-js';
import { LatencyHistogram } from '../../stats/histogram.ts';
import type { EncodedHistogram } from '../../stats/histogram.ts';

const NS_PER_MS = 1e6;
/** Lines between a percentile and the one half as far from 100 %: HdrHistogram's own default. */
const TICKS = 5;

/** HdrHistogram's own has zeros for what was not measured. */
const OF_NOTHING = `       Value     Percentile TotalCount 1/(1-Percentile)

#[Mean    =          NaN, StdDeviation   =          NaN]
#[Max     =          NaN, Total count    =            0]
`;

/** @param encoded of a run that `parseRun` has read. */
export function renderHgrm(encoded: EncodedHistogram): string {
  const { count, maxNs } = encoded;
  if (count === 0 || maxNs === null) return OF_NOTHING;
  // Written anew: what reads it here is stricter than what has read the run, with base64 that is not padded for one.
  const { data } = LatencyHistogram.decode(encoded).encode();
  const text = hdr.decodeFromCompressedBase64(data, 32).outputPercentileDistribution(TICKS, NS_PER_MS);
  // The buckets know the maximum to 3 digits, the run all of them.
  return text.replace(/Max {5}= *[\d.]+/, `Max     = ${(maxNs / NS_PER_MS).toFixed(3).padStart(12)}`);
}
