/** A capture as tables of strings. */
import { formatCount, formatMs, formatRatio, formatSeconds, latencyTable, packetTable } from '../report/render/table.ts';
import type { Cell, Table } from '../report/render/table.ts';
import { escapeControl } from '../values/terminal.ts';
import type { CaptureDocument, CapturedStream, EchoedStream, FrameCounts } from './document.ts';

/** Rows beyond this many are counted, not shown. */
const MAX_ROWS = 50;
const NOT_MEASURED = '–';

interface CaptureLayout {
  readonly title: string;
  readonly tables: readonly Table[];
  /** What the numbers leave out. */
  readonly doubts: readonly string[];
}

export function captureLayout(capture: CaptureDocument): CaptureLayout {
  const { file, frames, streams, round_trips: roundTrips } = capture;
  const length = formatSeconds(capture.duration_seconds ?? undefined);
  const since = capture.started_at ?? 'without times';
  const kind = file.compressed ? `${file.format}, compressed` : file.format;
  return {
    title: escapeControl(`${file.name}: ${kind}, ${since}, ${length}`),
    tables: [
      frameTable(frames),
      streamsTable(streams),
      ...(roundTrips === null
        ? []
        : [
            named('Round trips, ms', latencyTable(roundTrips.summary)),
            named('Packets of the round trips', packetTable(roundTrips.summary, roundTrips.summary)),
            pairTable(roundTrips.pairs),
          ]),
    ],
    doubts: [...(streams.length === 0 ? ['no RTP stream was found: five packets in sequence make one'] : []), ...capture.warnings].map(
      escapeControl,
    ),
  };
}

function named(title: string, table: Table): Table {
  return { ...table, title };
}

function frameTable(frames: FrameCounts): Table {
  const left = frames.not_udp + frames.not_ip + frames.fragments + frames.broken + frames.foreign;
  return {
    title: 'Frames',
    columns: ['all', 'RTP', 'RTCP', 'other UDP', 'no UDP'].map((name) => ({ name, align: 'right' })),
    rows: [
      [
        plain(formatCount(frames.total)),
        plain(formatCount(frames.rtp)),
        plain(formatCount(frames.rtcp)),
        plain(formatCount(frames.other_udp + frames.rtp_untracked)),
        plain(formatCount(left)),
      ],
    ],
    note: '',
  };
}

function streamsTable(streams: readonly CapturedStream[]): Table {
  return {
    title: 'RTP streams (times in ms)',
    columns: [
      { name: 'source → destination', align: 'left' },
      { name: 'SSRC', align: 'left' },
      { name: 'PT', align: 'left' },
      ...['packets', 'lost', 'loss', 'max Δ', 'jitter', 'max', 'dup', 'reord'].map((name) => ({ name, align: 'right' as const })),
    ],
    rows: streams
      .slice(0, MAX_ROWS)
      .map((stream) => [
        plain(`${stream.source} → ${stream.destination}`),
        plain(hex(stream.ssrc)),
        plain(stream.payload_types.join(' ')),
        plain(formatCount(stream.packets)),
        doubtful(formatCount(stream.lost), stream.lost > 0),
        doubtful(formatRatio(stream.loss_ratio), stream.lost > 0),
        plain(formatMs(stream.max_delta_ms)),
        plain(formatMs(stream.mean_jitter_ms)),
        plain(formatMs(stream.max_jitter_ms)),
        plain(formatCount(stream.duplicates)),
        plain(formatCount(stream.reordered)),
      ]),
    note: [more(streams.length, 'streams'), ...faults(streams)].filter((line) => line !== '').join('\n'),
  };
}

/** What has no column because it is rare. */
function faults(streams: readonly CapturedStream[]): readonly string[] {
  const sum = (of: (stream: CapturedStream) => number): number => streams.reduce((total, stream) => total + of(stream), 0);
  const says: readonly (readonly [number, string])[] = [
    [sum(({ previous_ssrc }) => (previous_ssrc === null ? 0 : 1)), 'changes of the SSRC between the same addresses'],
    [sum(({ restarts }) => restarts), 'sequences started over'],
    [sum(({ out_of_sequence }) => out_of_sequence), 'packets far out of sequence, in none of the loss numbers'],
    [sum(({ clock_rate_hz }) => (clock_rate_hz === null ? 1 : 0)), 'streams of an unknown clock rate, without jitter'],
  ];
  return says.filter(([count]) => count > 0).map(([count, what]) => `${what}: ${formatCount(count)}`);
}

function pairTable(pairs: readonly EchoedStream[]): Table {
  return {
    title: 'Streams with an echo (latencies in ms)',
    columns: [
      { name: 'source → destination', align: 'left' },
      { name: 'SSRC', align: 'left' },
      ...['sent', 'lost', 'p50', 'p95', 'p99', 'max'].map((name) => ({ name, align: 'right' as const })),
    ],
    rows: pairs
      .slice(0, MAX_ROWS)
      .map((pair) => [
        plain(`${pair.source} → ${pair.destination}`),
        plain(hex(pair.ssrc)),
        plain(formatCount(pair.sent)),
        doubtful(formatCount(pair.lost), pair.lost > 0),
        plain(formatMs(pair.p50_latency)),
        plain(formatMs(pair.p95_latency)),
        plain(formatMs(pair.p99_latency)),
        plain(formatMs(pair.max_latency)),
      ]),
    note: more(pairs.length, 'streams'),
  };
}

function more(count: number, what: string): string {
  return count > MAX_ROWS ? `and ${formatCount(count - MAX_ROWS)} more ${what}; --json has them all` : '';
}

function hex(ssrc: number): string {
  return `0x${ssrc.toString(16).padStart(8, '0')}`;
}

function plain(text: string): Cell {
  return { text: text === '' ? NOT_MEASURED : text, tone: 'plain' };
}

function doubtful(text: string, doubt: boolean): Cell {
  return { text, tone: doubt ? 'doubt' : 'plain' };
}
