/** Wires the parts of `rtplat sip-serve` together, and runs them until a signal. */
import { appendFile, readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createSecureContext } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { messageOf, RtplatError } from '../core/errors.ts';
import { EchoWatch } from '../core/relay/echo-watch.ts';
import { RelayFleet } from '../core/relay/fleet.ts';
import { ThreadMedia } from '../core/relay/media.ts';
import { changed } from '../core/service/config/changes.ts';
import { printConfig } from '../core/service/config/print.ts';
import { describeProblem } from '../core/service/config/problem.ts';
import { mergeConfig, readConfig } from '../core/service/config/read.ts';
import type { ConfigReading } from '../core/service/config/read.ts';
import type { ConfigOverride } from '../core/service/config/layers.ts';
import { healthDocument } from '../core/service/health.ts';
import type { HealthDocument } from '../core/service/health.ts';
import { startHttp } from '../core/service/http.ts';
import type { HttpService } from '../core/service/http.ts';
import { createLogger } from '../core/service/log.ts';
import type { Logger } from '../core/service/log.ts';
import { ResourceUsage } from '../core/service/usage.ts';
import { SIP_SERVE_SCHEMA } from '../core/sip-server/config.ts';
import type { SipServeConfig } from '../core/sip-server/config.ts';
import type { SipCallDocument } from '../core/sip-server/call-book.ts';
import { PlayerLegs } from '../core/sip-server/player-legs.ts';
import { sipEvents, sipRoutes } from '../core/sip-server/routes.ts';
import type { SipEventListener, SipRouteSources } from '../core/sip-server/routes.ts';
import { SipServer } from '../core/sip-server/server.ts';
import type { EngineChoice } from '../core/udp/choices.ts';
import { nowNs } from '../core/udp/clock.ts';
import { createPortableEngine } from '../core/udp/portable.ts';
import { describeEngine, selectEngine } from '../core/udp/select.ts';
import { formatHostPort } from '../core/values/address.ts';
import { formatPortRange } from '../core/values/ports.ts';
import { VERSION } from '../version.ts';
import type { CommandIo } from './io.ts';
import type { SipServeOptions } from './sip-serve.ts';

type SourceOf = (name: string) => string | undefined;

export async function runSipServe(io: CommandIo, options: SipServeOptions, sourceOf: SourceOf): Promise<void> {
  const read = (): Promise<ConfigReading<SipServeConfig>> => readConfiguration(options, sourceOf);
  const reading = await read();
  const { config, problems, warnings } = reading;
  for (const problem of problems) io.stderr.write(`rtplat: ${describeProblem(problem)}\n`);
  for (const warning of warnings) io.stderr.write(`rtplat: warning: ${describeProblem(warning)}\n`);
  if (config === undefined) return io.exit(2);
  if (options.printConfig === true) return void io.stdout.write(printConfig(SIP_SERVE_SCHEMA, config));
  if (options.check === true) return void io.stdout.write(`${options.config ?? 'the defaults'}: no problem found\n`);
  return serve(io, config, options.engine, read);
}

async function readConfiguration(options: SipServeOptions, sourceOf: SourceOf): Promise<ConfigReading<SipServeConfig>> {
  let text = '';
  if (options.config !== undefined) {
    try {
      text = await readFile(options.config, 'utf8');
    } catch (error) {
      throw new RtplatError('usage', `cannot read --config ${options.config}: ${messageOf(error)}`, { cause: error });
    }
  }
  return mergeConfig(readConfig(text, options.config ?? 'defaults', SIP_SERVE_SCHEMA), overridesOf(options, sourceOf));
}

/** What flags and the environment say, each with its name for messages. */
function overridesOf(options: SipServeOptions, sourceOf: SourceOf): readonly ConfigOverride<SipServeConfig>[] {
  const overrides: ConfigOverride<SipServeConfig>[] = [];
  const add = (name: keyof SipServeOptions, flag: string, env: string, values: ConfigOverride<SipServeConfig>['values']): void => {
    if (options[name] !== undefined) overrides.push({ origin: sourceOf(name) === 'env' ? env : flag, values });
  };
  add('port', '--port', 'RTPLAT_SIP_PORT', { sip: { port: options.port } });
  add('bind', '--bind', 'BIND_IP', { sip: { bind_address: options.bind === undefined ? undefined : [options.bind] } });
  add('httpPort', '--http-port', 'SERVICE_PORT', { health: { health_check_port: options.httpPort } });
  add('logFormat', '--log-format', 'RTPLAT_LOG_FORMAT', { logging: { format: options.logFormat } });
  add('logLevel', '--log-level', 'RTPLAT_LOG_LEVEL', { logging: { level: options.logLevel } });
  return overrides;
}

