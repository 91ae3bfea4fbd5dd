/** Wires the parts of `rtplat ari-serve` together, runs them until a signal, and reports. */
import { randomBytes } from 'node:crypto';
import type { AriApi } from '../core/ari/api.ts';
import { AriConnection } from '../core/ari/connection.ts';
import type { AriLink } from '../core/ari/connection.ts';
import { abandonRequests, connectAri } from '../core/ari/client.ts';
import { legIds, QUESTION_SERIAL } from '../core/ari/ids.ts';
import { askRtpRange, overlapWarning } from '../core/ari/rtp-range.ts';
import { AriSession } from '../core/ari/session.ts';
import { messageOf } from '../core/errors.ts';
import { EchoWatch } from '../core/relay/echo-watch.ts';
import { RelayFleet } from '../core/relay/fleet.ts';
import { ThreadMedia } from '../core/relay/media.ts';
import type { RelayMedia } from '../core/relay/media.ts';
import { healthDocument } from '../core/service/health.ts';
import type { HealthDocument } from '../core/service/health.ts';
import { startHttp } from '../core/service/http.ts';
import { HttpCounts } from '../core/service/http-counts.ts';
import type { HttpAccess } from '../core/service/http-gate.ts';
import type { Logger } from '../core/service/log.ts';
import { isOwnAddress, isOwnHost, localAddressTowards } from '../core/service/local-address.ts';
import type { OtlpPusher } from '../core/service/otlp/pusher.ts';
import { relayEvents, relayMetricFamilies, relayRoutes } from '../core/service/relay-routes.ts';
import { ResourceUsage } from '../core/service/usage.ts';
import { nowNs } from '../core/udp/clock.ts';
import { createPortableEngine } from '../core/udp/portable.ts';
import { describeEngine } from '../core/udp/select.ts';
import { formatHostPort, isLoopback, isUnspecified } from '../core/values/address.ts';
import { formatPortRange, overlapOf } from '../core/values/ports.ts';
import { ariPassword } from './ari-options.ts';
import type { AriServeOptions } from './ari-serve-options.ts';
import { BUSY_POLL_IDLE } from './service-options.ts';
import { relayStatusReporter, reportRelay } from './relay-report.ts';
import { accessOf } from './http-options.ts';
import type { CommandIo } from './io.ts';
import { otlpOfOptions, startOtlp } from './otlp.ts';
import type { Serving } from './serving.ts';

export async function runAriServe(io: CommandIo, around: Serving, options: AriServeOptions): Promise<void> {
  const { log, stopped } = around;
  const password = await ariPassword(io, options);
  const access = await accessOf(options, io.env);
  const startedAt = new Date();
  const media = await startMedia(options);
  const service = new AriService(io, options, { password, access }, log, media);
  const broken = media.failed.then((error) => Promise.reject(error));
  broken.catch(() => {});
  try {
    // An Asterisk that does not answer must not hold up a Ctrl-C; what becomes of its answer then is nobody's business.
    const started = service.start();
    started.catch(() => {});
    await Promise.race([started, stopped, broken]);
    const status = relayStatusReporter(service.fleet, log, options.metricsInterval);
    // Whether Asterisk and the echo answer is /health's: a restart of ours mends neither.
    around.ready(`ports ${formatPortRange(options.range)}`, () => media.ping());
    const signal = await Promise.race([stopped, broken]);
    status.stop();
    log.info(`${signal} received; calls to end: ${service.session.activeCalls}`);
    await service.endCalls();
    await reportRelay(io, service.fleet, {
      command: 'ari-serve',
      startedAt,
      options: publicOptions(options, media),
      out: options.out,
      logFormat: options.logFormat,
    });
  } finally {
    await service.stop();
  }
}

/** The thread that relays. */
async function startMedia(options: AriServeOptions): Promise<RelayMedia> {
  const settings = {
    bindAddress: options.bind,
    bufferBytes: options.buffer,
    echoSocket: options.echoSocket,
    lossTimeoutNs: options.lossTimeout,
    lateThresholdNs: options.lateThreshold,
  };
  return ThreadMedia.start(settings, { engine: options.engine, busyPoll: options.busyPoll === true });
}

