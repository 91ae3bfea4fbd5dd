/**
 * The page of `GET /`: health, totals and calls, moving. One file, no network beyond its own `/events`. What comes from calls
 * is only ever set as text, so a caller's name cannot become markup.
 */

/** What the page of one service shows, as JavaScript: `ms`, `pct`, `whole` and `dash` turn numbers into text. */
export interface PageParts {
  /** Pairs of a title and a function of the metrics document, which returns text. */
  readonly totals: string;
  /** Pairs of a heading and a function of one call. */
  readonly columns: string;
  /** HTML behind the table of the calls. */
  readonly more?: string;
  /** Statements at the end: `on(event, listener)` takes the data of an event of `/events`, `element(name, text)` makes an element. */
  readonly script?: string;
}

/** The page of `ari-serve`. */
export function relayPage(): string {
  return RELAY_PAGE;
}

export function page({ totals, columns, more = '', script = '' }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rtplat</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --bad: light-dark(#b3261e, #ff8a80); --good: light-dark(#1b6e2c, #81c995); }
  body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 76rem; }
  h1 { font-size: 1.2rem; margin: 0 0 .25rem; } h2 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
  p { margin: 0; overflow-wrap: anywhere; } .good { color: var(--good); } .bad { color: var(--bad); }
  dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1rem 0; }
  dl div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; }
  dt { font-size: .8rem; opacity: .8; } dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
  .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
  th:first-child, td:first-child { text-align: left; }
  ul { list-style: none; margin: 0; padding: 0; } li { padding: .15rem 0; overflow-wrap: anywhere; }
</style>
<main>
<h1>rtplat</h1>
<p id="health" role="status">Connecting …</p>
<dl id="totals"></dl>
<h2>Calls</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Calls"><table><thead><tr id="head"></tr></thead><tbody id="calls"></tbody></table></div>
${more}</main>
<script>
const dash = '\\u2013';
const ms = (v) => v === null || v === undefined ? dash : v.toFixed(v < 10 ? 3 : 1) + ' ms';
const pct = (v) => v === null || v === undefined ? dash : (v > 0 && v < 0.0001 ? '<0.01' : (v * 100).toFixed(2)) + ' %';
const whole = (v) => v === null || v === undefined ? dash : v.toLocaleString('en-US');
const totals = [
${totals}
];
const columns = [
${columns}
];
const element = (name, text) => { const e = document.createElement(name); e.textContent = text; return e; };
const byId = (id) => document.getElementById(id);
byId('head').append(...columns.map(([name]) => { const th = element('th', name); th.scope = 'col'; return th; }));
const say = (text, ok) => { const e = byId('health'); e.textContent = text; e.className = ok ? 'good' : 'bad'; };
const source = new EventSource('/events');
const on = (name, listener) => source.addEventListener(name, (event) => listener(JSON.parse(event.data)));
on('metrics', (m) => byId('totals').replaceChildren(...totals.map(([name, of]) => { const d = document.createElement('div'); d.append(element('dt', name), element('dd', of(m))); return d; })));
on('health', (h) => say(h.status === 'healthy' ? 'Healthy' : 'Unhealthy: ' + h.reason, h.status === 'healthy'));
on('calls', (calls) => byId('calls').replaceChildren(...calls.map((call) => { const tr = document.createElement('tr'); tr.append(...columns.map(([, of]) => element('td', of(call)))); return tr; })));
source.onerror = () => say('No connection to the service; trying again', false);
${script}</script>
</html>
`;
}

const RELAY_PAGE = page({
  totals: `  ['Active calls', (m) => whole(m.active_channels)], ['Calls so far', (m) => whole(m.total_channels)],
  ['Packets measured', (m) => whole(m.total_latencies)], ['p50', (m) => ms(m.p50_latency)], ['p95', (m) => ms(m.p95_latency)],
  ['p99', (m) => ms(m.p99_latency)], ['Max', (m) => ms(m.max_latency)], ['Late', (m) => pct(m.late_ratio)],
  ['Lost', (m) => pct(m.packet_loss_ratio)], ['Ports free', (m) => m.ports.free + ' of ' + m.ports.total],`,
  columns: `  ['Call', (c) => c.id], ['Name', (c) => c.name], ['State', (c) => c.state], ['Port', (c) => c.port === null ? dash : String(c.port)],
  ['Seconds', (c) => c.duration_seconds.toFixed(0)], ['Set-up', (c) => ms(c.setup_ms)], ['First packet', (c) => ms(c.first_packet_ms)],
  ['Packets', (c) => whole(c.counters.from_peer)], ['p50', (c) => ms(c.p50_latency)], ['p99', (c) => ms(c.p99_latency)], ['Lost', (c) => pct(c.packet_loss_ratio)],`,
});
