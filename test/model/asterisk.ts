/**
 * An Asterisk as a program of its application sees it: channels and bridges; requests that are carried out some time after they
 * were made and answered some time after that; events that wait until the model lets them through.
 *
 * The events of one channel keep their order, those of two do not. Asterisk tells nobody anything while no application is
 * registered, and what was not told when the connection was lost is never told.
 */
import { AriFailure } from '../../src/core/ari/api.ts';
import type { AriApi, AriEvent, ChannelView } from '../../src/core/ari/api.ts';
import type { Endpoint } from '../../src/core/values/address.ts';

type Wanted =
  | 'createExternalMedia'
  | 'createBridge'
  | 'addToBridge'
  | 'answer'
  | 'hangUp'
  | 'destroyBridge'
  | 'listChannels'
  | 'listBridgeIds';

/** `sent` until Asterisk has carried it out; `orphaned` when whoever asked no longer waits, and it may still be carried out. */
export interface Request {
  /** Of the program that asked. */
  readonly owner: number;
  readonly what: Wanted;
  readonly id: string;
  readonly members: readonly string[];
  stage: 'sent' | 'carried' | 'orphaned';
  answer: Answer | undefined;
  /** What the program knew when it asked. */
  readonly known: string;
  readonly settle: (answer: Answer) => void;
}

type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: Error };

interface Channel {
  readonly id: string;
  readonly caller: boolean;
  up: boolean;
}

export const EXTERNAL = 'UnicastRTP/192.0.2.1:10000-0x1';
const PEER: Endpoint = { address: '192.0.2.1', port: 12_000 };

export class ModelAsterisk {
  readonly channels: Map<string, Channel> = new Map();
  readonly bridges: Map<string, Set<string>> = new Map();
  /** Events that are on their way, by what they are of. */
  readonly events: Map<string, AriEvent[]> = new Map();
  requests: Request[] = [];
  /** The application is registered: its events are kept for it, and callers get in. */
  registered = false;

  /** A caller enters the application. */
  arrive(id: string): void {
    this.channels.set(id, { id, caller: true, up: false });
    this.#tell(id, { type: 'StasisStart', channel: this.#view(id) });
  }

  /** A channel ends, whoever wanted it. Of a caller only its leaving the application is told. */
  end(id: string): void {
    const channel = this.#view(id);
    const isCaller = this.channels.get(id)?.caller === true;
    this.channels.delete(id);
    for (const members of this.bridges.values()) members.delete(id);
    this.#tell(id, { type: 'StasisEnd', channel });
    if (!isCaller) this.#tell(id, { type: 'ChannelDestroyed', channel });
  }

  endBridge(id: string): void {
    this.bridges.delete(id);
    this.#tell(id, { type: 'BridgeDestroyed', bridgeId: id });
  }

  unregister(): void {
    this.registered = false;
    this.events.clear();
  }

  /** Everything that it had is gone, without a word. */
  die(): void {
    this.unregister();
    this.channels.clear();
    this.bridges.clear();
  }

  /**
   * The requests of one program.
   *
   * @param known what it knows now, as far as what it does with an answer depends on it.
   */
  api(owner: number, known: () => string): AriApi {
    const ask = async (what: Wanted, id = '', members: readonly string[] = []): Promise<unknown> => {
      const { promise, resolve } = Promise.withResolvers<Answer>();
      this.requests.push({ owner, what, id, members, stage: 'sent', answer: undefined, known: known(), settle: resolve });
      const answer = await promise;
      if (!answer.ok) throw answer.error;
      return answer.value;
    };
    return {
      createExternalMedia: async (id) => (await ask('createExternalMedia', id)) as Endpoint,
      createBridge: async (id) => void (await ask('createBridge', id)),
      addToBridge: async (id, members) => void (await ask('addToBridge', id, members)),
      answer: async (id) => void (await ask('answer', id)),
      hangUp: async (id) => (await ask('hangUp', id)) as 'done' | 'gone',
      destroyBridge: async (id) => (await ask('destroyBridge', id)) as 'done' | 'gone',
      listChannels: async () => (await ask('listChannels')) as readonly ChannelView[],
      listBridgeIds: async () => (await ask('listBridgeIds')) as readonly string[],
      channelVariable: async () => Promise.resolve(undefined),
      hasModule: async () => Promise.resolve(false),
    };
  }

  /** Asterisk does what is asked; nobody knows yet. */
  carryOut(request: Request): void {
    request.answer = this.#answerTo(request);
    if (request.stage === 'orphaned') this.drop(request);
    else request.stage = 'carried';
  }

  /** Who asked is told what came of it. */
  answer(request: Request): void {
    this.drop(request);
    request.settle(request.answer as Answer);
  }

  /** Who asked is told of a failure. A request that was not carried out may still be, unless it was `refused`. */
  fail(request: Request, kind: 'refused' | 'timeout' | 'lost'): void {
    if (request.stage === 'sent' && kind !== 'refused') request.stage = 'orphaned';
    else this.drop(request);
    request.settle({ ok: false, error: new AriFailure(kind, kind === 'refused' ? 'Internal Server Error' : `no answer: ${kind}`) });
  }

  drop(request: Request): void {
    this.requests = this.requests.filter((other) => other !== request);
  }

  #answerTo({ what, id, members }: Request): Answer {
    switch (what) {
      case 'createExternalMedia':
        if (this.channels.has(id)) return refused(409, 'Channel already exists');
        this.channels.set(id, { id, caller: false, up: true });
        this.#tell(id, { type: 'StasisStart', channel: this.#view(id) });
        return { ok: true, value: PEER };
      case 'createBridge':
        this.bridges.set(id, this.bridges.get(id) ?? new Set());
        return { ok: true, value: undefined };
      case 'addToBridge': {
        const bridge = this.bridges.get(id);
        if (bridge === undefined) return refused(404, 'Bridge not found');
        if (members.some((member) => !this.channels.has(member))) return refused(400, 'Channel not found');
        for (const member of members) bridge.add(member);
        return { ok: true, value: undefined };
      }
      case 'answer': {
        const channel = this.channels.get(id);
        if (channel === undefined) return refused(404, 'Channel not found');
        channel.up = true;
        return { ok: true, value: undefined };
      }
      case 'hangUp':
        if (!this.channels.has(id)) return { ok: true, value: 'gone' };
        this.end(id);
        return { ok: true, value: 'done' };
      case 'destroyBridge':
        if (!this.bridges.has(id)) return { ok: true, value: 'gone' };
        this.endBridge(id);
        return { ok: true, value: 'done' };
      case 'listChannels':
        return { ok: true, value: [...this.channels.keys()].map((channel) => this.#view(channel)) };
      case 'listBridgeIds':
        return { ok: true, value: [...this.bridges.keys()] };
    }
  }

  #view(id: string): ChannelView {
    const channel = this.channels.get(id);
    if (channel === undefined) throw new Error(`no channel ${id}`);
    return { id, name: channel.caller ? `PJSIP/${id}` : EXTERNAL, state: channel.up ? 'Up' : 'Ring', inApplication: true };
  }

  #tell(id: string, event: AriEvent): void {
    if (!this.registered) return;
    const waiting = this.events.get(id);
    if (waiting === undefined) this.events.set(id, [event]);
    else waiting.push(event);
  }
}

function refused(status: number, message: string): Answer {
  return { ok: false, error: new AriFailure('refused', message, status) };
}