interface Secrets {
  readonly password: string;
  readonly access: HttpAccess;
}

/** Everything of the service that has to be stopped. */
class AriService {
  readonly fleet: RelayFleet;
  readonly session: AriSession;
  readonly #io: CommandIo;
  readonly #options: AriServeOptions;
  readonly #log: Logger;
  readonly #media: RelayMedia;
  /** For what is asked now and then, and not measured. */
  readonly #engine = createPortableEngine();
  /** Part of the names of what this run creates in Asterisk. */
  readonly #instance = randomBytes(4).toString('hex');
  readonly #usage = new ResourceUsage();
  readonly #access: HttpAccess;
  readonly #echo: EchoWatch;
  readonly #connection: AriConnection;
  #advertise: string;
  #stopping = false;
  #stopHttp: () => Promise<void> = async () => {};
  #otlp: OtlpPusher | undefined;
  #overlapSaid = false;

  constructor(io: CommandIo, options: AriServeOptions, { password, access }: Secrets, log: Logger, media: RelayMedia) {
    this.#access = access;
    this.#io = io;
    this.#options = options;
    this.#media = media;
    this.#log = log;
    this.#advertise = options.advertise ?? options.bind;
    const engine = this.#engine;
    this.#echo = new EchoWatch({ engine, host: options.echoHost, port: options.echoPort, bindAddress: options.bind, log });
    this.fleet = new RelayFleet({
      media,
      range: options.range,
      echo: () => this.#echo.target(),
      nowNs,
      log,
    });
    this.session = new AriSession({
      app: options.app,
      instance: this.#instance,
      format: options.format,
      advertise: () => this.#advertise,
      fleet: this.fleet,
      log,
      nowNs,
    });
    this.#connection = new AriConnection({
      connect: () => this.#connect(password),
      connected: (api) => this.#connected(api),
      disconnected: () => this.session.disconnected(),
      replaced: () => this.session.abandon('another program took the application over'),
      log,
    });
  }

  async start(): Promise<void> {
    const { httpBind, httpPort, range, bind, echoHost, echoPort } = this.#options;
    const counts = new HttpCounts();
    const sources = { fleet: this.fleet, health: () => this.#health(), http: counts };
    const place = { host: httpBind, port: httpPort, access: this.#access };
    const http = await startHttp({ ...place, answer: relayRoutes(sources), events: relayEvents(sources), counts });
    this.#stopHttp = () => http.stop();
    if (this.#stopping) return http.stop();
    this.#otlp = startOtlp('ari-serve', otlpOfOptions(this.#options), {
      place: http.port,
      families: () => relayMetricFamilies(sources),
      log: this.#log,
      env: this.#io.env,
    });
    this.#log.info(
      `ari-serve: ports ${formatPortRange(range)} on ${bind}, echo ${formatHostPort(echoHost, echoPort)}, ` +
        `HTTP on http://${formatHostPort(http.host, http.port)}/ (${describeEngine(this.#media.selection)})`,
    );
    if (this.#options.busyPoll === true && this.#media.selection.name !== 'batch') this.#log.warn(BUSY_POLL_IDLE);
    await this.#echo.start();
    if (this.#stopping) return;
    this.#warnOfEcho();
    await this.#connection.start();
  }

  /** What can be told of the echo's address before anything was sent. */
  #warnOfEcho(): void {
    const { range, bind, echoPort } = this.#options;
    const echo = this.#echo.target();
    if (echo === undefined || !isOwnAddress(echo.address)) return;
    if (overlapOf(range, { first: echoPort, last: echoPort }) !== undefined) {
      this.#log.warn(`Warning: the echo port ${echoPort} lies in the range ${formatPortRange(range)} of this host; move one of them`);
    }
    if (isLoopback(echo.address) && !isUnspecified(bind) && !isLoopback(bind)) {
      this.#log.warn(`Warning: an echo at ${echo.address} answers ports bound to ${bind} from another address; use --echo-host ${bind}`);
    }
  }

  async endCalls(): Promise<void> {
    this.#stopping = true;
    await this.session.shutdown();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const ends: readonly (() => unknown)[] = [
      abandonRequests,
      () => this.#connection.stop(),
      () => this.#stopHttp(),
      () => this.#otlp?.stop(),
      () => this.#echo.stop(),
      () => this.#media.stop(),
      () => this.#usage.stop(),
    ];
    const faults: unknown[] = [];
    for (const end of ends) {
      try {
        await end();
      } catch (error) {
        // What is left open keeps the process alive: the others end all the same.
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
  }

  async #connect(password: string): Promise<AriLink> {
    const { ariUrl, ariUser, app, advertise, bind } = this.#options;
    // Before the connection: the first call may come with it.
    if (advertise === undefined && isUnspecified(bind)) {
      const facing = await localAddressTowards(this.#engine, ariUrl.hostname, bind);
      if (facing !== this.#advertise) this.#log.info(`Asterisk is told to send RTP to ${facing} (change it with --advertise)`);
      this.#advertise = facing;
    }
    return connectAri({ url: ariUrl, user: ariUser, password, app, event: (event) => this.session.event(event) });
  }

  #connected(api: AriApi): void {
    this.session.connected(api);
    void this.#warnOfOverlap(api);
  }

  /** Once: a range shared with an Asterisk on this host loses calls now and then, which nobody would understand. */
  async #warnOfOverlap(api: AriApi): Promise<void> {
    const { app, range, asteriskRange, ariUrl } = this.#options;
    if (this.#overlapSaid || !(await isOwnHost(ariUrl.hostname))) return;
    this.#overlapSaid = true;
    let asterisk = asteriskRange;
    try {
      asterisk ??= await askRtpRange(
        api,
        legIds(app, this.#instance, QUESTION_SERIAL).externalId,
        formatHostPort(this.#advertise, range.first),
      );
    } catch (error) {
      this.#log.debug(`Asterisk was asked for its RTP range: ${messageOf(error)}`);
    }
    if (asterisk === undefined) {
      this.#log.info(
        'Asterisk does not tell its RTP range (module func_config): see that rtp.conf keeps clear of --range, or name it with --asterisk-range',
      );
      return;
    }
    const warning = overlapWarning(range, asterisk);
    if (warning !== undefined) this.#log.warn(warning);
  }

  #health(): HealthDocument {
    const ari = this.#connection.status();
    const echo = this.#echo.status();
    return healthDocument({
      checks: [
        {
          name: 'ari',
          ok: ari.connected,
          reason: ari.connected ? null : `no connection to Asterisk: ${ari.reason ?? 'unknown'}`,
        },
        {
          name: 'echo',
          ok: echo.answering,
          reason: echo.answering ? null : `the echo server does not answer: ${echo.reason ?? 'unknown'}`,
        },
      ],
      ports: this.fleet.ports(),
      stopping: this.#stopping,
      uptimeSeconds: process.uptime(),
      activeCalls: this.fleet.register.active,
      totalCalls: this.fleet.register.totals().taken,
      memoryBytes: this.#usage.memoryBytes,
      cpuPercent: this.#usage.cpuPercent,
    });
  }
}

/** The options as a run file shows them; nothing secret is among them. */
function publicOptions(options: AriServeOptions, media: RelayMedia): Record<string, unknown> {
  return {
    range: formatPortRange(options.range),
    echo: formatHostPort(options.echoHost, options.echoPort),
    ari_url: options.ariUrl.href,
    app: options.app,
    bind: options.bind,
    advertise: options.advertise ?? null,
    format: options.format,
    loss_timeout_ms: options.lossTimeout / 1e6,
    late_threshold_ms: options.lateThreshold / 1e6,
    buffer_bytes: options.buffer,
    engine: options.engine,
    engine_reason: media.selection.reason,
    echo_socket: options.echoSocket,
    busy_poll: options.busyPoll === true,
  };
}
