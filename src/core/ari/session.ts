/**
 * The ARI application: turns events of Asterisk into steps of the calls' machines and carries out what those ask for. Knows
 * nothing of sockets to Asterisk: a connection hands it an {@link AriApi} and takes it away again.
 */
import type { RelayCall, RelayFleet } from '../relay/fleet.ts';
import type { CallOutcome } from '../relay/register.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../service/log.ts';
import { Pause } from '../service/pause.ts';
import { formatHostPort } from '../values/address.ts';
import type { AriApi, AriEvent, ChannelView } from './api.ts';
import { callIdOf } from './call-id.ts';
import { CallMachine } from './call.ts';
import type { CallAction, CallInput, CallResource, SetupStep } from './call.ts';
import { externalPrefix, legIds, QUESTION_SERIAL } from './ids.ts';
import type { LegIds } from './ids.ts';
import { EXTERNAL_TECHNOLOGY, findDiscrepancies } from './reconcile.ts';
import type { Discrepancies, KnownCall } from './reconcile.ts';

export interface AriSessionOptions {
  readonly app: string;
  /** Differs from run to run: part of the names of what we create. */
  readonly instance: string;
  /** Audio format of the external leg, such as `ulaw`. */
  readonly format: string;
  /** The address that Asterisk is told to send RTP to; asked at every call. */
  readonly advertise: () => string;
  readonly fleet: RelayFleet;
  readonly log: Logger;
  readonly nowNs: () => number;
}

/** StasisStart to answered must fit into this. */
const SETUP_LIMIT_MS = 10_000;
/** An unknown caller is an orphan when it is one again after this long: its StasisStart may have been on its way. */
const SECOND_LOOK_MS = 1_000;
/** Between two looks at what Asterisk has, without cause: nothing should ever be found. */
const ROUTINE_LOOK_MS = 30_000;

interface LiveCall {
  readonly callerId: string;
  readonly ids: LegIds;
  readonly machine: CallMachine;
  readonly relay: RelayCall;
  readonly log: Logger;
  setupTimer: NodeJS.Timeout | undefined;
  outcome: CallOutcome;
}

export class AriSession {
  readonly #options: AriSessionOptions;
  readonly #byCaller = new Map<string, LiveCall>();
  readonly #byExternal = new Map<string, LiveCall>();
  readonly #byBridge = new Map<string, LiveCall>();
  readonly #questionId: string;
  #api: AriApi | undefined;
  #serial = 0;
  #stopping = false;
  /** Ends the pause between two looks at what Asterisk has. */
  readonly #pause = new Pause();
  #idle: (() => void) | undefined;

  constructor(options: AriSessionOptions) {
    this.#options = options;
    this.#questionId = legIds(options.app, options.instance, QUESTION_SERIAL).externalId;
  }

  /** A connection stands: what happened while there was none is made good. */
  connected(api: AriApi): void {
    this.#api = api;
    void this.#reconcile(api);
  }

  disconnected(): void {
    this.#api = undefined;
    this.#pause.end();
  }

