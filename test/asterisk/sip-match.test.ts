/**
 * `rtplat probe sip:… --match`: packets that a real Asterisk 22 makes anew, bridges and transcodes, matched by payload and by audio, beside
 * what a capture of both legs says of the same packets.
 */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { capture, type Datagram, datagrams } from './kit/capture.ts';
import { delayingEcho } from './kit/delaying-echo.ts';
import { audioOf, probeCall, type Probed } from './kit/probe-call.ts';
import { scratchFolder } from './kit/scratch.ts';
import { SIP_PORT, type SipServe, startSipServe } from './kit/sip-server.ts';

const scratch = scratchFolder();

/** Of an echo that delays. */
const SLOW_PORT = 6_000;

let asterisk: Asterisk;
let server: SipServe;

beforeAll(async () => {
  const trunk = (name: string, allow: string): string =>
    `[${name}]\ntype = endpoint\ncontext = nowhere\naors = far\ndisallow = all\nallow = ${allow}\ndirect_media = no\n100rel = no\ntimers = no\n`;
  const caller = (name: string, allow: string): string =>
    `[${name}]\ntype = endpoint\ncontext = callers\ndisallow = all\nallow = ${allow}\ndirect_media = no\n`;
  asterisk = await startAsterisk({
    release: 'sid',
    dir: scratch('asterisk'),
    more: {
      modules: ['codec_g722'],
      pjsip: `
${caller('wide', 'g722')}
${trunk('far-ulaw', 'ulaw')}
${trunk('far-alaw', 'alaw')}
[far]
type = aor
contact = sip:127.0.0.1:${SIP_PORT}
`,
      extensions: `
exten = ulaw,1,Dial(PJSIP/600@far-ulaw)
exten = alaw,1,Dial(PJSIP/600@far-alaw)
exten = slow,1,Dial(UnicastRTP/127.0.0.1:${SLOW_PORT}/c(alaw))
`,
    },
  });
  server = await startSipServe(scratch('server'), '[behavior]\nmode = "echo"\nauto_answer_delay_ms = 50\n');
});
afterAll(async () => {
  await server?.running.stop();
  await asterisk?.stop();
});

/**
 * How long each of `later` comes behind its own of `earlier`, ms. Whatever is between makes one of one, at once, and may miss the first ones:
 * it is off by the most that leaves none that came before it was sent.
 */
