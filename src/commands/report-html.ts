/** What of a result the HTML page shows. */
import { renderPage } from '../core/report/html/page.ts';
import type { Drawn } from '../core/report/html/page.ts';
import { marksOf } from '../core/report/html/percentiles.ts';
import type { Judged } from '../core/report/render/judged.ts';
import { isJudged, verdictOf } from '../core/report/render/judged.ts';
import { verdictTone } from '../core/report/render/table.ts';
import type { RunSource } from '../core/report/sources.ts';
import { LatencyHistogram } from '../core/stats/histogram.ts';
import { VERSION } from '../version.ts';
import type { Result } from './report-result.ts';
import { judgedTables, layOut } from './report-tables.ts';

export function renderHtml(result: Result, judged: Judged): string {
  const { title, tables, doubts } = layOut(result);
  const verdict = verdictOf(judged);
  return renderPage({
    title,
    verdict: isJudged(judged) ? { text: verdict, tone: verdictTone(verdict) } : null,
    doubts,
    judged: judgedTables(judged),
    measured: tables,
    drawn: drawnOf(result),
    before: judged.baseline?.histograms.baseline ?? null,
    marks: marksOf(judged.sla),
    version: VERSION,
  });
}

function drawnOf(result: Result): readonly Drawn[] {
  switch (result.kind) {
    case 'run':
      return [drawnRun(result.source)];
    case 'several':
      return result.sources.map(drawnRun);
    case 'service':
      return [{ name: result.source.name, histogram: null, rows: [], calls: result.source.calls }];
    case 'capture': {
      const { name, capture } = result.source;
      const histogram = capture.round_trips === null ? null : LatencyHistogram.decode(capture.round_trips.histogram);
      return [{ name, histogram, rows: [], calls: [] }];
    }
  }
}

function drawnRun({ name, run }: RunSource): Drawn {
  return { name, histogram: LatencyHistogram.decode(run.histogram), rows: run.series, calls: run.calls };
}
