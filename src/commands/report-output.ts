/** One result in any of the forms, and where each goes. */
import { appendFile, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ChalkInstance } from 'chalk';
import { messageOf, RtplatError } from '../core/errors.ts';
import { writeAtomically } from '../core/report/files.ts';
import { callCsvRow, renderCsv } from '../core/report/render/csv.ts';
import type { CsvRow } from '../core/report/render/csv.ts';
import { renderHgrm } from '../core/report/render/hgrm.ts';
import { isJudged, judgedRows, verdictOf } from '../core/report/render/judged.ts';
import type { Judged } from '../core/report/render/judged.ts';
import { renderJson } from '../core/report/render/json.ts';
import { renderJunit } from '../core/report/render/junit.ts';
import { renderMarkdown } from '../core/report/render/markdown.ts';
import { renderRunsPrometheus } from '../core/report/render/prometheus-run.ts';
import { verdictTone } from '../core/report/render/table.ts';
import type { EncodedHistogram } from '../core/stats/histogram.ts';
import { escapeControl } from '../core/values/terminal.ts';
import type { CommandIo } from './io.ts';
import { formatOfFile, KNOWN_ENDINGS } from './report-formats.ts';
import type { Format } from './report-formats.ts';
import { documentOf } from './report-result.ts';
import type { Result } from './report-result.ts';
import { judgedTables, layOut } from './report-tables.ts';
import { paint, renderTables } from './report-view.ts';
import type { ViewOptions } from './report-view.ts';

export interface OutFile {
  readonly file: string;
  readonly format: Format;
}

/** @throws RtplatError `usage` for a file whose ending stands for nothing. */
export function outFiles(names: readonly string[]): readonly OutFile[] {
  return names.map((file) => {
    const format = formatOfFile(file);
    if (format !== undefined) return { file, format };
    throw new RtplatError('usage', `--out ${file}: its ending says no format`, { hint: `the endings are ${KNOWN_ENDINGS}` });
  });
}

/** @throws RtplatError `usage` when the verdict is asked for in a form that holds nothing else, and nothing is to be judged. */
export function refuseEmptyVerdict(formats: readonly Format[], isJudged: boolean): void {
  if (!formats.includes('junit') || isJudged) return;
  throw new RtplatError('usage', 'JUnit XML holds a verdict and nothing else', {
    hint: 'add --sla, --fail-on, --thresholds or --baseline',
  });
}

/** @throws RtplatError `usage` for a form that a source cannot have: a live service gives out no histogram, a capture is no run. */
export async function renderAs(format: Format, result: Result, judged: Judged, view: ViewOptions): Promise<string> {
  switch (format) {
    case 'table':
      return renderText(result, judged, view);
    case 'json':
      return renderJson(documentOf(result, judged));
    case 'markdown': {
      const { title, tables, doubts } = layOut(result);
      const verdict = isJudged(judged) ? verdictOf(judged) : null;
      return renderMarkdown({ title, verdict, doubts, tables: [...judgedTables(judged), ...tables] });
    }
    case 'junit': {
      const { title, doubts } = layOut(result);
      const run = result.kind === 'run' ? result.source.run : null;
      const rows = judgedRows(judged);
      return renderJunit({ title, rows, doubts, timestamp: run?.ended_at ?? null, hostname: run?.host.hostname ?? null });
    }
    case 'csv':
      return renderCsv(csvRows(result));
    case 'prometheus':
      if (result.kind === 'service') throw withoutHistogram(result.source.name, format, 'its own /metrics serves Prometheus');
      if (result.kind === 'capture') throw noRun(result.source.name, format);
      return renderRunsPrometheus(
        (result.kind === 'run' ? [result.source] : result.sources).map(({ name, run }) => ({
          name,
          run,
          endedAtSeconds: Date.parse(run.ended_at) / 1000,
        })),
        judgedRows(judged),
      );
    case 'hgrm':
      if (result.kind === 'service') throw withoutHistogram(result.source.name, format, 'its run file, written at its end, has one');
      return renderHgrm(histogramOf(result));
    case 'html':
      // With what it draws with, only for those who want it.
      return (await import('./report-html.ts')).renderHtml(result, judged);
  }
}

