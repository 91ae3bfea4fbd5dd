/**
 * A report as one HTML file that needs nothing else: pictures as SVG, every number in a table too, and no script, so that nothing of a run
 * file can run. A policy in the page forbids whatever is not its own style sheet.
 */
import type { LatencyHistogram } from '../../stats/histogram.ts';
import type { Cell, Table } from '../render/table.ts';
import type { CallRow } from '../run.ts';
import { callFigure } from './calls.ts';
import { figureHtml } from './figure.ts';
import { lossFigure } from './losses.ts';
import { Html, html, NOTHING } from './markup.ts';
import { percentileFigure } from './percentiles.ts';
import type { Mark } from './percentiles.ts';
import { STYLE, STYLE_HASH } from './style.ts';
import { tableHtml } from './tables.ts';
import { overlayFigure, timelineFigure } from './timeline.ts';
import type { NamedSeries } from './timeline.ts';

/** A run, or what of a source can be drawn. */
export interface Drawn extends NamedSeries {
  /** null where a source has none, as a live service. */
  readonly histogram: LatencyHistogram | null;
  readonly calls: readonly CallRow[];
}

export interface PageParts {
  readonly title: string;
  /** null when nothing was judged. */
  readonly verdict: Cell | null;
  /** Why the numbers should not be believed as they stand. */
  readonly doubts: readonly string[];
  readonly judged: readonly Table[];
  readonly measured: readonly Table[];
  readonly drawn: readonly Drawn[];
  /** Of the baseline that all is compared with; null without one. */
  readonly before: LatencyHistogram | null;
  /** Bounds on percentiles that were judged. */
  readonly marks: readonly Mark[];
  /** Version of rtplat. */
  readonly version: string;
}

const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;
/** As it stands: escaped, its quotes would not be those that the hash is of. */
const STYLE_SHEET = new Html(`<style>${STYLE}</style>`);

export function renderPage(parts: PageParts): string {
  const { title, verdict, doubts, judged, measured, version } = parts;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="${POLICY}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="referrer" content="no-referrer"/>
<meta name="robots" content="noindex"/>
<title>${title}</title>
${STYLE_SHEET}
</head>
<body>
<header><h1>${title}</h1>
${verdict === null ? NOTHING : html`<p class="verdict">Verdict: <strong class="${verdict.tone}">${verdict.text}</strong></p>`}
</header>
<main>
${
  doubts.length === 0
    ? NOTHING
    : html`<section class="doubts" aria-labelledby="doubts"><h2 id="doubts">Doubts</h2><ul>${doubts.map((doubt) => html`<li>${doubt}</li>`)}</ul></section>
`
}${tableGroup('verdict', 'What was judged', judged)}${tableGroup('numbers', 'What was measured', measured)}${charts(parts)}</main>
<footer>rtplat ${version}. Milliseconds are of round trips; – is what was not measured.</footer>
</body>
</html>
`.toString();
}

/** Tables of more rows do not stand beside others, and scroll by themselves. */
const LONG = 8;

function tableGroup(id: string, title: string, tables: readonly Table[]): Html {
  const shown = tables.filter(({ rows }) => rows.length > 0);
  if (shown.length === 0) return NOTHING;
  return html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2><div class="group tables">${shown.map((table) => html`<div class="${table.rows.length > LONG ? 'long' : 'short'}">${tableHtml(table)}</div>`)}</div></section>
`;
}

function charts({ drawn, before, marks }: PageParts): Html {
  const named = [...(before === null ? [] : [{ name: 'baseline', histogram: before }]), ...drawn];
  const curves = named.flatMap(({ name, histogram }) => (histogram === null ? [] : [{ name, histogram }]));
  const [only] = drawn;
  const alone = only !== undefined && drawn.length === 1 ? only : undefined;
  const rest = alone === undefined ? [overlayFigure(drawn)] : [timelineFigure(alone.rows), lossFigure(alone.rows), callFigure(alone.calls)];
  return html`<div class="group">
${[percentileFigure(curves, marks), ...rest].map(figureHtml)}</div>
`;
}