async function serve(
  io: CommandIo,
  config: SipServeConfig,
  engine: EngineChoice,
  read: () => Promise<ConfigReading<SipServeConfig>>,
): Promise<void> {
  const log = createLogger({
    format: config.logging.format,
    level: config.logging.level,
    write: (line) => void io.stdout.write(`${line}\n`),
  });
  const stopped = Promise.withResolvers<'SIGINT' | 'SIGTERM'>();
  const forget = io.onStop(stopped.resolve);
  const service = new SipService(config, engine, log, io.env);
  const reload = (): void => void service.reload(read);
  process.on('SIGHUP', reload);
  try {
    const started = service.start();
    started.catch(() => {});
    await Promise.race([started, stopped.promise]);
    const signal = await Promise.race([stopped.promise, service.failed]);
    log.info(`${signal} received; calls to end: ${service.activeCalls}`);
    await service.endCalls();
    log.info('sip-serve stopped');
  } finally {
    process.off('SIGHUP', reload);
    await service.stop();
    forget();
  }
}

/** Everything of the service that has to be stopped. */
class SipService {
  /** Rejects with what ended the media, should they end by themselves. */
  readonly failed: Promise<never>;
  readonly #engine: EngineChoice;
  readonly #log: Logger;
  readonly #env: NodeJS.ProcessEnv;
  readonly #usage = new ResourceUsage();
  readonly #listeners = new Set<SipEventListener>();
  readonly #fail: (error: Error) => void;
  #config: SipServeConfig;
  #player: PlayerLegs | undefined;
  #relay: { readonly media: ThreadMedia; readonly fleet: RelayFleet; readonly echo: EchoWatch } | undefined;
  #server: SipServer | undefined;
  #http: HttpService | undefined;

  constructor(config: SipServeConfig, engine: EngineChoice, log: Logger, env: NodeJS.ProcessEnv) {
    this.#env = env;
    this.#config = config;
    this.#engine = engine;
    this.#log = log;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.failed.catch(() => {});
    this.#fail = reject;
  }

  get activeCalls(): number {
    return this.#server?.book.active ?? 0;
  }