function histogramOf(result: Exclude<Result, { kind: 'service' }>): EncodedHistogram {
  switch (result.kind) {
    case 'run':
      return result.source.run.histogram;
    case 'several':
      return result.merged.histogram;
    case 'capture': {
      const trips = result.source.capture.round_trips;
      if (trips !== null) return trips.histogram;
      throw new RtplatError('usage', `${result.source.name} has no round trips, and no histogram of them`);
    }
  }
}

function noRun(name: string, format: Format): RtplatError {
  return new RtplatError('usage', `${name} is a capture: there is no ${format} of it`, { hint: 'json, markdown and junit there are' });
}

function withoutHistogram(name: string, format: Format, hint: string): RtplatError {
  return new RtplatError('usage', `${name} is a live service, which gives out no histogram: there is no ${format} of it`, { hint });
}

async function renderText(result: Result, judged: Judged, view: ViewOptions): Promise<string> {
  const { title, tables, doubts } = layOut(result);
  const parts = [`${title}\n\n${await renderTables(tables, view)}`];
  parts.push(...doubts.map((doubt) => `${paint(view.chalk, { text: escapeControl(doubt), tone: 'doubt' })}\n`));
  if (isJudged(judged)) {
    const verdict = verdictOf(judged);
    parts.push(`\n${await renderTables(judgedTables(judged), view)}`);
    parts.push(`verdict: ${paint(view.chalk, { text: verdict, tone: verdictTone(verdict) })}\n`);
  }
  return parts.join('');
}

function csvRows(result: Result): readonly CsvRow[] {
  switch (result.kind) {
    case 'run':
      return runRows(result.source);
    case 'service': {
      const { name, metrics, calls } = result.source;
      const { counters, ...rest } = metrics;
      const row = { ...rest, ...counters, received: counters.returned, duration_seconds: metrics.uptime_seconds };
      return [{ ...row, scope: 'run', source: name }, ...calls.map((call) => callCsvRow(name, call))];
    }
    case 'capture':
      throw noRun(result.source.name, 'csv');
    case 'several':
      return [{ ...result.merged.summary, scope: 'all', source: '' }, ...result.sources.flatMap(runRows)];
  }
}

function runRows({ name, run }: Extract<Result, { kind: 'run' }>['source']): readonly CsvRow[] {
  const { started_at, duration_seconds } = run;
  return [{ ...run.summary, scope: 'run', source: name, started_at, duration_seconds }, ...run.calls.map((call) => callCsvRow(name, call))];
}

/** A file has room for the widest table, and no colours. */
const FILE_COLUMNS = 132;

/** What each file is to hold. */
export type FileTexts = readonly (readonly [file: string, text: string])[];

/**
 * @param plain chalk without colours.
 * @throws RtplatError `usage` for a file that is one of the sources.
 */
export async function renderFiles(files: readonly OutFile[], result: Result, judged: Judged, plain: ChalkInstance): Promise<FileTexts> {
  const sources = result.kind === 'several' ? result.sources : [result.source];
  const read = new Set(await Promise.all(sources.map(({ name }) => placeOf(name))));
  const texts: (readonly [string, string])[] = [];
  for (const { file, format } of files) {
    if (read.has(await placeOf(file))) throw new RtplatError('usage', `--out ${file} would replace a source of this report`);
    texts.push([file, await renderAs(format, result, judged, { chalk: plain, columns: FILE_COLUMNS })]);
  }
  return texts;
}

/** Each whole or not at all. @throws RtplatError `file`. */
export async function writeFiles(texts: FileTexts): Promise<void> {
  for (const [file, text] of texts) await writeAtomically(file, text);
}

/** Where a file lies, its links followed. */
export async function placeOf(name: string): Promise<string> {
  try {
    return await realpath(name);
  } catch {
    return resolve(name);
  }
}

/** In GitHub Actions the verdict stands on the page of the job. What goes wrong with that is no reason to fail the job. */
export async function addStepSummary(io: CommandIo, result: Result, judged: Judged, plain: ChalkInstance): Promise<void> {
  const file = io.env['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '' || !isJudged(judged)) return;
  try {
    await appendFile(file, await renderAs('markdown', result, judged, { chalk: plain, columns: FILE_COLUMNS }));
  } catch (error) {
    io.stderr.write(`rtplat: warning: no step summary: ${escapeControl(messageOf(error))}\n`);
  }
}
