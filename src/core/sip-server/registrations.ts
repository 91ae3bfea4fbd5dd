/** Keeps the accounts registered, so that a PBX can route calls here. */
import { randomBytes, randomInt } from 'node:crypto';
import { messageOf, RtplatError } from '../errors.ts';
import { readAuthorities } from '../service/authorities.ts';
import { readSecret } from '../service/secret.ts';
import type { Logger } from '../service/log.ts';
import { Registration } from '../sip/registration.ts';
import type { RegistrationState } from '../sip/registration.ts';
import type { SipRequest } from '../sip/message.ts';
import type { Scheduler, Timer } from '../sip/scheduler.ts';
import type { ClientUser, SipFlow } from '../sip/transactions.ts';
import { DIGEST_TOOLS } from '../sip/transports/digest-tools.ts';
import type { SipEndpoint } from '../sip/transports/endpoint.ts';
import type { TlsTrust } from '../sip/transports/transport.ts';
import { formatUri, parseUri } from '../sip/uri.ts';
import type { SipUri } from '../sip/uri.ts';
import type { Endpoint } from '../values/address.ts';
import { formatHostPort, sameEndpoint } from '../values/address.ts';
import type { RegisterAccount } from './config/accounts.ts';
import type { SipTransportName } from './config/signalling.ts';

export interface RegistrationsParts {
  readonly endpoint: SipEndpoint;
  readonly scheduler: Scheduler;
  readonly request: (request: SipRequest, flow: SipFlow, user: ClientUser, nowMs: number) => void;
  /** Addresses of a registrar, in the order in which they are to be tried. */
  readonly resolve: (uri: SipUri, transport: SipTransportName) => Promise<readonly Endpoint[]>;
  /** URI. @param secure it is to be a `sips:` one. */
  readonly contact: (flow: SipFlow, secure: boolean, user: string) => string;
  readonly product: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly nowMs: () => number;
  /** A registration ended well or not, for the metrics of RFC 6076. */
  readonly settled: (outcome: number | 'timeout', delayMs: number) => void;
}

export interface RegistrationStatus {
  readonly account: string;
  readonly state: RegistrationState;
  /** Why the last attempt failed; null when it did not. */
  readonly problem: string | null;
}

export class Registrations {
  readonly #accounts: readonly Account[];

  /** @throws RtplatError `usage` when a password or a certificate cannot be read. */
  constructor(accounts: readonly RegisterAccount[], parts: RegistrationsParts) {
    this.#accounts = accounts.map((account) => new Account(account, parts));
  }

