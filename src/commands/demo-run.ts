/**
 * The demo: an echo and a relay in threads of their own, and the probe in the place of Asterisk, which sends to the relay's
 * ports. What the callers saw and what the relay measured then stand side by side.
 */
import { EchoGroup } from '../core/echo/group.ts';
import type { Listening } from '../core/echo/group.ts';
import { probeRun } from '../core/probe/document.ts';
import { doubts } from '../core/probe/doubts.ts';
import type { ProbeResult } from '../core/probe/result.ts';
import { ProbeSession } from '../core/probe/session.ts';
import { RelayFleet } from '../core/relay/fleet.ts';
import type { RelayCall } from '../core/relay/fleet.ts';
import { ThreadMedia } from '../core/relay/media.ts';
import type { RelayMedia } from '../core/relay/media.ts';
import { DEFAULT_LOSS_TIMEOUT_NS } from '../core/relay/tracker.ts';
import { writeAtomically } from '../core/report/files.ts';
import { renderJson } from '../core/report/render/json.ts';
import { formatCount, formatMs, formatRatio } from '../core/report/render/table.ts';
import type { Cell, Table } from '../core/report/render/table.ts';
import type { CallDocument, MetricsDocument } from '../core/report/metrics.ts';
import type { RunDocument } from '../core/report/run.ts';
import { createLogger } from '../core/service/log.ts';
import { DEFAULT_LATE_THRESHOLD_NS } from '../core/stats/late.ts';
import type { Endpoint } from '../core/udp/engine.ts';
import type { EngineChoice } from '../core/udp/choices.ts';
import { nowNs } from '../core/udp/clock.ts';
import { DEFAULT_BUFFER_BYTES } from '../core/udp/defaults.ts';
import { describeEngine, selectEngine } from '../core/udp/select.ts';
import { formatHostPort } from '../core/values/address.ts';
import { formatDurationNs } from '../core/values/duration.ts';
import { VERSION } from '../version.ts';
import { thisHost } from './host.ts';
import { statusOfSignal, widthOf } from './io.ts';
import type { CommandIo } from './io.ts';
import { showProgress, writeWarnings } from './probe-view.ts';
import { renderTables } from './report-view.ts';

export interface DemoOptions {
  readonly calls: number;
  readonly duration: number;
  readonly json?: true;
  readonly out?: string;
  readonly engine: EngineChoice;
}

const LOOPBACK = '127.0.0.1';
/** The default range of `ari-serve`. */
const RANGE = { first: 10_000, last: 10_100 };
const PTIME_NS = 20e6;
const PROGRESS_EVERY_MS = 1_000;

export async function runDemo(io: CommandIo, options: DemoOptions): Promise<void> {
  let stoppedBy: 'SIGINT' | 'SIGTERM' | undefined;
  let session: ProbeSession | undefined;
  const forget = io.onStop((signal) => {
    stoppedBy ??= signal;
    session?.abort();
  });
  const echo = await EchoGroup.start({
    engine: options.engine,
    busyPoll: false,
    workers: 1,
    addresses: [LOOPBACK],
    port: 0,
    bufferBytes: DEFAULT_BUFFER_BYTES,
  });
  let relay: DemoRelay | undefined;
  try {
    relay = await DemoRelay.start(echo.listening.local, options);
    const { ports, fleet } = relay;
    if (options.json !== true) await introduce(io, options, echo.listening, ports);
    // A real relay learns its peer from UNICASTRTP_LOCAL_ADDRESS and _PORT of the call.
    session = await callers(ports, options, (peers) => (relay as DemoRelay).pin(peers));
    if (stoppedBy !== undefined) session.abort();
    const startedAt = new Date().toISOString();
    const result = await watch(io, options, session);
    if (stoppedBy !== undefined && result.received === 0) {
      io.stderr.write('rtplat: stopped before anything was measured\n');
      io.exit(statusOfSignal(stoppedBy));
      return;
    }
    await report(io, options, result, { metrics: fleet.metrics(), calls: fleet.calls() }, startedAt);
  } finally {
    forget();
    await relay?.stop();
    await echo.group.stop();
  }
}

