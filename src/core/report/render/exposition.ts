/** Families for whoever scrapes: in which form, and under which type. Pure. */
import { renderText } from './exposition-text.ts';
import type { TextFormat } from './exposition-text.ts';
import { renderProtobuf } from './exposition-protobuf.ts';
import type { MetricFamily } from './families.ts';

export type ExpositionFormat = TextFormat | 'protobuf';

const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  protobuf: 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
};

export interface Exposition {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

export function expose(families: readonly MetricFamily[], format: ExpositionFormat): Exposition {
  const body = format === 'protobuf' ? renderProtobuf(families) : renderText(families, format);
  return { contentType: CONTENT_TYPES[format], body };
}
