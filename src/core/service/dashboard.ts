/** The page of `GET /` of `ari-serve`. */
import { NOTHING } from '../report/html/markup.ts';
import { page } from './page/page.ts';
import type { Page } from './page/page.ts';

export function relayPage(): Page {
  return RELAY_PAGE;
}

const RELAY_PAGE = page({
  command: 'ari-serve',
  totals: `  ['Active calls', (m) => whole(m.active_channels)], ['Calls so far', (m) => whole(m.total_channels)],
  ['Packets measured', (m) => whole(m.total_latencies)], ['p50', (m) => ms(m.p50_latency)], ['p95', (m) => ms(m.p95_latency)],
  ['p99', (m) => ms(m.p99_latency)], ['Max', (m) => ms(m.max_latency)], ['Late', (m) => pct(m.late_ratio)],
  ['Lost', (m) => pct(m.packet_loss_ratio)], ['Ports free', (m) => m.ports.free + ' of ' + m.ports.total],`,
  columns: `  ['Call', (c) => c.id, true], ['Name', (c) => c.name, true], ['State', (c) => c.state, true], ['Port', (c) => c.port === null ? dash : String(c.port)],
  ['Seconds', (c) => c.duration_seconds.toFixed(0)], ['Set-up', (c) => ms(c.setup_ms)], ['First packet', (c) => ms(c.first_packet_ms)],
  ['Packets', (c) => whole(c.counters.from_peer)], ['p50', (c) => ms(c.p50_latency)], ['p99', (c) => ms(c.p99_latency)],
  ['Max', (c) => ms(c.max_latency)], ['Lost', (c) => pct(c.packet_loss_ratio)],`,
  more: '',
  sections: NOTHING,
});
