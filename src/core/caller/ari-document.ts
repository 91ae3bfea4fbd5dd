/** The result of calls through ARI as a run document. Pure. */
import type { RunLabels } from '../probe/document.ts';
import type { AriCallMembers, AriFailureMembers, AriLoad, CallRow, DelayMembers, RunDocument } from '../report/run.ts';
import type { ServiceCall } from '../report/read-metrics.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import { budgetWith } from './budget-members.ts';
import { agreementOf, serviceMembers } from './agreement.ts';
import { cameBack } from './ari-outcome.ts';
import { callsRun } from './document.ts';
import type { AriOptions } from './options.ts';
import type { SettledCall } from './outcome.ts';
import type { ServiceFacts } from './service-watch.ts';
import type { CallerResult } from './totals.ts';

export interface AriRunParts {
  readonly options: AriOptions;
  /** Origin of Asterisk's HTTP server. */
  readonly url: string;
  readonly user: string;
  readonly asterisk: string;
  /** null without `--service`. */
  readonly service: ServiceFacts | null;
  /** Names of ours that are still in Asterisk; null when it could not be asked. */
  readonly left: readonly string[] | null;
}

const NS_PER_MS = 1e6;

export function ariRun(result: CallerResult, parts: AriRunParts, labels: RunLabels): RunDocument {
  const run = callsRun(result, parts.options, labels);
  const { service } = parts;
  const names = result.calls.map(({ ari, answeredMs }) => (answeredMs === null ? null : { callId: null, channelId: ari?.farId ?? null }));
  return {
    ...run,
    ...verdictOf(run, result),
    ...(service === null ? {} : { budget: budgetWith(service, run, names) }),
    options: {
      ...run.options,
      codecs: parts.options.codec,
      ari_url: parts.url,
      ari_user: parts.user,
      asterisk: parts.asterisk,
      service: service?.url ?? null,
    },
    calls: run.calls.map((row, i) => withAri(row, result.calls[i] as SettledCall, service)),
    ari: loadOf(result.calls, parts),
  };
}

/** Packets that came back as others are no loss: nothing is known of their round trips, and that is all. */
function verdictOf(run: RunDocument, { calls }: CallerResult): { readonly summary: RunDocument['summary'] } {
  const failed = calls.some(({ problem }) => problem !== null);
  const changed = calls.some(({ media }) => media !== null && media.received === 0 && cameBack(media) > 0);
  if (failed || !changed || run.summary.received > 0) return run;
  const reasons = ['the packets came back with other headers: no round trip is known of them, only their number'];
  return { summary: { ...run.summary, verdict: 'insufficient', verdict_reasons: reasons } };
}

function withAri(row: CallRow, call: SettledCall, service: ServiceFacts | null): CallRow {
  const { ari, media } = call;
  const there = ari?.farId == null ? undefined : service?.calls.get(ari.farId);
  const members: AriCallMembers = {
    channel_id: ari?.channelId ?? '',
    cause: ari?.cause?.number ?? null,
    cause_text: ari?.cause?.text ?? null,
    sent: media?.sent ?? null,
    came_back: media === null ? null : cameBack(media),
    service: there === undefined ? null : serviceOf(there),
  };
  return { ...row, ari: members };
}

function serviceOf({ id, counters, setup_ms, p50_latency, p99_latency, max_latency }: ServiceCall): AriCallMembers['service'] {
  return {
    ...{ id, setup_ms, p50_latency, p99_latency, max_latency },
    from_peer: counters?.from_peer ?? null,
    returned: counters?.returned ?? null,
    lost: counters?.lost ?? null,
    to_peer: counters?.to_peer ?? null,
  };
}

function loadOf(calls: readonly SettledCall[], { service, left }: AriRunParts): AriLoad {
  // What the user stopped before it was answered has neither succeeded nor failed.
  const decided = calls.filter(({ stopped, answeredMs, problem }) => problem !== null || !stopped || answeredMs !== null);
  const succeeded = decided.filter(({ problem }) => problem === null).length;
  const answered = calls.flatMap(({ answeredMs }) => answeredMs ?? []);
  const media = calls.flatMap((call) => call.media ?? []);
  const there = service === null ? null : serviceMembers(calls, service);
  return {
    calls_placed: calls.length,
    calls_answered: answered.length,
    calls_succeeded: succeeded,
    success_ratio: decided.length === 0 ? null : succeeded / decided.length,
    calls_per_second: rateOf(calls),
    setup_ms: spreadOf(answered),
    failures: failuresOf(calls),
    sent: media.reduce((total, { sent }) => total + sent, 0),
    came_back: media.reduce((total, each) => total + cameBack(each), 0),
    left: left?.length ?? null,
    service: there,
    agreement: there === null ? null : agreementOf(calls, there),
  };
}

/** Calls begun in a second, from the first to the last; null of one call. */
function rateOf(calls: readonly SettledCall[]): number | null {
  const times = calls.flatMap(({ ari }) => ari?.beganMs ?? []).toSorted((a, b) => a - b);
  const spanMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return calls.length < 2 || spanMs <= 0 ? null : ((calls.length - 1) * 1000) / spanMs;
}

function spreadOf(delaysMs: readonly number[]): DelayMembers | null {
  if (delaysMs.length === 0) return null;
  const histogram = new LatencyHistogram();
  for (const delayMs of delaysMs) histogram.record(delayMs * NS_PER_MS);
  const ms = (ns: number | null): number => (ns ?? 0) / NS_PER_MS;
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => ms(histogram.quantileNs(q))) as [number, number, number];
  return { count: delaysMs.length, mean: ms(histogram.meanNs), p50, p95, p99, max: ms(histogram.maxNs) };
}

/** The most frequent first. */
function failuresOf(calls: readonly SettledCall[]): readonly AriFailureMembers[] {
  const failed = Map.groupBy(
    calls.filter(({ problem }) => problem !== null),
    ({ ari, problem }) => ari?.cause?.number ?? problem,
  );
  return [...failed.values()]
    .map((group) => ({ problem: group[0]?.problem ?? '', cause: group[0]?.ari?.cause?.number ?? null, calls: group.length }))
    .toSorted((a, b) => b.calls - a.calls);
}
