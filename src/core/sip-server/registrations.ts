/** Keeps the accounts registered, so that a PBX can route calls here. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf, RtplatError } from '../errors.ts';
import type { Logger } from '../service/log.ts';
import { Registration } from '../sip/registration.ts';
import type { RegistrationState } from '../sip/registration.ts';
import type { SipRequest } from '../sip/message.ts';
import type { Scheduler, Timer } from '../sip/scheduler.ts';
import type { ClientUser, SipFlow } from '../sip/transactions.ts';
import { resolveSip } from '../sip/transports/resolve.ts';
import type { SipEndpoint } from '../sip/transports/endpoint.ts';
import { formatUri, parseUri } from '../sip/uri.ts';
import type { SipUri } from '../sip/uri.ts';
import type { RegisterAccount } from './config/accounts.ts';

export interface RegistrationsParts {
  readonly endpoint: SipEndpoint;
  readonly scheduler: Scheduler;
  readonly request: (request: SipRequest, flow: SipFlow, user: ClientUser, nowMs: number) => void;
  readonly contact: (flow: SipFlow, user: string) => string;
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

  /** @throws RtplatError `usage` when a password cannot be read. */
  constructor(accounts: readonly RegisterAccount[], parts: RegistrationsParts) {
    this.#accounts = accounts.map((account) => new Account(account, parts));
  }

  start(): void {
    for (const account of this.#accounts) void account.start();
  }

  /** Takes us off the lists; settles when the registrars have answered, or will not. */
  async stop(): Promise<void> {
    await Promise.all(this.#accounts.map((account) => account.stop()));
  }

  status(): readonly RegistrationStatus[] {
    return this.#accounts.map((account) => account.status());
  }
}

/** How long to wait before a name that did not resolve is asked for again. */
const RESOLVE_AGAIN_MS = 10_000;

class Account {
  readonly #account: RegisterAccount;
  readonly #parts: RegistrationsParts;
  readonly #password: string;
  readonly #registrar: SipUri;
  readonly #name: string;
  #registration: Registration | undefined;
  #flow: SipFlow | undefined;
  #timer: Timer | undefined;
  #problem: string | null = null;
  #stopping = false;
  readonly #gone = Promise.withResolvers<void>();

  constructor(account: RegisterAccount, parts: RegistrationsParts) {
    this.#account = account;
    this.#parts = parts;
    const registrar = parseUri(account.registrar);
    if (registrar === undefined) throw new RtplatError('usage', `${account.registrar} is no SIP URI`);
    this.#registrar = registrar;
    this.#name = formatUri({ ...registrar, user: account.username });
    this.#password = passwordOf(account, parts.env);
  }

  status(): RegistrationStatus {
    return { account: this.#name, state: this.#registration?.state ?? 'unregistered', problem: this.#problem };
  }

  async start(): Promise<void> {
    const { endpoint, contact, product, nowMs } = this.#parts;
    const { transport, username, realm, expires_seconds: expiresSeconds } = this.#account;
    try {
      const [remote] = await resolveSip(this.#registrar, transport);
      if (remote === undefined) throw new Error('it has no address');
      this.#flow = await endpoint.reach(transport, remote);
    } catch (error) {
      this.#trouble(`cannot reach ${this.#registrar.host}: ${messageOf(error)}`);
      if (!this.#stopping) this.#timer = this.#parts.scheduler.at(nowMs() + RESOLVE_AGAIN_MS, () => void this.start());
      endpoint.touched();
      return;
    }
    if (this.#stopping) return;
    this.#registration = new Registration(
      {
        registrar: formatUri(this.#registrar),
        addressOfRecord: this.#name,
        contact: contact(this.#flow, username),
        expiresSeconds,
        credentials: { username, password: this.#password, ...(realm === undefined ? {} : { realm }) },
        callId: randomBytes(16).toString('hex'),
        userAgent: product,
        tools: {
          hash: (algorithm, text) =>
            createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
              .update(text)
              .digest('hex'),
          random: (bytes) => randomBytes(bytes).toString('hex'),
        },
      },
      {
        send: (request, atMs) => this.#send(request, atMs),
        registered: (seconds, delayMs) => {
          this.#problem = null;
          this.#parts.settled(200, delayMs);
          this.#parts.log.info(`Registered ${this.#name} for ${seconds} s`);
        },
        failed: ({ reason, outcome, retryAtMs }, atMs) => {
          this.#parts.settled(outcome === 'unreachable' ? 'timeout' : outcome, 0);
          this.#trouble(`${reason}; again in ${Math.round((retryAtMs - atMs) / 1000)} s`);
        },
        unregistered: (problem) => {
          if (problem === undefined) this.#parts.log.info(`Unregistered ${this.#name}`);
          else this.#trouble(problem);
          this.#gone.resolve();
        },
      },
    );
    this.#registration.start(nowMs());
    this.#schedule();
  }

  #trouble(what: string): void {
    this.#problem = what;
    this.#parts.log.warn(`Not registered as ${this.#name}: ${what}`);
  }

  #send(request: SipRequest, atMs: number): void {
    const registration = this.#registration;
    const flow = this.#flow;
    if (registration === undefined || flow === undefined) return;
    const then = (run: (nowMs: number) => void, nowMs: number): void => {
      run(nowMs);
      this.#schedule();
    };
    this.#parts.request(
      request,
      flow,
      {
        response: (response, _flow, nowMs) => then((now) => registration.response(response, now), nowMs),
        timeout: (nowMs) => then((now) => registration.timeout(now), nowMs),
        failed: (nowMs) => then((now) => registration.unreachable(now), nowMs),
      },
      atMs,
    );
  }

  #schedule(): void {
    const registration = this.#registration;
    this.#timer?.cancel();
    if (registration !== undefined && registration.dueMs < Number.POSITIVE_INFINITY) {
      this.#timer = this.#parts.scheduler.at(registration.dueMs, (nowMs) => {
        registration.tick(nowMs);
        this.#schedule();
      });
    }
    this.#parts.endpoint.touched();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const registration = this.#registration;
    if (registration === undefined || registration.state === 'unregistered') {
      this.#timer?.cancel();
      return;
    }
    registration.stop(this.#parts.nowMs());
    this.#schedule();
    await this.#gone.promise;
    this.#timer?.cancel();
  }
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
  try {
    return (
      readFileSync(file ?? '', 'utf8')
        .split('\n', 1)[0]
        ?.trimEnd() ?? ''
    );
  } catch (error) {
    throw new RtplatError('usage', `cannot read password_file of account "${username}": ${messageOf(error)}`, { cause: error });
  }
}
