import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Line, Room } from '../../../src/core/watch/line.ts';
import { widthOfLine } from '../../../src/core/watch/line.ts';
import { screenLines } from '../../../src/core/watch/screen.ts';
import { act, begin, lost, seen } from '../../../src/core/watch/state.ts';
import type { WatchState } from '../../../src/core/watch/state.ts';
import { callNumber, makeSnapshot } from './make-snapshot.ts';
import type { SnapshotParts } from './make-snapshot.ts';

const url = 'http://127.0.0.1:9090';
const options = { url, keys: true, pictures: true };
const UNHEALTHY = {
  status: 'unhealthy',
  reason: 'no connection to Asterisk: cannot reach Asterisk at http://127.0.0.1:8088: read ECONNRESET; the echo server does not answer',
  checks: [],
} as const;

/** A minute of twelve calls; p99 doubles in its middle, and a second is lost. */
function minute(last: SnapshotParts = {}): WatchState {
  const calls = Array.from({ length: 12 }, (_, i) => callNumber(i + 1, { p99_latency: 1 + i }));
  let state: WatchState | undefined;
  for (let i = 0; i < 60; i++) {
    const snapshot = makeSnapshot({
      metrics: { uptime_seconds: 100 + i, active_channels: 12, peak_channels: 12, total_channels: 20, p99_latency: i < 30 ? 2 : 4 },
      counters: { returned: 600 * i, lost: i < 40 ? 0 : 60, late: 6 * i },
      calls,
      ...(i === 59 ? last : {}),
    });
    state = state === undefined ? begin(snapshot, 0) : seen(state, snapshot, i * 1_000);
  }
  if (state === undefined) throw new Error('no state');
  return state;
}
const END_MS = 59_000;

function textOf(lines: readonly Line[]): string[] {
  return lines.map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );
}

function shown(state: WatchState, room: Partial<Room> = {}, nowMs = END_MS): string[] {
  return textOf(screenLines(state, options, nowMs, { columns: 80, rows: 24, unicode: true, ...room }));
}

/** Tones of the pieces that hold `text`. */
function tonesOf(state: WatchState, text: string, nowMs = END_MS): string[] {
  const lines = screenLines(state, options, nowMs, { columns: 120, rows: 40, unicode: true });
  return lines.flatMap((line) => line.filter((piece) => piece.text.includes(text)).map(({ tone }) => tone));
}

