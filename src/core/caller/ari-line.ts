/** Calls through the ARI of an Asterisk: one connection and one application of our own for all of a run, gone with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AriFailure } from '../ari/api.ts';
import type { AriEvent } from '../ari/api.ts';
import { abandonRequests, connectAri } from '../ari/client.ts';
import type { AriDialLink } from '../ari/client.ts';
import { localAddressTowards } from '../service/local-address.ts';
import type { UdpEngine } from '../udp/engine.ts';
import { AriCall } from './ari-call.ts';
import type { MediaHost } from './call-media.ts';
import type { CallLine, OngoingCall } from './line.ts';
import type { AriOptions } from './options.ts';

export interface AriLineParts {
  readonly engine: UdpEngine;
  readonly options: AriOptions;
  readonly url: URL;
  readonly user: string;
  readonly password: string;
  /** As Asterisk dials it, such as `Local/600@callers`. */
  readonly endpoint: string;
  /** Where Asterisk is told to send RTP; our address that faces it where undefined. */
  readonly advertise: string | undefined;
  /** Of this run alone: part of the names of what it makes in Asterisk. */
  readonly instance: string;
}

/** Of all that a run makes in Asterisk; not what `ari-serve` takes for a leaving of its own. */
export function namesOf(instance: string): string {
  return `${NAMES}${instance}.`;
}

const NAMES = 'rtplat-probe.';
const LEG = '.leg';
const BRIDGE = '.bridge';

/** For what is left at the end, and between two looks. */
const CLEAR_LIMIT_MS = 3_000;
const LOOK_MS = 100;

export class AriLine implements CallLine {
  readonly bindAddress: string;
  readonly #parts: AriLineParts;
  readonly #advertise: string;
  /** By the names of their channels. */
  readonly #calls = new Map<string, AriCall>();
  #link: AriDialLink | undefined;
  #lost: string | undefined;
  #listener: ((why: string, forGood: boolean) => void) | undefined;
  #left: readonly string[] | null = [];

  private constructor(parts: AriLineParts, advertise: string) {
    this.#parts = parts;
    this.#advertise = advertise;
    this.bindAddress = advertise.includes(':') ? '::' : '0.0.0.0';
  }

  /** @throws RtplatError `credentials`, `network`, `timeout` or `ari`, within bounded time. */
  static async open(parts: AriLineParts): Promise<AriLine> {
    const { engine, url, user, password, instance } = parts;
    const line = new AriLine(parts, parts.advertise ?? (await localAddressTowards(engine, url.hostname, '0.0.0.0')));
    const event = (each: AriEvent): void => line.#event(each);
    const link = await connectAri({ url, user, password, app: `rtplat-probe-${instance}`, event });
    line.#link = link;
    void link.closed.then(({ message }) => line.#refuse(message));
    await line.#clearOfDead();
    return line;
  }

  /** Version of Asterisk. */
  get asterisk(): string {
    return this.#link?.version ?? '';
  }

  /** Channels and bridges of ours that could not be taken down, once it is closed; null when Asterisk could not be asked. */
  get left(): readonly string[] | null {
    return this.#left;
  }

  onRefused(listener: (why: string, forGood: boolean) => void): void {
    this.#listener = listener;
  }

  call(media: MediaHost, number: number): OngoingCall {
    const { options, endpoint, instance } = this.#parts;
    const link = this.#link as AriDialLink;
    const name = `${namesOf(instance)}${number}`;
    const isLocal = endpoint.toLowerCase().startsWith('local/');
    const ids = { near: `${name}.near`, far: isLocal ? `${name}.far` : undefined, leg: name + LEG, bridge: name + BRIDGE };
    const call = new AriCall({ media, options, endpoint, api: link.api, advertise: this.#advertise }, number, ids);
    this.#calls.set(ids.near, call).set(ids.leg, call);
    if (this.#lost !== undefined) call.refused(this.#lost);
    const forget = (): void => {
      this.#calls.delete(ids.near);
      this.#calls.delete(ids.leg);
    };
    return {
      run: () => call.run().finally(forget),
      stop: () => call.stop(),
      abandon: () => call.abandon(),
      refused: (why) => call.refused(why),
      get up() {
        return call.up;
      },
      measured: () => call.measured(),
      state: () => call.state(),
    };
  }

  async close(): Promise<void> {
    if (this.#lost === undefined) this.#left = await this.#clear();
    else this.#left = null;
    await abandonRequests();
    this.#link?.close();
  }

  #refuse(why: string): void {
    this.#lost = why;
    this.#listener?.(why, true);
  }

  #event(event: AriEvent): void {
    if (event.type === 'BridgeDestroyed') return;
    const { id } = event.channel;
    const call = this.#calls.get(id);
    if (call === undefined) {
      // A request that was given up was carried out after all.
      if (event.type === 'StasisStart') void this.#link?.api.hangUp(id, 'normal').catch(() => undefined);
    } else if (event.type === 'StasisStart') call.started(id);
    else if (event.type === 'ChannelDestroyed') call.gone(id, event.cause ?? null);
  }

  /**
   * A run that was killed leaves its channels to Asterisk, which ends them in time, and its bridges to nobody: those without the channel
   * that was made before them.
   */
  async #clearOfDead(): Promise<void> {
    const { api } = this.#link as AriDialLink;
    try {
      // In this order: the channel of a bridge that is there may be on its way out, but not on its way in.
      const bridges = (await api.listBridgeIds()).filter((id) => id.startsWith(NAMES) && id.endsWith(BRIDGE));
      const channels = new Set((await api.listChannels()).map(({ id }) => id));
      const dead = bridges.filter((id) => !channels.has(id.slice(0, -BRIDGE.length) + LEG));
      await Promise.all(dead.map((id) => api.destroyBridge(id)));
    } catch (error) {
      // Somebody else's leavings must not keep this run from its work.
      if (!(error instanceof AriFailure)) throw error;
    }
  }

  /** Takes down what is left of the calls, and looks until nothing is. @returns what remains; null when Asterisk does not say. */
  async #clear(): Promise<readonly string[] | null> {
    const overMs = performance.now() + CLEAR_LIMIT_MS;
    for (;;) {
      const left = await this.#clearOnce();
      if (left?.length === 0 || performance.now() > overMs) return left;
      // The other half of a Local channel goes by itself, after its own.
      await sleep(LOOK_MS);
    }
  }

  /** @returns what was there; null where Asterisk did not say, or refused: what goes while it is asked for is in its way now and then. */
  async #clearOnce(): Promise<readonly string[] | null> {
    const { api } = this.#link as AriDialLink;
    const prefix = namesOf(this.#parts.instance);
    try {
      const [channels, bridges] = await Promise.all([api.listChannels(), api.listBridgeIds()]);
      const ours = channels.map(({ id }) => id).filter((id) => id.startsWith(prefix));
      const joined = bridges.filter((id) => id.startsWith(prefix));
      await Promise.all(ours.map((id) => api.hangUp(id, 'normal')));
      await Promise.all(joined.map((id) => api.destroyBridge(id)));
      return [...ours, ...joined];
    } catch (error) {
      if (error instanceof AriFailure) return null;
      throw error;
    }
  }
}
