/** The line that tells now and then how the server does. */
import { formatCount, formatMs, formatRatio } from '../report/render/table.ts';
import type { LogFields } from '../service/log.ts';

/** What it is made of, since the start; null is not measured. */
export interface StatusSource {
  readonly calls: { readonly active: number; readonly taken: number; readonly refused: number };
  /** Packets of calls that end here; `lost` by the sequence numbers of what arrived. */
  readonly media: { readonly received: number; readonly sent: number; readonly lost: number | null };
  /** null where no call is relayed. Latencies in milliseconds. */
  readonly relay: {
    readonly total_latencies: number;
    readonly p50_latency: number | null;
    readonly p99_latency: number | null;
    readonly packet_loss_ratio: number | null;
    readonly counters: { readonly from_peer: number; readonly to_peer: number };
  } | null;
}

export interface StatusLine {
  readonly text: string;
  /** The same for a line of JSON. */
  readonly fields: LogFields;
}

export function statusLine({ calls, media, relay }: StatusSource): StatusLine {
  const { active, taken, refused } = calls;
  const received = media.received + (relay?.counters.from_peer ?? 0);
  const sent = media.sent + (relay?.counters.to_peer ?? 0);
  // Where nothing arrived, nobody knows what should have.
  const lost = media.received === 0 ? null : media.lost;
  const parts = [
    `Calls: ${formatCount(active)} up, ${formatCount(taken)} taken, ${formatCount(refused)} refused`,
    `RTP: ${formatCount(received)} in, ${formatCount(sent)} out, ${formatCount(lost)} lost before us`,
  ];
  if (relay !== null) {
    parts.push(
      `relayed: ${formatCount(relay.total_latencies)} measured, p50 ${formatMs(relay.p50_latency)} ms, ` +
        `p99 ${formatMs(relay.p99_latency)} ms, lost ${formatRatio(relay.packet_loss_ratio)}`,
    );
  }
  const fields: LogFields = {
    ...{ active_calls: active, total_calls: taken, refused_calls: refused },
    ...{ rtp_received: received, rtp_sent: sent, rtp_lost: lost },
    ...(relay !== null && {
      total_latencies: relay.total_latencies,
      p50_latency: relay.p50_latency,
      p99_latency: relay.p99_latency,
      packet_loss_ratio: relay.packet_loss_ratio,
    }),
  };
  return { text: parts.join('; '), fields };
}
