/** What the ARI session sees of an Asterisk: channels, bridges, requests that succeed or fail, events in the order of the real one. */
import { AriFailure } from '../../src/core/ari/api.ts';
import type { AriApi, AriEvent, ChannelView } from '../../src/core/ari/api.ts';
import type { Endpoint } from '../../src/core/udp/engine.ts';

export type FakeRequest = Exclude<keyof AriApi, 'channelVariable' | 'hasModule'>;

export class FakeAsterisk implements AriApi {
  readonly channels: Map<string, ChannelView> = new Map();
  readonly bridges: Map<string, readonly string[]> = new Map();
  /** Every request, as `name argument …`. */
  readonly requests: string[] = [];
  /** Requests that fail, without effect. */
  readonly failing: Map<FakeRequest, AriFailure> = new Map();
  /** Values of `channel expression`. */
  readonly variables: Map<string, string> = new Map();
  /** Where the external legs send from; undefined when the answer does not say. */
  media: Endpoint | undefined;
  /** Whether external channels enter the application by themselves. */
  startsExternals = true;
  /** Called before a listing is answered. */
  listing: () => void = () => {};
  readonly #event: (event: AriEvent) => void;
  #waiting: { readonly request: string; readonly resolve: () => void }[] = [];

  constructor(event: (event: AriEvent) => void) {
    this.#event = event;
  }

  /** A caller enters the application. */
  call(id: string, state = 'Ring', name = `PJSIP/alice-${id}`): void {
    this.put(id, state, name);
    this.#emit({ type: 'StasisStart', channel: this.#view(id) });
  }

  /** A channel that is there without a word. */
  put(id: string, state = 'Up', name = `PJSIP/${id}`): void {
    this.channels.set(id, { id, name, state, inApplication: true });
  }

  /** A channel ends by itself; the real one tells it by StasisEnd, and some by ChannelDestroyed as well. */
  end(id: string, ...types: ('StasisEnd' | 'ChannelDestroyed')[]): void {
    const channel = this.#view(id);
    this.channels.delete(id);
    for (const type of types.length === 0 ? (['StasisEnd'] as const) : types) this.#emit({ type, channel });
  }

  /** Settles when a request that starts with `request` has been made. */
  async asked(request: string): Promise<void> {
    if (this.requests.some((made) => made.startsWith(request))) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ request, resolve });
    await promise;
  }

  async createExternalMedia(channelId: string, externalHost: string, format: string): Promise<Endpoint | undefined> {
    this.#request('createExternalMedia', channelId, externalHost, format);
    this.channels.set(channelId, { id: channelId, name: `UnicastRTP/${externalHost}-0x1`, state: 'Up', inApplication: true });
    if (this.startsExternals) this.#event({ type: 'StasisStart', channel: this.#view(channelId) });
    return Promise.resolve(this.media);
  }

  async createBridge(bridgeId: string): Promise<void> {
    this.#request('createBridge', bridgeId);
    this.bridges.set(bridgeId, []);
    await Promise.resolve();
  }

  async addToBridge(bridgeId: string, channelIds: readonly string[]): Promise<void> {
    this.#request('addToBridge', bridgeId, ...channelIds);
    if (!this.bridges.has(bridgeId)) throw new AriFailure('refused', 'Bridge not found', 404);
    for (const id of channelIds) if (!this.channels.has(id)) throw new AriFailure('refused', 'Channel not found', 400);
    this.bridges.set(bridgeId, channelIds);
    await Promise.resolve();
  }

  async answer(channelId: string): Promise<void> {
    this.#request('answer', channelId);
    if (!this.channels.has(channelId)) throw new AriFailure('refused', 'Channel not found', 404);
    this.channels.set(channelId, { ...this.#view(channelId), state: 'Up' });
    await Promise.resolve();
  }

  async hangUp(channelId: string, reason: 'congestion' | 'normal'): Promise<'done' | 'gone'> {
    this.#request('hangUp', channelId, reason);
    if (!this.channels.has(channelId)) return Promise.resolve('gone');
    this.end(channelId);
    return Promise.resolve('done');
  }

  async destroyBridge(bridgeId: string): Promise<'done' | 'gone'> {
    this.#request('destroyBridge', bridgeId);
    if (!this.bridges.delete(bridgeId)) return Promise.resolve('gone');
    this.#emit({ type: 'BridgeDestroyed', bridgeId });
    return Promise.resolve('done');
  }

  /** A bridge is destroyed by somebody else. */
  loseBridge(bridgeId: string): void {
    this.bridges.delete(bridgeId);
    this.#emit({ type: 'BridgeDestroyed', bridgeId });
  }

  async listChannels(): Promise<readonly ChannelView[]> {
    this.#request('listChannels');
    const channels = [...this.channels.values()];
    this.listing();
    return Promise.resolve(channels);
  }

  async listBridgeIds(): Promise<readonly string[]> {
    this.#request('listBridgeIds');
    return Promise.resolve([...this.bridges.keys()]);
  }

  channelVariable(channelId: string, expression: string): Promise<string | undefined> {
    return Promise.resolve(this.variables.get(`${channelId} ${expression}`));
  }

  hasModule(_name: string): Promise<boolean> {
    return Promise.resolve(true);
  }

  #request(name: FakeRequest, ...parts: readonly string[]): void {
    this.requests.push([name, ...parts].join(' '));
    const made = this.requests.at(-1) ?? '';
    this.#waiting = this.#waiting.filter(({ request, resolve }) => {
      if (!made.startsWith(request)) return true;
      resolve();
      return false;
    });
    const failure = this.failing.get(name);
    if (failure !== undefined) throw failure;
  }

  #view(id: string): ChannelView {
    const channel = this.channels.get(id);
    if (channel === undefined) throw new Error(`there is no channel ${id}`);
    return channel;
  }

  /** Events come over a connection of their own: on a later turn. */
  #emit(event: AriEvent): void {
    setImmediate(() => this.#event(event));
  }
}
