/** `rtplat probe`: sends RTP to an echo, or calls a number that echoes, by SIP or through ARI, and measures what comes back. */
import { Command } from 'commander';
import { isAriTarget } from '../core/caller/ari-target.ts';
import { isCallTarget } from '../core/caller/target.ts';
import { RtplatError } from '../core/errors.ts';
import type { RunLabels } from '../core/probe/document.ts';
import type { ProbeOptions, ProbeResult } from '../core/probe/result.ts';
import type { RunDocument } from '../core/report/run.ts';
import type { EngineChoice } from '../core/udp/choices.ts';
import { statusOfSignal, widthOf } from './io.ts';
import { boundOptions, readBounds } from './bounds.ts';
import type { BoundOptions } from './bounds.ts';
import type { CommandIo } from './io.ts';
import { byteSize, durationNs, grouped, integer, option, positiveNumber } from './options.ts';
import { outOption } from './out-file.ts';
import { ARI_OPTIONS, ariProbeOptions } from './probe-ari-options.ts';
import type { AriProbeOptions } from './probe-ari-options.ts';
import { CALL_OPTIONS, callOptions, SIP_OPTIONS } from './probe-call-options.ts';
import type { CallCommandOptions } from './probe-call-options.ts';
import { checkInFlight, checkRoomForTimes } from './probe-limits.ts';
import { engineOption } from './service-options.ts';

export interface ProbeCommandOptions extends BoundOptions, CallCommandOptions, AriProbeOptions {
  readonly streams: number;
  readonly ptime: number;
  readonly rate?: number;
  readonly duration: number;
  readonly timeout: number;
  readonly lateThreshold: number;
  readonly buffer: number;
  readonly seed?: number;
  readonly tokenFile?: string;
  readonly oneWay?: true;
  readonly engine: EngineChoice;
  readonly json?: true;
  readonly out?: string;
  readonly quiet?: true;
}

const LONGEST_PTIME_NS = 180e6;
const MAX_RATE_PPS = 10_000;

