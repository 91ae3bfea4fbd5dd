import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderPage } from '../../../../src/core/report/html/page.ts';
import type { Drawn, PageParts } from '../../../../src/core/report/html/page.ts';
import { STYLE, STYLE_HASH } from '../../../../src/core/report/html/style.ts';
import type { CallRow, SeriesRow } from '../../../../src/core/report/run.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { histogramOf } from '../make-run.ts';
import { parseXml } from '../render/xml.ts';
import type { XmlElement } from '../render/xml.ts';

const latency = histogramOf(Array.from({ length: 20_000 }, (_, i) => (i + 1) * 1_000));

const row = (t: number, parts: Partial<SeriesRow> = {}): SeriesRow => ({
  t,
  sent: 100,
  received: 100,
  lost: 0,
  late: 0,
  p50: 1,
  p95: 2,
  p99: 3,
  max: 4,
  ...parts,
});

const call = (id: string, parts: Partial<CallRow> = {}): CallRow => ({
  id,
  p50_latency: 1,
  p95_latency: 2,
  p99_latency: 3,
  max_latency: 4,
  counters: { sent: 100, returned: 100, lost: 0 },
  ...parts,
});

const drawn = (parts: Partial<Drawn> = {}): Drawn => ({
  name: 'a.json',
  histogram: latency,
  rows: [row(0), row(1, { lost: 3, received: 97 }), row(2, { late: 2 })],
  calls: [call('one'), call('two', { max_latency: 900, counters: { sent: 100, returned: 99, lost: 1 } })],
  ...parts,
});

const page = (parts: Partial<PageParts> = {}): string =>
  renderPage({
    title: 'a.json: probe',
    verdict: null,
    doubts: [],
    judged: [],
    measured: [],
    drawn: [drawn()],
    before: null,
    marks: [],
    version: '0.1.0',
    ...parts,
  });

/** The page is well-formed XML as well, so that what closes what is not left to a browser. */
function parsed(text: string): readonly XmlElement[] {
  const doctype = '<!doctype html>\n';
  expect(text.startsWith(doctype)).toBe(true);
  const found: XmlElement[] = [];
  const gather = (element: XmlElement): void => {
    found.push(element);
    for (const child of element.inside) gather(child);
  };
  gather(parseXml(text.slice(doctype.length)));
  return found;
}

const named = (elements: readonly XmlElement[], name: string): readonly XmlElement[] => elements.filter((element) => element.name === name);
const headings = (text: string): readonly string[] => named(parsed(text), 'h2').map((heading) => heading.text);

/** Text of an element and of all that is in it. */
function textOf(element: XmlElement): string {
  return element.text + element.inside.map(textOf).join('');
}

describe('what cannot happen', () => {
  it('its policy allows the style sheet that it has, and nothing else', () => {
    expect(STYLE_HASH).toBe(createHash('sha256').update(STYLE).digest('base64'));
    const elements = parsed(page());
    const policy = elements.find(({ attributes }) => attributes.get('http-equiv') === 'Content-Security-Policy');
    expect(policy?.attributes.get('content')).toBe(
      `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`,
    );
    expect(named(elements, 'style').map(({ text }) => text)).toEqual([STYLE]);
  });

  it('neither runs nor fetches anything, nor has styles that the policy forbids', () => {
    for (const { name, attributes } of parsed(page())) {
      expect(['script', 'link', 'img', 'iframe', 'object', 'a', 'form', 'base', 'use', 'image', 'foreignobject']).not.toContain(name);
      for (const attribute of attributes.keys()) expect(attribute).not.toMatch(/^(?:on.*|style|href|src|srcdoc|srcset|action)$/);
    }
    expect(STYLE).not.toMatch(/url\(|@import|<|\]\]>/);
  });

  it('texts of others stay texts, wherever they stand, and change nothing around them', () => {
    const shape = (text: string): readonly string[] =>
      parsed(text).map(({ name, attributes }) => `${name} ${[...attributes.keys()].join(' ')}`);
    const withText = (text: string): string =>
      page({
        title: text,
        doubts: [text],
        measured: [{ title: text, columns: [{ name: text, align: 'left' }], rows: [[{ text, tone: 'bad' }]], note: `${text}.` }],
        // Names are shown in parentheses behind others, and a name of nothing has none.
        drawn: [drawn({ name: text, calls: [call(text, { name: `${text}.` }), call('two')] })],
      });
    const plain = shape(withText('plain'));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constantFrom(...HOSTILE)), (text) => {
        expect(shape(withText(text))).toEqual(plain);
      }),
      { numRuns: 50 },
    );
  });

  it('a name of a megabyte does not stand there a dozen times', () => {
    const calls = [call('x'.repeat(2 ** 20), { name: 'y'.repeat(2 ** 20) }), call('two')];
    expect(page({ drawn: [drawn({ calls })] }).length).toBeLessThan(200_000);
  });
});

