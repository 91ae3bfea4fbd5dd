/**
 * Pushes metrics to an OpenTelemetry receiver (OTLP over HTTP) at an interval, and once more at the end. All numbers are
 * cumulative: what a receiver has missed stands in the next push, so nothing is kept for it.
 */
import { hostname } from 'node:os';
import { errnoOf, messageOf, RtplatError } from '../../errors.ts';
import type { MetricFamily } from '../../report/render/families.ts';
import { renderOtlp } from '../../report/render/otlp.ts';
import { readPartialSuccess } from '../../report/render/otlp-answer.ts';
import type { OtlpOrigin } from '../../report/render/otlp.ts';
import type { Logger } from '../log.ts';
import { Pause } from '../pause.ts';
import { postProtobuf } from './post.ts';
import type { PostedAnswer } from './post.ts';
import { readHeaders } from './settings.ts';
import type { OtlpSettings } from './settings.ts';

export interface OtlpPusherParts {
  readonly settings: OtlpSettings;
  /** `sip-serve`, as in `rtplat sip-serve`. */
  readonly service: string;
  /** What tells this process from others of its host: a port that it holds. */
  readonly place: number;
  readonly version: string;
  readonly families: () => readonly MetricFamily[];
  readonly log: Logger;
  readonly env: NodeJS.ProcessEnv;
}

/** A receiver that does not answer. */
const PUSH_MS = 10_000;
/** The last push, which the end of the service waits for. */
const LAST_PUSH_MS = 2_000;
/** The most that a failing receiver is left alone for, unless the interval is longer. */
const MAX_BACK_OFF_MS = 300_000;
/** The least that is left of a back-off, so that many instances spread out. */
const SPREAD = 0.5;
/** Of what a receiver says about itself, in a log line. */
const MAX_REASON_CHARS = 200;

export class OtlpPusher {
  readonly #parts: OtlpPusherParts;
  readonly #origin: OtlpOrigin;
  readonly #pause = new Pause();
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** undefined before the first push. */
  #working: boolean | undefined;

  /** @throws RtplatError `usage` when the headers cannot be used. */
  constructor(parts: OtlpPusherParts) {
    const { settings, service, place, version, env } = parts;
    if (settings.headersFile !== undefined) readHeaders(settings.headersFile, env);
    this.#parts = parts;
    const host = hostname();
    this.#origin = {
      resource: {
        'service.name': `rtplat-${service}`,
        'service.instance.id': `${host}:${place}`,
        'service.version': version,
        'host.name': host,
      },
      version,
      startMs: Date.now() - process.uptime() * 1_000,
    };
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Settles after the last push, within two seconds. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#pause.end();
    await this.#running;
    const { problem } = await this.#push(AbortSignal.timeout(LAST_PUSH_MS));
    if (problem !== undefined) this.#parts.log.warn(`The last metrics were not pushed: ${problem}`);
  }

  async #run(): Promise<void> {
    const { intervalMs } = this.#parts.settings;
    const stopped = this.#stop.signal;
    let failures = 0;
    for (;;) {
      const { problem, failed } = await this.#push(AbortSignal.any([stopped, AbortSignal.timeout(PUSH_MS)]));
      if (stopped.aborted) return;
      this.#tell(problem);
      failures = failed === undefined ? 0 : failures + 1;
      await this.#pause.wait(failed === undefined ? intervalMs : backOffMs(intervalMs, failures, failed.retryAfterMs));
      if (stopped.aborted) return;
    }
  }

  async #push(signal: AbortSignal): Promise<Pushed> {
    const { settings, families, env } = this.#parts;
    try {
      // Each time: it may have been changed.
      const headers = settings.headersFile === undefined ? {} : readHeaders(settings.headersFile, env);
      return outcomeOf(await postProtobuf(settings.url, headers, renderOtlp(families(), this.#origin, Date.now()), signal));
    } catch (error) {
      return { problem: signal.aborted ? 'no answer in time' : describe(error), failed: { retryAfterMs: 0 } };
    }
  }

  /** One line when it begins to fail, and one when it works. @param problem undefined: there is none. */
  #tell(problem: string | undefined): void {
    const working = problem === undefined;
    if (working === this.#working) return;
    this.#working = working;
    const { log, settings } = this.#parts;
    const where = settings.url.origin + settings.url.pathname;
    if (working) log.info(`Metrics are pushed to ${where} every ${settings.intervalMs / 1_000} s`);
    else log.warn(`Metrics cannot be pushed to ${where}: ${problem}; it is tried again, and said when it works`);
  }
}

interface Pushed {
  /** Why not everything was taken; undefined when it was. */
  readonly problem: string | undefined;
  /** There when nothing was taken: what the receiver says about the next time. */
  readonly failed: { readonly retryAfterMs: number } | undefined;
}

function outcomeOf({ status, body, retryAfterMs = 0 }: PostedAnswer): Pushed {
  if (status < 200 || status > 299) return { problem: `it answered ${status}${inBrackets(body)}`, failed: { retryAfterMs } };
  const partial = readPartialSuccess(body);
  const problem = partial === undefined ? undefined : `it refused ${partial.rejected} numbers${inBrackets(partial.reason)}`;
  return { problem, failed: undefined };
}

/** Twice as long after each failure, and not the same for all who wait for one receiver. */
function backOffMs(intervalMs: number, failures: number, retryAfterMs: number): number {
  const most = Math.max(intervalMs, MAX_BACK_OFF_MS);
  const doubled = Math.min(most, intervalMs * 2 ** Math.min(failures - 1, 16));
  return Math.min(most, Math.max(retryAfterMs, doubled * (SPREAD + (1 - SPREAD) * Math.random())));
}

function describe(error: unknown): string {
  return error instanceof RtplatError ? messageOf(error) : errnoOf(error);
}

/** What a receiver says, on one line. */
function inBrackets(said: string | Uint8Array): string {
  const text = typeof said === 'string' ? said : new TextDecoder().decode(said.subarray(0, MAX_REASON_CHARS));
  const line = text.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_REASON_CHARS);
  return line === '' ? '' : ` (${line})`;
}