export function probeCommand(io: CommandIo): Command {
  const command = new Command('probe')
    .description('send RTP to an echo, or call a number that echoes, and measure the round trip')
    .argument('<target>', 'what to measure: udp://HOST:PORT, sip:USER@HOST, or ari:Local/EXTENSION@CONTEXT')
    .addOption(option('-s, --streams <n>', 'RTP streams at once', { parse: integer(1, 10_000), default: '1', env: 'RTPLAT_STREAMS' }))
    .addOption(
      option('--ptime <duration>', 'audio in a packet', { parse: durationNs({ atLeastNs: 1e6 }), default: '20ms', env: 'RTPLAT_PTIME' }),
    )
    .addOption(
      option('-r, --rate <pps>', 'packets per second of each stream (default: one every ptime)', {
        parse: positiveNumber(MAX_RATE_PPS),
        env: 'RTPLAT_RATE',
      }),
    )
    .addOption(
      option('-d, --duration <duration>', 'how long to send, in each call', {
        parse: durationNs({ atLeastNs: 1 }),
        default: '10s',
        env: 'RTPLAT_DURATION',
      }),
    )
    .addOption(
      option('-t, --timeout <duration>', 'an echo that takes longer counts as lost', {
        parse: durationNs({ atLeastNs: 1e6 }),
        default: '2s',
        env: 'RTPLAT_TIMEOUT',
      }),
    )
    .addOption(
      option('--late-threshold <duration>', 'a packet this much behind its timestamp is late', {
        parse: durationNs(),
        default: '3ms',
        env: 'RTPLAT_LATE_THRESHOLD',
      }),
    )
    .addOption(
      option('--buffer <size>', 'receive and send buffer to ask the kernel for, each socket', {
        parse: byteSize,
        default: '2MB',
        env: 'RTPLAT_BUFFER',
      }),
    )
    .addOption(
      option('--seed <n>', 'repeats the SSRCs, sequence numbers and timestamps of another run (default: random)', {
        parse: integer(0, 0xffff_ffff),
        env: 'RTPLAT_SEED',
      }),
    )
    .addOption(
      option('--token-file <file>', 'end each packet with a token of the key in this file, for an echo that asks for them', {
        env: 'RTPLAT_TOKEN_FILE',
      }),
    )
    .addOption(
      option('--one-way', 'the delay of each direction by itself, from a far end that stamps: rtplat echo --stamp, or sip-serve', {
        env: 'RTPLAT_ONE_WAY',
      }),
    )
    .addOption(engineOption())
    .addOption(option('-j, --json', 'print the run document and nothing else on standard output', {}))
    .addOption(outOption('write the run document to a file'))
    .addOption(option('-q, --quiet', 'no progress and no warnings', {}));
  const bounds = grouped('What must hold:', boundOptions());
  const ari = grouped('Calls through ARI (ari: targets):', ariProbeOptions());
  for (const each of [...callOptions(), ...ari, ...bounds]) command.addOption(each);
  return command
    .addHelpText('after', '\nExample:\n  $ rtplat probe udp://127.0.0.1:4000 --streams 10 --duration 30s --out run.json')
    .action(async (target: string, options: ProbeCommandOptions) => {
      if (isAriTarget(target)) {
        refuseOptions(command, STREAM_OPTIONS, 'is for udp:// targets: calls have --count, and a packet every --ptime');
        refuseOptions(command, SIP_OPTIONS, 'is for sip: targets');
        refuseOptions(command, ['oneWay'], 'is for udp:// and sip: targets');
        const { runAriCalls } = await import('./probe-ari.ts');
        await runAriCalls(io, target, options, {
          count: command.getOptionValueSource('count') === 'cli',
          codec: command.getOptionValueSource('codec') === 'cli',
        });
        return;
      }
      refuseOptions(command, ARI_OPTIONS, 'is for ari: targets');
      if (isCallTarget(target)) {
        refuseOptions(command, STREAM_OPTIONS, 'is for udp:// targets: calls have --count, a packet every --ptime, and no tokens');
        const { runCalls } = await import('./probe-call.ts');
        await runCalls(io, target, options);
        return;
      }
      refuseOptions(command, [...CALL_OPTIONS, ...SIP_OPTIONS], 'is for calls: sip: and ari: targets');
      await runProbe(io, target, options);
    });
}

/** Of streams, and of no calls. */
const STREAM_OPTIONS = ['streams', 'rate', 'tokenFile'];

/** What was written and would have no effect is a mistake; an environment variable may be there for another run. @throws RtplatError `usage`. */
function refuseOptions(command: Command, names: readonly string[], why: string): void {
  const given = command.options.find(
    (each) => names.includes(each.attributeName()) && command.getOptionValueSource(each.attributeName()) === 'cli',
  );
  if (given !== undefined) throw new RtplatError('usage', `${given.long ?? given.flags} ${why}`);
}

async function probeOptions(options: ProbeCommandOptions, env: NodeJS.ProcessEnv): Promise<ProbeOptions> {
  const { randomInt } = await import('node:crypto');
  if (options.ptime > LONGEST_PTIME_NS) {
    throw new RtplatError('usage', 'the ptime is too long: a packet of more than 180 ms does not fit into an Ethernet frame');
  }
  const intervalNs = options.rate === undefined ? options.ptime : 1e9 / options.rate;
  checkInFlight(options.timeout, intervalNs, 'lower --rate or --timeout');
  const tokenKey = options.tokenFile === undefined ? undefined : await tokenKeyOf(options.tokenFile, options.ptime, env);
  if (options.oneWay === true) await checkTimes(options.ptime, tokenKey !== undefined);
  return {
    streams: options.streams,
    intervalNs,
    ptimeNs: options.ptime,
    durationNs: options.duration,
    timeoutNs: options.timeout,
    lateThresholdNs: options.lateThreshold,
    seed: options.seed ?? randomInt(0x1_0000_0000),
    bufferBytes: options.buffer,
    tokenKey,
    oneWay: options.oneWay,
  };
}

