/** The page of `GET /` of `sip-serve`. */
import { html } from '../report/html/markup.ts';
import { page } from '../service/page/page.ts';
import type { Page } from '../service/page/page.ts';

export function sipPage(): Page {
  return PAGE;
}

/** Events that stay in view. */
const SHOWN_EVENTS = 20;

const PAGE = page({
  command: 'sip-serve',
  totals: `  ['Calls now', (m) => whole(m.calls.active)], ['Calls taken', (m) => whole(m.calls.taken)], ['Completed', (m) => whole(m.calls.completed)],
  ['Refused', (m) => whole(m.calls.refused)], ['Failed', (m) => whole(m.calls.failed)], ['Digits', (m) => whole(m.calls.digits)],
  ['RTP sent', (m) => whole(m.media.sent)], ['RTP received', (m) => whole(m.media.received)], ['RTP lost', (m) => whole(m.media.lost)],
  ['RTCP round trip, p50', (m) => ms(m.media.round_trip_ms && m.media.round_trip_ms.p50)],
  ['Pacing error, p99', (m) => ms(m.media.pacing_error_ms && m.media.pacing_error_ms.p99)],
  ['Ports free', (m) => m.media.ports.free + ' of ' + m.media.ports.total],
  ['Relayed: measured', (m) => m.relays ? whole(m.total_latencies) : dash], ['Relayed: p99', (m) => ms(m.p99_latency)], ['Relayed: lost', (m) => pct(m.packet_loss_ratio)],`,
  columns: `  ['From', (c) => c.from, true], ['Called', (c) => c.user, true], ['State', (c) => c.state, true], ['Action', (c) => c.action, true], ['Seconds', (c) => c.duration_seconds.toFixed(0)],
  ['Codec', (c) => c.codec || dash, true], ['Digits', (c) => c.digits || dash, true], ['Sent', (c) => whole(c.counters ? c.counters.to_peer : own(c, 'sent'))],
  ['Received', (c) => whole(c.counters ? c.counters.from_peer : own(c, 'received'))], ['Lost', (c) => whole(c.counters ? c.counters.lost : own(c, 'lost'))],
  ['Jitter', (c) => ms(c.jitter_ms)], ['Round trip', (c) => ms(c.counters ? c.p50_latency : own(c, 'round_trip_ms'))], ['End', (c) => c.end_reason || dash, true],`,
  sections: html`<section aria-labelledby="accounts-title"><h2 id="accounts-title">Accounts</h2><ul id="accounts" class="events"><li>None</li></ul></section>
<section aria-labelledby="events-title"><h2 id="events-title">Events</h2><ul id="events" class="events"><li id="no-events">None yet</li></ul></section>
`,
  more: `function own(call, name) { return call.media ? call.media[name] : null; }
state('metrics', (m) => { if (m.registrations.length > 0) byId('accounts').replaceChildren(...m.registrations.map((r) => element('li', r.account + ': ' + r.state + (r.problem ? ', ' + r.problem : '')))); });
const tell = (text) => { byId('no-events')?.remove(); byId('events').prepend(element('li', new Date().toLocaleTimeString() + ' ' + text)); while (byId('events').children.length > ${SHOWN_EVENTS}) byId('events').lastChild.remove(); };
on('digit', (d) => tell('Digit ' + d.digit + ' (' + d.how + ') in ' + d.id));
on('ended', (c) => tell('Ended by ' + c.ended_by + ' after ' + (c.duration_ms / 1000).toFixed(1) + ' s: ' + c.user + ' from ' + c.from + ', ' + c.action + ', ' + c.end_reason));`,
});
