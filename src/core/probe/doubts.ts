/** Every doubt that a probe can have about its own numbers, and whether they may be believed at all. */
import { DEFAULT_CAPS } from '../guard/rules.ts';
import type { Verdict } from '../report/run.ts';
import { samplesNeeded } from '../stats/service-level.ts';
import { isLoopback } from '../values/address.ts';
import { formatDurationNs } from '../values/duration.ts';
import type { ProbeResult } from './result.ts';

/** The numbers are the sender's, not the path's, when half of the packets left this late or later … */
export const UNTRUSTED_P50_NS = 5e6;
/** … or one in a hundred this late, or a whole ptime where that is more. */
const UNTRUSTED_P99_NS = 20e6;
const DOUBTFUL_P50_NS = 1e6;
/** A host that takes this long to look at a packet is worth a word, although the kernel's clock does not measure it. */
const SLOW_HOST_P50_NS = 1e6;
const SLOW_HOST_P99_NS = 5e6;

const QUANTILES = [
  { name: 'p50', quantile: 0.5 },
  { name: 'p95', quantile: 0.95 },
  { name: 'p99', quantile: 0.99 },
] as const;

export interface Judgement {
  readonly verdict: Verdict;
  /** One sentence each; empty on `pass`. */
  readonly reasons: readonly string[];
}

/** `fail` when nothing came back, `inconclusive` when the sender was too late, `insufficient` when not even the median has its samples. */
export function judge(result: ProbeResult): Judgement {
  if (result.received === 0) return { verdict: 'fail', reasons: ['nothing came back'] };
  const late = tooLate(result);
  if (late !== undefined) return { verdict: 'inconclusive', reasons: [late] };
  const needed = samplesNeeded(0.5);
  if (result.latency.count < needed) {
    return { verdict: 'insufficient', reasons: [`${result.latency.count} samples: the median alone needs ${needed}`] };
  }
  return { verdict: 'pass', reasons: [] };
}

function tooLate({ sendError, options }: ProbeResult): string | undefined {
  const p50 = sendError.quantileNs(0.5);
  if (p50 !== null && p50 > UNTRUSTED_P50_NS) {
    return `half of the packets were sent ${ms(p50)} late or more (limit ${ms(UNTRUSTED_P50_NS)}): this host is too busy`;
  }
  const p99 = sendError.quantileNs(0.99);
  const limit = Math.max(options.ptimeNs, UNTRUSTED_P99_NS);
  if (p99 !== null && p99 > limit) {
    return `one packet in a hundred was sent ${ms(p99)} late or more (limit ${ms(limit)}): this host is too busy`;
  }
  return undefined;
}

/** What a reader should know before believing the numbers, one sentence each. */
export function doubts(result: ProbeResult): readonly string[] {
  return [
    tooLate(result),
    doubtfulSender(result),
    slowHost(result),
    unstamped(result),
    nothingBack(result),
    loss(result),
    overCap(result),
    fewSamples(result),
    drops(result),
    smallBuffers(result),
    sendErrors(result),
    strangers(result),
  ].filter((doubt) => doubt !== undefined);
}

function doubtfulSender(result: ProbeResult): string | undefined {
  if (tooLate(result) !== undefined) return undefined;
  const p50 = result.sendError.quantileNs(0.5);
  const p99 = result.sendError.quantileNs(0.99);
  // By the kernel's clock a packet's time starts when it leaves; whether it is late and how it jitters goes by when it was due.
  const kernel = result.clock === 'kernel';
  if (p50 !== null && p50 > DOUBTFUL_P50_NS) {
    const what = kernel ? 'jitter and lateness contain that, the latencies do not' : 'the latencies contain that';
    return `half of the packets were sent ${ms(p50)} late or more; ${what}`;
  }
  if (p99 !== null && p99 > result.options.ptimeNs) {
    const what = kernel ? 'jitter and lateness contain that, the latencies do not' : 'the highest latencies contain that';
    return `one packet in a hundred was sent ${ms(p99)} late or more, longer than ptime; ${what}`;
  }
  return undefined;
}

