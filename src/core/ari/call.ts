/**
 * One call of the ARI application as a state machine without input or output: `step(input, now)` answers what is to be done.
 *
 *   StasisStart ─▶ port ─▶ external media channel ┬▶ bridge ◀─ both in it ─▶ answer ─▶ up
 *                          and its StasisStart   ─┘
 *
 * Whatever happens, in whatever order, every port that was handed out is released once, and every channel and bridge that was
 * made, or may have been made, is taken down: a request whose answer is still out when the call ends is undone when it comes.
 */
import type { Endpoint } from '../values/address.ts';

export type CallPhase = 'allocating' | 'creating' | 'joining' | 'answering' | 'up' | 'ending' | 'ended';

/** A request to Asterisk of the set-up. */
export type SetupStep = 'external' | 'bridge' | 'join' | 'answer';

/** Something of Asterisk's or ours that must be gone before the call is over. */
export type CallResource = 'port' | 'external' | 'bridge' | 'caller';

export type CallInput =
  /** The caller's StasisStart; `answered` when the dialplan has answered already. */
  | { readonly type: 'start'; readonly answered: boolean }
  | { readonly type: 'port-bound'; readonly port: number }
  | { readonly type: 'port-failed'; readonly message: string }
  /** The answer to the external media request; where Asterisk will send from. */
  | { readonly type: 'external-created'; readonly peer: Endpoint | undefined }
  /** The external channel's own StasisStart: only now may it be put into a bridge. It can overtake `external-created`. */
  | { readonly type: 'external-started' }
  | { readonly type: 'bridge-created' }
  | { readonly type: 'joined' }
  | { readonly type: 'answered' }
  | { readonly type: 'step-failed'; readonly step: SetupStep; readonly message: string }
  /** StasisEnd or ChannelDestroyed of the caller, or a reconciliation that did not find it. */
  | { readonly type: 'caller-gone'; readonly reason: string }
  | { readonly type: 'external-gone'; readonly reason: string }
  | { readonly type: 'bridge-gone'; readonly reason: string }
  /** The set-up took too long. */
  | { readonly type: 'setup-timeout' }
  /** The service is ending. */
  | { readonly type: 'shutdown' }
  /** A take-down was carried out, or given up and left to reconciliation. */
  | { readonly type: 'cleaned'; readonly resource: CallResource };

export type CallAction =
  | { readonly do: 'allocate-port' }
  | { readonly do: 'create-external'; readonly port: number }
  | { readonly do: 'create-bridge' }
  /** From now on only this address is Asterisk. */
  | { readonly do: 'pin'; readonly peer: Endpoint }
  | { readonly do: 'join' }
  | { readonly do: 'answer' }
  | { readonly do: 'created' }
  /** `congestion` before the answer becomes 503 at the caller (RFC 3261 §21.5.4). */
  | { readonly do: 'hang-up-caller'; readonly reason: 'congestion' | 'normal' }
  | { readonly do: 'hang-up-external' }
  | { readonly do: 'destroy-bridge' }
  | { readonly do: 'release-port' }
  | { readonly do: 'refused'; readonly message: string }
  | { readonly do: 'ended' };

/** Whether something of the call exists: `wanted` while the request for it is out. */
type Existence = 'none' | 'wanted' | 'exists' | 'leaving' | 'gone';

export class CallMachine {
  #phase: CallPhase = 'allocating';
  #startedNs = 0;
  #upNs: number | undefined;
  #endReason: string | undefined;
  #answered = false;
  #externalStarted = false;
  #pinned = false;
  readonly #existence: Record<CallResource, Existence> = { port: 'none', external: 'none', bridge: 'none', caller: 'exists' };

  get phase(): CallPhase {
    return this.#phase;
  }

  /** Why the call ends or ended; undefined while it is set up or up. */
  get endReason(): string | undefined {
    return this.#endReason;
  }

  /** StasisStart to answered, ns; undefined until it is up. */
  get setupNs(): number | undefined {
    return this.#upNs === undefined ? undefined : this.#upNs - this.#startedNs;
  }