  /** The calls are somebody else's from now on: lets go of every one, and asks Asterisk for nothing. Call it when disconnected. */
  abandon(reason: string): void {
    for (const call of [...this.#byCaller.values()]) this.#step(call, { type: 'caller-gone', reason });
  }

  get activeCalls(): number {
    return this.#byCaller.size;
  }

  event(event: AriEvent): void {
    if (event.type === 'BridgeDestroyed') {
      const call = this.#byBridge.get(event.bridgeId);
      if (call !== undefined) this.#step(call, { type: 'bridge-gone', reason: 'destroyed' });
      return;
    }
    const { channel } = event;
    if (channel.id.startsWith(externalPrefix(this.#options.app))) this.#externalEvent(event.type, channel);
    else if (event.type === 'StasisStart') this.#callerStarted(channel);
    else this.#callerEnded(event.type, channel);
  }

  /** Ends every call. Settles when all are gone. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    this.#options.fleet.refuseNew();
    for (const call of [...this.#byCaller.values()]) this.#step(call, { type: 'shutdown' });
    if (this.#byCaller.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#pause.end();
  }

  #externalEvent(type: 'StasisStart' | 'StasisEnd' | 'ChannelDestroyed', channel: ChannelView): void {
    const call = this.#byExternal.get(channel.id);
    if (call !== undefined) {
      if (type === 'StasisStart') this.#step(call, { type: 'external-started' });
      else this.#step(call, { type: 'external-gone', reason: 'hung up by Asterisk' });
    }
    // The question's channel has an owner, who is not a call.
    else if (channel.id === this.#questionId) return;
    // One without a call is a leaving of an earlier instance, or of a request that we gave up: nobody else will take it down.
    else if (type === 'StasisStart') void this.#takeDown('external', () => this.#api?.hangUp(channel.id, 'normal'));
  }

  #callerStarted(channel: ChannelView): void {
    const { log, fleet, app, instance, nowNs } = this.#options;
    log.info(`StasisStart event received for channel ${channel.id}`, { channel: channel.id, name: channel.name });
    if (channel.name.startsWith(EXTERNAL_TECHNOLOGY)) {
      // An external leg that is not ours: answering it as a call would have it answer itself for ever.
      log.warn(`Channel ${channel.id} (${channel.name}) is an external media channel of another program; left alone`);
      return;
    }
    if (this.#byCaller.has(channel.id)) return;
    this.#serial += 1;
    const call: LiveCall = {
      callerId: channel.id,
      ids: legIds(app, instance, this.#serial),
      machine: new CallMachine(),
      relay: fleet.open(channel.id, channel.name),
      log: log.scoped(channel.id),
      setupTimer: undefined,
      outcome: 'failed',
    };
    this.#byCaller.set(call.callerId, call);
    this.#byExternal.set(call.ids.externalId, call);
    this.#byBridge.set(call.ids.bridgeId, call);
    call.setupTimer = setTimeout(() => this.#step(call, { type: 'setup-timeout' }), SETUP_LIMIT_MS);
    void this.#name(call, channel);
    this.#step(call, { type: 'start', answered: channel.state === 'Up' }, nowNs());
  }

  /** Finds out how the caller knows the call, while it is set up. */
  async #name({ relay }: LiveCall, channel: ChannelView): Promise<void> {
    if (this.#api !== undefined) relay.record.sipCallId = await callIdOf(this.#api, channel);
  }

  #callerEnded(type: 'StasisEnd' | 'ChannelDestroyed', channel: ChannelView): void {
    const call = this.#byCaller.get(channel.id);
    if (type === 'StasisEnd') this.#options.log.info(`StasisEnd event received for channel ${channel.id}`, { channel: channel.id });
    if (call !== undefined) this.#step(call, { type: 'caller-gone', reason: 'caller hung up' });
  }

  #step(call: LiveCall, input: CallInput, nowNs: number = this.#options.nowNs()): void {
    const actions = call.machine.step(input, nowNs);
    call.relay.record.state = call.machine.phase;
    for (const action of actions) this.#carryOut(call, action);
  }

  #carryOut(call: LiveCall, action: CallAction): void {
    const { log, advertise, format } = this.#options;
    const { externalId, bridgeId } = call.ids;
    switch (action.do) {
      case 'allocate-port':
        call.relay.bind().then(
          (port) => this.#step(call, { type: 'port-bound', port }),
          (error: unknown) => {
            call.outcome = 'refused';
            this.#step(call, { type: 'port-failed', message: messageOf(error) });
          },
        );
        return;
      case 'create-external':
        void this.#ask(call, 'external', async (api) => {
          const peer = await api.createExternalMedia(externalId, formatHostPort(advertise(), action.port), format);
          return { type: 'external-created', peer };
        });
        return;
      case 'create-bridge':
        void this.#ask(call, 'bridge', async (api) => {
          await api.createBridge(bridgeId);
          return { type: 'bridge-created' };
        });
        return;
      case 'pin':
        call.relay
          .pin(action.peer)
          .catch((error: unknown) => log.error(`The peer of ${call.callerId} is not known to its relay: ${messageOf(error)}`));
        return;
      case 'join':
        void this.#ask(call, 'join', async (api) => {
          await api.addToBridge(bridgeId, [call.callerId, externalId]);
          return { type: 'joined' };
        });
        return;
      case 'answer':
        void this.#ask(call, 'answer', async (api) => {
          await api.answer(call.callerId);
          return { type: 'answered' };
        });
        return;
      case 'created':
        clearTimeout(call.setupTimer);
        call.outcome = 'completed';
        call.relay.record.setupNs = call.machine.setupNs ?? null;
        log.info(`Created channel ${call.callerId} with RTP port ${call.relay.port}`);
        return;
      case 'refused':
        log.error(`Failed to create channel ${call.callerId}: ${action.message}`);
        return;
      case 'hang-up-caller':
        void this.#takeDown('caller', () => this.#api?.hangUp(call.callerId, action.reason), call);
        return;
      case 'hang-up-external':
        void this.#takeDown('external', () => this.#api?.hangUp(externalId, 'normal'), call);
        return;
      case 'destroy-bridge':
        void this.#takeDown('bridge', () => this.#api?.destroyBridge(bridgeId), call);
        return;
      case 'release-port':
        void this.#takeDown('port', () => call.relay.release(), call);
        return;
      case 'ended':
        this.#ended(call);
        return;
    }
  }

  /** A request of the set-up; its answer, or its failure, is the call's next input. */
  async #ask(call: LiveCall, step: SetupStep, request: (api: AriApi) => Promise<CallInput>): Promise<void> {
    let input: CallInput;
    try {
      if (this.#api === undefined) throw new Error('not connected to Asterisk');
      input = await request(this.#api);
    } catch (error) {
      input = { type: 'step-failed', step, message: messageOf(error) };
    }
    this.#step(call, input);
  }

  /** A take-down: carried out, or else left to the next look at what Asterisk has; either way the call goes on. */
  async #takeDown(resource: CallResource, carryOut: () => Promise<unknown> | undefined, call?: LiveCall): Promise<void> {
    try {
      await carryOut();
    } catch (error) {
      (call?.log ?? this.#options.log).warn(`Cannot take down the ${resource} now: ${messageOf(error)}`);
    }
    if (call !== undefined) this.#step(call, { type: 'cleaned', resource });
  }

  #ended(call: LiveCall): void {
    clearTimeout(call.setupTimer);
    this.#byCaller.delete(call.callerId);
    this.#byExternal.delete(call.ids.externalId);
    this.#byBridge.delete(call.ids.bridgeId);
    call.relay.close(call.outcome, call.machine.endReason ?? 'ended');
    this.#options.log.info(`Cleaned up channel ${call.callerId}`);
    if (this.#byCaller.size === 0) this.#idle?.();
  }

  /** Compares our calls with what Asterisk has; puts right what differs; looks again. */
  async #reconcile(api: AriApi): Promise<void> {
    let suspects: ReadonlySet<string> = new Set();
    for (;;) {
      let pauseMs = ROUTINE_LOOK_MS;
      try {
        const found = await this.#findDiscrepancies(api);
        if (this.#api !== api || this.#stopping) return;
        const orphans = found.orphanCallers.filter((id) => suspects.has(id));
        // The question's channel has just been hung up by whoever asked: a leaving only when it is still there at the next look.
        const externals = found.orphanExternals.filter((id) => id !== this.#questionId || suspects.has(id));
        this.#putRight({ ...found, orphanCallers: orphans, orphanExternals: externals }, api);
        suspects = new Set([...found.orphanCallers, ...found.orphanExternals]);
        if (found.orphanCallers.length > orphans.length) pauseMs = SECOND_LOOK_MS;
      } catch (error) {
        // With the connection: that is said elsewhere, and the next one looks again.
        if (this.#api !== api || this.#stopping) return;
        this.#options.log.warn(`Cannot compare calls with Asterisk: ${messageOf(error)}`);
        pauseMs = SECOND_LOOK_MS;
      }
      await this.#pause.wait(pauseMs);
      if (this.#api !== api || this.#stopping) return;
    }
  }

  async #findDiscrepancies(api: AriApi): Promise<Discrepancies> {
    // A call that is ending takes down its parts itself: that they are missing is no news.
    const before = this.#knownCalls((call) => call.machine.endReason === undefined);
    const [channels, bridgeIds] = await Promise.all([api.listChannels(), api.listBridgeIds()]);
    return findDiscrepancies({ app: this.#options.app, before, after: this.#knownCalls(), channels, bridgeIds });
  }

  #knownCalls(which: (call: LiveCall) => boolean = () => true): KnownCall[] {
    return [...this.#byCaller.values()].filter(which).map((call) => ({
      callerId: call.callerId,
      externalId: call.ids.externalId,
      bridgeId: call.ids.bridgeId,
      confirmed: call.machine.phase === 'up',
    }));
  }

  #putRight(found: Discrepancies, api: AriApi): void {
    const { log } = this.#options;
    for (const id of found.callersGone) this.#input(id, { type: 'caller-gone', reason: 'Asterisk no longer has the channel' });
    for (const id of found.externalsGone) this.#input(id, { type: 'external-gone', reason: 'Asterisk no longer has it' });
    for (const id of found.bridgesGone) this.#input(id, { type: 'bridge-gone', reason: 'Asterisk no longer has it' });
    const gone = found.callersGone.length + found.externalsGone.length + found.bridgesGone.length;
    const orphans = found.orphanCallers.length + found.orphanExternals.length + found.orphanBridges.length;
    if (gone + orphans === 0) return;
    log.info(
      `Reconciled with Asterisk: ${gone} calls of ours it no longer has; taking down ${found.orphanCallers.length} callers, ` +
        `${found.orphanExternals.length} external media channels and ${found.orphanBridges.length} bridges left by an earlier instance`,
    );
    for (const id of found.orphanCallers) void this.#takeDown('caller', () => api.hangUp(id, 'normal'));
    for (const id of found.orphanExternals) void this.#takeDown('external', () => api.hangUp(id, 'normal'));
    for (const id of found.orphanBridges) void this.#takeDown('bridge', () => api.destroyBridge(id));
  }

  #input(callerId: string, input: CallInput): void {
    const call = this.#byCaller.get(callerId);
    if (call !== undefined) this.#step(call, input);
  }
}