function slowHost({ hostDelay }: ProbeResult): string | undefined {
  const p50 = hostDelay?.quantileNs(0.5) ?? 0;
  const p99 = hostDelay?.quantileNs(0.99) ?? 0;
  if (p50 <= SLOW_HOST_P50_NS && p99 <= SLOW_HOST_P99_NS) return undefined;
  return `this host was slow to handle packets (p50 ${ms(p50)}, p99 ${ms(p99)}): not in the latencies, which are by the kernel's clock`;
}

function unstamped({ unstamped: count, received }: ProbeResult): string | undefined {
  if (count === null || count === 0) return undefined;
  return `${count} of ${received} packets lack a timestamp of the kernel: their latencies contain this host's own delays`;
}

function nothingBack({ received, sent, lastError }: ProbeResult): string | undefined {
  if (received > 0 || sent === 0) return undefined;
  return `none of ${sent} packets came back${lastError === null ? '' : ` (${lastError})`}: is that an echo, and does a firewall let UDP through?`;
}

function loss({ received, lost, lateAfterLoss, options }: ProbeResult): string | undefined {
  if (lost === 0 || received === 0) return undefined;
  const after =
    lateAfterLoss === 0 ? '' : `, ${lateAfterLoss} of them came back after the time-out of ${formatDurationNs(options.timeoutNs)}`;
  return `${lost} of ${received + lost} packets were lost${after}; the percentiles are those of the packets that came back`;
}

/** What an echo of ours refuses looks like loss on the way. */
function overCap({ lost, targets, options }: ProbeResult): string | undefined {
  const pps = Math.round((options.streams * 1e9) / options.intervalNs);
  if (lost === 0 || pps <= DEFAULT_CAPS.perSource || targets.every(({ address }) => isLoopback(address))) return undefined;
  return `${pps} packets/s were sent: rtplat echo answers ${DEFAULT_CAPS.perSource} of one source unless its --allow or --source-rate says otherwise; its log tells`;
}

function fewSamples({ latency }: ProbeResult): string | undefined {
  const { count } = latency;
  if (count === 0) return undefined;
  const weak = QUANTILES.filter(({ quantile }) => count < samplesNeeded(quantile));
  if (weak.length === 0) return undefined;
  const names = list(weak.map(({ name }) => name));
  const needed = list(weak.map(({ quantile }) => samplesNeeded(quantile).toLocaleString('en-US')));
  return `${names} rest${weak.length === 1 ? 's' : ''} on ${count.toLocaleString('en-US')} samples of the ${needed} needed: send for longer, or more streams at once`;
}

function drops({ socketDrops }: ProbeResult): string | undefined {
  if (socketDrops === null || socketDrops === 0) return undefined;
  return `${socketDrops} echoes were dropped in this host's own receive buffers: that loss is not the path's`;
}

function smallBuffers({ options, receiveBufferBytes, sendBufferBytes }: ProbeResult): string | undefined {
  const asked = options.bufferBytes;
  if (receiveBufferBytes < asked) return `the kernel granted a smaller receive buffer than asked: sysctl -w net.core.rmem_max=${asked}`;
  if (sendBufferBytes < asked) return `the kernel granted a smaller send buffer than asked: sysctl -w net.core.wmem_max=${asked}`;
  return undefined;
}

function sendErrors({ sendErrors: count, lastError }: ProbeResult): string | undefined {
  if (count === 0) return undefined;
  return `the kernel refused to send ${count} packets${lastError === null ? '' : ` (${lastError})`}; they count as lost`;
}

function strangers({ unmatched, malformed }: ProbeResult): string | undefined {
  const count = unmatched + malformed;
  return count === 0 ? undefined : `${count} datagrams came that are no echo of a packet sent: does the far end alter them?`;
}

/** `a, b and c`. */
function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function ms(ns: number): string {
  return `${(ns / 1e6).toFixed(1)} ms`;
}
