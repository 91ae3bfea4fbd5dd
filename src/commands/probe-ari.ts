/** `rtplat probe ari:…`: calls that Asterisk is asked for, with both of their ends in one report. */
import { randomBytes, randomInt } from 'node:crypto';
import { parseAriCodec } from '../core/caller/ari-audio.ts';
import { AriLine, namesOf } from '../core/caller/ari-line.ts';
import { ariRun } from '../core/caller/ari-document.ts';
import { parseAriTarget } from '../core/caller/ari-target.ts';
import { Caller } from '../core/caller/caller.ts';
import type { AriOptions } from '../core/caller/options.ts';
import { RtplatError } from '../core/errors.ts';
import type { RunDocument } from '../core/report/run.ts';
import { selectEngine } from '../core/udp/select.ts';
import { VERSION } from '../version.ts';
import { ariPassword } from './ari-options.ts';
import { readBounds, STATUS_OF } from './bounds.ts';
import { thisHost } from './host.ts';
import { statusOfSignal, widthOf } from './io.ts';
import type { CommandIo, ExitStatus } from './io.ts';
import { ariDoubts, ariTables } from './probe-ari-view.ts';
import { checkInFlight, MOST_AT_ONCE } from './probe-limits.ts';
import { checkedPtimeMs, placeCalls } from './probe-placing.ts';
import { writeRun } from './probe-report.ts';
import { verdictWarnings } from './probe-verdict-view.ts';
import { writeWarnings } from './probe-view.ts';
import type { ProbeCommandOptions } from './probe.ts';

/** What of the options was written on the command line. */
export interface WrittenOptions {
  readonly count: boolean;
  readonly codec: boolean;
}

export async function runAriCalls(io: CommandIo, target: string, options: ProbeCommandOptions, written: WrittenOptions): Promise<void> {
  const endpoint = parseAriTarget(target);
  const settings = placingOptions(options, written);
  const password = await ariPassword(io, options);
  const bounds = await readBounds(options, io);
  if (bounds === undefined) return;
  const { engine, reason } = await selectEngine(options.engine);
  const instance = randomBytes(4).toString('hex');
  const { ariUrl: url, ariUser: user, advertise } = options;
  let line: AriLine | undefined;
  let asterisk = '';
  const open = async (): Promise<AriLine> => {
    line = await AriLine.open({ engine, options: settings, url, user, password, endpoint, advertise, instance });
    asterisk = line.asterisk;
    return line;
  };
  const caller = new Caller({ engine, options: settings, open });
  const { result, stoppedBy, startedAt, service } = await placeCalls(io, caller, options);
  const run: RunDocument = ariRun(
    result,
    {
      ...{ options: settings, url: url.origin, user, asterisk },
      service: (await service?.finish(({ id }) => id.startsWith(namesOf(instance)))) ?? null,
      left: line === undefined ? [] : line.left,
    },
    { target: `ari:${endpoint}`, startedAt, endedAt: new Date().toISOString(), engineReason: reason, version: VERSION, host: thisHost() },
  );
  if (stoppedBy !== undefined && run.ari?.came_back === 0) {
    for (const doubt of ariDoubts(result, run)) io.stderr.write(`rtplat: ${doubt}\n`);
    io.stderr.write('rtplat: stopped before anything was measured\n');
    io.exit(statusOfSignal(stoppedBy));
    return;
  }
  const gate = await writeRun(io, options, {
    ...{ name: target, run, bounds },
    table: async () => ariTables(result, run, await io.chalk(), widthOf(io.stdout)),
  });
  for (const { problem, number } of result.calls) if (problem !== null) io.stderr.write(`rtplat: call ${number}: ${problem}\n`);
  if (options.quiet !== true) await writeWarnings(io, [...verdictWarnings(run.calls), ...ariDoubts(result, run)]);
  const failed = result.calls.some(({ problem }) => problem !== null);
  const bad: ExitStatus = gate !== null && gate.verdict !== 'pass' ? STATUS_OF[gate.verdict] : 0;
  io.exit(failed ? 1 : bad === 0 && run.summary.verdict === 'inconclusive' ? 4 : bad);
}

function placingOptions(options: ProbeCommandOptions, written: WrittenOptions): AriOptions {
  const { for: forNs } = options;
  if (forNs !== undefined && written.count) {
    throw new RtplatError('usage', '--count and --for both say when the last call begins', { hint: 'leave one of them out' });
  }
  if (forNs !== undefined && options.concurrency === undefined) {
    throw new RtplatError('usage', '--for without --concurrency', { hint: 'say how many calls are to be up at once' });
  }
  checkInFlight(options.timeout, options.ptime, 'lower --timeout');
  return {
    count: forNs === undefined ? options.count : null,
    forNs: forNs ?? null,
    concurrency: Math.min(options.concurrency ?? options.count, MOST_AT_ONCE),
    cps: options.cps,
    ringTimeoutNs: options.ringTimeout,
    ptimeMs: checkedPtimeMs(options.ptime),
    codec: parseAriCodec(options.codec, written.codec),
    match: options.match,
    media: {
      durationNs: options.duration,
      timeoutNs: options.timeout,
      lateThresholdNs: options.lateThreshold,
      seed: options.seed ?? randomInt(0x1_0000_0000),
      bufferBytes: options.buffer,
    },
  };
}
