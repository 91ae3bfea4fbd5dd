/** What the far ends of calls said by RTCP: for those that said anything. */
import { formatCount, formatMs, formatRatio } from '../core/report/render/table.ts';
import type { Cell, Table } from '../core/report/render/table.ts';
import type { CallRtcpMembers } from '../core/report/rtcp.ts';
import type { RunDocument } from '../core/report/run.ts';

const COLUMNS = [
  { name: 'call', align: 'left' as const },
  ...(['round trip', 'least', 'most', 'too long by', 'reports', 'received', 'lost', 'of late', 'jitter'] as const).map((name) => ({
    name,
    align: 'right' as const,
  })),
];

/** @param rows at most. @returns undefined where no far end speaks RTCP. */
export function rtcpTable({ calls }: RunDocument, rows: number): Table | undefined {
  const heard = calls.flatMap(({ id, rtcp }) => (rtcp == null || rtcp.received === 0 ? [] : [{ id, rtcp }]));
  if (heard.length === 0) return undefined;
  return {
    title: 'what the far end says by RTCP, times in ms',
    columns: COLUMNS,
    rows: heard.slice(0, rows).map(({ id, rtcp }) => textsOf(id, rtcp).map((text): Cell => ({ text, tone: 'plain' }))),
    note: 'round trip: of the network, median of the reports, too long by so much at the most. received, lost: of what we sent, by its last report.',
  };
}

function textsOf(id: string, rtcp: CallRtcpMembers): readonly string[] {
  return [
    id.slice('call-'.length),
    formatMs(rtcp.round_trip_ms),
    formatMs(rtcp.round_trip_min_ms),
    formatMs(rtcp.round_trip_max_ms),
    formatMs(rtcp.round_trip_error_ms),
    formatCount(rtcp.reports),
    formatCount(rtcp.far_end_received),
    formatCount(rtcp.far_end_lost),
    formatRatio(rtcp.far_end_fraction_lost),
    formatMs(rtcp.far_end_jitter_ms),
  ];
}
