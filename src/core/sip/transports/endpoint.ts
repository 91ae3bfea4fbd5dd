/**
 * A SIP element on the network: its transports, the user agent behind them, and the timer that the user agent waits for. One bad
 * message never ends it.
 */
import { isIP } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { messageOf } from '../../errors.ts';
import type { UdpEngine } from '../../udp/engine.ts';
import { parseMessage } from '../parse.ts';
import { parseUri } from '../uri.ts';
import type { SipFlow } from '../transactions.ts';
import type { Endpoint } from '../../values/address.ts';
import { SipRequest } from '../message.ts';
import type { SipMessage } from '../message.ts';
import type { Refusal } from '../request-checks.ts';
import { NO_STRANGERS } from '../stranger-guard.ts';
import type { StrangerCounts, StrangerGuard } from '../stranger-guard.ts';
import type { TransactionLayer } from '../transactions.ts';
import { StreamTransport } from './stream.ts';
import type { ReachOptions, TransportUser } from './transport.ts';
import { UdpTransport } from './udp.ts';

/** Who is behind the transports: a user agent server, or a client. */
export interface SipElement {
  readonly layer: Pick<TransactionLayer, 'flowFailed'>;
  /** When {@link tick} has something to do next, ms; Infinity when never. */
  readonly dueMs: number;
  tick(nowMs: number): void;
  received(message: SipMessage, flow: SipFlow, nowMs: number): void;
  /** What could be read of a request that is malformed. */
  malformed(request: SipRequest, refusal: Refusal, flow: SipFlow): void;
}

export interface ListenOptions {
  /** For UDP, on an event loop. */
  readonly engine: UdpEngine;
  /** Numeric local addresses; each transport listens on all of them. */
  readonly addresses: readonly string[];
  /** Ports; null: not at all. */
  readonly udpPort: number | null;
  readonly tcpPort: number | null;
  readonly tls: { readonly port: number; readonly options: TlsOptions } | null;
  /** Transports that connections are made by, and taken by none. */
  readonly connects?: readonly ('tcp' | 'tls')[];
  /** The address that peers see, where it is not one of this host's. */
  readonly advertise?: string;
  /** Whose messages are looked at, and answered; all of them without. */
  readonly guard?: Pick<StrangerGuard, 'admits' | 'heeds' | 'counts'>;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** A message that could not be read, or that something went wrong with; without a flow it was a timer. For the log. */
  readonly trouble: (what: string, flow: SipFlow | undefined, isOurs: boolean) => void;
}

export interface EndpointCounts {
  /** Messages. */
  readonly received: number;
  readonly sent: number;
  readonly sendErrors: number;
  readonly malformed: number;
  /** Datagrams that found a receive buffer full; null where the system does not tell. */
  readonly drops: number | null;
  /** Datagrams that were received and not looked at, in a flood from new addresses. */
  readonly overflow: number;
  /** Of TCP and TLS that are open; those that were closed because there were too many. */
  readonly connections: number;
  readonly connectionsRefused: number;
  /** Messages of strangers that were not looked at, or not answered. */
  readonly strangers: StrangerCounts;
}

