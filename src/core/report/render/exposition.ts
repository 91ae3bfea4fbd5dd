/**
 * The text that Prometheus reads: exposition format 0.0.4, and OpenMetrics 1.0. Histograms are classic ones, counted out of an
 * HdrHistogram at the time of the scrape. Base units (seconds, bytes); what was not measured is left out, never 0.
 */
import type { LatencyHistogram } from '../../stats/histogram.ts';

export type ExpositionFormat = 'prometheus' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

export type Labels = Readonly<Record<string, string>>;
/** null: not measured, and left out. */
export type Sample = readonly [value: number | null, labels?: Labels | undefined];

export interface HistogramFamily {
  /** One of each set of labels. */
  readonly parts: readonly (readonly [histogram: LatencyHistogram, labels?: Labels])[];
  /** Upper bounds of the buckets, ns, ascending. */
  readonly boundsNs: readonly number[];
  /** What a value of the histogram is to be multiplied by; 1 unless given. */
  readonly scale?: number;
}

/** Builds either format; the two differ in the name of a counter's family, the info type, number shapes and the end mark. */
export class Exposition {
  readonly #format: ExpositionFormat;
  readonly #lines: string[] = [];

  constructor(format: ExpositionFormat) {
    this.#format = format;
  }

  /** @param name without `rtplat_` in front, and without `_total`, which the samples carry. */
  counter(name: string, help: string, values: number | null | readonly Sample[]): void {
    const samples = samplesOf(values);
    if (samples.every(([value]) => value === null)) return;
    const family = this.#format === 'openmetrics' ? name : `${name}_total`;
    this.#head(family, 'counter', help);
    for (const sample of samples) this.#sample(`${name}_total`, sample);
  }

  gauge(name: string, help: string, values: number | null | readonly Sample[]): void {
    const samples = samplesOf(values);
    if (samples.every(([value]) => value === null)) return;
    this.#head(name, 'gauge', help);
    for (const sample of samples) this.#sample(name, sample);
  }

  info(name: string, help: string, labels: Labels): void {
    if (this.#format === 'openmetrics') this.#head(name, 'info', help);
    else this.#head(`${name}_info`, 'gauge', help);
    this.#sample(`${name}_info`, [1, labels]);
  }

  histogram(name: string, help: string, { parts, boundsNs, scale = 1 }: HistogramFamily): void {
    this.#head(name, 'histogram', help);
    for (const [histogram, labels] of parts) {
      const counts = cumulative(histogram, boundsNs, scale);
      boundsNs.forEach((boundNs, i) => {
        this.#sample(`${name}_bucket`, [counts[i] ?? 0, { ...labels, le: this.#bound(boundNs / 1e9) }]);
      });
      this.#sample(`${name}_bucket`, [histogram.count, { ...labels, le: '+Inf' }]);
      this.#sample(`${name}_sum`, [Math.round((histogram.meanNs ?? 0) * histogram.count * scale) / 1e9, labels]);
      this.#sample(`${name}_count`, [histogram.count, labels]);
    }
  }

  end(): string {
    if (this.#format === 'openmetrics') this.#lines.push('# EOF');
    return `${this.#lines.join('\n')}\n`;
  }

  #head(family: string, type: string, help: string): void {
    this.#lines.push(`# HELP rtplat_${family} ${this.#escapeHelp(help)}`, `# TYPE rtplat_${family} ${type}`);
  }

  #sample(name: string, [value, labels]: Sample): void {
    if (value === null) return;
    const pairs = Object.entries(labels ?? {}).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
    this.#lines.push(`rtplat_${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`);
  }

  /** OpenMetrics wants `1.0` where the older format has `1`. */
  #bound(seconds: number): string {
    return this.#format === 'openmetrics' && Number.isInteger(seconds) ? `${seconds}.0` : String(seconds);
  }

  #escapeHelp(help: string): string {
    const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    return this.#format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped;
  }
}

/** A label's value between its quotes: backslash, quote and line feed escaped, as both formats want it. */
export function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** Milliseconds as seconds; null stays null. */
export function toSeconds(ms: number | null): number | null {
  // Through nanoseconds, so that 5.001 ms is 0.005001 and not the nearest double to a thousandth of it.
  return ms === null ? null : Math.round(ms * 1e6) / 1e9;
}

function samplesOf(values: number | null | readonly Sample[]): readonly Sample[] {
  return values === null || typeof values === 'number' ? [[values]] : values;
}

/**
 * Samples at or below each bound, in one pass. A bucket of the HdrHistogram that straddles a bound counts for the next one: at
 * most 0.1 % of the value away.
 */
function cumulative(histogram: LatencyHistogram, boundsNs: readonly number[], scale: number): number[] {
  const counts: number[] = [];
  let total = 0;
  let next = 0;
  for (const bucket of histogram.buckets()) {
    const upToNs = bucket.upToNs * scale;
    for (let boundNs = boundsNs[next]; boundNs !== undefined && upToNs > boundNs; boundNs = boundsNs[++next]) counts.push(total);
    total += bucket.count;
  }
  while (counts.length < boundsNs.length) counts.push(total);
  return counts;
}
