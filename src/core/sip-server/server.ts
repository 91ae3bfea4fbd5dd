/** The auto-answering SIP server: signalling, media, limits, and what it tells about itself. */
import { randomBytes, randomInt } from 'node:crypto';
import { messageOf } from '../errors.ts';
import type { EchoWatch } from '../relay/echo-watch.ts';
import type { RelayFleet } from '../relay/fleet.ts';
import type { Logger } from '../service/log.ts';
import { hashKey } from '../guard/mix.ts';
import { Pause } from '../service/pause.ts';
import type { SipRequest } from '../sip/message.ts';
import type { Refusal } from '../sip/request-checks.ts';
import type { AudioCodec } from '../sip/sdp-offer.ts';
import type { ServerCall } from '../sip/server-call.ts';
import { StrangerGuard } from '../sip/stranger-guard.ts';
import type { StrangerRules } from '../sip/stranger-guard.ts';
import type { SipFlow, TransactionCounts } from '../sip/transactions.ts';
import { parseUri } from '../sip/uri.ts';
import { UserAgent } from '../sip/user-agent.ts';
import { resolveSip } from '../sip/transports/resolve.ts';
import { SipEndpoint } from '../sip/transports/endpoint.ts';
import type { EndpointCounts, ListenOptions } from '../sip/transports/endpoint.ts';
import { ownNetworks } from '../udp/own-networks.ts';
import { formatHostPort } from '../values/address.ts';
import { parseNetwork } from '../values/networks.ts';
import { AnsweringCall } from './answering-call.ts';
import type { AnsweringHost, AnsweringSettings, CallSummary, DigitWay } from './answering-call.ts';
import { CallBook } from './call-book.ts';
import type { RefusalCause } from './call-book.ts';
import type { SipCallDocument } from './call-documents.ts';
import { CallPlanner } from './call-plan.ts';
import type { SipServeConfig } from './config.ts';
import type { LegRequest, MediaLeg, MediaLegs } from './leg.ts';
import type { PlayerLegs } from './player-legs.ts';
import { Registrations } from './registrations.ts';
import type { RegistrationStatus } from './registrations.ts';
import { RelayLegs } from './relay-legs.ts';
import { renewedTlsOptions } from './tls.ts';

export interface SipServerParts {
  readonly config: SipServeConfig;
  readonly listen: Omit<ListenOptions, 'trouble' | 'nowMs' | 'guard'>;
  readonly player: PlayerLegs;
  /** Where calls with the action `relay` go; undefined when there are none. */
  readonly relay: { readonly fleet: RelayFleet; readonly echo: EchoWatch } | undefined;
  readonly log: Logger;
  /** Such as `rtplat/1.2.3`. */
  readonly product: string;
  /** Where passwords of accounts may be. */
  readonly env: NodeJS.ProcessEnv;
  /** Told each call that has ended, and each digit. */
  readonly events: SipServerEvents;
}

export interface SipServerEvents {
  ended(record: SipCallDocument): void;
  digit(id: string, digit: string, how: DigitWay): void;
}

const STOP_POLL_MS = 20;
/** What calls of strangers that nobody has confirmed may have of all calls. */
const STRANGERS_SHARE = 0.75;
/** BYE and its answer have so long. */
const BYE_MS = 4000;

export class SipServer implements MediaLegs {
  readonly book: CallBook = new CallBook();
  readonly #parts: SipServerParts;
  readonly #agent: UserAgent;
  readonly #instance = randomBytes(3).toString('hex');
  readonly #calls = new Map<string, ServerCall>();
  readonly #relayLegs: RelayLegs | undefined;
  readonly #host: AnsweringHost;
  readonly #guard: StrangerGuard;
  #config: SipServeConfig;
  #planner: CallPlanner;
  #settings: AnsweringSettings;
  #endpoint: SipEndpoint | undefined;
  #registrations: Registrations | undefined;
  #serial = 0;
  #stopping = false;

