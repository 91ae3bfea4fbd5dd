/** What probes of calls have in common, however the calls are placed. */
import type { Caller } from '../core/caller/caller.ts';
import type { ServiceWatch } from '../core/caller/service-watch.ts';
import type { CallerResult } from '../core/caller/totals.ts';
import { RtplatError } from '../core/errors.ts';
import { serviceToken } from './http-options.ts';
import type { CommandIo } from './io.ts';
import type { CallCommandOptions } from './probe-call-options.ts';
import { progressOfCalls } from './probe-call-view.ts';
import { showLine } from './probe-view.ts';

const LEAST_PTIME_MS = 10;
const MOST_PTIME_MS = 60;

/** @throws RtplatError `usage`. */
export function checkedPtimeMs(ptimeNs: number): number {
  const ptimeMs = ptimeNs / 1e6;
  if (ptimeMs % 10 !== 0 || ptimeMs < LEAST_PTIME_MS || ptimeMs > MOST_PTIME_MS) {
    throw new RtplatError('usage', `a call cannot have a ptime of ${ptimeMs} ms`, { hint: 'write 10ms, 20ms, 30ms, 40ms, 50ms or 60ms' });
  }
  return ptimeMs;
}

/** Looks at the service that takes the calls, from now on. @throws RtplatError when it does not answer. */
async function watchService(io: CommandIo, options: CallCommandOptions): Promise<ServiceWatch | undefined> {
  const { service } = options;
  if (service === undefined) return undefined;
  const { ServiceWatch } = await import('../core/caller/service-watch.ts');
  return ServiceWatch.start(service, await serviceToken(options, io.env));
}

interface PlacingOptions extends CallCommandOptions {
  readonly quiet?: boolean;
}

interface PlacedCalls {
  readonly result: CallerResult;
  readonly stoppedBy: 'SIGINT' | 'SIGTERM' | undefined;
  /** ISO 8601. */
  readonly startedAt: string;
  /** That took the calls; it was looked at while they were up. */
  readonly service: ServiceWatch | undefined;
}

/** Runs the caller with a line of progress, and looks at the service meanwhile, where one was named; a signal stops it in good order. */
export async function placeCalls(io: CommandIo, caller: Caller, options: PlacingOptions): Promise<PlacedCalls> {
  const service = await watchService(io, options);
  const startedAt = new Date().toISOString();
  let stoppedBy: 'SIGINT' | 'SIGTERM' | undefined;
  const forget = io.onStop((signal) => {
    stoppedBy ??= signal;
    caller.stop();
  });
  const shows = io.stderr.isTTY === true && options.quiet !== true;
  const hide = shows ? await showLine(io, () => progressOfCalls(caller.progress())) : undefined;
  try {
    return { result: await caller.run(), stoppedBy, startedAt, service };
  } finally {
    hide?.();
    forget();
    await service?.stop();
  }
}
