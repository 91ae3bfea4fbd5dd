/** Charts as SVG: no script, no font of their own, readable on a light and on a dark page, and without telling colours apart. */

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Ends of a whisker around the value. */
  readonly low?: number;
  readonly high?: number;
  /** Shown behind the number: `0.98×`. */
  readonly note?: string;
}

export interface BarChart {
  readonly title: string;
  /** What the numbers count: `packets per CPU-second`. */
  readonly unit: string;
  readonly groups: readonly { readonly label: string; readonly bars: readonly Bar[] }[];
  /** A line across all groups, in the unit of the values. */
  readonly bar?: { readonly value: number; readonly label: string };
}

const WIDTH = 720;
const MARGIN = 16;
const NAMES = 190;
const NUMBERS = 150;
const ROW = 22;
const THICK = 15;
const LABEL = 32;
const HEAD = 58;
const FOOT = 14;
const INK = '#1f2328';
const FAINT = '#59636e';
/** Okabe and Ito, Color Universal Design: told apart with any colour vision. Black is left to the text. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442'] as const;

const number = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

/** Horizontal bars in groups; a name has one colour in all groups. */
export function barChart({ title, unit, groups, bar }: BarChart): string {
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  const most = Math.max(bar?.value ?? 0, ...groups.flatMap(({ bars }) => bars.map(({ value, high }) => Math.max(value, high ?? 0))));
  const left = MARGIN + NAMES;
  const scale = (value: number): number => left + (Math.max(value, 0) / (most || 1)) * (WIDTH - MARGIN - NUMBERS - left);

  const body: string[] = [];
  let y = HEAD;
  for (const group of groups) {
    body.push(text(MARGIN, y + LABEL - 10, group.label, 'font-weight="600"'));
    y += LABEL;
    for (const { name, value, low, high, note } of group.bars) {
      const middle = y + ROW / 2;
      const end = scale(value);
      body.push(
        text(left - 8, middle + 4, name, 'text-anchor="end"'),
        `<rect x="${left}" y="${px(middle - THICK / 2)}" width="${px(end - left)}" height="${THICK}" rx="2" fill="${COLOURS[names.indexOf(name) % COLOURS.length]}"/>`,
      );
      if (low !== undefined && high !== undefined) body.push(whisker(scale(low), scale(high), middle));
      const shown = `${number.format(value)}${note === undefined ? '' : `  (${note})`}`;
      body.push(text(Math.max(end, high === undefined ? end : scale(high)) + 7, middle + 4, shown));
      y += ROW;
    }
  }
  if (bar !== undefined) {
    const x = px(scale(bar.value));
    body.push(`<path d="M${x} ${HEAD}V${y}" stroke="${INK}" stroke-width="1" stroke-dasharray="4 3"/>`);
    body.push(text(scale(bar.value), HEAD - 2, bar.label, `text-anchor="middle" fill="${FAINT}"`));
  }
  const height = y + FOOT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif" font-size="13" fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    `<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6" fill="#ffffff" stroke="#d1d9e0"/>`,
    text(MARGIN, 24, title, 'font-size="15" font-weight="600"'),
    text(MARGIN, 42, unit, `fill="${FAINT}"`),
    ...body,
    '</svg>\n',
  ].join('\n');
}

function whisker(from: number, to: number, y: number): string {
  return `<path d="M${px(from)} ${y - 4}v8M${px(to)} ${y - 4}v8M${px(from)} ${y}H${px(to)}" stroke="${INK}" stroke-width="1.2" fill="none"/>`;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${px(x)}" y="${px(y)}"${attributes === '' ? '' : ` ${attributes}`}>${escaped(content)}</text>`;
}

function px(value: number): string {
  return value.toFixed(1);
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
