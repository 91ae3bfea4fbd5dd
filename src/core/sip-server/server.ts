/** The auto-answering SIP server: signalling, media, limits, and what it tells about itself. */
import { randomBytes } from 'node:crypto';
import { messageOf } from '../errors.ts';
import type { EchoWatch } from '../relay/echo-watch.ts';
import type { RelayFleet } from '../relay/fleet.ts';
import type { Logger } from '../service/log.ts';
import { Pause } from '../service/pause.ts';
import type { SipRequest } from '../sip/message.ts';
import type { Refusal } from '../sip/request-checks.ts';
import type { AudioCodec } from '../sip/sdp-offer.ts';
import type { ServerCall } from '../sip/server-call.ts';
import type { SipFlow, TransactionCounts } from '../sip/transactions.ts';
import { parseUri } from '../sip/uri.ts';
import { UserAgent } from '../sip/user-agent.ts';
import { SipEndpoint } from '../sip/transports/endpoint.ts';
import type { ListenOptions } from '../sip/transports/endpoint.ts';
import { formatHostPort } from '../values/address.ts';
import { AnsweringCall } from './answering-call.ts';
import type { CallSummary, DigitWay } from './answering-call.ts';
import { CallBook } from './call-book.ts';
import type { SipCallDocument } from './call-book.ts';
import { CallPlanner } from './call-plan.ts';
import type { SipServeConfig } from './config.ts';
import type { LegRequest, MediaLeg, MediaLegs } from './leg.ts';
import type { PlayerLegs } from './player-legs.ts';
import { Registrations } from './registrations.ts';
import type { RegistrationStatus } from './registrations.ts';
import { RelayLegs } from './relay-legs.ts';

export interface SipServerParts {
  readonly config: SipServeConfig;
  readonly listen: Omit<ListenOptions, 'trouble' | 'nowMs'>;
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
/** BYE and its answer have so long. */
const BYE_MS = 4000;

export class SipServer implements MediaLegs {
  readonly book: CallBook = new CallBook();
  readonly #parts: SipServerParts;
  readonly #agent: UserAgent;
  readonly #instance = randomBytes(3).toString('hex');
  readonly #calls = new Map<string, ServerCall>();
  readonly #relayLegs: RelayLegs | undefined;
  #config: SipServeConfig;
  #planner: CallPlanner;
  #endpoint: SipEndpoint | undefined;
  #registrations: Registrations | undefined;
  #serial = 0;
  #stopping = false;

  constructor(parts: SipServerParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#planner = new CallPlanner(parts.config);
    this.#relayLegs = parts.relay === undefined ? undefined : new RelayLegs(parts.relay.fleet);
    this.#agent = new UserAgent({
      random: (bytes) => randomBytes(bytes).toString('hex'),
      contact: (flow) => `<${contactOf(flow)}>`,
      server: parts.product,
      leastSessionSeconds: parts.config.sip.session_timer_min_seconds,
      flowTo: (uri, like) => this.#endpoint?.flowTo(uri, like),
      admits: (request, flow) => this.#admits(request, flow),
      invited: (call, request, nowMs) => this.#invited(call, request, nowMs),
    });
  }

  /** @throws RtplatError `bind`. */
  async start(): Promise<SipEndpoint> {
    this.#endpoint = await SipEndpoint.start(
      {
        ...this.#parts.listen,
        nowMs,
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
      contact: contactOf,
      settled: (outcome, delayMs) => this.book.registration(outcome, delayMs),
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
  }

  get transactions(): TransactionCounts {
    return this.#agent.layer.counts;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  #admits({ method }: SipRequest, flow: SipFlow): Refusal | undefined {
    const { behavior, limits } = this.#config;
    const retry: [string, string][] = limits.retry_after_seconds === 0 ? [] : [['Retry-After', String(limits.retry_after_seconds)]];
    if (this.#stopping) return { status: 503, headers: retry };
    const perSource = limits.max_calls_per_source;
    const full =
      this.book.active >= behavior.max_concurrent_calls || (perSource > 0 && this.book.ofSource(flow.remote.address) >= perSource);
    if (!full) return undefined;
    // Who asks by OPTIONS whether there is room has placed no call.
    if (method === 'INVITE') this.book.refused();
    return { status: limits.over_limit_status, headers: retry };
  }

  #invited(call: ServerCall, request: SipRequest, atMs: number): void {
    const { behavior, limits, media } = this.#config;
    this.#serial += 1;
    const id = `${this.#instance}-${this.#serial}`;
    const uri = parseUri(request.uri);
    const user = uri?.user ?? '';
    const from = request.from?.uri ?? '';
    const plan = this.#planner.planFor(user);
    const log = this.#parts.log.scoped(id);
    const source = call.flow.remote.address;
    this.book.open({
      ...{ id, from, user, source, action: plan.action.kind, digits: '' },
      startedAt: new Date().toISOString(),
      startedMs: atMs,
      state: () => call.state,
    });
    this.#calls.set(id, call);
    log.info(`INVITE for ${user === '' ? 'nobody' : user} from ${from} at ${source}: ${plan.action.kind}`);
    const hops = request.headers.values('Via').length;
    new AnsweringCall({
      ...{ id, call, request, user, from, plan, log, nowMs },
      legs: this,
      local: {
        codecs: media.preferred_codecs.map((name): AudioCodec => ({ name, clockRateHz: name === 'L16' ? media.audio_sample_rate : 8000 })),
        telephoneEvent: media.enable_dtmf,
        ptimeMs: media.ptime_ms,
        direction: 'sendrecv',
        sessionId: String(randomBytes(4).readUInt32BE()),
        version: 1,
      },
      scheduler: this.#agent.scheduler,
      touched: () => this.#endpoint?.touched(),
      destinations: { thirdParties: media.third_party, symmetric: media.symmetric_rtp },
      ringTimeoutMs: limits.ring_timeout_seconds * 1000,
      callTimeoutMs: behavior.call_timeout_seconds * 1000,
      retryAfterSeconds: limits.retry_after_seconds,
      digit: (_id, digit, how, durationMs) => {
        log.info(`Digit ${digit} (${how}${durationMs === null ? '' : `, ${Math.round(durationMs)} ms`})`);
        this.book.digit(id, digit);
        this.#parts.events.digit(id, digit, how);
      },
      done: (summary) => this.#done(summary, hops, log),
    }).begin(atMs);
  }

  #done(summary: CallSummary, hops: number, log: Logger): void {
    const { id, end, endedMs } = summary;
    this.#calls.delete(id);
    const record = this.book.close(summary, hops);
    log.info(`Ended by ${end.by} after ${(endedMs / 1000).toFixed(1)} s: ${end.reason}`);
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
    for (const [id, call] of this.#calls) {
      try {
        call.hangUp('the service stops', nowMs());
      } catch (error) {
        this.#parts.log.scoped(id).error(`BYE failed: ${messageOf(error)}`);
      }
    }
    this.#endpoint?.touched();
    await this.#until(() => this.book.active === 0 && this.#agent.calls === 0, BYE_MS);
    if (unregistered === undefined) return;
    const patience = new Pause();
    await Promise.race([unregistered, patience.wait(BYE_MS)]);
    patience.end();
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

/** A URI that a peer of the flow reaches us by (RFC 3261 §8.1.1.8). */
function contactOf({ transport, local }: SipFlow, user?: string): string {
  const host = `${user === undefined ? '' : `${user}@`}${formatHostPort(local.address, local.port)}`;
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
