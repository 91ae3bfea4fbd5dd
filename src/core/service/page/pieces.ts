/**
 * What moves on the page of `GET /`: the pictures of a report, of a service that goes on. Each piece is the markup of one place of the page,
 * which puts it there as it is: names of calls are escaped here.
 */
import type { RelayNumbers } from '../../relay/none.ts';
import { callFigure } from '../../report/html/calls.ts';
import { seenOf } from '../../report/html/figure.ts';
import type { Figure } from '../../report/html/figure.ts';
import { html } from '../../report/html/markup.ts';
import type { Html } from '../../report/html/markup.ts';
import { marksOf, percentileFigure } from '../../report/html/percentiles.ts';
import { bareTable } from '../../report/html/tables.ts';
import { recentFigure } from '../../report/html/timeline.ts';
import { checkTable, verdictTone } from '../../report/render/table.ts';
import type { ReportVerdict } from '../../report/verdict.ts';
import type { HealthDocument } from '../health.ts';
import { portBars } from './port-bars.ts';

export interface PieceSources {
  readonly relay: Pick<RelayNumbers, 'calls' | 'histogram' | 'recent'>;
  /** Whether calls are relayed, and thus measured. */
  readonly relays: boolean;
  readonly health: () => HealthDocument;
  /** A sentence when there is none. */
  readonly verdict: () => ReportVerdict | string;
}

/** By the names that the places of the page have. What is not there has none, and its place is empty. */
export type Pieces = Readonly<Record<string, string>>;

/** Columns of the picture of the calls. */
const MOST_CALLS = 100;

export function renderPieces({ relay, relays, health, verdict }: PieceSources): Pieces {
  const judged = verdict();
  const { histogram } = relay;
  const marks = marksOf(typeof judged === 'string' ? null : judged);
  const timeline = recentFigure(relay.recent());
  const live = relay.calls().filter(({ ended_at: endedAt }) => endedAt === null);
  return {
    quiet: quiet(relays, histogram.count > 0, timeline !== null),
    ...figurePieces('percentiles', percentileFigure([{ name: 'All calls since the start', histogram }], marks)),
    ...figurePieces('timeline', timeline),
    // Its numbers are in the table of the calls.
    ...figurePieces('by-call', callFigure(live, { order: 'oldest first', most: MOST_CALLS, numbers: false })),
    sla: judgement(judged).toString(),
    ports: portBars(health()).toString(),
  };
}

function figurePieces(name: string, figure: Figure | null): Pieces {
  if (figure === null) return {};
  const numbers = html`${figure.tables.map((table) => [bareTable(table), table.note === '' ? '' : html`<p class="note">${table.note}</p>`])}`;
  return {
    [`${name}-about`]: figure.about.toString(),
    [`${name}-seen`]: seenOf(figure).toString(),
    [`${name}-numbers`]: numbers.toString(),
  };
}

/** Why pictures are missing. */
function quiet(relays: boolean, measured: boolean, recent: boolean): string {
  if (!relays) return 'No call is relayed here, so no latency is measured.';
  if (!measured) {
    return recent
      ? 'Packets were sent to the echo, and none came back: there is no latency to show.'
      : 'Nothing was measured yet. Pictures come with the first packets of a call, some seconds after them.';
  }
  return recent ? '' : 'No packet was sent to the echo in the last minutes.';
}

function judgement(judged: ReportVerdict | string): Html {
  if (typeof judged === 'string') return html`<p>Not judged: ${judged}.</p>`;
  const { checks, channels, verdict } = judged;
  return html`<p class="verdict">Verdict: <strong class="${verdictTone(verdict)}">${verdict}</strong></p>${bareTable(checkTable(checks, channels))}`;
}
