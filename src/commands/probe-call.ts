/** `rtplat probe sip:…`: calls that are placed, measured and hung up. */
import { parseCodecs } from '../core/caller/codecs.ts';
import { callRun } from '../core/caller/document.ts';
import type { MatchMode } from '../core/caller/match-choice.ts';
import type { CallerOptions } from '../core/caller/options.ts';
import { parseSrtp } from '../core/caller/srtp.ts';
import { parseCallTarget } from '../core/caller/target.ts';
import { RtplatError } from '../core/errors.ts';
import type { DigestCredentials } from '../core/sip/digest.ts';
import type { RunDocument } from '../core/report/run.ts';
import { readBounds } from './bounds.ts';
import { statusOfSignal, widthOf } from './io.ts';
import type { CommandIo } from './io.ts';
import { callDoubts, callsTables, keyDoubts } from './probe-call-view.ts';
import { checkInFlight, MOST_AT_ONCE } from './probe-limits.ts';
import { checkedPtimeMs, placeCalls } from './probe-placing.ts';
import { statusOf, writeRun } from './probe-report.ts';
import { verdictWarnings } from './probe-verdict-view.ts';
import { writeWarnings } from './probe-view.ts';
import type { ProbeCommandOptions } from './probe.ts';

const PASSWORD_VARIABLE = 'RTPLAT_SIP_PASSWORD';

export async function runCalls(io: CommandIo, target: string, options: ProbeCommandOptions): Promise<void> {
  const settings = await callerOptions(io, target, options);
  const tls = await tlsChoices(options);
  const bounds = await readBounds(options, io);
  if (bounds === undefined) return;
  const [{ Caller }, { openSipLine }, { selectEngine }, { VERSION }] = await Promise.all([
    import('../core/caller/caller.ts'),
    import('../core/caller/sip-line.ts'),
    import('../core/udp/select.ts'),
    import('../version.ts'),
  ]);
  const { engine, reason } = await selectEngine(options.engine);
  const product = `rtplat/${VERSION}`;
  const caller = new Caller({ engine, options: settings, open: () => openSipLine({ engine, tls, product }, settings) });
  const { result, stoppedBy, startedAt, service } = await placeCalls(io, caller, options);
  if (stoppedBy !== undefined && result.media.received === 0) {
    io.stderr.write('rtplat: stopped before anything was measured\n');
    io.exit(statusOfSignal(stoppedBy));
    return;
  }
  const { thisHost } = await import('./host.ts');
  const labels = {
    ...{ target: settings.target.uri, startedAt, engineReason: reason, version: VERSION, host: thisHost() },
    endedAt: new Date().toISOString(),
  };
  const ours = new Set(result.calls.map(({ callId }) => callId));
  const facts = await service?.finish(({ sip_call_id: callId }) => callId == null || ours.has(callId));
  const run: RunDocument = callRun(result, settings, labels, facts);
  const gate = await writeRun(io, options, {
    ...{ name: target, run, bounds },
    table: async () => callsTables(result, run, await io.chalk(), widthOf(io.stdout)),
  });
  // What failed is no doubt about numbers: it is said even where nobody wants to hear of those.
  for (const { problem, number } of result.calls) if (problem !== null) io.stderr.write(`rtplat: call ${number}: ${problem}\n`);
  if (options.quiet !== true) await writeWarnings(io, [...keyDoubts(settings), ...verdictWarnings(run.calls), ...callDoubts(result)]);
  const failed = result.calls.some(({ problem }) => problem !== null);
  io.exit(failed ? 1 : statusOf(run, gate));
}

async function callerOptions(io: CommandIo, target: string, options: ProbeCommandOptions): Promise<CallerOptions> {
  const { randomInt } = await import('node:crypto');
  const ptimeMs = checkedPtimeMs(options.ptime);
  checkInFlight(options.timeout, options.ptime, 'lower --timeout');
  return {
    target: parseCallTarget(target, options),
    count: options.count,
    forNs: null,
    concurrency: Math.min(options.concurrency ?? options.count, MOST_AT_ONCE),
    cps: options.cps,
    ringTimeoutNs: options.ringTimeout,
    codecs: parseCodecs(options.codec),
    ptimeMs,
    match: matchOf(options),
    media: {
      durationNs: options.duration,
      timeoutNs: options.timeout,
      lateThresholdNs: options.lateThreshold,
      seed: options.seed ?? randomInt(0x1_0000_0000),
      bufferBytes: options.buffer,
      oneWay: options.oneWay,
    },
    srtp: parseSrtp(options.srtp),
    credentials: await credentialsOf(io, options),
  };
}

/** Times of the far end take the place of what payloads and audio are known by. @throws RtplatError `usage` when those are asked for. */
function matchOf({ match, oneWay }: ProbeCommandOptions): MatchMode {
  if (oneWay !== true) return match;
  if (match === 'auto' || match === 'header') return 'header';
  throw new RtplatError('usage', `--one-way and --match ${match}: the far end's times take the place of what is matched`, {
    hint: 'with --one-way packets are matched by header: leave --match out',
  });
}

async function credentialsOf(io: CommandIo, { user, passwordFile, realm }: ProbeCommandOptions): Promise<DigestCredentials | undefined> {
  if (user === undefined) {
    if (passwordFile !== undefined)
      throw new RtplatError('usage', '--password-file without --user', { hint: 'name the user that the password is of' });
    return undefined;
  }
  return { username: user, realm, password: await passwordOf(io, user, passwordFile) };
}

async function passwordOf(io: CommandIo, user: string, file: string | undefined): Promise<string> {
  const password = io.env[PASSWORD_VARIABLE];
  if (file === undefined && password !== undefined && password !== '') return password;
  if (file === undefined) {
    throw new RtplatError('usage', `no password for --user ${user}`, {
      hint: `set ${PASSWORD_VARIABLE}, or name a file with --password-file`,
    });
  }
  const { readSecret } = await import('../core/service/secret.ts');
  return readSecret(file, '--password-file', io.env);
}

async function tlsChoices({ tlsCa, tlsInsecure }: ProbeCommandOptions) {
  const verify = tlsInsecure !== true;
  if (tlsCa === undefined) return { ca: undefined, verify };
  const { readAuthorities } = await import('../core/service/authorities.ts');
  return { ca: readAuthorities(tlsCa, `--tls-ca ${tlsCa}`), verify };
}
