/**
 * ari-client 2.2.0 as the build bundles it (scripts/vendor-ari-client.ts), typed as far as it is used. What the bundle promises
 * beyond the original: every request settles within `settings.requestTimeoutMs`; every rejection is an Error; nothing is thrown
 * into the event loop, whatever the server sends; a stopped client stays stopped; nothing is written to the console.
 */
import { existsSync } from 'node:fs';
import { RtplatError } from '../errors.ts';

export interface AriClientModule {
  /**
   * Reads the API description of the server (a dozen requests) and resolves to a client whose resources have its operations.
   *
   * @param url scheme, host and port; the path is always `/ari`.
   * Rejects with an {@link AriRequestError} (`status` 401: wrong user or password; 404: no ARI there; 503: Asterisk is starting;
   * 0: no answer, see `code`), or a TypeError when `url` cannot be parsed.
   */
  connect(url: string, user: string, password: string): Promise<AriClient>;
  /** Settings of all clients of the process. */
  readonly settings: {
    requestTimeoutMs: number;
    /** Fails every request that is out, at once. */
    abandon(): void;
  };
}

/** The rejection of every operation that Asterisk refused or did not answer. */
export interface AriRequestError extends Error {
  readonly name: 'AriRequestError';
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** errno name such as `ECONNREFUSED`, `ENOTFOUND`, `ECONNRESET`; `ETIMEDOUT` for the request time-out. */
  readonly code: string | undefined;
  /** `GET`, `POST`, … and the path without its query. */
  readonly method: string;
  readonly path: string;
}

export function isAriRequestError(value: unknown): value is AriRequestError {
  return value instanceof Error && value.name === 'AriRequestError';
}

/** One event as it came; only `type` is certain. */
export interface AriRawEvent {
  readonly type: string;
  readonly application?: string;
  readonly timestamp?: string;
  readonly args?: readonly string[];
  readonly channel?: AriChannelData;
  readonly bridge?: AriBridgeData;
  /** Of ChannelDestroyed. */
  readonly cause?: number;
  readonly cause_txt?: string;
}

export interface AriChannelData {
  readonly id: string;
  readonly name: string;
  /** `Down`, `Ring`, `Ringing`, `Up`, … */
  readonly state: string;
  readonly dialplan?: { readonly app_name?: string; readonly app_data?: string };
  /** Of an external media channel, in the answer of its creation: UNICASTRTP_LOCAL_ADDRESS and UNICASTRTP_LOCAL_PORT. */
  readonly channelvars?: Readonly<Record<string, string>>;
}

export interface AriBridgeData {
  readonly id: string;
  readonly name?: string;
  readonly channels?: readonly string[];
}

/** Of `GET /asterisk/info`, the members that are read. */
export interface AsteriskInfo {
  readonly system?: { readonly version?: string };
  readonly config?: { readonly name?: string };
}

interface ExternalMediaParameters {
  readonly app: string;
  readonly channelId: string;
  /** `host:port` that Asterisk sends RTP to. */
  readonly external_host: string;
  readonly format: string;
  readonly encapsulation?: 'rtp';
  readonly transport?: 'udp';
  readonly connection_type?: 'client';
  readonly direction?: 'both';
  /** Arguments of the channel's StasisStart; Asterisk 16 drops them. */
  readonly data?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

interface OriginateParameters {
  readonly endpoint: string;
  readonly app: string;
  readonly channelId: string;
  readonly otherChannelId?: string;
  readonly timeout: number;
  readonly formats: string;
  readonly variables: Readonly<Record<string, string>>;
}

export interface AriClient {
  /** Opens the event socket. Resolves when it is open; tries again by itself, and rejects after 10 attempts (43 s), or when stopped. */
  start(application: string, subscribeAll?: boolean): Promise<void>;
  /** Closes the event socket; no event comes after it. `start` may be called again. */
  stop(): void;
  /** Asks the event socket for a `pong`; does nothing while it is not open. */
  ping(): void;

  /** Every event, whatever its type; types that the API description does not have come only here and under their name. */
  on(event: '*', listener: (event: AriRawEvent) => void): this;
  on(event: 'WebSocketConnected' | 'pong', listener: () => void): this;
  /** The socket was lost or refused; the next attempt is due in 0.1 to 10 s. After the tenth: WebSocketMaxRetries, and no more. */
  on(event: 'WebSocketReconnecting' | 'WebSocketMaxRetries', listener: (error?: Error) => void): this;
  /** The server sent what is no JSON, or no event. */
  on(event: 'rtplat:protocol-error', listener: (error: Error) => void): this;
  off(event: string, listener: (...args: never[]) => void): this;
  removeAllListeners(event?: string): this;

  readonly channels: {
    list(): Promise<readonly AriChannelData[]>;
    get(parameters: { readonly channelId: string }): Promise<AriChannelData>;
    answer(parameters: { readonly channelId: string }): Promise<void>;
    hangup(parameters: { readonly channelId: string; readonly reason?: string }): Promise<void>;
    /** The value of a variable, or of a dialplan function such as `CHANNEL(name)`. */
    getChannelVar(parameters: { readonly channelId: string; readonly variable: string }): Promise<{ readonly value: string }>;
    externalMedia(parameters: ExternalMediaParameters): Promise<AriChannelData>;
    originate(parameters: OriginateParameters): Promise<AriChannelData>;
  };
  readonly bridges: {
    list(): Promise<readonly AriBridgeData[]>;
    createWithId(parameters: { readonly bridgeId: string; readonly type?: string; readonly name?: string }): Promise<AriBridgeData>;
    /** @param parameters.channel one id, or several joined by commas. */
    addChannel(parameters: { readonly bridgeId: string; readonly channel: string }): Promise<void>;
    destroy(parameters: { readonly bridgeId: string }): Promise<void>;
  };
  readonly asterisk: {
    getInfo(): Promise<AsteriskInfo>;
    /** 404 when it is not loaded. */
    getModule(parameters: { readonly moduleName: string }): Promise<{ readonly name: string }>;
  };
}

/** Loads the bundle (some 10 ms), which only a command that talks to Asterisk needs. */
export async function loadAriClient(): Promise<AriClientModule> {
  // Built: dist/src/core/ari/vendor.js beside dist/vendor. From the sources: the copy that the last build left.
  const bundle = new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/vendor/ari-client.cjs' : '../../../vendor/ari-client.cjs',
    import.meta.url,
  );
  if (!existsSync(bundle)) {
    throw new RtplatError('file', `the ARI client is missing at ${bundle.pathname}`, { hint: "run 'npm run build'" });
  }
  const loaded = (await import(bundle.href)) as { readonly default: AriClientModule };
  return loaded.default;
}