interface RelayFindings {
  readonly metrics: MetricsDocument;
  readonly calls: readonly CallDocument[];
}

/** The relay of `ari-serve` with its calls, without an Asterisk. */
class DemoRelay {
  readonly fleet: RelayFleet;
  readonly #media: RelayMedia;
  readonly #calls: RelayCall[] = [];
  readonly #ports: Endpoint[] = [];

  private constructor(media: RelayMedia, echo: Endpoint) {
    this.#media = media;
    this.fleet = new RelayFleet({
      media,
      range: RANGE,
      echo: () => echo,
      nowNs,
      // What goes wrong is thrown; the rest is not what the demo is about.
      log: createLogger({ format: 'text', level: 'error', write: () => undefined }),
    });
  }

  static async start(echo: Endpoint, { calls, engine }: DemoOptions): Promise<DemoRelay> {
    const media = await ThreadMedia.start(
      {
        bindAddress: LOOPBACK,
        bufferBytes: DEFAULT_BUFFER_BYTES,
        echoSocket: 'shared',
        lossTimeoutNs: DEFAULT_LOSS_TIMEOUT_NS,
        lateThresholdNs: DEFAULT_LATE_THRESHOLD_NS,
      },
      { engine },
    );
    const relay = new DemoRelay(media, echo);
    try {
      for (let n = 1; n <= calls; n++) await relay.#open(n);
    } catch (error) {
      await relay.stop();
      throw error;
    }
    return relay;
  }

  async #open(n: number): Promise<void> {
    const call = this.fleet.open(`call-${n}`, `demo/caller-${n}`);
    this.#calls.push(call);
    this.#ports.push({ address: LOOPBACK, port: await call.bind() });
  }

  /** One for each call. */
  get ports(): readonly [Endpoint, ...Endpoint[]] {
    const [first, ...rest] = this.#ports;
    if (first === undefined) throw new Error('the relay of the demo has no port');
    return [first, ...rest];
  }

  async pin(peers: readonly Endpoint[]): Promise<void> {
    await Promise.all(this.#calls.flatMap((call, i) => (peers[i] === undefined ? [] : [call.pin(peers[i])])));
  }

  async stop(): Promise<void> {
    await this.#media.stop();
  }
}

async function callers(
  targets: readonly [Endpoint, ...Endpoint[]],
  options: DemoOptions,
  opened: (peers: readonly Endpoint[]) => Promise<void>,
): Promise<ProbeSession> {
  const { engine } = await selectEngine(options.engine);
  return new ProbeSession({
    engine,
    givesWay: true,
    targets,
    options: {
      streams: options.calls,
      intervalNs: PTIME_NS,
      ptimeNs: PTIME_NS,
      durationNs: options.duration,
      timeoutNs: DEFAULT_LOSS_TIMEOUT_NS,
      lateThresholdNs: DEFAULT_LATE_THRESHOLD_NS,
      seed: 1,
      bufferBytes: DEFAULT_BUFFER_BYTES,
    },
    opened,
  });
}

async function introduce(
  io: CommandIo,
  options: DemoOptions,
  { local: echo, selection }: Listening,
  ports: readonly Endpoint[],
): Promise<void> {
  const chalk = await io.chalk();
  const numbers = ports.map(({ port }) => port);
  const range = numbers.length === 1 ? 'port' : 'ports';
  const shown = numbers.length > 6 ? `${numbers[0]} … ${numbers.at(-1)}` : numbers.join(', ');
  const lines = [
    ['echo', `${formatHostPort(echo.address, echo.port)}: every datagram goes back to where it came from`],
    ['relay', `${range} ${shown} of 10000-10100: one for each call, the lowest that are free`],
    ['callers', `${options.calls}, in Asterisk's place: 50 packets/s of PCMU each for ${formatDurationNs(options.duration)}`],
    ['engine', describeEngine(selection)],
  ] as const;
  io.stdout.write(`${lines.map(([name, text]) => `${chalk.bold(name.padEnd(8))} ${text}`).join('\n')}\n\n`);
}

