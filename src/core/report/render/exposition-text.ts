/** The text that Prometheus reads: exposition format 0.0.4, and OpenMetrics 1.0. Histograms have classic buckets. Pure. */
import { cumulativeBuckets } from './buckets.ts';
import { sumSeconds } from './families.ts';
import type { HistogramFamily, Labels, MetricFamily } from './families.ts';

export type TextFormat = 'prometheus' | 'openmetrics';

/** The two formats differ in the name of a counter's family, the info type, number shapes and the end mark. */
export function renderText(families: readonly MetricFamily[], format: TextFormat): string {
  const text = new Text(format);
  for (const family of families) text.family(family);
  return text.end();
}

class Text {
  readonly #openMetrics: boolean;
  readonly #lines: string[] = [];

  constructor(format: TextFormat) {
    this.#openMetrics = format === 'openmetrics';
  }

  family(family: MetricFamily): void {
    const { type, name, help } = family;
    switch (type) {
      case 'counter':
        this.#head(this.#openMetrics ? name : `${name}_total`, type, help);
        for (const { value, labels } of family.points) this.#sample(`${name}_total`, value, labels);
        break;
      case 'gauge':
        this.#head(name, type, help);
        for (const { value, labels } of family.points) this.#sample(name, value, labels);
        break;
      case 'info':
        if (this.#openMetrics) this.#head(name, 'info', help);
        else this.#head(`${name}_info`, 'gauge', help);
        this.#sample(`${name}_info`, 1, family.labels);
        break;
      case 'histogram':
        this.#histogram(family);
        break;
    }
  }

  end(): string {
    if (this.#openMetrics) this.#lines.push('# EOF');
    return `${this.#lines.join('\n')}\n`;
  }

  #histogram({ name, help, boundsNs, points }: HistogramFamily): void {
    this.#head(name, 'histogram', help);
    for (const point of points) {
      const { labels, histogram } = point;
      const counts = cumulativeBuckets(point, boundsNs);
      boundsNs.forEach((boundNs, i) => {
        this.#sample(`${name}_bucket`, counts[i] ?? 0, { ...labels, le: this.#bound(boundNs / 1e9) });
      });
      this.#sample(`${name}_bucket`, histogram.count, { ...labels, le: '+Inf' });
      this.#sample(`${name}_sum`, sumSeconds(point), labels);
      this.#sample(`${name}_count`, histogram.count, labels);
    }
  }

  #head(family: string, type: string, help: string): void {
    this.#lines.push(`# HELP ${family} ${this.#escapeHelp(help)}`, `# TYPE ${family} ${type}`);
  }

  #sample(name: string, value: number, labels: Labels): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
    this.#lines.push(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`);
  }

  /** OpenMetrics wants `1.0` where the older format has `1`. */
  #bound(seconds: number): string {
    return this.#openMetrics && Number.isInteger(seconds) ? `${seconds}.0` : String(seconds);
  }

  #escapeHelp(help: string): string {
    const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    return this.#openMetrics ? escaped.replaceAll('"', '\\"') : escaped;
  }
}

/** A label's value between its quotes: backslash, quote and line feed escaped, as both formats want it. */
export function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