describe('the screen', () => {
  it.each([
    [80, 24],
    [40, 24],
    [132, 30],
    [60, 12],
  ])('of %d columns and %d rows', (columns, rows) => {
    expect(`\n${shown(minute(), { columns, rows }).join('\n')}\n`).toMatchSnapshot();
  });

  it('in ASCII', () => {
    const lines = shown(minute(), { unicode: false });
    expect(lines.join('')).toMatch(/^[ -~]*$/);
    expect(`\n${lines.join('\n')}\n`).toMatchSnapshot();
  });

  it('without a connection, where no number is shown as one of now', () => {
    const lines = shown(lost(minute(), 'connect ECONNREFUSED'), {}, END_MS + 12_500);
    expect(`\n${lines.join('\n')}\n`).toMatchSnapshot();
    // Behind the bars stands what was the highest of them.
    for (const line of lines.slice(2)) expect(line.slice(8).replace(/ to \S+( %)?$/, '')).not.toMatch(/[0-9]/);
  });

  it('with an event that is late is one without a connection', () => {
    const lines = shown(minute(), {}, END_MS + 3_500);
    expect(lines[0]).toBe(`${url}  connected, and nothing came for 3 s`);
    expect(lines.slice(1, 5)).toEqual(['health  –', 'SLA     –', 'calls   –', 'ports   –']);
  });

  it('while it is paused', () => {
    const paused = act(minute(), 'pause', END_MS);
    expect(shown(paused, {}, END_MS + 7_000)[0]).toBe(
      `${url}  connected, and nothing came for 7 s`.replace('connected', 'paused for 7 s  connected'),
    );
    const later = seen(paused, makeSnapshot({ metrics: { uptime_seconds: 160, total_channels: 777 } }), END_MS + 1_000);
    const lines = shown(later, {}, END_MS + 1_000);
    expect(lines[0]).toBe(`${url}  paused for 1 s`);
    expect(lines.join('\n')).not.toContain('777');
    expect(shown(act(later, 'pause', 0), {}, END_MS + 1_000).join('\n')).toContain('777');
  });

  it('with the help', () => {
    expect(`\n${shown(act(minute(), 'help', 0), { columns: 60 }).join('\n')}\n`).toMatchSnapshot();
  });

  it('of a service without a call', () => {
    const nothing = {
      p50_latency: null,
      p95_latency: null,
      p99_latency: null,
      max_latency: null,
      late_ratio: null,
      packet_loss_ratio: null,
    };
    const metrics = { ...nothing, total_latencies: 0, active_channels: 0, peak_channels: 0, total_channels: 0 };
    const state = begin(makeSnapshot({ metrics, counters: { returned: 0, lost: 0 } }), 0);
    expect(`\n${shown(state, {}, 0).join('\n')}\n`).toMatchSnapshot();
  });

  it('of a service that answers by itself', () => {
    const counts = { taken: 9, active: 2, peak: 3, completed: 1, cancelled: 0, rejected: 1, failed: 4, refused: 5, digits: 0 };
    const ports = { total: 2500, free: 2497, bound: 1, draining: 1, foreign: 1 };
    const tone = { user: '600', action: 'tone', counters: null, media: { received: 583 }, jitter_ms: 0.27 };
    const none = { p50_latency: null, p95_latency: null, p99_latency: null, max_latency: null, late_ratio: null, packet_loss_ratio: null };
    const calls = [{ ...callNumber(1), name: 'sip:sipp@127.0.0.1', ...none, ...tone }];
    const own = { calls: counts, relays: false, media: { ports }, ports: { total: 0, free: 0, bound: 0, draining: 0, foreign: 0 } };
    const state = begin(makeSnapshot({ metrics: { ...own, ...none, total_latencies: 0 }, calls }), 0);
    expect(`\n${shown(state, { columns: 100 }, 0).join('\n')}\n`).toMatchSnapshot();
  });
});

describe('the verdict', () => {
  it('is green for a pass alone', () => {
    const of = (metrics: object): string[] => tonesOf(minute({ metrics: { uptime_seconds: 159, ...metrics } }), ' for 2 channels');
    expect(of({})).toEqual(['good']);
    expect(of({ total_latencies: 9_999 })).toEqual(['doubt']);
    expect(of({ p50_latency: 9 })).toEqual(['bad']);
  });

  it('says what decided, and how much else', () => {
    const text = (metrics: object): string => shown(minute({ metrics: { uptime_seconds: 159, ...metrics } }), { columns: 200 })[2] ?? '';
    expect(text({})).toBe('SLA     pass for 2 channels');
    expect(text({ total_latencies: 9_999 })).toBe(
      'SLA     insufficient for 2 channels: p99 9,999 of 10,000 samples, max 9,999 of 10,000 samples',
    );
    expect(text({ total_latencies: 0 })).toMatch(/: p50 0 of 200 samples, p95 0 of 2,000 samples, p99 0 of 10,000 samples, and 2 more$/);
    expect(text({ p50_latency: 9, late_ratio: 0.01 })).toBe(
      'SLA     fail for 2 channels: p50 9.000 ms above 8.000 ms, late_ratio 1.000 % above 0.100 %',
    );
  });
});

