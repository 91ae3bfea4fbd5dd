/** Which form of the metrics a client asks for (RFC 9110 §12.5.1). */
import type { ExpositionFormat } from './exposition.ts';

export type MetricsFormat = 'json' | ExpositionFormat;

/** In the order of preference between equals; a range must have the parameters. */
const OFFERED: readonly (readonly [format: MetricsFormat, type: string, parameters: readonly string[]])[] = [
  ['json', 'application/json', []],
  ['protobuf', 'application/vnd.google.protobuf', ['proto=io.prometheus.client.metricfamily', 'encoding=delimited']],
  ['openmetrics', 'application/openmetrics-text', []],
  ['prometheus', 'text/plain', []],
];

/** Longer headers, and ranges beyond the first ones, are not looked at. */
const MAX_CHARS = 2_000;
const MAX_RANGES = 32;

/**
 * The form with the highest weight; between equals a type that was named goes before one that only a wildcard covers, and JSON
 * goes first. Wildcards mean JSON, so that browsers and curl see it. Never refuses: without a match the answer is JSON.
 */
export function negotiate(accept: string | undefined): MetricsFormat {
  if (accept === undefined || accept.length > MAX_CHARS) return 'json';
  let best: { readonly format: MetricsFormat; readonly weight: number; readonly named: boolean } | undefined;
  const ranges = accept.split(',', MAX_RANGES).map(parseRange);
  for (const [format, type, parameters] of OFFERED) {
    const named = ranges.filter((range) => range.type === type && parameters.every((one) => range.parameters.includes(one)));
    const matching = named.length > 0 ? named : ranges.filter((range) => format === 'json' && isWildcard(range.type));
    const weight = Math.max(0, ...matching.map((range) => range.weight));
    if (weight === 0) continue;
    const candidate = { format, weight, named: named.length > 0 };
    if (best === undefined || weight > best.weight || (weight === best.weight && candidate.named && !best.named)) best = candidate;
  }
  return best?.format ?? 'json';
}

function isWildcard(type: string): boolean {
  return type === '*/*' || type === 'application/*';
}

interface MediaRange {
  readonly type: string;
  readonly parameters: readonly string[];
  readonly weight: number;
}

/** All in lower case. */
function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = q === undefined ? 1 : Number(q.slice(2));
  return { type, parameters, weight: weight >= 0 && weight <= 1 ? weight : 0 };
}