function delaysMs(earlier: readonly Datagram[], later: readonly Datagram[]): readonly number[] {
  const delays = (off: number): readonly number[] => later.map(({ timeS }, i) => (timeS - (earlier[i + off]?.timeS ?? Number.NaN)) * 1000);
  let off = 0;
  while (delays(off + 1).every((delay) => delay >= 0)) off += 1;
  return delays(off);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

interface Seen {
  /** Of the caller's leg, from packet to packet. */
  readonly delays: readonly number[];
  /** Payload types of the other leg. */
  readonly beyond: ReadonlySet<number>;
}

/** Probes, and looks at the same packets from outside. */
async function probeSeen(name: string, args: readonly string[], payloadType: number): Promise<Probed & Seen> {
  const seen = await capture({ dir: scratch(`capture-${name}`), filter: 'udp portrange 10000-65535' });
  const ran = await probeCall(args);
  const all = await datagrams(await seen.stop(), 'udp');
  const { port, peer } = ran.row;
  const peerPort = Number(peer?.split(':').at(-1));
  const sent = audioOf(all, port ?? 0, peerPort, payloadType);
  const back = audioOf(all, peerPort, port ?? 0, payloadType);
  expect(sent.length).toBe(ran.run.summary.sent);
  const own = new Set([port, peerPort]);
  // Asterisk's ports have an even number.
  const others = all.filter(({ srcPort, dstPort }) => !own.has(srcPort) && srcPort >= 20_000 && srcPort <= 24_000 && dstPort % 2 === 0);
  const beyond = new Set(others.map(({ payload }) => Number.parseInt(payload.slice(2, 4), 16) & 0x7f));
  return { ...ran, delays: delaysMs(sent, back), beyond };
}

/** Packets that one side has and the other has not, as a share of all: they move ranks. */
const RANKS = 0.03;

/** @param codecMs that codecs and filters hold the audio back by, which no packet shows. */
function expectSame({ row, delays }: Probed & Seen, codecMs: number): void {
  for (const [q, ours] of [
    [0.5, row.p50_latency],
    [0.95, row.p95_latency],
  ] as const) {
    expect(ours).toBeGreaterThan(quantile(delays, q - RANKS) + codecMs - 1);
    expect(ours).toBeLessThan(quantile(delays, q + RANKS) + codecMs + 1);
  }
}

const SECONDS = ['--duration', '8s'];
/** On a busy machine the sender may doubt itself. */
const MEASURED = [0, 4];

describe('beside a capture', () => {
  it.each([
    ['PCMU', [], 0],
    ['PCMA', ['--codec', 'PCMA'], 8],
    ['G.722', ['--codec', 'G722', '--from', 'sip:wide@127.0.0.1'], 9],
  ] as const)('Echo() of Asterisk, %s: by payload, within 1 ms', async (name, more, payloadType) => {
    const ran = await probeSeen(`echo-${name}`, ['sip:601@127.0.0.1:5060', ...SECONDS, ...more], payloadType);
    expect(ran.stderr).toBe('');
    expect(MEASURED).toContain(ran.status);
    expect(ran.row).toMatchObject({ match: 'payload', match_share: 1, state: 'done', other_ssrc: ran.delays.length });
    expect(ran.row.counters?.returned).toBe(ran.delays.length);
    // What was sent before Asterisk listened, and nothing else.
    expect(ran.row.counters?.lost).toBe(400 - ran.delays.length);
    expect(ran.row.lost_audio_ms).toBe(20 * (400 - ran.delays.length));
    expectSame(ran, 0);
  });

  it('bridged by Asterisk, PCMU to PCMU: its own packets are those that came, by header', async () => {
    const ran = await probeSeen('bridged', ['sip:ulaw@127.0.0.1:5060', ...SECONDS], 0);
    expect(MEASURED).toContain(ran.status);
    expect(ran.beyond).toEqual(new Set([0]));
    expect(ran.row.counters?.returned).toBe(ran.delays.length);
    expect(['header', 'payload']).toContain(ran.row.match);
    expectSame(ran, 0);
  });

  it.each([
    ['PCMU to PCMA and back', 'alaw', [], 0, 8, 0],
    // G.722 twice, there and back, and Asterisk's resampler twice.
    ['G.722 to PCMU and back', 'ulaw', ['--codec', 'G722', '--from', 'sip:wide@127.0.0.1'], 9, 0, 12.75],
  ] as const)(
    'bridged by Asterisk, %s: by audio, within 1 ms after what the codecs hold back',
    async (_, user, more, ours, theirs, codecMs) => {
      const ran = await probeSeen(`audio-${user}`, [`sip:${user}@127.0.0.1:5060`, ...SECONDS, ...more], ours);
      expect(MEASURED).toContain(ran.status);
      expect(ran.beyond).toEqual(new Set([theirs]));
      const { row } = ran;
      expect(row).toMatchObject({ match: 'audio', packet_loss_ratio: null, mos: null });
      expect(row.counters).not.toHaveProperty('lost');
      expect(row.match_share).toBeGreaterThan(0.97);
      expect(row.match_score).toBeGreaterThan(0.9);
      expect(row.match_error_ms).toBeLessThan(0.1);
      expect(row.counters?.returned).toBeGreaterThan(0.97 * ran.delays.length);
      expect(ran.run.summary).toMatchObject({ match: 'audio', packet_loss_ratio: null, mos: null, r_factor: null });
      expectSame(ran, codecMs);
    },
  );
});

describe('a delay with jitter and loss, behind a conversion to PCMA', () => {
  it.each([
    [20, 0.01],
    [80, 0.03],
    [150, 0.05],
  ])('%i ms, a loss of %f: the median within 2 ms, nothing undetected', async (delayMs, loss) => {
    const echo = await delayingEcho({ port: SLOW_PORT, delayMs, jitterMs: 5, loss, seed: delayMs });
    onTestFinished(() => echo.close());
    const seen = await capture({ dir: scratch(`slow-${delayMs}`), filter: `udp port ${SLOW_PORT}` });
    const { status, row } = await probeCall(['sip:slow@127.0.0.1:5060', '--duration', '12s']);
    const all = await datagrams(await seen.stop(), 'udp');
    // The echo leaves packets as they are: the truth is from when each came there until it left again.
    const came = new Map(all.filter(({ dstPort }) => dstPort === SLOW_PORT).map(({ payload, timeS }) => [payload, timeS]));
    const left = all.filter(({ srcPort }) => srcPort === SLOW_PORT);
    const truth = left.map(({ payload, timeS }) => (timeS - (came.get(payload) ?? Number.NaN)) * 1000);
    expect(MEASURED).toContain(status);
    expect(row.match).toBe('audio');
    expect(Math.abs((row.p50_latency ?? Number.NaN) - quantile(truth, 0.5))).toBeLessThan(2);
    // Asterisk forwards nothing of what comes out of order.
    expect(row.other_ssrc).toBeLessThanOrEqual(truth.length);
    expect(row.match_share).toBeGreaterThanOrEqual(0.99);
    expect(row.counters?.returned).toBeGreaterThanOrEqual(0.99 * (row.other_ssrc ?? Number.NaN));
    expect(row.counters?.returned).toBeLessThanOrEqual(row.other_ssrc ?? Number.NaN);
  });
});

describe('what is refused', () => {
  it('a tone that does not echo: no number, and the reason', async () => {
    const { status, stderr, run, row } = await probeCall(['sip:602@127.0.0.1:5060', '--duration', '3s', '--timeout', '500ms']);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^rtplat: call 1: \d+ packets came back and cannot be matched, not by header \(\d+ have another SSRC\), not by payload/,
    );
    expect(row).toMatchObject({ match: null, state: 'failed' });
    expect(row.match_reason).toMatch(/other sound/);
    expect(row).not.toHaveProperty('p50_latency');
    expect(run.summary).toMatchObject({ sent: 0, p50_latency: null, packet_loss_ratio: null });
  });

  it('by payload alone, what was converted', async () => {
    const { status, row } = await probeCall([
      'sip:ulaw@127.0.0.1:5060',
      '--codec',
      'G722',
      '--from',
      'sip:wide@127.0.0.1',
      '--match',
      'payload',
      '--duration',
      '2s',
    ]);
    expect(status).toBe(1);
    expect(row).toMatchObject({ match: null });
    expect(row.match_reason).toMatch(/cannot be matched, not by payload \(0 hold/);
  });
});