async function watch(io: CommandIo, options: DemoOptions, session: ProbeSession): Promise<ProbeResult> {
  const hide = io.stderr.isTTY === true ? await showProgress(io, () => session.progress()) : sayProgress(io, options, session);
  try {
    return await session.run();
  } finally {
    hide();
  }
}

/** A line of progress a second, where there is no terminal to rewrite one on. */
function sayProgress(io: CommandIo, options: DemoOptions, session: ProbeSession): () => void {
  const timer = setInterval(() => {
    if (options.json === true) return;
    const { elapsedNs, sent, received, p50Ns } = session.progress();
    const p50 = p50Ns === null ? '–' : `${formatMs(p50Ns / 1e6)} ms`;
    io.stdout.write(
      `${(elapsedNs / 1e9).toFixed(0)} s: ${formatCount(sent)} packets sent, ${formatCount(received)} returned, p50 ${p50}\n`,
    );
  }, PROGRESS_EVERY_MS);
  return () => clearInterval(timer);
}

async function report(io: CommandIo, options: DemoOptions, result: ProbeResult, relay: RelayFindings, startedAt: string): Promise<void> {
  const { engine_reason: engineReason } = relay.metrics;
  const run: RunDocument = {
    ...probeRun(result, {
      version: VERSION,
      host: thisHost(),
      startedAt,
      endedAt: new Date().toISOString(),
      target: 'relay on loopback',
      engineReason,
    }),
    // The summary is what the callers saw, the calls are what the relay measured.
    command: 'demo',
    calls: relay.calls,
  };
  if (options.out !== undefined) await writeAtomically(options.out, renderJson(run));
  if (options.json === true) io.stdout.write(renderJson(run));
  else {
    const chalk = await io.chalk();
    io.stdout.write('\n');
    io.stdout.write(await renderTables([sideBySide(run, relay)], { chalk, columns: widthOf(io.stdout) }));
    io.stdout.write(`\n${nextSteps()}`);
  }
  await writeWarnings(io, doubts(result));
  // A demonstration on a busy host has still shown what it should; the doubts above say what its numbers are worth.
  io.exit(run.summary.received === 0 ? 1 : 0);
}

/** One column for each end of the same packets. */
function sideBySide(run: RunDocument, { metrics }: RelayFindings): Table {
  const { summary } = run;
  const { counters } = metrics;
  const rows: readonly (readonly [name: string, caller: string, relay: string])[] = [
    ['packets sent', formatCount(summary.sent), formatCount(counters.sent)],
    ['packets returned', formatCount(summary.received), formatCount(counters.returned)],
    ['packets lost', formatCount(summary.lost), formatCount(counters.lost)],
    ['loss', formatRatio(summary.packet_loss_ratio), formatRatio(metrics.packet_loss_ratio)],
    ['late', formatRatio(summary.late_ratio), formatRatio(metrics.late_ratio)],
    ['latency p50, ms', formatMs(summary.p50_latency), formatMs(metrics.p50_latency)],
    ['latency p95, ms', formatMs(summary.p95_latency), formatMs(metrics.p95_latency)],
    ['latency p99, ms', formatMs(summary.p99_latency), formatMs(metrics.p99_latency)],
    ['latency max, ms', formatMs(summary.max_latency), formatMs(metrics.max_latency)],
    ['latency mean, ms', formatMs(summary.avg_latency), formatMs(metrics.avg_latency)],
  ];
  return {
    title: 'Round trips of the same packets',
    columns: [
      { name: '', align: 'left' },
      { name: 'callers: to relay, echo and back', align: 'right' },
      { name: 'relay: to echo and back', align: 'right' },
    ],
    rows: rows.map((row) => row.map(plain)),
    note: 'The callers’ round trip holds the relay’s.',
  };
}

function plain(text: string): Cell {
  return { text, tone: 'plain' };
}

function nextSteps(): string {
  return `With a real Asterisk:
  rtplat echo --port 4000
  ARI_PASS=… rtplat ari-serve --range 10000-10100 --ari-user NAME
`;
}
