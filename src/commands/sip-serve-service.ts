/** The parts of `rtplat sip-serve`, wired together: media, relay, signalling, HTTP; started and stopped in order. */
import { hostname } from 'node:os';
import { messageOf } from '../core/errors.ts';
import type { RtplatError } from '../core/errors.ts';
import { EchoWatch } from '../core/relay/echo-watch.ts';
import { RelayFleet } from '../core/relay/fleet.ts';
import { ThreadMedia } from '../core/relay/media.ts';
import { noRelay } from '../core/relay/none.ts';
import type { RelayNumbers } from '../core/relay/none.ts';
import { writeAtomically } from '../core/report/files.ts';
import { renderJson } from '../core/report/render/json.ts';
import { changed } from '../core/service/config/changes.ts';
import { describeProblem } from '../core/service/config/problem.ts';
import { publicConfig } from '../core/service/config/public.ts';
import type { ConfigReading } from '../core/service/config/read.ts';
import { healthDocument } from '../core/service/health.ts';
import type { HealthDocument } from '../core/service/health.ts';
import { startHttp } from '../core/service/http.ts';
import type { HttpService } from '../core/service/http.ts';
import { HttpCounts } from '../core/service/http-counts.ts';
import type { HttpAccess } from '../core/service/http-gate.ts';
import { Keeper } from '../core/service/keeper.ts';
import type { KeptPart } from '../core/service/keeper.ts';
import type { Logger } from '../core/service/log.ts';
import { LogFile } from '../core/service/log/file.ts';
import type { OtlpPusher } from '../core/service/otlp/pusher.ts';
import { Pause } from '../core/service/pause.ts';
import { StatusTimer } from '../core/service/status-timer.ts';
import { ResourceUsage } from '../core/service/usage.ts';
import { Watch } from '../core/service/watch.ts';
import type { Watched } from '../core/service/watch.ts';
import { SIP_SERVE_SCHEMA } from '../core/sip-server/config.ts';
import type { SipServeConfig } from '../core/sip-server/config.ts';
import type { SipCallDocument } from '../core/sip-server/call-documents.ts';
import { partChecks, registrationsCheck, roomCheck } from '../core/sip-server/health.ts';
import { PlayerLegs } from '../core/sip-server/player-legs.ts';
import { checkPlace } from '../core/sip-server/self-check.ts';
import type { ListeningPlace } from '../core/sip-server/self-check.ts';
import { sipEvents, sipMetricFamilies, sipRoutes } from '../core/sip-server/routes.ts';
import type { SipEventListener, SipRouteSources } from '../core/sip-server/routes.ts';
import { SipServer } from '../core/sip-server/server.ts';
import { statusLine } from '../core/sip-server/status-line.ts';
import type { StatusLine } from '../core/sip-server/status-line.ts';
import { tlsOptions } from '../core/sip-server/tls.ts';
import type { EngineChoice } from '../core/udp/choices.ts';
import { nowNs } from '../core/udp/clock.ts';
import { createPortableEngine } from '../core/udp/portable.ts';
import { describeEngine, selectEngine } from '../core/udp/select.ts';
import { formatHostPort } from '../core/values/address.ts';
import { formatPortRange } from '../core/values/ports.ts';
import { VERSION } from '../version.ts';
import { otlpOfConfig, startOtlp } from './otlp.ts';
import { relayRun } from './relay-report.ts';

/** A thread that does not answer for so long is counted as silent. */
const PING_MS = 2_000;

interface Relay {
  media: ThreadMedia;
  readonly fleet: RelayFleet;
  readonly echo: EchoWatch;
}

export interface SipSurroundings {
  readonly engine: EngineChoice;
  readonly access: HttpAccess;
  readonly log: Logger;
  readonly env: NodeJS.ProcessEnv;
}

