/** The SIP side of a caller: one socket or connection to the next hop, shared by all calls, and the user agent client behind it. */
import { errnoOf, messageOf, RtplatError } from '../errors.ts';
import { ClientAgent } from '../sip/client-agent.ts';
import type { SipFlow } from '../sip/transactions.ts';
import { DIGEST_TOOLS } from '../sip/transports/digest-tools.ts';
import { SipEndpoint } from '../sip/transports/endpoint.ts';
import { resolveSip } from '../sip/transports/resolve.ts';
import { formatUri } from '../sip/uri.ts';
import type { Endpoint, UdpEngine } from '../udp/engine.ts';
import { formatHostPort } from '../values/address.ts';
import { Scout } from './scout.ts';
import type { CallTarget } from './target.ts';

export interface SignallingOptions {
  readonly engine: UdpEngine;
  readonly target: CallTarget;
  readonly tls: TlsChoices;
  /** Such as `rtplat/1.2.3`. */
  readonly product: string;
}

/** Whom to believe that it is the far end. */
export interface TlsChoices {
  /** Certificates of authorities, PEM; those that Node.js has where undefined. */
  readonly ca: string | undefined;
  readonly verify: boolean;
}

export class Signalling {
  readonly agent: ClientAgent;
  /** Unspecified, of the family of the far end: what sockets of calls are bound to. */
  readonly bindAddress: string;
  readonly #options: SignallingOptions;
  readonly #remotes: readonly Endpoint[];
  #endpoint: SipEndpoint | undefined;
  #flow: SipFlow | undefined;
  #reaching: Promise<SipFlow> | undefined;
  #scout: Scout | undefined;
  /** Hears that nothing listens where the calls go. */
  #refused: (why: string) => void = () => undefined;

  private constructor(options: SignallingOptions, remotes: readonly Endpoint[]) {
    this.#options = options;
    this.#remotes = remotes;
    this.bindAddress = (remotes[0]?.address ?? '').includes(':') ? '::' : '0.0.0.0';
    this.agent = new ClientAgent({
      tools: DIGEST_TOOLS,
      userAgent: options.product,
      flowTo: (uri, like) => this.#endpoint?.flowTo(uri, like),
    });
  }

  /**
   * Resolves the next hop, and connects to it.
   *
   * @throws RtplatError `network` when the name has no address, nobody takes the connection, or the certificate is refused; `bind`.
   */
  static async open(options: SignallingOptions): Promise<Signalling> {
    const remotes = await addressesOf(options.target);
    const signalling = new Signalling(options, remotes);
    try {
      await signalling.#listen();
      await signalling.flow();
    } catch (error) {
      await signalling.stop();
      throw error;
    }
    return signalling;
  }

  async #listen(): Promise<void> {
    const { engine, target } = this.#options;
    const { transport } = target;
    this.#endpoint = await SipEndpoint.start(
      {
        engine,
        addresses: [this.bindAddress],
        udpPort: transport === 'udp' ? 0 : null,
        tcpPort: null,
        tls: null,
        ...(transport === 'udp' ? {} : { connects: [transport] }),
        nowMs,
        // What cannot be read is none of the answers that a call waits for: its end tells.
        trouble: () => undefined,
      },
      this.agent,
    );
  }

  /** @param refused told one line when it is known that nothing listens where the calls go. */
  onRefused(refused: (why: string) => void): void {
    this.#refused = refused;
  }

  /** A call was begun or ended, or a timer set, outside of a message. */
  touched(): void {
    this.#endpoint?.touched();
  }

  /** An INVITE goes out: whether anybody listens is asked for again. */
  ask(): void {
    this.#scout?.ask();
  }

  /** The way to the next hop: the one there is, or a new connection. @throws RtplatError `network`. */
  async flow(): Promise<SipFlow> {
    if (this.#flow !== undefined && this.#endpoint?.carries(this.#flow) === true) return this.#flow;
    this.#reaching ??= this.#reach();
    try {
      this.#flow = await this.#reaching;
      return this.#flow;
    } finally {
      this.#reaching = undefined;
    }
  }

  async #reach(): Promise<SipFlow> {
    const { engine, target, tls } = this.#options;
    const { transport, nextHop } = target;
    const trust = { name: nextHop.host, ca: tls.ca, verify: tls.verify };
    let problem = '';
    for (const remote of this.#remotes) {
      const where = `${formatHostPort(remote.address, remote.port)}/${transport}`;
      try {
        if (transport === 'udp') {
          await this.#scout?.close();
          this.#scout = await Scout.start(engine, remote, (why) => this.#refused(why));
        }
        return await (this.#endpoint as SipEndpoint).reach(transport, remote, { trust, lost: () => undefined });
      } catch (error) {
        problem = `cannot reach ${where}: ${messageOf(error)}`;
      }
    }
    throw new RtplatError('network', problem, {
      hint: problem.includes('certificate')
        ? 'name the file of its authority with --tls-ca, or believe any certificate with --tls-insecure'
        : 'check address, port and --transport',
    });
  }

  /** What was sent goes out; nothing is taken any more. */
  async stop(): Promise<void> {
    await this.#scout?.close();
    await this.#endpoint?.stop();
  }
}

/** Of one family: one socket serves them all. @throws RtplatError `network`. */
async function addressesOf({ nextHop, transport }: CallTarget): Promise<readonly Endpoint[]> {
  let found: readonly Endpoint[];
  try {
    found = await resolveSip(nextHop, transport);
  } catch (error) {
    const code = errnoOf(error);
    throw new RtplatError(
      'network',
      `cannot find the address of ${nextHop.host}: ${code}${code === 'ENOTFOUND' ? ' (no such host)' : ''}`,
      {
        hint: 'check the name, or write a numeric address',
        cause: error,
      },
    );
  }
  const [first] = found;
  if (first === undefined)
    throw new RtplatError('network', `${nextHop.host} has no address`, { hint: 'check the name, or write a numeric address' });
  return found.filter(({ address }) => address.includes(':') === first.address.includes(':'));
}

/** Value of Contact: where the far end reaches us (RFC 3261 §8.1.1.8). @param secure the call is for a `sips:` URI. */
export function contactOf({ transport, local }: SipFlow, user: string, secure: boolean): string {
  const scheme = secure ? 'sips' : 'sip';
  const params = new Map(transport === 'UDP' || secure ? [] : [['transport', transport.toLowerCase()] as const]);
  const uri = {
    scheme,
    user,
    password: undefined,
    host: local.address,
    port: local.port,
    params,
    headers: new Map<string, string>(),
  } as const;
  return `<${formatUri(uri)}>`;
}

/** Monotonic milliseconds, of all of the signalling. */
export function nowMs(): number {
  return performance.now();
}