  constructor(parts: SipServerParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#planner = new CallPlanner(parts.config);
    this.#settings = settingsOf(parts.config);
    this.#guard = new StrangerGuard({
      rules: strangerRules(parts.config),
      own: ownNetworks(),
      key: hashKey(randomBytes),
      hasCall: (address) => this.book.confirmedOf(address) > 0,
    });
    this.#relayLegs = parts.relay === undefined ? undefined : new RelayLegs(parts.relay.fleet);
    this.#agent = new UserAgent({
      random: (bytes) => randomBytes(bytes).toString('hex'),
      contact: (flow, secure) => `<${contactOf(flow, secure)}>`,
      server: parts.product,
      leastSessionSeconds: parts.config.sip.session_timer_min_seconds,
      flowTo: (uri, like) => this.#endpoint?.flowTo(uri, like),
      admits: (request, flow) => this.#admits(request, flow),
      turnsAway: (invite, flow) => this.#turnsAway(invite, flow),
      disconnected: (delayMs) => this.book.metrics.disconnected(delayMs),
      invited: (call, request, nowMs) => this.#invited(call, request, nowMs),
    });
    this.#host = {
      ...{ legs: this, scheduler: this.#agent.scheduler, log: parts.log, nowMs },
      touched: () => this.#endpoint?.touched(),
      digit: (id, digit, how, durationMs) => this.#digit(id, digit, how, durationMs),
      confirmed: (id) => this.book.confirmed(id),
      done: (summary, hops) => this.#done(summary, hops),
    };
  }

  /** @throws RtplatError `bind`. */
  async start(): Promise<SipEndpoint> {
    this.#endpoint = await SipEndpoint.start(
      {
        ...this.#parts.listen,
        nowMs,
        guard: this.#guard,
        trouble: (what, flow, isOurs) => {
          if (flow === undefined) {
            this.#parts.log.error(`A timer went wrong: ${what}`);
            return;
          }
          const from = formatHostPort(flow.remote.address, flow.remote.port);
          if (isOurs) this.#parts.log.error(`A message from ${from} went wrong: ${what}`);
          else this.#parts.log.debug(`Malformed message from ${from}: ${what}`);
        },
      },
      this.#agent,
    );
    this.#register(this.#endpoint);
    return this.#endpoint;
  }

  #register(endpoint: SipEndpoint): void {
    const { config, env, log, product } = this.#parts;
    if (config.register.length === 0) return;
    this.#registrations = new Registrations(config.register, {
      ...{ endpoint, env, log, product, nowMs },
      scheduler: this.#agent.scheduler,
      request: (request, flow, user, atMs) => this.#agent.layer.request(request, flow, user, atMs),
      resolve: resolveSip,
      contact: contactOf,
      settled: (outcome, delayMs) => this.book.metrics.registration(outcome, delayMs),
    });
    this.#registrations.start();
  }

  registrations(): readonly RegistrationStatus[] {
    return this.#registrations?.status() ?? [];
  }

  /** What can be changed while it runs. */
  reload(config: SipServeConfig): void {
    this.#config = config;
    this.#planner = new CallPlanner(config);
    this.#settings = settingsOf(config);
    this.#guard.renew(strangerRules(config));
    const { listen, log } = this.#parts;
    const options = listen.tls === null ? undefined : renewedTlsOptions(config.sip, log);
    if (options !== undefined) this.#endpoint?.renewCertificate(options);
  }

  get transactions(): TransactionCounts {
    return this.#agent.layer.counts;
  }

  /** Messages and sockets; undefined before {@link start}. */
  signalling(): EndpointCounts | undefined {
    return this.#endpoint?.counts();
  }

  /** Whether there is no room for one more call. */
  get full(): boolean {
    return this.book.active >= this.#config.behavior.max_concurrent_calls;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  #admits({ method, headers }: SipRequest, flow: SipFlow): Refusal | undefined {
    const { limits } = this.#config;
    const cause = this.#refusal(flow.remote.address);
    if (cause === undefined) return undefined;
    const status = cause === 'stopping' ? 503 : limits.over_limit_status;
    // Who asks by OPTIONS whether there is room has placed no call.
    if (method === 'INVITE') this.book.refused(cause, status, headers.values('Via').length);
    return { status, headers: limits.retry_after_seconds === 0 ? [] : [['Retry-After', String(limits.retry_after_seconds)]] };
  }

  #refusal(address: string): RefusalCause | undefined {
    if (this.#stopping) return 'stopping';
    const perSource = this.#config.limits.max_calls_per_source;
    if (this.full) return 'limit';
    return perSource > 0 && this.book.ofSource(address) >= perSource ? 'source' : undefined;
  }

  /** A 200 that nobody confirms is sent eleven times (RFC 3261 §13.3.1.4), a refusal as often, to whoever has the address. */
  #turnsAway({ headers }: SipRequest, { remote: { address }, reliable }: SipFlow): boolean {
    const { limits, behavior } = this.#config;
    const most = limits.max_unconfirmed_per_source;
    if (reliable || most === 0) return false;
    const unconfirmed = this.book.ofSource(address) - this.book.confirmedOf(address) + this.#agent.layer.unacknowledgedOf(address);
    // Where somebody is trusted there is room for him, however many addresses are forged.
    const room = limits.trusted.length === 0 || this.book.unconfirmed < behavior.max_concurrent_calls * STRANGERS_SHARE;
    if ((unconfirmed < most && room) || this.#guard.trusts(address)) return false;
    this.book.refused('unconfirmed', 503, headers.values('Via').length);
    return true;
  }

  #invited(call: ServerCall, request: SipRequest, atMs: number): void {
    this.#serial += 1;
    const id = `${this.#instance}-${this.#serial}`;
    const user = parseUri(request.uri)?.user ?? '';
    const from = request.from?.uri ?? '';
    const plan = this.#planner.planFor(user);
    const source = call.flow.remote.address;
    this.#calls.set(id, call);
    this.#parts.log.scoped(id).info(`INVITE for ${user === '' ? 'nobody' : user} from ${from} at ${source}: ${plan.action.kind}`);
    const sessionId = String(randomInt(2 ** 32));
    const answering = new AnsweringCall(this.#host, this.#settings, { id, call, request, user, from, plan, sessionId });
    this.book.open({
      ...{ id, sipCallId: call.dialog.callId, from, user, source, transport: call.flow.transport },
      ...{ action: plan.action.kind, route: plan.match ?? null, digits: '' },
      startedAt: new Date().toISOString(),
      startedMs: atMs,
      progress: () => answering.progress(),
    });
    answering.begin(atMs);
  }

  #digit(id: string, digit: string, how: DigitWay, durationMs: number | null): void {
    const lasting = durationMs === null ? '' : `, ${Math.round(durationMs)} ms`;
    this.#parts.log.scoped(id).info(`Digit ${digit} (${how}${lasting})`);
    this.book.digit(id, digit, how);
    this.#parts.events.digit(id, digit, how);
  }

  #done(summary: CallSummary, hops: number): void {
    const { id, end, endedMs } = summary;
    this.#calls.delete(id);
    const record = this.book.close(summary, hops, new Date().toISOString());
    this.#parts.log.scoped(id).info(`Ended by ${end.by} after ${(endedMs / 1000).toFixed(1)} s: ${end.reason}`);
    this.#parts.events.ended(record);
  }

  open(request: LegRequest): Promise<MediaLeg> {
    return (request.action.kind === 'relay' ? (this.#relayLegs ?? this.#parts.player) : this.#parts.player).open(request);
  }

  /** Refuses new calls, gives those that are up some time, then ends them. */
  async end(graceMs: number): Promise<void> {
    this.#stopping = true;
    // No PBX is to send us calls that we refuse.
    const unregistered = this.#registrations?.stop();
    await this.#until(() => this.book.active === 0, graceMs);
    this.#hangUp([...this.#calls], 'the service stops');
    await this.#until(() => this.book.active === 0 && this.#agent.calls === 0, BYE_MS);
    if (unregistered === undefined) return;
    const patience = new Pause();
    await Promise.race([unregistered, patience.wait(BYE_MS)]);
    patience.end();
  }

  /** Ends the calls whose media are gone: those that are relayed, or all others. */
  endCalls(relayed: boolean, reason: string): void {
    this.#hangUp(
      [...this.#calls].filter(([id]) => (this.book.actionOf(id) === 'relay') === relayed),
      reason,
    );
  }

  #hangUp(calls: readonly (readonly [id: string, call: ServerCall])[], reason: string): void {
    for (const [id, call] of calls) {
      try {
        call.hangUp(reason, nowMs());
      } catch (error) {
        this.#parts.log.scoped(id).error(`BYE failed: ${messageOf(error)}`);
      }
    }
    this.#endpoint?.touched();
  }

  async #until(met: () => boolean, mostMs: number): Promise<void> {
    const endMs = nowMs() + mostMs;
    while (!met() && nowMs() < endMs) await pause(STOP_POLL_MS);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#endpoint?.stop();
  }
}

