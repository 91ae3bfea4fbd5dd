/**
 * One connection to Asterisk through ari-client: failures told apart, a time-out on everything, and a watch over a connection
 * that is open but dead. A connection is used once: after any trouble it is closed and a new one is made.
 */
import type { Endpoint } from '../values/address.ts';
import { messageOf, RtplatError } from '../errors.ts';
import { parsePort } from '../values/ports.ts';
import { AriFailure } from './api.ts';
import type { AriDialApi, AriEvent, ChannelView, Disconnect, Origination } from './api.ts';
import type { AriLink } from './connection.ts';
import { readAriEvent } from './event.ts';
import { isAriRequestError, loadAriClient } from './vendor.ts';
import type { AriChannelData, AriClient } from './vendor.ts';

export interface AriConnectOptions {
  readonly url: URL;
  readonly user: string;
  readonly password: string;
  readonly app: string;
  /** Every event of the application, from the moment it is registered. */
  readonly event: (event: AriEvent) => void;
}

/** Of a program that places calls, too. */
export interface AriDialLink extends AriLink {
  readonly api: AriDialApi;
}

const REQUEST_LIMIT_MS = 5_000;
/** Reading the API description and opening the event socket. */
const CONNECT_LIMIT_MS = 15_000;
const PING_EVERY_MS = 2_000;
/** Without a pong for this long the server is frozen, or the way to it is gone. */
const PONG_LIMIT_MS = 8_000;

/** @throws RtplatError `credentials`, `network`, `timeout` or `ari`, within bounded time. */
export async function connectAri(options: AriConnectOptions): Promise<AriDialLink> {
  const { url } = options;
  const library = await loadAriClient();
  library.settings.requestTimeoutMs = REQUEST_LIMIT_MS;
  const attempt = within(
    CONNECT_LIMIT_MS,
    `no answer from Asterisk at ${url.origin}`,
    library.connect(url.origin, options.user, options.password),
  );
  let client: AriClient;
  try {
    client = await attempt;
  } catch (error) {
    throw connectError(error, options);
  }
  try {
    return await register(client, options);
  } catch (error) {
    client.stop();
    throw connectError(error, options);
  }
}

/** Fails every request that is out: nobody waits for its answer any more. */
export async function abandonRequests(): Promise<void> {
  const library = await loadAriClient();
  library.settings.abandon();
}

/** Opens the event socket: from here on the application is ours. */
async function register(client: AriClient, options: AriConnectOptions): Promise<AriDialLink> {
  const { app, url } = options;
  const info = await client.asterisk.getInfo();
  const closed = Promise.withResolvers<Disconnect>();
  const watch = new PongWatch(client, () => closed.resolve({ why: 'frozen', message: `no answer to pings for ${PONG_LIMIT_MS / 1000} s` }));
  let open = false;
  const refused = Promise.withResolvers<never>();
  const lost = (error?: Error): void => {
    const cause = error === undefined ? '' : `: ${messageOf(error)}`;
    if (open) closed.resolve({ why: 'lost', message: `the event connection was closed${cause}` });
    else refused.reject(new RtplatError('ari', `the event connection was refused${cause}`));
  };
  client.on('WebSocketReconnecting', lost);
  client.on('WebSocketMaxRetries', lost);
  client.on('rtplat:protocol-error', (error) => closed.resolve({ why: 'lost', message: `nonsense from the server: ${messageOf(error)}` }));
  client.on('*', (raw) => {
    if (raw.type === 'ApplicationReplaced' && raw.application === app) {
      closed.resolve({
        why: 'replaced',
        message: `another program registered the application ${app}; stop one of the two and start this one again`,
      });
      return;
    }
    const event = readAriEvent(raw, app);
    if (event !== undefined) options.event(event);
  });
  await within(CONNECT_LIMIT_MS, `no event connection from Asterisk at ${url.origin}`, Promise.race([client.start(app), refused.promise]));
  open = true;
  watch.start();
  return {
    api: new ClientApi(client, app),
    version: info.system?.version ?? 'of unknown version',
    closed: closed.promise,
    close: () => {
      watch.stop();
      client.removeAllListeners();
      // The library reports a late socket error as an event: nobody is left to be told.
      client.stop();
      closed.resolve({ why: 'lost', message: 'closed by us' });
    },
  };
}

/** Pings the server; a frozen one raises no event of its own. */
class PongWatch {
  readonly #client: AriClient;
  readonly #frozen: () => void;
  #timer: NodeJS.Timeout | undefined;
  #pongMs = 0;

  constructor(client: AriClient, frozen: () => void) {
    this.#client = client;
    this.#frozen = frozen;
  }

  start(): void {
    this.#pongMs = performance.now();
    this.#client.on('pong', () => {
      this.#pongMs = performance.now();
    });
    this.#timer = setInterval(() => {
      if (performance.now() - this.#pongMs > PONG_LIMIT_MS) this.#frozen();
      else this.#client.ping();
    }, PING_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

class ClientApi implements AriDialApi {
  readonly #client: AriClient;
  readonly #app: string;

  constructor(client: AriClient, app: string) {
    this.#client = client;
    this.#app = app;
  }

  async createExternalMedia(
    channelId: string,
    externalHost: string,
    format: string,
    variables?: Readonly<Record<string, string>>,
  ): Promise<Endpoint | undefined> {
    const more = variables === undefined ? {} : { variables };
    const channel = await asked(
      this.#client.channels.externalMedia({ app: this.#app, channelId, external_host: externalHost, format, direction: 'both', ...more }),
    );
    const address = channel.channelvars?.['UNICASTRTP_LOCAL_ADDRESS'];
    const port = parsePort(channel.channelvars?.['UNICASTRTP_LOCAL_PORT'] ?? '');
    return address === undefined || address === '' || port === undefined ? undefined : { address, port };
  }