/** Node.js fires a longer timer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class SipEndpoint implements TransportUser {
  readonly #options: ListenOptions;
  readonly #agent: SipElement;
  readonly #udp: UdpTransport[] = [];
  readonly #streams: StreamTransport[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #stopped = false;
  #malformed = 0;

  private constructor(options: ListenOptions, agent: SipElement) {
    this.#options = options;
    this.#agent = agent;
  }

  /** @throws RtplatError `bind`; nothing is left open then. */
  static async start(options: ListenOptions, agent: SipElement): Promise<SipEndpoint> {
    const endpoint = new SipEndpoint(options, agent);
    try {
      await endpoint.#listen();
    } catch (error) {
      await endpoint.stop();
      throw error;
    }
    return endpoint;
  }

  async #listen(): Promise<void> {
    const { engine, addresses, udpPort, tcpPort, tls, connects = [], advertise } = this.#options;
    const shown = advertise === undefined ? {} : { advertise };
    for (const address of uncovered(addresses)) {
      if (udpPort !== null) this.#udp.push(await UdpTransport.start({ engine, local: { address, port: udpPort }, ...shown }, this));
      if (tcpPort !== null) this.#streams.push(await StreamTransport.start({ local: { address, port: tcpPort }, ...shown }, this));
      if (tls !== null) {
        this.#streams.push(await StreamTransport.start({ local: { address, port: tls.port }, tls: tls.options, ...shown }, this));
      }
      for (const kind of connects) {
        const own = { local: { address, port: 0 }, clientOnly: true, ...(kind === 'tls' ? { tls: {} } : {}), ...shown };
        this.#streams.push(await StreamTransport.start(own, this));
      }
    }
  }

  /** Where it listens, such as `udp 127.0.0.1:5060`. */
  get listening(): readonly { readonly transport: 'UDP' | 'TCP' | 'TLS'; readonly address: string; readonly port: number }[] {
    return [
      ...this.#udp.map(({ local }) => ({ transport: 'UDP' as const, ...local })),
      // Where connections are only made there is no port.
      ...this.#streams.flatMap(({ local, transport }) => (local.port === 0 ? [] : [{ transport, ...local }])),
    ];
  }

  /** Messages in and out, and what went wrong with them. */
  counts(): EndpointCounts {
    const transports = [...this.#udp, ...this.#streams];
    const sum = (of: 'received' | 'sent' | 'sendErrors'): number => transports.reduce((total, { counts }) => total + counts[of], 0);
    return {
      received: sum('received'),
      sent: sum('sent'),
      sendErrors: sum('sendErrors'),
      malformed: this.#malformed,
      drops: this.#udp.reduce<number | null>((total, udp) => addKnown(total, udp.drops()), 0),
      overflow: this.#udp.reduce((total, { overflow }) => total + overflow, 0),
      connections: this.#streams.reduce((total, { connections }) => total + connections, 0),
      connectionsRefused: this.#streams.reduce((total, { refused }) => total + refused, 0),
      strangers: this.#options.guard?.counts ?? NO_STRANGERS,
    };
  }

  /** Something happened in the user agent that is not a message: its timers may have changed. */
  touched(): void {
    this.#arm();
  }

  admits(address: string): boolean {
    const { guard, nowMs } = this.#options;
    return guard === undefined || guard.admits(address, nowMs());
  }

  message(bytes: Uint8Array, flow: SipFlow): void {
    if (this.#stopped) return;
    try {
      const parsed = parseMessage(bytes);
      const request = 'message' in parsed ? parsed.message : parsed.request;
      if (request instanceof SipRequest && this.#options.guard?.heeds(request, flow.remote.address) === false) return;
      if ('message' in parsed) this.#agent.received(parsed.message, flow, this.#options.nowMs());
      else {
        this.#malformed += 1;
        this.#options.trouble(parsed.problem, flow, false);
        if (parsed.request !== undefined) this.#agent.malformed(parsed.request, { status: parsed.status, reason: parsed.problem }, flow);
      }
    } catch (error) {
      this.#options.trouble(messageOf(error), flow, true);
    }
    this.#arm();
  }

  failed(flow: SipFlow, reason: string): void {
    if (this.#stopped) return;
    void reason;
    this.#agent.layer.flowFailed(flow, this.#options.nowMs());
    this.#arm();
  }

  /** Whether what is sent on the flow may arrive: datagrams always, else where its connection is open. */
  carries(flow: SipFlow): boolean {
    return !flow.reliable || this.#streams.some((stream) => stream.carries(flow));
  }

  /** A way that {@link reach} made is not needed any more. */
  release(flow: SipFlow): void {
    for (const stream of this.#streams) stream.release(flow);
  }

  /** TLS connections from now on get this certificate. */
  renewCertificate(options: TlsOptions): void {
    for (const stream of this.#streams) stream.renewCertificate(options);
  }

  /**
   * The way to a URI whose host is numeric; undefined for all others, and where there is none.
   *
   * @param like where there is a choice, the same transport as this flow's, and the same address of ours.
   */
  flowTo(text: string, like: SipFlow): SipFlow | undefined {
    const uri = parseUri(text);
    if (uri === undefined) return undefined;
    // RFC 3261 §26.2.2: sips is TLS whatever else is said.
    const transport = uri.scheme === 'sips' ? 'TLS' : (uri.params.get('transport') ?? like.transport).toUpperCase();
    const address = numeric(uri.host);
    if (address === undefined) return undefined;
    const remote = { address, port: uri.port ?? (transport === 'TLS' ? 5061 : 5060) };
    if (transport === 'UDP') return like.to?.(remote) ?? this.#udp.find((udp) => serves(udp, remote))?.flowTo(remote);
    // Whoever has a connection to us has a port of its own in its contact, which it may not listen on.
    if (like.transport === transport && like.remote.address === address && this.carries(like)) return like;
    return this.#streams.find((stream) => stream.transport === transport && serves(stream, remote))?.flowTo(remote, like.local.address);
  }

  /**
   * The way to a peer that we turn to by ourselves.
   *
   * @param remote numeric.
   * @throws Error when there is none of that transport and family, or the peer takes no connection.
   */
  async reach(transport: 'udp' | 'tcp' | 'tls', remote: Endpoint, options: ReachOptions): Promise<SipFlow> {
    if (transport === 'udp') {
      const udp = this.#udp.find((candidate) => serves(candidate, remote));
      if (udp !== undefined) return udp.reach(remote);
    } else {
      const stream = this.#streams.find((candidate) => candidate.transport.toLowerCase() === transport && serves(candidate, remote));
      if (stream !== undefined) return stream.reach(remote, options);
    }
    throw new Error(`${transport} is not served for ${remote.address}: see sip.transports and sip.bind_address`);
  }

  #arm(): void {
    if (this.#stopped) return;
    const { dueMs } = this.#agent;
    if (dueMs >= this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = dueMs;
    // A timer of the event loop may be a millisecond early.
    this.#timer = setTimeout(() => this.#tick(), Math.min(Math.max(0, Math.ceil(dueMs - this.#options.nowMs())), LONGEST_TIMER_MS));
  }

  #tick(): void {
    this.#timerMs = Number.POSITIVE_INFINITY;
    try {
      this.#agent.tick(this.#options.nowMs());
    } catch (error) {
      this.#options.trouble(messageOf(error), undefined, true);
    }
    this.#arm();
  }

  /** What was sent goes out; nothing is taken any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#udp, ...this.#streams].map((transport) => transport.stop()));
  }
}

/** Without those addresses that another one of the list stands for as well: two sockets cannot have them at once. */
function uncovered(addresses: readonly string[]): readonly string[] {
  if (addresses.includes('::')) return ['::'];
  return addresses.includes('0.0.0.0') ? ['0.0.0.0', ...addresses.filter((address) => address.includes(':'))] : addresses;
}

/** Whether a socket that is bound there can send to `remote`. */
function serves({ local }: { readonly local: Endpoint }, remote: Endpoint): boolean {
  return local.address === '::' || local.address.includes(':') === remote.address.includes(':');
}

/** An address without the brackets of an IPv6 reference; undefined for a name. */
function numeric(host: string): string | undefined {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  return isIP(bare) === 0 ? undefined : bare;
}

function addKnown(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}
