/** How many ports of each range are in use, as a bar and in words. */
import { html } from '../../report/html/markup.ts';
import type { Html } from '../../report/html/markup.ts';
import type { PortCounts } from '../../report/metrics.ts';
import { formatCount } from '../../report/render/table.ts';
import type { HealthDocument } from '../health.ts';

const STATES = ['bound', 'draining', 'foreign'] as const;

/** Length of a bar; a page stretches it. */
const LENGTH = 1_000;

export function portBars({ ports, relay_ports: relayPorts }: HealthDocument): Html {
  if (relayPorts === undefined || relayPorts === null) return bar('Ports', ports);
  return html`${bar('Ports of relayed calls', relayPorts)}${bar('Ports of other calls', ports)}`;
}

/** A range that nobody may use has no bar. */
function bar(name: string, counts: PortCounts): Html {
  const { total, free, bound, draining, foreign } = counts;
  if (total === 0) return html``;
  let from = 0;
  return html`<p>${name}: ${formatCount(bound)} of ${formatCount(total)} in use, ${formatCount(draining)} draining after a call, ${formatCount(foreign)} held by others, ${formatCount(free)} free</p>
<svg class="ports" viewBox="0 0 ${LENGTH} 12" preserveAspectRatio="none" aria-hidden="true">${STATES.map((state) => {
    const length = (counts[state] / total) * LENGTH;
    const rect = html`<rect class="${state}" x="${Math.round(from)}" y="0" width="${Math.ceil(length)}" height="12"/>`;
    from += length;
    return rect;
  })}</svg>
`;
}
