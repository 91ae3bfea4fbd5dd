/** `rtplat echo`: the far end of every measurement. */
import { Command } from 'commander';
import type { EchoGroup, Listening } from '../core/echo/group.ts';
import type { EchoCounters } from '../core/echo/memory.ts';
import type { Spread } from '../core/report/metrics.ts';
import type { Logger } from '../core/service/log.ts';
import { widthOf } from './io.ts';
import type { CommandIo } from './io.ts';
import { byteSize, durationNs, integer, numericAddress, option, port } from './options.ts';
import { configOptions, OptionTexts } from './option-config.ts';
import { BUSY_POLL_IDLE, engineOptions, logOptions, servingOptions } from './service-options.ts';
import type { EngineCommandOptions, LogCommandOptions, ServingCommandOptions } from './service-options.ts';
import type { Serving } from './serving.ts';

interface EchoCommandOptions extends LogCommandOptions, ServingCommandOptions, EngineCommandOptions {
  readonly port: number;
  readonly bind: string;
  readonly statusInterval: number;
  readonly buffer: number;
  readonly workers: number;
}

const MOST_WORKERS = 256;

export function echoCommand(io: CommandIo): Command {
  const command = new Command('echo')
    .description('send every datagram back to where it came from, from the same port')
    .addOption(option('-p, --port <port>', 'UDP port', { parse: port('zero-allowed'), default: '4000', env: 'ECHO_PORT' }))
    .addOption(
      option('-b, --bind <address>', 'numeric address to listen on', {
        parse: numericAddress,
        default: '::',
        defaultShown: ':: for IPv6 and IPv4, 0.0.0.0 where there is no IPv6',
        env: 'BIND_IP',
      }),
    )
    .addOption(
      option('--status-interval <duration>', 'time between status lines, written when something changed; 0 for none', {
        parse: durationNs(),
        default: '5s',
        env: 'RTPLAT_STATUS_INTERVAL',
      }),
    )
    .addOption(
      option('--buffer <size>', 'receive and send buffer to ask the kernel for', { parse: byteSize, default: '2MB', env: 'RTPLAT_BUFFER' }),
    )
    .addOption(
      option('--workers <n>', 'threads that share the port; the kernel spreads the senders over them (SO_REUSEPORT)', {
        parse: integer(1, MOST_WORKERS),
        default: '1',
        env: 'RTPLAT_WORKERS',
      }),
    )
    .addHelpText('after', '\nExample:\n  $ rtplat echo --port 4000');
  for (const made of [...engineOptions(), ...logOptions(), ...servingOptions(), ...configOptions()]) command.addOption(made);
  const texts = new OptionTexts(command);
  return command.action(async () => {
    if (!(await texts.configure(io))) return;
    const options = command.opts<EchoCommandOptions>();
    const addresses = command.getOptionValueSource('bind') === 'default' ? ['::', '0.0.0.0'] : [options.bind];
    const { serving, servingSettings } = await import('./serving.ts');
    await serving(io, servingSettings('echo', options), (around) => runEcho(io, around, options, addresses));
  });
}

async function runEcho(io: CommandIo, around: Serving, options: EchoCommandOptions, addresses: readonly string[]): Promise<void> {
  const { log } = around;
  const { EchoGroup } = await import('../core/echo/group.ts');
  let status: NodeJS.Timeout | undefined;
  let running: EchoGroup | undefined;
  try {
    const { group, listening } = await EchoGroup.start({
      engine: options.engine,
      busyPoll: options.busyPoll === true,
      workers: options.workers,
      addresses,
      port: options.port,
      bufferBytes: options.buffer,
    });
    running = group;
    const startedMs = performance.now();
    await announce(log, listening, options);
    const { EchoProof } = await import('../core/echo/proof.ts');
    const proof = new EchoProof(listening.local);
    around.ready(`port ${listening.local.port}`, () => proof.prove());
    const counters = (): EchoCounters => proof.without(group.counters());
    if (options.statusInterval > 0)
      status = setInterval(
        statusReporter(counters, () => group.lastError, log),
        options.statusInterval / 1e6,
      );
    const failure = await Promise.race([around.stopped, group.failed]);
    if (failure instanceof Error) throw failure;
    const ended = proof.without(await group.stop());
    const seconds = (performance.now() - startedMs) / 1e3;
    const { spread } = await import('../core/report/latency-summary.ts');
    const hostDelay = listening.selection.clock === 'kernel' ? spread(group.hostDelay()) : null;
    await summarize(io, around, options.logFormat, { counters: ended, seconds, hostDelay, shares: group.shares() });
  } finally {
    clearInterval(status);
    await running?.stop();
  }
}