/** @throws RtplatError `usage` when there is no key, or no room for a token. */
async function tokenKeyOf(file: string, ptimeNs: number, env: NodeJS.ProcessEnv): Promise<string> {
  const [{ readTokenKey, TOKEN_BYTES }, { PCMU_AUDIO }] = await Promise.all([
    import('../core/echo/token.ts'),
    import('../core/probe/source.ts'),
  ]);
  if ((ptimeNs * PCMU_AUDIO.bytesPerSecond) / 1e9 < TOKEN_BYTES) {
    throw new RtplatError('usage', `a token takes ${TOKEN_BYTES} bytes of the payload: --ptime 2ms at least`);
  }
  return readTokenKey(file, env);
}

/** @throws RtplatError `usage` when packets have no room for the far end's times. */
async function checkTimes(ptimeNs: number, hasToken: boolean): Promise<void> {
  const [{ TOKEN_BYTES }, { PCMU_AUDIO }] = await Promise.all([import('../core/echo/token.ts'), import('../core/probe/source.ts')]);
  checkRoomForTimes(ptimeNs, PCMU_AUDIO.bytesPerSecond, hasToken ? TOKEN_BYTES : 0);
}

async function runProbe(io: CommandIo, target: string, options: ProbeCommandOptions): Promise<void> {
  const [{ parseTarget }, { ProbeSession }, { selectEngine }, { resolveHost }] = await Promise.all([
    import('../core/probe/target.ts'),
    import('../core/probe/session.ts'),
    import('../core/udp/select.ts'),
    import('../core/udp/resolve.ts'),
  ]);
  const { host, port } = parseTarget(target);
  const settings = await probeOptions(options, io.env);
  const bounds = await readBounds(options, io);
  if (bounds === undefined) return;
  const { engine, reason } = await selectEngine(options.engine);
  const { oneWay } = settings;
  const session = new ProbeSession({
    engine,
    targets: [{ address: await resolveHost(host), port }],
    options: settings,
    givesWay: true,
    oneWay: oneWay === undefined ? undefined : (await import('../core/udp/wall-clock.ts')).openOneWay(engine),
  });
  let stoppedBy: 'SIGINT' | 'SIGTERM' | undefined;
  const forget = io.onStop((signal) => {
    stoppedBy ??= signal;
    session.abort();
  });
  const startedAt = new Date().toISOString();
  const view = await import('./probe-view.ts');
  const hide = io.stderr.isTTY === true && options.quiet !== true ? await view.showProgress(io, () => session.progress()) : undefined;
  let result: ProbeResult;
  try {
    result = await session.run();
  } finally {
    hide?.();
    forget();
  }
  if (stoppedBy !== undefined && result.received === 0) {
    io.stderr.write('rtplat: stopped before anything was measured\n');
    io.exit(statusOfSignal(stoppedBy));
    return;
  }
  const run = await documentOf(result, { target, startedAt, engineReason: reason });
  const { statusOf, writeRun } = await import('./probe-report.ts');
  const gate = await writeRun(io, options, {
    ...{ name: target, run, bounds },
    table: async () => view.resultTable(result, run, await io.chalk(), widthOf(io.stdout)),
  });
  if (options.quiet !== true) {
    const { doubts } = await import('../core/probe/doubts.ts');
    await view.writeWarnings(io, doubts(result));
  }
  io.exit(statusOf(run, gate));
}

async function documentOf(
  result: ProbeResult,
  labels: Pick<RunLabels, 'target' | 'startedAt'> & { readonly engineReason: string },
): Promise<RunDocument> {
  const [{ probeRun }, { thisHost }, { VERSION }] = await Promise.all([
    import('../core/probe/document.ts'),
    import('./host.ts'),
    import('../version.ts'),
  ]);
  return probeRun(result, { ...labels, version: VERSION, host: thisHost(), endedAt: new Date().toISOString() });
}
