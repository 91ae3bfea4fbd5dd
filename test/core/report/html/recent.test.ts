import { describe, expect, it } from 'vitest';
import { recentFigure } from '../../../../src/core/report/html/timeline.ts';
import { figureHtml } from '../../../../src/core/report/html/figure.ts';
import type { SeriesRow } from '../../../../src/core/report/run.ts';

const row = (t: number, parts: Partial<SeriesRow> = {}): SeriesRow => ({
  ...{ t, sent: 50, received: 50, lost: 0, late: 0, p50: 1, p95: 2, p99: 3, max: 4 },
  ...parts,
});
const NOTHING = { sent: 0, received: 0, p50: null, p95: null, p99: null, max: null };

/** Marks of the axis of time of the wide picture. */
function marks(rows: readonly SeriesRow[]): readonly string[] {
  const text = figureHtml(recentFigure(rows)).toString();
  const wide = text.slice(0, text.indexOf('class="narrow"'));
  return [...wide.matchAll(/text-anchor="(?:middle|end)">(−?\d+:\d\d)</g)].map(([, label]) => label ?? '');
}

describe('the last seconds of a service', () => {
  it('are no picture while nothing is sent', () => {
    expect(recentFigure([])).toBeNull();
    expect(recentFigure([row(-3, NOTHING), row(-2, NOTHING)])).toBeNull();
  });

  it('count before now, over a minute at the least', () => {
    const labels = marks([row(-9, NOTHING), row(-8), row(-7)]);
    expect([labels[0], labels.at(-1)]).toEqual(['−1:00', '0:00']);
  });

  it('are a point each, five minutes long, and have a table of fewer rows', () => {
    const rows = Array.from({ length: 298 }, (_, i) => row(i - 300, i === 0 ? { max: 90 } : {}));
    const figure = recentFigure(rows);
    expect(figure?.about.toString()).toContain('Each point is a second');
    expect(figure?.pictures.toString()).toContain('From −5:00 to −0:02: the highest latency, 90.000 ms, at −5:00');
    const [line] = /d="(M[^"]+)"/.exec(figure?.pictures.toString() ?? '')?.slice(1) ?? [];
    expect(line?.split('L')).toHaveLength(298);
    expect(figure?.tables.map((table) => table.rows.length)).toEqual([30]);
    expect([marks(rows)[0], marks(rows).at(-1)]).toEqual(['−5:00', '0:00']);
  });

  it('show seconds of which nothing came back as lost, and end the line', () => {
    const text = recentFigure([row(-9), row(-8), row(-7, { ...NOTHING, sent: 50, lost: 50 }), row(-6), row(-5)])?.pictures.toString() ?? '';
    expect(text).toContain('−0:07: 50 lost');
    expect(/d="(M[^"]+)"/.exec(text)?.[1]?.split('M')).toHaveLength(3);
  });
});