  async start(): Promise<void> {
    const { sip, media, health } = this.#config;
    const [bindAddress = '0.0.0.0'] = sip.bind_address;
    const relays = usesRelay(this.#config);
    const [playerRange, relayRange] = splitRange({ first: media.rtp_port_range_start, last: media.rtp_port_range_end }, relays);
    const signalling = await selectEngine(this.#engine);
    const player = await PlayerLegs.start({
      engine: this.#engine,
      bindAddress,
      range: playerRange,
      nowNs,
      dtmf: media.enable_dtmf,
      inBandDtmf: media.enable_in_band_dtmf,
      symmetric: media.symmetric_rtp,
      cname: `rtplat@${hostname()}`,
    });
    this.#player = player;
    void player.fleet.failed.then(this.#fail);
    if (relays) await this.#startRelay(bindAddress, relayRange);
    const relay = this.#relay;
    const server = new SipServer({
      config: this.#config,
      listen: {
        engine: signalling.engine,
        addresses: sip.bind_address,
        udpPort: sip.transports.includes('udp') ? sip.port : null,
        tcpPort: sip.transports.includes('tcp') ? sip.port : null,
        tls: sip.transports.includes('tls') ? { port: sip.tls.port, options: tlsOptions(sip.tls) } : null,
        ...(sip.external_address === undefined ? {} : { advertise: sip.external_address }),
      },
      player,
      relay,
      log: this.#log,
      product: `rtplat/${VERSION}`,
      env: this.#env,
      events: {
        ended: (record) => this.#ended(record),
        digit: (id, digit, how) => {
          for (const listener of this.#listeners) listener.digit({ id, digit, how });
        },
      },
    });
    this.#server = server;
    const { listening } = await server.start();
    if (health.enable_health_check) await this.#startHttp(server, player);
    const places = listening.map(({ transport, address, port }) => `${transport} ${formatHostPort(address, port)}`);
    this.#log.info(
      `sip-serve: ${places.join(', ')}; RTP on ports ${formatPortRange({ first: media.rtp_port_range_start, last: media.rtp_port_range_end })}` +
        `${this.#http === undefined ? '' : `, HTTP on http://${formatHostPort(this.#http.host, this.#http.port)}/`} ` +
        `(${describeEngine(player.fleet.selection)})`,
    );
  }

  async #startRelay(bindAddress: string, range: { readonly first: number; readonly last: number }): Promise<void> {
    const { relay } = this.#config;
    const settings = {
      bindAddress,
      bufferBytes: null,
      echoSocket: relay.echo_socket,
      lossTimeoutNs: relay.loss_timeout_ms * 1e6,
      lateThresholdNs: relay.late_threshold_ms * 1e6,
    };
    const media = await ThreadMedia.start(settings, { engine: this.#engine, busyPoll: false });
    void media.failed.then(this.#fail);
    const watch = { engine: createPortableEngine(), host: relay.echo_host, port: relay.echo_port, bindAddress, log: this.#log };
    const echo = new EchoWatch(watch);
    const fleet = new RelayFleet({ media, range, echo: () => echo.target(), nowNs, log: this.#log });
    this.#relay = { media, fleet, echo };
    await echo.start();
  }

  async #startHttp(server: SipServer, player: PlayerLegs): Promise<void> {
    const { bind_address: host, health_check_port: port } = this.#config.health;
    const sources: SipRouteSources = {
      server,
      player,
      fleet: this.#relay?.fleet,
      health: () => this.#health(server, player),
      nowMs: () => performance.now(),
      listen: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    this.#http = await startHttp({ host, port, answer: sipRoutes(sources), events: sipEvents(sources) });
  }

  #health(server: SipServer, player: PlayerLegs): HealthDocument {
    const echo = this.#relay?.echo.status();
    const echoing = echo === undefined || echo.answering;
    return healthDocument({
      signalling: { name: 'sip', ok: true, reason: null },
      echo: { name: 'echo', ok: echoing, reason: echoing ? null : `the echo server does not answer: ${echo.reason ?? 'unknown'}` },
      ports: player.ports(),
      stopping: server.stopping,
      uptimeSeconds: process.uptime(),
      activeCalls: server.book.active,
      totalCalls: server.book.totals().taken,
      memoryBytes: process.memoryUsage.rss(),
      cpuPercent: this.#usage.cpuPercent,
    });
  }

  #ended(record: SipCallDocument): void {
    for (const listener of this.#listeners) listener.ended(record);
    const file = this.#config.metrics.call_records_file;
    // The disk has its own time; a call does not wait for it.
    if (file !== undefined) void this.#write(file, record);
  }

  async #write(file: string, record: SipCallDocument): Promise<void> {
    try {
      await appendFile(file, `${JSON.stringify(record)}\n`);
    } catch (error) {
      this.#log.error(`The call record was not written: ${messageOf(error)}`);
    }
  }

  async reload(read: () => Promise<ConfigReading<SipServeConfig>>): Promise<void> {
    try {
      const { config, problems, warnings } = await read();
      for (const problem of [...problems, ...warnings]) this.#log.warn(describeProblem(problem));
      if (config === undefined) return this.#log.error('The configuration was not reloaded');
      const { changes, effective } = changed(SIP_SERVE_SCHEMA, this.#config, config);
      this.#config = effective;
      this.#server?.reload(effective);
      for (const { name, reloadable, before, after } of changes) {
        this.#log.info(`${name}: ${before} is now ${after}${reloadable ? '' : ', from the next start on'}`);
      }
      this.#log.info(`Configuration reloaded: ${changes.length} keys changed`);
    } catch (error) {
      this.#log.error(`The configuration was not reloaded: ${messageOf(error)}`);
    }
    return undefined;
  }

  async endCalls(): Promise<void> {
    await this.#server?.end(this.#config.limits.stop_grace_seconds * 1000);
  }

  async stop(): Promise<void> {
    await this.#http?.stop();
    await this.#server?.stop();
    await this.#player?.stop();
    await this.#relay?.echo.stop();
    await this.#relay?.media.stop();
    this.#usage.stop();
  }
}

/** @throws RtplatError `usage` when certificate or key cannot be used. */
function tlsOptions({ cert, key }: SipServeConfig['sip']['tls']): TlsOptions {
  if (cert === undefined || key === undefined) {
    throw new RtplatError('usage', 'sip.tls.self_signed is not there yet', {
      hint: 'make a certificate: openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=rtplat',
    });
  }
  try {
    const options: TlsOptions = { cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.2' };
    createSecureContext(options);
    return options;
  } catch (error) {
    throw new RtplatError('usage', `the certificate ${cert} with the key ${key} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

function usesRelay({ behavior, route }: SipServeConfig): boolean {
  return behavior.mode === 'relay' || route.some(({ action }) => action === 'relay');
}

/** Relayed calls have the upper half of the ports: the two allocators must not meet. */
function splitRange(range: { readonly first: number; readonly last: number }, relays: boolean) {
  if (!relays) return [range, range] as const;
  const middle = Math.floor((range.first + range.last) / 2);
  return [
    { first: range.first, last: middle },
    { first: middle + 1, last: range.last },
  ] as const;
}