  step(input: CallInput, nowNs: number): readonly CallAction[] {
    if (this.#phase === 'ended') return [];
    switch (input.type) {
      case 'start':
        this.#startedNs = nowNs;
        this.#answered = input.answered;
        this.#existence.port = 'wanted';
        return [{ do: 'allocate-port' }];

      case 'port-bound':
        this.#existence.port = 'exists';
        if (this.#phase === 'ending') return this.#takeDown();
        this.#phase = 'creating';
        this.#existence.external = 'wanted';
        this.#existence.bridge = 'wanted';
        return [{ do: 'create-external', port: input.port }, { do: 'create-bridge' }];

      case 'port-failed':
        this.#existence.port = 'gone';
        return this.#fail(`failed to get RTP port: ${input.message}`);

      case 'external-created':
        if (this.#existence.external === 'wanted') this.#existence.external = 'exists';
        if (this.#phase === 'ending') return this.#takeDown();
        if (input.peer === undefined) return this.#fail('Asterisk did not say where it sends from (UNICASTRTP_LOCAL_ADDRESS)');
        this.#pinned = true;
        return [{ do: 'pin', peer: input.peer }, ...this.#joinWhenReady()];

      case 'external-started':
        this.#externalStarted = true;
        if (this.#phase === 'ending') return this.#takeDownLate();
        return this.#phase === 'creating' ? this.#joinWhenReady() : [];

      case 'bridge-created':
        if (this.#existence.bridge === 'wanted') this.#existence.bridge = 'exists';
        if (this.#phase === 'ending') return this.#takeDown();
        return this.#joinWhenReady();

      case 'joined':
        if (this.#phase !== 'joining') return [];
        if (this.#answered) return this.#up(nowNs);
        this.#phase = 'answering';
        return [{ do: 'answer' }];

      case 'answered':
        return this.#phase === 'answering' ? this.#up(nowNs) : [];

      case 'step-failed':
        // A request that failed may still have been carried out (a time-out tells nothing): what it would have made is taken down too.
        if (input.step === 'external' && this.#existence.external === 'wanted') this.#existence.external = 'exists';
        if (input.step === 'bridge' && this.#existence.bridge === 'wanted') this.#existence.bridge = 'exists';
        if (this.#phase === 'ending') return this.#takeDown();
        return this.#fail(`${STEP_NAMES[input.step]}: ${input.message}`);

      case 'caller-gone':
        this.#existence.caller = 'gone';
        return this.#end(input.reason, 'normal');

      case 'external-gone':
        // Its own creation may be answered only later, so `wanted` stays.
        if (this.#existence.external !== 'wanted') this.#existence.external = 'gone';
        return this.#phase === 'ending' ? this.#takeDown() : this.#loss(`external media channel: ${input.reason}`);

      case 'bridge-gone':
        if (this.#existence.bridge !== 'wanted') this.#existence.bridge = 'gone';
        return this.#phase === 'ending' ? this.#takeDown() : this.#loss(`bridge: ${input.reason}`);

      case 'setup-timeout':
        return this.#phase === 'up' || this.#phase === 'ending' ? [] : this.#fail('set-up timed out');

      case 'shutdown':
        return this.#phase === 'ending' ? [] : this.#end('service stopped', this.#phase === 'up' ? 'normal' : 'congestion');

      case 'cleaned':
        this.#existence[input.resource] = 'gone';
        return this.#finishWhenDone();
    }
  }

  #joinWhenReady(): readonly CallAction[] {
    if (this.#phase !== 'creating' || !this.#pinned || !this.#externalStarted || this.#existence.bridge !== 'exists') return [];
    this.#phase = 'joining';
    return [{ do: 'join' }];
  }

  #up(nowNs: number): readonly CallAction[] {
    this.#phase = 'up';
    this.#answered = true;
    this.#upNs = nowNs;
    return [{ do: 'created' }];
  }

  /** The set-up cannot be finished: the caller is refused. */
  #fail(message: string): readonly CallAction[] {
    if (this.#phase === 'ending') return this.#takeDown();
    return [{ do: 'refused', message }, ...this.#end(message, this.#answered ? 'normal' : 'congestion')];
  }

  /** A part of a call broke away: without it the caller would sit in dead air. */
  #loss(reason: string): readonly CallAction[] {
    return this.#phase === 'up' ? this.#end(reason, 'normal') : this.#fail(reason);
  }

  #end(reason: string, hangUp: 'congestion' | 'normal'): readonly CallAction[] {
    if (this.#phase === 'ending') return this.#finishWhenDone();
    this.#phase = 'ending';
    this.#endReason = reason;
    const actions: CallAction[] = [];
    if (this.#existence.caller === 'exists') {
      this.#existence.caller = 'leaving';
      actions.push({ do: 'hang-up-caller', reason: hangUp });
    }
    actions.push(...this.#takeDown());
    return actions;
  }

  /** Asks, once each, for what exists to be taken down. What is only `wanted` is taken down when its answer comes. */
  #takeDown(): readonly CallAction[] {
    const actions: CallAction[] = [];
    if (this.#existence.external === 'exists') {
      this.#existence.external = 'leaving';
      actions.push({ do: 'hang-up-external' });
    }
    if (this.#existence.bridge === 'exists') {
      this.#existence.bridge = 'leaving';
      actions.push({ do: 'destroy-bridge' });
    }
    if (this.#existence.port === 'exists') {
      this.#existence.port = 'leaving';
      actions.push({ do: 'release-port' });
    }
    return actions.length === 0 ? this.#finishWhenDone() : actions;
  }

  /** A request that timed out can be carried out after its take-down found nothing: then there is something after all. */
  #takeDownLate(): readonly CallAction[] {
    if (this.#existence.external === 'gone') this.#existence.external = 'exists';
    return this.#takeDown();
  }

  #finishWhenDone(): readonly CallAction[] {
    if (this.#phase !== 'ending') return [];
    for (const state of Object.values(this.#existence)) {
      if (state !== 'none' && state !== 'gone') return [];
    }
    this.#phase = 'ended';
    return [{ do: 'ended' }];
  }
}

const STEP_NAMES: Readonly<Record<SetupStep, string>> = {
  external: 'cannot create the external media channel',
  bridge: 'cannot create the bridge',
  join: 'cannot put both channels into the bridge',
  answer: 'cannot answer',
};
