/**
 * What runs in the page: it asks for `/events?charts` and puts in place what comes. Texts are only ever set as text; markup comes from
 * `pieces.ts` alone, which escapes the texts in it.
 */

/** What the page of one service shows, as JavaScript: `ms`, `pct`, `whole` and `dash` turn numbers into text. */
export interface ScriptParts {
  /** Pairs of a title and a function of the metrics document, which returns text. */
  readonly totals: string;
  /** A heading, a function of one call, and whether it is text: numbers stand on the right. */
  readonly columns: string;
  /**
   * Statements at the end: `on(event, listener)` takes the data of an event of `/events` at once, `state(event, listener)` not while the page is
   * paused; `element(name, text)` makes an element.
   */
  readonly more: string;
}

/** What of a peer's text would turn the direction of what follows, or not be seen: it is shown by its number. */
const UNSEEN = String.raw`/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g`;
/** Between pictures, for those who want less motion. */
const CALM_MS = 10_000;
/** A browser tries again by itself, but not when it was refused. */
const AGAIN_MS = 3_000;

export function pageScript({ totals, columns, more }: ScriptParts): string {
  return `'use strict';
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
const plain = (text) => String(text).replace(${UNSEEN}, (c) => '\\\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
const element = (name, text) => { const e = document.createElement(name); e.textContent = plain(text); return e; };
const byId = (id) => document.getElementById(id);
const setText = (e, text) => { const shown = plain(text); if (e.textContent !== shown) e.textContent = shown; };

const listeners = [];
const held = new Map();
let paused = false;
const on = (name, listener) => listeners.push([name, listener]);
const state = (name, listener) => on(name, (data) => { if (paused) held.set(listener, data); else listener(data); });

const say = (text, ok) => { setText(byId('health'), text); byId('health').className = ok ? 'good' : 'bad'; };
let heardAt = null;
on('health', (h) => { heardAt = new Date(); say(h.status === 'healthy' ? 'Healthy' : 'Unhealthy: ' + h.reason, h.status === 'healthy'); });

const values = totals.map(([name]) => { const d = document.createElement('div'); const dd = element('dd', dash); d.append(element('dt', name), dd); byId('totals').append(d); return dd; });
state('metrics', (m) => totals.forEach(([, of], i) => setText(values[i], of(m))));

const side = (text) => text ? 'left' : 'right';
byId('head').append(...columns.map(([name, , text]) => { const th = element('th', name); th.scope = 'col'; th.className = side(text); return th; }));
state('calls', (calls) => {
  const body = byId('calls');
  while (body.rows.length > calls.length) body.deleteRow(-1);
  calls.forEach((call, i) => {
    const tr = body.rows[i] ?? body.insertRow();
    columns.forEach(([, of, text], k) => {
      const td = tr.cells[k] ?? tr.insertCell();
      td.className = side(text);
      setText(td, of(call));
    });
  });
  byId('no-calls').hidden = calls.length > 0;
  byId('head').hidden = calls.length === 0;
});

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const places = [...document.querySelectorAll('[data-piece]')];
const shown = new Map();
let drawnAt = -Infinity;
state('charts', (pieces) => {
  if (calm.matches && performance.now() - drawnAt < ${CALM_MS}) return;
  drawnAt = performance.now();
  for (const place of places) {
    const markup = pieces[place.dataset.piece] ?? '';
    if (shown.get(place) === markup) continue;
    shown.set(place, markup);
    const made = document.createElement('template');
    made.innerHTML = markup;
    place.replaceChildren(made.content);
    const whole = place.closest('[data-whole="' + place.dataset.piece + '"]');
    if (whole !== null) whole.hidden = markup === '';
  }
});

byId('pause').addEventListener('click', () => {
  paused = !paused;
  byId('pause').setAttribute('aria-pressed', String(paused));
  if (paused) return;
  drawnAt = -Infinity;
  for (const [listener, data] of held) listener(data);
  held.clear();
});
${more}
let source = null;
let again = 0;
const open = () => {
  clearTimeout(again);
  source?.close();
  source = new EventSource('events?charts');
  for (const [name, listener] of listeners) source.addEventListener(name, (event) => listener(JSON.parse(event.data)));
  source.onerror = () => {
    say('No connection to the service; trying again.' + (heardAt === null ? '' : ' What is shown is of ' + heardAt.toLocaleTimeString()), false);
    if (source.readyState === EventSource.CLOSED) again = setTimeout(open, ${AGAIN_MS});
  };
};
// A page that nobody sees costs the service nothing.
const look = () => { if (!document.hidden) return open(); clearTimeout(again); source?.close(); };
document.addEventListener('visibilitychange', look);
look();
`;
}
