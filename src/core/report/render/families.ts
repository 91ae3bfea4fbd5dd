/**
 * What a service tells in numbers, whoever is told: the text of Prometheus, its protobuf, and OTLP are made of these families. Base
 * units (seconds, bytes); what was not measured is left out, never 0.
 */
import type { LatencyHistogram } from '../../stats/histogram.ts';

export type Labels = Readonly<Record<string, string>>;
/** null: not measured, and left out. */
export type Sample = readonly [value: number | null, labels?: Labels | undefined];

export interface NumberFamily {
  readonly type: 'counter' | 'gauge';
  /** With `rtplat_` in front, and without the `_total` of a counter. */
  readonly name: string;
  readonly help: string;
  /** At least one. */
  readonly points: readonly NumberPoint[];
}

export interface NumberPoint {
  readonly value: number;
  readonly labels: Labels;
}

export interface InfoFamily {
  readonly type: 'info';
  /** Without `_info`. */
  readonly name: string;
  readonly help: string;
  readonly labels: Labels;
}

export interface HistogramFamily {
  readonly type: 'histogram';
  readonly name: string;
  readonly help: string;
  /** Upper bounds of the classic buckets, ns, ascending. */
  readonly boundsNs: readonly number[];
  readonly points: readonly HistogramPoint[];
}

export interface HistogramPoint {
  readonly labels: Labels;
  /** Of the moment when the families were made: count, sum and buckets belong together. */
  readonly histogram: LatencyHistogram;
  /** What a value of the histogram is to be multiplied by. */
  readonly scale: number;
}

export type MetricFamily = NumberFamily | InfoFamily | HistogramFamily;

export interface HistogramParts {
  /** One of each set of labels. */
  readonly parts: readonly (readonly [histogram: LatencyHistogram, labels?: Labels])[];
  /** Upper bounds of the classic buckets, ns, ascending. */
  readonly boundsNs: readonly number[];
  /** What a value of the histogram is to be multiplied by; 1 unless given. */
  readonly scale?: number;
}

/** Collects families. Names are given without `rtplat_` in front, and without `_total` and `_info`. */
export class FamilyList {
  readonly #families: MetricFamily[] = [];

  counter(name: string, help: string, values: number | null | readonly Sample[]): void {
    this.#numbers('counter', name, help, values);
  }

  gauge(name: string, help: string, values: number | null | readonly Sample[]): void {
    this.#numbers('gauge', name, help, values);
  }

  info(name: string, help: string, labels: Labels): void {
    this.#families.push({ type: 'info', name: `rtplat_${name}`, help, labels });
  }

  histogram(name: string, help: string, { parts, boundsNs, scale = 1 }: HistogramParts): void {
    const points = parts.map(([histogram, labels = {}]) => ({ labels, histogram: histogram.snapshot(), scale }));
    this.#families.push({ type: 'histogram', name: `rtplat_${name}`, help, boundsNs, points });
  }

  list(): readonly MetricFamily[] {
    return this.#families;
  }

  #numbers(type: NumberFamily['type'], name: string, help: string, values: number | null | readonly Sample[]): void {
    const samples: readonly Sample[] = values === null || typeof values === 'number' ? [[values]] : values;
    const points = samples.flatMap(([value, labels = {}]) => (value === null ? [] : [{ value, labels }]));
    if (points.length > 0) this.#families.push({ type, name: `rtplat_${name}`, help, points });
  }
}

/** The sum of all values of a point, in seconds, exact to the nanosecond. */
export function sumSeconds({ histogram, scale }: HistogramPoint): number {
  return Math.round((histogram.meanNs ?? 0) * histogram.count * scale) / 1e9;
}

/** Milliseconds as seconds; null stays null. */
export function toSeconds(ms: number | null): number | null {
  // Through nanoseconds, so that 5.001 ms is 0.005001 and not the nearest double to a thousandth of it.
  return ms === null ? null : Math.round(ms * 1e6) / 1e9;
}