const HOSTILE = [
  '</title><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  '</style><style>*{display:none}',
  ']]><!--',
  '\u202e<svg/onload=alert(1)>',
  '&lt;script&gt;',
  '\u0000',
];

describe('what can be read', () => {
  it('has a chart for each thing that was measured', () => {
    expect(headings(page())).toEqual(['Latency by percentile', 'Latency over time', 'Bursts and gaps of loss', 'Latency by call']);
    expect(headings(page({ drawn: [drawn({ rows: [row(0)], calls: [] })] }))).toEqual(['Latency by percentile', 'Latency over time']);
    expect(headings(page({ drawn: [drawn({ rows: [], calls: [], histogram: new LatencyHistogram() })] }))).toEqual([]);
    expect(headings(page({ drawn: [drawn(), drawn({ name: 'b.json' })] }))).toEqual(['Latency by percentile', 'p99 over time, by run']);
    // Compared with a baseline it is still one run, of which all is drawn.
    const compared = page({ drawn: [drawn({ name: 'now.json', rows: [row(0)], calls: [] })], before: histogramOf([4e6]) });
    expect(headings(compared)).toEqual(['Latency by percentile', 'Latency over time']);
    expect(compared).toContain('baseline: half of 1 packets within 4.0');
    expect(headings(page({ drawn: [drawn({ rows: [], histogram: null })] }))).toEqual(['Latency by call']);
  });

  it('has the verdict first, then the doubts', () => {
    const text = page({ verdict: { text: 'inconclusive', tone: 'doubt' }, doubts: ['the host was busy'] });
    expect(text).toContain('Verdict: <strong class="doubt">inconclusive</strong>');
    expect(text.indexOf('the host was busy')).toBeLessThan(text.indexOf('<svg'));
    expect(page()).not.toContain('Verdict');
  });

  it('every picture has a name, a description, and a table that says the same', () => {
    const elements = parsed(page());
    const ids = elements.flatMap(({ attributes }) => attributes.get('id') ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const figure of named(elements, 'figure')) {
      const drawnHere = named(figure.inside, 'svg');
      expect(drawnHere.map(({ attributes }) => [attributes.get('class'), attributes.get('role')])).toEqual([
        ['wide', 'img'],
        ['narrow', 'img'],
      ]);
      for (const { attributes, inside } of drawnHere) {
        const labels = (attributes.get('aria-labelledby') ?? '').split(' ');
        expect(inside.filter((one) => labels.includes(one.attributes.get('id') ?? '')).map(({ name }) => name)).toEqual(['title', 'desc']);
        for (const one of inside.slice(0, 2)) expect(one.text.length).toBeGreaterThan(10);
      }
      expect(named(figure.inside, 'details')).toHaveLength(1);
    }
    for (const table of named(elements, 'table')) expect(table.inside.map(({ name }) => name)).toEqual(['caption', 'thead', 'tbody']);
  });

  it('the numbers under a chart are those of the histogram', () => {
    const [figure] = named(parsed(page()), 'figure');
    const rows = named(figure?.inside ?? [], 'details')
      .flatMap(textRows)
      .map((cells) => cells.join(' '));
    expect(rows).toContain('50 % 10.002');
    expect(rows).toContain('99 % 19.808');
    expect(rows).toContain('maximum 20.000');
    expect(rows).toContain('samples 20,000');
    // 100,000 samples are needed for it.
    expect(rows.find((text) => text.startsWith('99.9 %'))).toMatch(/\(few samples\)$/);
    expect(rows.find((text) => text.startsWith('99.999 %'))).toBeUndefined();
  });

  it('what was not measured is a dash, and ends a line', () => {
    const nothing = { p50: null, p95: null, p99: null, max: null, late: null, received: 0, lost: 100 };
    const text = page({ drawn: [drawn({ rows: [row(0), row(1), row(2, nothing), row(3), row(4)] })] });
    expect(text).toContain('Lateness was not measured, or not all of the time.');
    const rows = named(parsed(text), 'figure').flatMap((figure) => figure.inside.flatMap(textRows));
    expect(rows).toContainEqual(['0:02', '100', '0', '100', '–', '–', '–', '–', '–']);
    const [timeline] = named(named(parsed(text), 'figure')[1]?.inside ?? [], 'svg');
    const lines = named(timeline?.inside ?? [], 'path').map(({ attributes }) => attributes.get('d') ?? '');
    expect(lines.map((d) => d.split('M').length - 1)).toEqual([2, 2, 2, 2]);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('what happened is seen, however little of it there was', () => {
    const rows = Array.from({ length: 36_000 }, (_, t) =>
      row(t, t === 7 ? { lost: 1, received: 99 } : t === 20_000 ? { lost: 100, received: 0 } : {}),
    );
    const strip = named(parsed(page({ drawn: [drawn({ rows })] })), 'g').find(({ attributes }) => attributes.get('class') === 'lost');
    const [bar] = named(strip?.inside ?? [], 'rect');
    // A hundredth of the highest.
    expect(Number(bar?.attributes.get('height'))).toBe(4);
    expect(textOf(bar ?? { name: '', attributes: new Map(), inside: [], text: '' })).toBe('0:00: 1 lost');
  });
});

/** The cells of each row of the tables below. */
function textRows(element: XmlElement): readonly (readonly string[])[] {
  if (element.name === 'tr') return [element.inside.map(textOf)];
  return element.inside.flatMap(textRows);
}

describe('how large it is', () => {
  it('ten hours and 200 calls, lost packets in every second one, stay below a megabyte', () => {
    const rows = Array.from({ length: 36_000 }, (_, t) => row(t, t % 2 === 0 ? { lost: 1, received: 99, late: 3 } : {}));
    const calls = Array.from({ length: 200 }, (_, i) => call(`PJSIP/alice-${String(i).padStart(8, '0')}`, { max_latency: 4 + i }));
    expect(page({ drawn: [drawn({ rows, calls })] }).length).toBeLessThan(1_000_000);
  });

  it('has a bound for anything', () => {
    const rows = Array.from({ length: 200_000 }, (_, t) => row(t * 3, { lost: 1 }));
    const calls = Array.from({ length: 20_000 }, (_, i) => call(`${i}`, { counters: { lost: 1 } }));
    expect(page({ drawn: [drawn({ rows, calls })] }).length).toBeLessThan(1_500_000);
    const many = Array.from({ length: 100 }, (_, i) => drawn({ name: `${i}.json`, rows }));
    expect(page({ drawn: many }).length).toBeLessThan(2_500_000);
  });

  it('draws numbers that mean nothing, without failing', () => {
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    const measured = fc.option(any);
    const anyRow = fc.record({
      t: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
      sent: fc.nat(),
      received: fc.nat(),
      lost: fc.nat(),
      late: fc.option(fc.nat()),
      p50: measured,
      p95: measured,
      p99: measured,
      max: measured,
    });
    const anyCall = fc.record({ id: fc.string(), p50_latency: measured, p99_latency: measured, max_latency: measured });
    fc.assert(
      fc.property(fc.array(anyRow), fc.array(anyCall), (rows, calls) => {
        const text = page({ drawn: [drawn({ rows, calls })] });
        for (const { attributes } of parsed(text))
          for (const value of attributes.values()) expect(value).not.toMatch(/NaN|undefined|Infinity/);
      }),
    );
  });
});

describe('gaps', () => {
  it('are those between all stretches of loss, even where the page shows but some', () => {
    // Every third second loses one packet, every 30th ten: only the 500 that lost most are shown.
    const rows = Array.from({ length: 18_000 }, (_, t) => row(t, t % 30 === 0 ? { lost: 10 } : t % 3 === 0 ? { lost: 1 } : {}));
    const text = page({ drawn: [drawn({ rows, histogram: null, calls: [] })] });
    expect(text).toContain('Of 6,000 stretches, the 500 that lost most are drawn.');
    const cells = named(parsed(text), 'figure')[1]?.inside.flatMap(textRows) ?? [];
    expect(cells.slice(0, 3).map(([from, gap]) => [from, gap])).toEqual([
      ['since the start', 'after a gap of'],
      ['0:00', '0:00'],
      ['0:30', '0:02'],
    ]);
    expect(cells).toHaveLength(501);
  });
});