  start(): void {
    for (const account of this.#accounts) account.start();
  }

  /** Takes us off the lists; settles when the registrars have answered, or will not. */
  async stop(): Promise<void> {
    await Promise.all(this.#accounts.map((account) => account.stop()));
  }

  status(): readonly RegistrationStatus[] {
    return this.#accounts.map((account) => account.status());
  }
}

/** RFC 5626 §4.5: after the loss of a connection that worked, half of it to all of it. */
const RECOVERY_MS = 30_000;

class Account {
  readonly #account: RegisterAccount;
  readonly #parts: RegistrationsParts;
  readonly #registrar: SipUri;
  readonly #name: string;
  readonly #trust: TlsTrust;
  readonly #registration: Registration;
  #flow: SipFlow | undefined;
  /** Addresses of the registrar that did not do, since the last one that did. */
  readonly #failing = new Set<string>();
  /** The next request is the first of an attempt: it may go elsewhere, whereas an answer to a challenge goes to who asked. */
  #begins = true;
  #timer: Timer | undefined;
  #problem: string | null = null;
  readonly #gone = Promise.withResolvers<void>();

  constructor(account: RegisterAccount, parts: RegistrationsParts) {
    this.#account = account;
    this.#parts = parts;
    const registrar = parseUri(account.registrar);
    if (registrar === undefined) throw new RtplatError('usage', `${account.registrar} is no SIP URI`);
    this.#registrar = registrar;
    this.#name = formatUri({ ...registrar, user: account.username });
    // RFC 5922 §4: the certificate is for the domain that was asked for, whatever server the DNS gives for it.
    this.#trust = { name: registrar.host, ca: authoritiesOf(account), verify: account.tls_verify };
    this.#registration = this.#register(passwordOf(account, parts.env));
  }

  status(): RegistrationStatus {
    return { account: this.#name, state: this.#registration.state, problem: this.#problem };
  }

  start(): void {
    this.#registration.start(this.#parts.nowMs());
    this.#schedule();
  }

  #register(password: string): Registration {
    const { contact, product, settled, log } = this.#parts;
    const { username, realm, expires_seconds: expiresSeconds } = this.#account;
    const secure = this.#registrar.scheme === 'sips';
    const ourContact = (): string => (this.#flow === undefined ? '' : contact(this.#flow, secure, username));
    return new Registration(
      {
        registrar: formatUri(this.#registrar),
        addressOfRecord: this.#name,
        get contact() {
          return ourContact();
        },
        expiresSeconds,
        credentials: { username, password, ...(realm === undefined ? {} : { realm }) },
        callId: randomBytes(16).toString('hex'),
        userAgent: product,
        tools: DIGEST_TOOLS,
      },
      {
        send: (make) => void this.#send(make),
        registered: (seconds, delayMs) => {
          this.#begins = true;
          this.#failing.clear();
          this.#problem = null;
          settled(200, delayMs);
          log.info(`Registered ${this.#name} for ${seconds} s`);
        },
        failed: ({ reason, outcome, retryAtMs }, atMs) => {
          this.#begins = true;
          settled(outcome === 'unreachable' ? 'timeout' : outcome, 0);
          this.#trouble(`${reason}; again in ${Math.round((retryAtMs - atMs) / 1000)} s`);
        },
        unregistered: (problem) => {
          if (problem === undefined) log.info(`Unregistered ${this.#name}`);
          else this.#trouble(problem);
          this.#gone.resolve();
        },
      },
    );
  }
  #trouble(what: string): void {
    this.#problem = what;
    this.#parts.log.warn(`Not registered as ${this.#name}: ${what}`);
  }

  async #send(make: () => SipRequest): Promise<void> {
    const { request, nowMs } = this.#parts;
    const then = (run: (registration: Registration) => void): void => {
      run(this.#registration);
      this.#schedule();
    };
    try {
      const flow = await this.#reach();
      const failing = (): void => void this.#failing.add(nameOf(flow.remote));
      const user: ClientUser = {
        response: (response, _flow, atMs) => {
          // RFC 3263 §4.3: as good as no answer, where there is another server.
          if (response.status === 503) failing();
          then((registration) => registration.response(response, atMs));
        },
        timeout: (atMs) => {
          failing();
          then((registration) => registration.timeout(atMs));
        },
        failed: (atMs) => {
          failing();
          then((registration) => registration.unreachable(atMs));
        },
      };
      request(make(), flow, user, nowMs());
      this.#schedule();
    } catch (error) {
      then((registration) => registration.unreachable(nowMs(), `cannot reach ${this.#registrar.host}: ${messageOf(error)}`));
    }
  }

  /** The way for the next request: the one there is, as long as it works and leads to a server that the name still stands for. */
  async #reach(): Promise<SipFlow> {
    const { endpoint } = this.#parts;
    const held = this.#flow !== undefined && endpoint.carries(this.#flow) ? this.#flow : undefined;
    if (held !== undefined && !this.#begins) return held;
    this.#begins = false;
    const works = held !== undefined && !this.#failing.has(nameOf(held.remote));
    const found = await this.#addresses(works ? held.remote : undefined);
    if (works && found.some((remote) => sameEndpoint(remote, held.remote))) return held;
    const untried = found.filter((remote) => !this.#failing.has(nameOf(remote)));
    if (untried.length === 0) this.#failing.clear();
    let problem: unknown = new Error('it has no address');
    for (const remote of untried.length === 0 ? found : untried) {
      try {
        const flow = await endpoint.reach(this.#account.transport, remote, { trust: this.#trust, lost: () => this.#lost() });
        if (held !== undefined) endpoint.release(held);
        this.#flow = flow;
        return flow;
      } catch (error) {
        problem = error;
        this.#failing.add(nameOf(remote));
      }
    }
    throw problem;
  }

  /** @param working a server that answers; it is what there is when the name cannot be resolved for the moment. */
  async #addresses(working: Endpoint | undefined): Promise<readonly Endpoint[]> {
    try {
      return await this.#parts.resolve(this.#registrar, this.#account.transport);
    } catch (error) {
      if (working === undefined) throw error;
      return [working];
    }
  }

  /** A registrar may call us by the connection alone that we made: a new one is registered soon, and not by all clients at once. */
  #lost(): void {
    const { endpoint, nowMs, log } = this.#parts;
    if (this.#registration.state !== 'registered' || this.#flow === undefined || endpoint.carries(this.#flow)) return;
    const waitMs = RECOVERY_MS * (0.5 + randomInt(1000) / 2000);
    log.warn(`The connection to ${this.#registrar.host} is lost: ${this.#name} is registered again in ${Math.round(waitMs / 1000)} s`);
    this.#registration.refreshBy(nowMs() + waitMs);
    this.#schedule();
  }

  #schedule(): void {
    const registration = this.#registration;
    this.#timer?.cancel();
    if (registration.dueMs < Number.POSITIVE_INFINITY) {
      this.#timer = this.#parts.scheduler.at(registration.dueMs, (nowMs) => {
        registration.tick(nowMs);
        this.#schedule();
      });
    }
    this.#parts.endpoint.touched();
  }

  async stop(): Promise<void> {
    const registration = this.#registration;
    if (registration.state !== 'unregistered') {
      registration.stop(this.#parts.nowMs());
      this.#schedule();
      await this.#gone.promise;
    }
    this.#timer?.cancel();
  }
}

function nameOf({ address, port }: Endpoint): string {
  return formatHostPort(address, port);
}

/** @throws RtplatError `usage`. */
function authoritiesOf({ tls_ca_file: file, transport, username }: RegisterAccount): string | undefined {
  if (file === undefined || transport !== 'tls') return undefined;
  return readAuthorities(file, `tls_ca_file ${file} of account "${username}"`);
}

function passwordOf({ password, password_file: file, password_env: variable, username }: RegisterAccount, env: NodeJS.ProcessEnv): string {
  if (password !== undefined) return password;
  if (variable !== undefined) {
    const value = env[variable];
    if (value === undefined || value === '') {
      throw new RtplatError('usage', `no password for account "${username}"`, { hint: `set ${variable}` });
    }
    return value;
  }
  return readSecret(file ?? '', `password_file of account "${username}"`, env);
}
