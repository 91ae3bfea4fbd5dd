/** `rtplat echo`: the far end of every measurement. */
import { Command } from 'commander';
import type { EchoCounters, EchoService } from '../core/echo/echo.ts';
import type { Logger } from '../core/service/log.ts';
import type { UdpSocket } from '../core/udp/engine.ts';
import { widthOf } from './io.ts';
import type { CommandIo } from './io.ts';
import { byteSize, durationNs, numericAddress, option, port } from './options.ts';
import { logOptions } from './service-options.ts';
import type { LogCommandOptions } from './service-options.ts';

interface EchoCommandOptions extends LogCommandOptions {
  readonly port: number;
  readonly bind: string;
  readonly statusInterval: number;
  readonly buffer: number;
}

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
    .addHelpText('after', '\nExample:\n  $ rtplat echo --port 4000');
  for (const made of logOptions()) command.addOption(made);
  return command.action(async (options: EchoCommandOptions) => {
    const addresses = command.getOptionValueSource('bind') === 'default' ? ['::', '0.0.0.0'] : [options.bind];
    await runEcho(io, options, addresses);
  });
}

async function runEcho(io: CommandIo, options: EchoCommandOptions, addresses: readonly string[]): Promise<void> {
  const [{ EchoService }, { createPortableEngine }, { createLogger }] = await Promise.all([
    import('../core/echo/echo.ts'),
    import('../core/udp/portable.ts'),
    import('../core/service/log.ts'),
  ]);
  const write = (line: string): void => void io.stdout.write(`${line}\n`);
  const log = createLogger({ format: options.logFormat, level: options.logLevel, write });
  const engine = createPortableEngine();
  const stopped = Promise.withResolvers<void>();
  const forget = io.onStop(() => stopped.resolve());
  const service = new EchoService({ engine, addresses, port: options.port, bufferBytes: options.buffer });
  let status: NodeJS.Timeout | undefined;
  try {
    const socket = await service.start();
    const startedNs = engine.nowNs();
    await announce(log, socket, options.buffer, `${engine.name} engine, ${engine.clock} clock`);
    if (options.statusInterval > 0) {
      const report = statusReporter(service, log);
      status = setInterval(report, options.statusInterval / 1e6);
    }
    await stopped.promise;
    const counters = await service.stop();
    // The summary is the result: no log level hides it.
    await summarize(
      io,
      createLogger({ format: options.logFormat, level: 'info', write }),
      options.logFormat,
      counters,
      (engine.nowNs() - startedNs) / 1e9,
    );
  } finally {
    clearInterval(status);
    forget();
  }
}

async function announce(log: Logger, socket: UdpSocket, asked: number, how: string): Promise<void> {
  const [{ formatHostPort }, { kilobytes }] = await Promise.all([import('../core/values/address.ts'), import('./table.ts')]);
  const { address, port } = socket.local;
  const granted = Math.min(socket.receiveBufferBytes, asked);
  log.info(
    `echo listening on ${formatHostPort(address, port)} (receive buffer ${kilobytes(granted)} of ${kilobytes(asked)} asked, ${how})`,
    {
      address,
      port,
      receive_buffer_bytes: socket.receiveBufferBytes,
      send_buffer_bytes: socket.sendBufferBytes,
    },
  );
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
function statusReporter(service: EchoService, log: Logger): () => void {
  let last: EchoCounters = service.counters();
  return () => {
    const now = service.counters();
    const rate = service.packetsPerSecond();
    const same = now.packets === last.packets && now.sendErrors === last.sendErrors && now.socketDrops === last.socketDrops;
    if (same) return;
    const trouble = [
      now.sendErrors > last.sendErrors
        ? `${now.sendErrors - last.sendErrors} not sent (${service.lastError ?? 'refused by the kernel'})`
        : '',
      (now.socketDrops ?? 0) > (last.socketDrops ?? 0)
        ? `${(now.socketDrops ?? 0) - (last.socketDrops ?? 0)} dropped in the receive buffer`
        : '',
    ].filter((text) => text !== '');
    last = now;
    const line = `${now.packets} packets, ${now.bytes} bytes, ${rate === null ? '–' : Math.round(rate)} packets/s`;
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
  };
}

async function summarize(io: CommandIo, log: Logger, format: 'text' | 'json', counters: EchoCounters, seconds: number): Promise<void> {
  if (format === 'json') {
    log.info('echo stopped', { ...fieldsOf(counters), uptime_seconds: seconds });
    return;
  }
  const [{ pairTable }, { formatCount }] = await Promise.all([import('./table.ts'), import('../core/report/render/table.ts')]);
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
      ],
      await io.chalk(),
      widthOf(io.stdout),
    ),
  );
}