  async originate({ endpoint, channelId, otherChannelId, timeoutSeconds, format, variables }: Origination): Promise<void> {
    await asked(
      this.#client.channels.originate({
        ...{ endpoint, app: this.#app, channelId, timeout: timeoutSeconds, formats: format, variables },
        ...(otherChannelId === undefined ? {} : { otherChannelId }),
      }),
    );
  }

  async createBridge(bridgeId: string): Promise<void> {
    await asked(this.#client.bridges.createWithId({ bridgeId, type: 'mixing' }));
  }

  async addToBridge(bridgeId: string, channelIds: readonly string[]): Promise<void> {
    await asked(this.#client.bridges.addChannel({ bridgeId, channel: channelIds.join(',') }));
  }

  async answer(channelId: string): Promise<void> {
    await asked(this.#client.channels.answer({ channelId }));
  }

  hangUp(channelId: string, reason: 'congestion' | 'normal'): Promise<'done' | 'gone'> {
    return removed(this.#client.channels.hangup({ channelId, reason }));
  }

  destroyBridge(bridgeId: string): Promise<'done' | 'gone'> {
    return removed(this.#client.bridges.destroy({ bridgeId }));
  }

  async listChannels(): Promise<readonly ChannelView[]> {
    const channels = await asked(this.#client.channels.list());
    return channels.map((channel) => viewOf(channel, isInApplication(channel, this.#app)));
  }

  async listBridgeIds(): Promise<readonly string[]> {
    const bridges = await asked(this.#client.bridges.list());
    return bridges.map(({ id }) => id);
  }

  async channelVariable(channelId: string, expression: string): Promise<string | undefined> {
    const answer = await unlessRefused(this.#client.channels.getChannelVar({ channelId, variable: expression }));
    return answer?.value;
  }

  async hasModule(name: string): Promise<boolean> {
    return (await unlessRefused(this.#client.asterisk.getModule({ moduleName: name }))) !== undefined;
  }
}

/** The answer; undefined when Asterisk answered with an error. */
async function unlessRefused<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await asked(request);
  } catch (error) {
    if (error instanceof AriFailure && error.kind === 'refused') return undefined;
    throw error;
  }
}

/** A request, with its rejection in our words. */
async function asked<T>(request: Promise<T>): Promise<T> {
  try {
    return await within(2 * REQUEST_LIMIT_MS, 'no answer from Asterisk', request);
  } catch (error) {
    throw failureOf(error);
  }
}

async function removed(request: Promise<void>): Promise<'done' | 'gone'> {
  try {
    await asked(request);
    return 'done';
  } catch (error) {
    if (error instanceof AriFailure && error.status === 404) return 'gone';
    throw error;
  }
}

function failureOf(error: unknown): AriFailure {
  if (!isAriRequestError(error)) {
    return new AriFailure(error instanceof RtplatError && error.code === 'timeout' ? 'timeout' : 'lost', messageOf(error));
  }
  if (error.status > 0) return new AriFailure('refused', messageOf(error), error.status);
  return new AriFailure(error.code === 'ETIMEDOUT' ? 'timeout' : 'lost', messageOf(error));
}

/** The promise, or a `timeout` after `limitMs`: the second net under a library whose promises need not settle. */
async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RtplatError('timeout', `${what} within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function connectError(error: unknown, { url, user }: AriConnectOptions): RtplatError {
  if (error instanceof RtplatError) return error;
  if (!isAriRequestError(error)) {
    return new RtplatError('ari', `nonsense from ${url.origin}: ${messageOf(error)}`, {
      hint: 'is that the HTTP server of an Asterisk?',
      cause: error,
    });
  }
  switch (error.status) {
    case 0:
      // Without an errno there was an answer, of a kind that no ARI gives.
      if (error.code === undefined) return new RtplatError('ari', `nonsense from ${url.origin}: ${messageOf(error)}`, { cause: error });
      return new RtplatError('network', `cannot reach Asterisk at ${url.origin}: ${messageOf(error)}`, {
        hint: "see asterisk -rx 'http show status' and --ari-url",
        cause: error,
      });
    case 401:
    case 403:
      return new RtplatError('credentials', `Asterisk at ${url.origin} refuses the ARI user ${user} (HTTP ${error.status})`, {
        hint: 'compare --ari-user and ARI_PASS with ari.conf',
        cause: error,
      });
    case 404:
      return new RtplatError('ari', `no ARI at ${url.origin} (HTTP 404)`, {
        hint: 'is res_ari loaded, and enabled in ari.conf?',
        cause: error,
      });
    case 503:
      return new RtplatError('ari', `Asterisk at ${url.origin} is starting (HTTP 503)`, { cause: error });
    default:
      return new RtplatError('ari', `nonsense from ${url.origin}: ${messageOf(error)} (HTTP ${error.status})`, { cause: error });
  }
}

function viewOf(channel: AriChannelData, inApplication: boolean): ChannelView {
  return { id: channel.id, name: channel.name, state: channel.state, inApplication };
}

/** Whether the channel executes Stasis for `app`: its dialplan application data is `app` or `app,arguments`. */
function isInApplication(channel: AriChannelData, app: string): boolean {
  const { app_name: name, app_data: data } = channel.dialplan ?? {};
  return name === 'Stasis' && (data === app || data?.startsWith(`${app},`) === true);
}