describe('health', () => {
  it('says why it is not, in as many lines as that takes', () => {
    const state = minute({ health: UNHEALTHY });
    expect(shown(state).slice(1, 4)).toEqual([
      'health  unhealthy: no connection to Asterisk: cannot reach Asterisk at',
      '        http://127.0.0.1:8088: read ECONNRESET; the echo server does not answer',
      'SLA     pass for 12 channels',
    ]);
    expect(tonesOf(state, 'unhealthy')).toEqual(['bad']);
  });

  it('is doubted when a check fails that calls do without', () => {
    const checks = [{ name: 'registrations', ok: false, reason: 'sip:600@pbx is not registered' }];
    const state = minute({ health: { status: 'healthy', reason: null, checks } });
    expect(tonesOf(state, 'healthy: sip:600@pbx is not registered')).toEqual(['doubt']);
  });
});

describe('the calls', () => {
  const many = Array.from({ length: 100 }, (_, i) => callNumber(i + 1, i < 90 ? {} : { ended_at: '2026-11-21T11:00:00.000Z' }));
  const title = (state: WatchState, rows: number): string => shown(state, { rows }).find((line) => line.endsWith(' first; ms')) ?? '';

  it('come worst first, and are counted where they do not fit', () => {
    const state = minute({ metrics: { uptime_seconds: 159, active_channels: 90 }, calls: many });
    const lines = shown(state, { rows: 24 });
    const at = lines.findIndex((line) => line.startsWith('calls  and'));
    expect(lines[at]).toBe('calls  and 84 more, 10 ended; worst p99 first; ms');
    expect(lines.slice(at + 2, -1).map((line) => line.split(' ')[0])).toEqual(
      [90, 89, 88, 87, 86, 85].map((i) => `PJSIP/alice-${String(i).padStart(8, '0')}`),
    );
  });

  it('that the service does not list are said to be missing', () => {
    const state = minute({ metrics: { uptime_seconds: 159, active_channels: 250 }, calls: many });
    expect(title(state, 200)).toBe('calls  and 160 not in /events; worst p99 first; ms');
  });

  it('change their order', () => {
    const state = minute({ metrics: { uptime_seconds: 159 }, calls: many });
    expect(title(act(state, 'order', 0), 200)).toBe('calls  most lost first; ms');
  });

  it('that have ended are dim, and loss stands out', () => {
    const [ended, lossy] = [callNumber(1, { ended_at: 'x' }), callNumber(2, { packet_loss_ratio: 0.25 })];
    const state = minute({ metrics: { uptime_seconds: 159 }, calls: [ended, lossy] });
    expect(tonesOf(state, 'alice-00000001')).toEqual(['dim']);
    expect(tonesOf(state, '25.000 %')).toEqual(['doubt']);
  });
});

describe('any screen', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\u001B[2J', '\r\n', '\u009B0m', '\u202E', '通話'.repeat(30), ''),
  );
  const number = fc.option(fc.double({ min: 0, max: 60_000, noNaN: true }), { nil: null });

  it('fits into its room and holds nothing of the service that a terminal would obey', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(hostile, hostile, hostile, number), { maxLength: 30 }),
        hostile,
        fc.record({ columns: fc.integer({ min: 1, max: 220 }), rows: fc.integer({ min: 1, max: 60 }), unicode: fc.boolean() }),
        fc.constantFrom('none', 'lost', 'help', 'pause', 'order'),
        (rows, reason, room, what) => {
          const calls = rows.map(([name, state, user, p99], i) => ({
            ...callNumber(i, { name, state, p99_latency: p99 }),
            user,
            action: user,
          }));
          let state = begin(makeSnapshot({ calls, health: { status: 'unhealthy', reason, checks: [] } }), 0);
          if (what === 'lost') state = lost(state, reason);
          else if (what !== 'none') state = act(state, what, 0);
          const lines = screenLines(state, { ...options, url: `http://${reason}` }, 500, room);
          expect(lines.length).toBeLessThanOrEqual(room.rows);
          for (const line of lines) {
            expect(widthOfLine(line)).toBeLessThanOrEqual(room.columns);
            const text = line.map((piece) => piece.text).join('');
            expect(text).not.toMatch(/[\p{Cc}\p{Cs}\u2028-\u202E\u2066-\u2069]/u);
            if (!room.unicode) expect(text).toMatch(/^[ -~]*$/);
          }
        },
      ),
    );
  });
});
