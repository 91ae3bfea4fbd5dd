/** `rtplat echo`: the far end of every measurement. */
import { Command } from 'commander';
import type { EchoGroup, Listening } from '../core/echo/group.ts';
import type { EchoCounters } from '../core/echo/memory.ts';
import type { HttpService } from '../core/service/http.ts';
import type { HttpAccess } from '../core/service/http-gate.ts';
import type { Logger } from '../core/service/log.ts';
import { echoOptions, rulesOf } from './echo-options.ts';
import type { EchoCommandOptions } from './echo-options.ts';
import { accessOf } from './http-options.ts';
import type { CommandIo } from './io.ts';
import { OptionTexts } from './option-config.ts';
import { BUSY_POLL_IDLE } from './service-options.ts';
import type { Serving } from './serving.ts';

export function echoCommand(io: CommandIo): Command {
  const command = new Command('echo').description('send every datagram back to where it came from, from the same port');
  for (const made of echoOptions()) command.addOption(made);
  command.addHelpText('after', '\nExample:\n  $ rtplat echo --port 4000');
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
  const { httpBind, httpPort } = options;
  const access = httpPort === undefined ? undefined : await accessOf({ ...options, httpBind, httpPort }, io.env);
  let http: HttpService | undefined;
  try {
    const { group, listening } = await EchoGroup.start({
      engine: options.engine,
      busyPoll: options.busyPoll === true,
      workers: options.workers,
      addresses,
      port: options.port,
      bufferBytes: options.buffer,
      rules: await rulesOf(options, io.env),
      stamp: options.stamp === true,
    });
    running = group;
    const startedMs = performance.now();
    const uptimeSeconds = (): number => (performance.now() - startedMs) / 1e3;
    await announce(log, listening, options);
    const { EchoProof } = await import('../core/echo/proof.ts');
    const proof = new EchoProof(listening.local);
    const counters = (): EchoCounters => proof.without(group.counters());
    http = access === undefined ? undefined : await serveHttp(log, options, access, { counters, uptimeSeconds });
    around.ready(`port ${listening.local.port}`, () => proof.prove());
    const { statusReporter, summarize } = await import('./echo-status.ts');
    if (options.statusInterval > 0)
      status = setInterval(
        statusReporter(counters, () => group.lastError, log),
        options.statusInterval / 1e6,
      );
    const failure = await Promise.race([around.stopped, group.failed]);
    if (failure instanceof Error) throw failure;
    const ended = proof.without(await group.stop());
    const seconds = uptimeSeconds();
    const { spread } = await import('../core/report/latency-summary.ts');
    const hostDelay = listening.selection.clock === 'kernel' ? spread(group.hostDelay()) : null;
    await summarize(io, around, options.logFormat, { counters: ended, seconds, hostDelay, shares: group.shares() });
  } finally {
    clearInterval(status);
    await http?.stop();
    await running?.stop();
  }
}

async function serveHttp(
  log: Logger,
  { httpBind: host, httpPort: port = 0 }: EchoCommandOptions,
  access: HttpAccess,
  told: { readonly counters: () => EchoCounters; readonly uptimeSeconds: () => number },
): Promise<HttpService> {
  const [{ startHttp }, { HttpCounts }, { echoRoutes }, { formatHostPort }] = await Promise.all([
    import('../core/service/http.ts'),
    import('../core/service/http-counts.ts'),
    import('../core/echo/documents.ts'),
    import('../core/values/address.ts'),
  ]);
  const counts = new HttpCounts();
  const http = await startHttp({ host, port, access, counts, answer: echoRoutes({ ...told, http: counts }) });
  log.info(`echo: HTTP on http://${formatHostPort(http.host, http.port)}/metrics`);
  return http;
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