/** Everything of the service that has to be stopped. */
export class SipService {
  /** Rejects with what ended the service, should a part of it fail for good. */
  readonly failed: Promise<never>;
  readonly #engine: EngineChoice;
  readonly #access: HttpAccess;
  readonly #httpCounts = new HttpCounts();
  readonly #log: Logger;
  readonly #env: NodeJS.ProcessEnv;
  readonly #usage = new ResourceUsage();
  readonly #listeners = new Set<SipEventListener>();
  readonly #fail: (error: Error) => void;
  #config: SipServeConfig;
  #listening: readonly ListeningPlace[] = [];
  #player: PlayerLegs | undefined;
  #relay: Relay | undefined;
  #server: SipServer | undefined;
  #http: HttpService | undefined;
  #otlp: OtlpPusher | undefined;
  #status: StatusTimer | undefined;
  #watch: Watch | undefined;
  readonly #startedAt = new Date();
  readonly #startedMs = performance.now();
  /** By the name of their check in /health. */
  readonly #keepers = new Map<string, Keeper>();
  readonly #pauses: Pause[] = [];
  readonly #records: LogFile | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: SipServeConfig, { engine, access, log, env }: SipSurroundings) {
    this.#access = access;
    this.#env = env;
    this.#config = config;
    this.#engine = engine;
    this.#log = log;
    const { call_records_file: path } = config.metrics;
    // Whatever the level, as for the log itself: who set it did not know that records would be missing.
    const note = (message: string): void => log.error(message);
    if (path !== undefined) this.#records = new LogFile({ path, title: 'Call records file', maxBytes: Infinity, maxFiles: 1 }, note);
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.failed.catch(() => {});
    this.#fail = reject;
  }

  /** What applies now. */
  get config(): SipServeConfig {
    return this.#config;
  }

  get activeCalls(): number {
    return this.#server?.book.active ?? 0;
  }

  /** Where calls are taken. */
  get places(): string {
    return this.#listening.map(({ transport, address, port }) => `${transport} ${formatHostPort(address, port)}`).join(', ');
  }

  /** Settles when calls can be taken. @throws Error with what does not work. */
  async prove(): Promise<void> {
    const player = this.#player;
    const things = player === undefined ? [] : this.#things(player);
    await Promise.all(
      things.map(async ({ name, check }) => {
        const reason = await check();
        if (reason !== undefined) throw new Error(`${name}: ${reason}`);
      }),
    );
  }

  async start(): Promise<void> {
    const { sip, media, health } = this.#config;
    await this.#records?.start();
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
      stamp: media.stamp_echoes,
    });
    this.#player = player;
    if (relays) await this.#startRelay(bindAddress, relayRange);
    const relay = this.#relay;
    const server = new SipServer({
      config: this.#config,
      listen: {
        engine: signalling.engine,
        addresses: sip.bind_address,
        udpPort: sip.transports.includes('udp') ? sip.port : null,
        tcpPort: sip.transports.includes('tcp') ? sip.port : null,
        tls: sip.transports.includes('tls') ? { port: sip.tls.port, options: tlsOptions(sip, this.#log) } : null,
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
    this.#listening = listening;
    this.#keep('media', {
      title: 'the media thread',
      failed: () => player.fleet.failed,
      lost: (reason) => server.endCalls(false, reason),
      start: () => player.restart(),
    });
    const status = (): StatusLine =>
      statusLine({ calls: server.book.totals(), media: player.fleet.totals(), relay: this.#relay?.fleet.metrics() ?? null });
    this.#status = new StatusTimer(this.#log, status);
    this.#status.every(this.#config.metrics.status_interval_seconds);
    const sources = this.#sources(server, player);
    if (health.enable_health_check) {
      const place = { host: health.bind_address, port: health.health_check_port, access: this.#access, counts: this.#httpCounts };
      this.#http = await startHttp({ ...place, answer: sipRoutes(sources), events: sipEvents(sources) });
      this.#watch = new Watch(this.#things(player), health.health_check_interval_seconds * 1000, this.#log);
      this.#watch.start();
    }
    const place = this.#http?.port ?? listening[0]?.port ?? process.pid;
    const pushed = { place, families: () => sipMetricFamilies(sources), log: this.#log, env: this.#env };
    this.#otlp = startOtlp('sip-serve', otlpOfConfig(this.#config.metrics), pushed);
    this.#log.info(
      `sip-serve: ${this.places}; RTP on ports ${formatPortRange({ first: media.rtp_port_range_start, last: media.rtp_port_range_end })}` +
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
    const watch = { engine: createPortableEngine(), host: relay.echo_host, port: relay.echo_port, bindAddress, log: this.#log };
    const echo = new EchoWatch(watch);
    const fleet = new RelayFleet({ media, range, echo: () => echo.target(), nowNs, log: this.#log });
    const running: Relay = { media, fleet, echo };
    this.#relay = running;
    this.#keep('relay', {
      title: 'the relay thread',
      failed: () => running.media.failed,
      lost: (reason) => this.#server?.endCalls(true, reason),
      start: async () => {
        running.media = await ThreadMedia.start(settings, { engine: this.#engine, before: running.media });
        fleet.resume(running.media);
      },
    });
    await echo.start();
  }

  #keep(name: string, part: KeptPart): void {
    const { restart_on_failure: restarts, max_restart_attempts: most } = this.#config.health;
    const pause = new Pause();
    const keeper = new Keeper(part, {
      mostAttempts: restarts ? most : 0,
      giveUp: (error) => void this.#giveUp(error),
      nowMs: () => performance.now(),
      wait: (ms) => pause.wait(ms),
      random: Math.random,
      log: this.#log,
    });
    this.#pauses.push(pause);
    this.#keepers.set(name, keeper);
    void keeper.keep();
  }

  /** Says goodbye in the calls that are left, and ends the service. */
  async #giveUp(error: RtplatError): Promise<void> {
    try {
      await this.#server?.end(0);
    } finally {
      this.#fail(error);
    }
  }

  /** All that has to work for a call to be taken. */
  #things(player: PlayerLegs): readonly Watched[] {
    const engine = createPortableEngine();
    const things: Watched[] = this.#listening.map((place) => ({
      name: `${place.transport.toLowerCase()} ${formatHostPort(place.address, place.port)}`,
      check: () => checkPlace(place, engine),
    }));
    things.push({ name: 'media', check: () => answered(player.fleet.ping()) });
    const relay = this.#relay;
    if (relay !== undefined) things.push({ name: 'relay', check: () => answered(relay.media.ping()) });
    return things;
  }

  /** What there is to tell of relayed calls. */
  #relayNumbers(player: PlayerLegs): RelayNumbers {
    return this.#relay?.fleet ?? noRelay(player.fleet.selection, () => (performance.now() - this.#startedMs) / 1000);
  }

  #sources(server: SipServer, player: PlayerLegs): SipRouteSources {
    return {
      server,
      player,
      relay: this.#relayNumbers(player),
      relays: this.#relay !== undefined,
      restarts: () => Object.fromEntries([...this.#keepers].map(([name, { restarts }]) => [name, restarts])),
      sla: () => this.#config.metrics.sla,
      health: () => this.#health(server, player),
      http: this.#httpCounts,
      nowMs: () => performance.now(),
      listen: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }

  #health(server: SipServer, player: PlayerLegs): HealthDocument {
    const echo = this.#relay?.echo.status();
    const down = Object.fromEntries([...this.#keepers].map(([name, keeper]) => [name, keeper.down]));
    const checks = [...partChecks(this.#watch?.checks() ?? [], down)];
    if (echo !== undefined) {
      const reason = echo.answering ? null : `the echo server does not answer: ${echo.reason ?? 'unknown'}`;
      checks.push({ name: 'echo', ok: echo.answering, reason });
    }
    checks.push(roomCheck(server.full, server.book.active), ...registrationsCheck(server.registrations()));
    return healthDocument({
      checks,
      ports: player.ports(),
      relayPorts: this.#relay?.fleet.ports() ?? null,
      stopping: server.stopping,
      uptimeSeconds: process.uptime(),
      activeCalls: server.book.active,
      totalCalls: server.book.taken,
      memoryBytes: this.#usage.memoryBytes,
      cpuPercent: this.#usage.cpuPercent,
    });
  }

  #ended(record: SipCallDocument): void {
    for (const listener of this.#listeners) listener.ended(record);
    // The disk has its own time; a call does not wait for it.
    this.#records?.write({ text: JSON.stringify(record) });
  }

  async reload(read: () => Promise<ConfigReading<SipServeConfig>>): Promise<void> {
    this.#records?.reopen();
    try {
      const { config, problems, warnings } = await read();
      for (const problem of [...problems, ...warnings]) this.#log.warn(describeProblem(problem));
      if (config === undefined) return this.#log.error('The configuration was not reloaded');
      const { changes, effective } = changed(SIP_SERVE_SCHEMA, this.#config, config);
      this.#config = effective;
      this.#server?.reload(effective);
      this.#status?.every(effective.metrics.status_interval_seconds);
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

  /** May be called twice. @throws RtplatError `file` when the run file cannot be written; everything is stopped even so. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const pause of this.#pauses) pause.end();
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.stop()));
    this.#status?.stop();
    await this.#watch?.stop();
    await this.#http?.stop();
    await this.#server?.stop();
    await this.#otlp?.stop();
    await this.#records?.close();
    try {
      await this.#writeRun();
    } finally {
      await this.#player?.stop();
      await this.#relay?.echo.stop();
      await this.#relay?.media.stop();
      this.#usage.stop();
    }
  }

  async #writeRun(): Promise<void> {
    const file = this.#config.metrics.run_file;
    if (file === undefined || this.#player === undefined || this.#server === undefined) return;
    const options = publicConfig(SIP_SERVE_SCHEMA, this.#config);
    const run = await relayRun(this.#relayNumbers(this.#player), { command: 'sip-serve', startedAt: this.#startedAt, options });
    await writeAtomically(file, renderJson(run));
    this.#log.info(`Run file ${file} written (relayed calls: ${run.summary.total_channels})`);
  }
}

/** @returns why there was no answer; undefined when there was. */
async function answered(ping: Promise<unknown>): Promise<string | undefined> {
  const pause = new Pause();
  const silent = pause.wait(PING_MS).then(() => `no answer within ${PING_MS / 1000} s`);
  try {
    return await Promise.race([ping.then(() => undefined), silent]);
  } finally {
    pause.end();
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