async function announce(log: Logger, socket: Listening, { buffer: asked, workers, busyPoll }: EchoCommandOptions): Promise<void> {
  const [{ formatHostPort }, { kilobytes }, { describeEngine }] = await Promise.all([
    import('../core/values/address.ts'),
    import('./table.ts'),
    import('../core/udp/select.ts'),
  ]);
  const { selection } = socket;
  const { address, port } = socket.local;
  const how = `${describeEngine(selection)}${workers === 1 ? '' : `, ${workers} workers`}`;
  const granted = Math.min(socket.receiveBufferBytes, asked);
  log.info(
    `echo listening on ${formatHostPort(address, port)} (receive buffer ${kilobytes(granted)} of ${kilobytes(asked)} asked, ${how})`,
    {
      address,
      port,
      receive_buffer_bytes: socket.receiveBufferBytes,
      send_buffer_bytes: socket.sendBufferBytes,
      engine: selection.name,
      engine_reason: selection.reason,
      clock: selection.clock,
      workers,
    },
  );
  if (busyPoll === true && selection.name !== 'batch') log.warn(BUSY_POLL_IDLE);
  if (granted < asked) {
    log.warn(
      `the kernel granted ${kilobytes(granted)} of ${kilobytes(asked)} receive buffer: bursts may be dropped (raise the limit: sysctl -w net.core.rmem_max=${asked})`,
    );
  }
  const sendGranted = Math.min(socket.sendBufferBytes, asked);
  if (sendGranted < asked) {
    log.warn(
      `the kernel granted ${kilobytes(sendGranted)} of ${kilobytes(asked)} send buffer (raise the limit: sysctl -w net.core.wmem_max=${asked})`,
    );
  }
}

/** A line when something came, or went wrong, since the last one. */
function statusReporter(counters: () => EchoCounters, lastError: () => string | null, log: Logger): () => void {
  // What came before this line was reached is news too.
  let last: EchoCounters = { ...counters(), packets: 0, sendErrors: 0, socketDrops: 0 };
  let lastMs = performance.now();
  return () => {
    const now = counters();
    const nowMs = performance.now();
    const rate = (now.packets - last.packets) / ((nowMs - lastMs) / 1e3);
    lastMs = nowMs;
    const same = now.packets === last.packets && now.sendErrors === last.sendErrors && (now.socketDrops ?? 0) === (last.socketDrops ?? 0);
    if (same) return;
    const trouble = [
      now.sendErrors > last.sendErrors ? `${now.sendErrors - last.sendErrors} not sent (${lastError() ?? 'refused by the kernel'})` : '',
      (now.socketDrops ?? 0) > (last.socketDrops ?? 0)
        ? `${(now.socketDrops ?? 0) - (last.socketDrops ?? 0)} dropped in the receive buffer`
        : '',
    ].filter((text) => text !== '');
    last = now;
    const line = `${now.packets} packets, ${now.bytes} bytes, ${Math.round(rate)} packets/s`;
    const fields = fieldsOf(now);
    if (trouble.length === 0) log.info(line, fields);
    else log.warn(`${line}, ${trouble.join(', ')}`, fields);
  };
}

function fieldsOf(counters: EchoCounters): Record<string, number | null> {
  return {
    packets: counters.packets,
    bytes: counters.bytes,
    sent: counters.sent,
    send_errors: counters.sendErrors,
    refused: counters.refused,
    socket_drops: counters.socketDrops,
    unstamped: counters.unstamped,
  };
}

interface EchoSummary {
  readonly counters: EchoCounters;
  readonly seconds: number;
  /** Milliseconds; null where only our own clock stamps. */
  readonly hostDelay: Spread | null;
  /** Packets of each worker. */
  readonly shares: readonly number[];
}

async function summarize(io: CommandIo, around: Serving, format: 'text' | 'json', summary: EchoSummary): Promise<void> {
  const { counters, seconds, hostDelay, shares } = summary;
  if (format === 'json') {
    around.final('echo stopped', {
      ...fieldsOf(counters),
      host_delay_p50_ms: hostDelay?.p50 ?? null,
      host_delay_p99_ms: hostDelay?.p99 ?? null,
      host_delay_max_ms: hostDelay?.max ?? null,
      worker_packets: shares,
      uptime_seconds: seconds,
    });
    return;
  }
  if (around.logsElsewhere) around.log.info(`echo stopped after ${counters.packets} packets, ${counters.bytes} bytes`);
  const [{ pairTable }, { formatCount, formatMs }] = await Promise.all([import('./table.ts'), import('../core/report/render/table.ts')]);
  const delay = (value: number | undefined): string => formatMs(value ?? null);
  io.stdout.write(
    pairTable(
      'echo stopped',
      [
        ['time', `${seconds.toFixed(1)} s`],
        ['packets received', formatCount(counters.packets)],
        ['bytes received', formatCount(counters.bytes)],
        ['packets returned', formatCount(counters.sent - counters.sendErrors)],
        ['packets per second', (counters.packets / Math.max(seconds, 1e-3)).toFixed(1)],
        ['not sent', formatCount(counters.sendErrors)],
        ['not answered', formatCount(counters.refused)],
        ['dropped in the receive buffer', formatCount(counters.socketDrops)],
        ['host delay p50, p99, max, ms', [hostDelay?.p50, hostDelay?.p99, hostDelay?.max].map(delay).join(', ')],
        ...(shares.length === 1 ? [] : ([['packets of each worker', shares.map(formatCount).join(', ')]] as const)),
      ],
      await io.chalk(),
      widthOf(io.stdout),
    ),
  );
}
