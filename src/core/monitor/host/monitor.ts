/** The monitor: its lock, its HTTP service, and a runner for each service; started and stopped in order. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { messageOf, RtplatError } from '../../errors.ts';
import { SeededRandom } from '../../probe/random.ts';
import { startHttp } from '../../service/http.ts';
import type { HttpService } from '../../service/http.ts';
import { HttpCounts } from '../../service/http-counts.ts';
import type { HttpAccess } from '../../service/http-gate.ts';
import type { Logger } from '../../service/log.ts';
import { readPid, takePidFile } from '../../service/pid-file.ts';
import type { PidFile } from '../../service/pid-file.ts';
import { ResourceUsage } from '../../service/usage.ts';
import { formatHostPort, isUnspecified } from '../../values/address.ts';
import type { MonitorConfig } from '../config.ts';
import type { MonitorFacts } from '../documents.ts';
import { judgeHttp } from '../health-answer.ts';
import { planOf } from '../plan.ts';
import { monitorRoutes } from '../routes.ts';
import { checkHttp } from './http-check.ts';
import { ServiceRunner } from './runner.ts';
import type { Surrender } from './runner.ts';
import { ServiceProcess } from './service-process.ts';
import { StateFiles } from './state-files.ts';
import { postWebhook } from './webhook.ts';

/** How long its own answer may take. */
const PROOF_MS = 2_000;

export class Monitor {
  /** Settles when services were given up and the configuration wants an end, with what to say. */
  readonly surrendered: Promise<string>;
  readonly #config: MonitorConfig;
  readonly #access: HttpAccess;
  readonly #log: Logger;
  readonly #env: NodeJS.ProcessEnv;
  readonly #runners: readonly ServiceRunner[];
  readonly #state: StateFiles;
  readonly #usage = new ResourceUsage();
  readonly #surrender: (text: string) => void;
  readonly #webhooks = new Set<Promise<void>>();
  #lock: PidFile | undefined;
  #http: HttpService | undefined;

  /** @param access whom its HTTP service answers. */
  constructor(config: MonitorConfig, access: HttpAccess, log: Logger, env: NodeJS.ProcessEnv) {
    this.#config = config;
    this.#access = access;
    this.#log = log;
    this.#env = env;
    this.#state = new StateFiles(config.monitor.state_directory);
    const random = new SeededRandom(randomBytes(4).readUInt32BE());
    this.#runners = config.service.map((service) => {
      const plan = planOf(service, config.monitor.keep_running);
      return new ServiceRunner({
        plan,
        state: this.#state,
        log: log.scoped(plan.name),
        env,
        random: () => random.uint32() / 2 ** 32,
        gaveUp: (surrender) => this.#gaveUp(surrender),
      });
    });
    const { promise, resolve } = Promise.withResolvers<string>();
    this.surrendered = promise;
    this.#surrender = resolve;
  }

  /** @returns where its HTTP service is; undefined when it has none. @throws RtplatError `running`, `file`, `bind`. */
  async start(): Promise<{ readonly host: string; readonly port: number } | undefined> {
    await this.#state.prepare();
    this.#lock = takeLock(this.#state.lockPath, this.#config.monitor.state_directory);
    const { enable, bind_address: host, port } = this.#config.http;
    const access = this.#access;
    if (enable) {
      const services = (): ReturnType<ServiceRunner['document']>[] => this.#runners.map((runner) => runner.document());
      const counts = new HttpCounts();
      const answer = monitorRoutes({ services, facts: () => this.#facts(), http: counts });
      this.#http = await startHttp({ host, port, access, counts, answer });
    }
    return this.#http;
  }

  /** Begins to watch. */
  watch(): void {
    this.#tellOfStrangers();
    for (const runner of this.#runners) runner.begin();
  }

  /** Settles when it answers itself. @throws RtplatError when it does not. */
  async prove(): Promise<void> {
    if (this.#http === undefined) return;
    const { host, port } = this.#http;
    const url = `http://${formatHostPort(isUnspecified(host) ? '127.0.0.1' : host, port)}/services`;
    const verdict = await checkHttp({ url, timeoutMs: PROOF_MS, token: this.#access.token }, (reply) => judgeHttp(url, reply));
    if (!verdict.ok) throw new RtplatError('timeout', verdict.text);
  }

  /** Ends what it has started, unless that is to be kept, and lets go of everything. Webhooks on their way have their time. */
  async stop(): Promise<void> {
    if (this.#lock !== undefined) await Promise.all(this.#runners.map((runner) => runner.stop()));
    await Promise.all(this.#webhooks);
    await this.#http?.stop();
    this.#http = undefined;
    this.#usage.stop();
    this.#lock?.release();
    this.#lock = undefined;
  }

  /** A service that was renamed, or taken out of the configuration, while the monitor was killed: nobody would ever end it. */
  #tellOfStrangers(): void {
    const names = new Set(this.#config.service.map(({ name }) => name));
    for (const name of this.#state.names()) {
      const known = names.has(name) ? undefined : this.#state.read(name);
      if (known === undefined) continue;
      if (new ServiceProcess(known, true).isLeft()) {
        this.#log.warn(
          `process ${known.pid} of a service "${name}" runs, which the configuration does not have: ${known.command.join(' ')}`,
        );
      } else this.#state.forget(name);
    }
  }

  #gaveUp(surrender: Surrender): void {
    const told = this.#tell(surrender);
    this.#webhooks.add(told);
    void told.then(() => this.#webhooks.delete(told));
    if (this.#config.monitor.give_up === 'exit') this.#surrender(`${surrender.service} was given up`);
    else if (this.#runners.every(({ givenUp }) => givenUp)) this.#surrender('every service was given up');
  }

  async #tell({ service, reason, text, attempts }: Surrender): Promise<void> {
    const { webhook } = this.#config;
    if (webhook.url === undefined) return;
    const time = new Date().toISOString();
    try {
      await postWebhook(webhook, { event: 'given_up', service, reason, text, attempts, host: hostname(), time }, this.#env);
      this.#log.info(`The webhook was told that ${service} was given up`);
    } catch (error) {
      this.#log.error(`The webhook was not told that ${service} was given up: ${messageOf(error)}`);
    }
  }

  #facts(): MonitorFacts {
    return { uptimeSeconds: process.uptime(), memoryBytes: this.#usage.memoryBytes, cpuPercent: this.#usage.cpuPercent };
  }
}

function takeLock(path: string, folder: string): PidFile {
  try {
    return takePidFile(path);
  } catch (error) {
    if (!(error instanceof RtplatError) || error.code !== 'running') throw error;
    throw new RtplatError('running', `another monitor has the state directory ${folder}: process ${readPid(path) ?? 'unknown'}`, {
      hint: 'stop that one first, or give this one another state_directory',
      cause: error,
    });
  }
}
