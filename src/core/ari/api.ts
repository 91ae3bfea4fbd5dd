/** What the ARI session asks of Asterisk, and the events it gets: the seam between our call logic and an ARI client. */
import type { Endpoint } from '../values/address.ts';

export interface ChannelView {
  readonly id: string;
  readonly name: string;
  /** `Ring`, `Up`, … */
  readonly state: string;
  /** Whether the channel sits in our Stasis application. */
  readonly inApplication: boolean;
}

/** An event of our application, reduced to what the session uses. */
export type AriEvent =
  | { readonly type: 'StasisStart'; readonly channel: ChannelView }
  | { readonly type: 'StasisEnd' | 'ChannelDestroyed'; readonly channel: ChannelView; readonly cause?: HangupCause }
  | { readonly type: 'BridgeDestroyed'; readonly bridgeId: string };

/** Why a channel was hung up (ITU-T Q.850), as Asterisk says it. */
export interface HangupCause {
  readonly number: number;
  /** Such as `User busy`. */
  readonly text: string;
}

/** How one connection ended. */
export type Disconnect =
  | { readonly why: 'lost'; readonly message: string }
  /** The server neither answers pings nor closes. */
  | { readonly why: 'frozen'; readonly message: string }
  /** Another client registered under our application name; we would stay connected but deaf. */
  | { readonly why: 'replaced'; readonly message: string };

/** Requests; each settles within the request time-out, with an {@link AriFailure} when it was not carried out. */
export interface AriApi {
  /** @returns UNICASTRTP_LOCAL_ADDRESS and PORT; undefined when the answer has none. */
  createExternalMedia(
    channelId: string,
    externalHost: string,
    format: string,
    variables?: Readonly<Record<string, string>>,
  ): Promise<Endpoint | undefined>;
  createBridge(bridgeId: string): Promise<void>;
  addToBridge(bridgeId: string, channelIds: readonly string[]): Promise<void>;
  answer(channelId: string): Promise<void>;
  /** `gone`: there was no such channel any more. */
  hangUp(channelId: string, reason: 'congestion' | 'normal'): Promise<'done' | 'gone'>;
  destroyBridge(bridgeId: string): Promise<'done' | 'gone'>;
  listChannels(): Promise<readonly ChannelView[]>;
  listBridgeIds(): Promise<readonly string[]>;
  /** A variable or dialplan function of a channel; undefined when Asterisk cannot give it a value. */
  channelVariable(channelId: string, expression: string): Promise<string | undefined>;
  /** Whether a module, such as `func_config.so`, is loaded. */
  hasModule(name: string): Promise<boolean>;
}

/** What placing calls asks for beyond that. */
export interface AriDialApi extends AriApi {
  /** Begins a call; its channel gets a StasisStart when it was answered, and a ChannelDestroyed when not. */
  originate(call: Origination): Promise<void>;
}

export interface Origination {
  /** As `Dial()` of the dialplan takes it, such as `Local/600@callers`. */
  readonly endpoint: string;
  readonly channelId: string;
  /** Of the half of a Local channel that goes through the dialplan; undefined where there is none. */
  readonly otherChannelId: string | undefined;
  /** Asterisk gives it up by itself after so long. */
  readonly timeoutSeconds: number;
  readonly format: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** A request that was not carried out, or whose outcome is unknown (`timeout`, `lost`). */
export class AriFailure extends Error {
  override readonly name = 'AriFailure';
  readonly kind: 'refused' | 'timeout' | 'lost';
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;

  constructor(kind: 'refused' | 'timeout' | 'lost', message: string, status?: number) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}