/** What calls that begin under a configuration are given. */
function settingsOf({ behavior, limits, media }: SipServeConfig): AnsweringSettings {
  return {
    local: {
      codecs: media.preferred_codecs.map((name): AudioCodec => ({ name, clockRateHz: name === 'L16' ? media.audio_sample_rate : 8000 })),
      telephoneEvent: media.enable_dtmf,
      ptimeMs: media.ptime_ms,
      direction: 'sendrecv',
      version: 1,
    },
    destinations: { thirdParties: media.third_party, symmetric: media.symmetric_rtp },
    ringTimeoutMs: limits.ring_timeout_seconds * 1000,
    callTimeoutMs: behavior.call_timeout_seconds * 1000,
    retryAfterSeconds: limits.retry_after_seconds,
  };
}

/** What is done for those whom the configuration does not name. */
function strangerRules({ limits }: SipServeConfig): StrangerRules {
  return {
    caps: { perSource: limits.source_rate, total: limits.total_rate },
    trusted: limits.trusted.flatMap((text) => parseNetwork(text) ?? []),
    ignoreScanners: limits.ignore_scanners,
  };
}

/** A URI that a peer of the flow reaches us by (RFC 3261 §8.1.1.8). @param secure it is to be `sips:`; only where the flow is TLS. */
function contactOf({ transport, local }: SipFlow, secure: boolean, user?: string): string {
  const host = `${user === undefined ? '' : `${user}@`}${formatHostPort(local.address, local.port)}`;
  if (secure && transport === 'TLS') return `sips:${host}`;
  return transport === 'UDP' ? `sip:${host}` : `sip:${host};transport=${transport.toLowerCase()}`;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function nowMs(): number {
  return performance.now();
}
