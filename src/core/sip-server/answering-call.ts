/** One call that is answered by itself: it rings, is answered after a while, has its media, and ends. */
import { parseDtmfInfo } from '../audio/dtmf-info.ts';
import { messageOf, RtplatError } from '../errors.ts';
import type { Logger } from '../service/log.ts';
import type { SipRequest } from '../sip/message.ts';
import type { Scheduler, Timer } from '../sip/scheduler.ts';
import { answerOffer, createOffer, readAnswer } from '../sip/sdp-offer.ts';
import type { LocalMedia, NegotiatedMedia, Offer, Refusal, SentDescription } from '../sip/sdp-offer.ts';
import type { CallEnd, CallListener, Reoffer, ServerCall } from '../sip/server-call.ts';
import type { CallPlan } from './call-plan.ts';
import { misdirected } from './destination.ts';
import type { DestinationRules } from './destination.ts';
import type { LegEvents, LegReport, MediaLeg, MediaLegs } from './leg.ts';

export type DigitWay = 'rfc4733' | 'info' | 'in-band';

/** What has become of a call, for its record. */
export interface CallSummary {
  readonly id: string;
  readonly sipCallId: string;
  readonly from: string;
  readonly user: string;
  readonly source: string;
  readonly transport: string;
  readonly plan: CallPlan;
  readonly codec: string | null;
  /** From the INVITE, ms; null for what has not happened. */
  readonly ringingMs: number | null;
  readonly answeredMs: number | null;
  readonly establishedMs: number | null;
  readonly endedMs: number;
  readonly end: CallEnd;
  readonly digits: string;
  readonly media: LegReport | null;
}

export interface AnsweringParts {
  readonly id: string;
  readonly call: ServerCall;
  readonly request: SipRequest;
  /** User part of the Request-URI. */
  readonly user: string;
  readonly from: string;
  readonly plan: CallPlan;
  readonly legs: MediaLegs;
  readonly local: Omit<LocalMedia, 'port' | 'address'>;
  readonly scheduler: Scheduler;
  readonly nowMs: () => number;
  /** Timers have changed outside of a message. */
  readonly touched: () => void;
  /** Where media may go. */
  readonly destinations: DestinationRules;
  readonly ringTimeoutMs: number;
  readonly callTimeoutMs: number;
  readonly retryAfterSeconds: number;
  readonly log: Logger;
  readonly digit: (id: string, digit: string, how: DigitWay, durationMs: number | null) => void;
  readonly done: (summary: CallSummary) => void;
}

/** The same digit by another way within this time is the same press of a key. */
const SAME_PRESS_MS = 1000;

export class AnsweringCall implements CallListener, LegEvents {
  readonly #parts: AnsweringParts;
  readonly #invitedMs: number;
  readonly #offer: Uint8Array;
  #leg: MediaLeg | undefined;
  /** The description that was sent last, and our offer that waits for its answer. */
  #sent: SentDescription | undefined;
  #pending: Offer | undefined;
  #media: NegotiatedMedia | undefined;
  #mayAnswer = false;
  #over = false;
  #ringingMs: number | null = null;
  #answeredMs: number | null = null;
  #establishedMs: number | null = null;
  #timers: Timer[] = [];
  #digits = '';
  #lastDigit: { readonly digit: string; readonly how: DigitWay; readonly atMs: number } | undefined;

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
    this.#invitedMs = parts.call.receivedMs;
    this.#offer = parts.request.body;
  }

  /** Takes the call. */
  begin(nowMs: number): void {
    const { call, plan, ringTimeoutMs } = this.#parts;
    call.serve(this);
    const { action, answerDelayMs } = plan;
    if (action.kind === 'busy') return call.reject(486, nowMs, { reason: 'Busy Here' });
    if (action.kind === 'reject') return call.reject(action.status, nowMs, action.reason === undefined ? {} : { reason: action.reason });
    const refusal = this.#offer.length === 0 ? undefined : this.#negotiate(0);
    if (refusal !== undefined) return this.#refuse(refusal, nowMs);
    call.ring(nowMs);
    this.#ringingMs = nowMs - this.#invitedMs;
    void this.#open();
    if (answerDelayMs === undefined) this.#after(ringTimeoutMs, nowMs, (later) => call.reject(480, later, { reason: 'Nobody Answers' }));
    else {
      this.#after(answerDelayMs, nowMs, (later) => {
        this.#mayAnswer = true;
        this.#answer(later);
      });
    }
    return undefined;
  }

  #after(ms: number, nowMs: number, run: (nowMs: number) => void): void {
    this.#timers.push(this.#parts.scheduler.at(nowMs + ms, run));
  }

  async #open(): Promise<void> {
    const { call, legs, id, from, plan, nowMs, touched, log, retryAfterSeconds } = this.#parts;
    try {
      const leg = await legs.open({
        callId: id,
        caller: from,
        action: plan.action,
        media: this.#media,
        signallingAddress: call.flow.remote.address,
        events: this,
      });
      if (this.#over) await leg.stop();
      else {
        this.#leg = leg;
        this.#answer(nowMs());
      }
    } catch (error) {
      log.error(`Failed to take the call: ${messageOf(error)}`);
      const full = error instanceof RtplatError && error.code === 'no-ports';
      const headers: [string, string][] = full && retryAfterSeconds > 0 ? [['Retry-After', String(retryAfterSeconds)]] : [];
      call.reject(full ? 503 : 500, nowMs(), { headers });
    }
    touched();
  }

  /** 200, when the time has come and the port is there. */
  #answer(nowMs: number): void {
    const leg = this.#leg;
    if (leg === undefined || !this.#mayAnswer || this.#over) return;
    if (this.#offer.length === 0) {
      this.#pending = createOffer(this.#local(leg.port), this.#sent);
      this.#sent = this.#pending;
    } else {
      const refusal = this.#negotiate(leg.port);
      if (refusal !== undefined) return this.#refuse(refusal, nowMs);
    }
    // What the caller sends may come before its ACK; nothing is sent to it before that.
    if (this.#media !== undefined) leg.agreed(this.#media);
    this.#answeredMs = nowMs - this.#invitedMs;
    this.#parts.call.answer(textBytes(this.#sent?.text ?? ''), nowMs);
    return undefined;
  }

  /** Answers the offer of the INVITE as from `port`. */
  #negotiate(port: number): Refusal | undefined {
    const answer = answerOffer(this.#offer, this.#local(port));
    if ('status' in answer) return answer;
    const refusal = this.#misdirected(answer.media);
    if (refusal !== undefined) return refusal;
    this.#media = answer.media;
    this.#sent = answer;
    return undefined;
  }

  #misdirected({ remote, rtcp }: NegotiatedMedia): Refusal | undefined {
    const { call, destinations } = this.#parts;
    const { address } = call.flow.remote;
    const reason =
      misdirected(remote, address, destinations) ?? (rtcp === undefined ? undefined : misdirected(rtcp, address, destinations));
    // RFC 3261 §20.43: 399 is for whatever else there is to tell.
    return reason === undefined ? undefined : { status: 488, reason, warning: `399 rtplat "${reason}"` };
  }

  #local(port: number): LocalMedia {
    return { ...this.#parts.local, address: this.#parts.call.flow.local.address, port };
  }

  #refuse({ status, reason, warning }: Refusal, nowMs: number): void {
    this.#parts.log.info(`Rejected: ${reason}`);
    this.#parts.call.reject(status, nowMs, { headers: [['Warning', warning]] });
  }

  acked(body: Uint8Array, nowMs: number): void {
    const leg = this.#leg;
    if (leg === undefined) return;
    if (this.#pending !== undefined) {
      const answer = readAnswer(this.#pending, body);
      this.#pending = undefined;
      if ('problem' in answer) {
        this.#parts.call.hangUp(`the ACK has no usable answer: ${answer.problem}`, nowMs);
        return;
      }
      const refusal = this.#misdirected(answer.media);
      if (refusal !== undefined) {
        this.#parts.call.hangUp(refusal.reason, nowMs);
        return;
      }
      this.#media = answer.media;
    }
    if (this.#media !== undefined) leg.agreed(this.#media);
    if (this.#establishedMs !== null) return;
    this.#establishedMs = nowMs - this.#invitedMs;
    leg.start();
    this.#after(this.#parts.callTimeoutMs, nowMs, (later) => this.#parts.call.hangUp('the longest call is over', later));
  }

  reoffered(body: Uint8Array): Reoffer {
    const leg = this.#leg;
    if (leg === undefined) return { status: 500 };
    if (body.length === 0) {
      this.#pending = createOffer(this.#local(leg.port), this.#sent);
      this.#sent = this.#pending;
      return { status: 200, body: textBytes(this.#pending.text) };
    }
    const answer = answerOffer(body, this.#local(leg.port), this.#sent);
    if ('status' in answer) return refused(answer);
    const refusal = this.#misdirected(answer.media);
    if (refusal !== undefined) return refused(refusal);
    this.#media = answer.media;
    this.#sent = answer;
    leg.agreed(answer.media);
    return { status: 200, body: textBytes(answer.text) };
  }

  info(request: SipRequest): number {
    if (request.body.length === 0) return 200;
    const found = parseDtmfInfo(request.headers.get('Content-Type') ?? '', request.body);
    if (found === undefined) return 415;
    if (found.digit !== 'flash') this.#digit(found.digit, 'info', found.durationMs ?? null);
    return 200;
  }

  digit(digit: string, how: 'rfc4733' | 'in-band', durationMs: number): void {
    this.#digit(digit, how, durationMs);
  }

  #digit(digit: string, how: DigitWay, durationMs: number | null): void {
    const atMs = this.#parts.nowMs();
    const last = this.#lastDigit;
    if (last !== undefined && last.digit === digit && last.how !== how && atMs - last.atMs < SAME_PRESS_MS) return;
    this.#lastDigit = { digit, how, atMs };
    this.#digits += digit;
    this.#parts.digit(this.#parts.id, digit, how, durationMs);
  }

  finished(): void {
    this.#parts.call.hangUp(`${this.#parts.plan.action.kind} over`, this.#parts.nowMs());
    this.#parts.touched();
  }

  trouble(what: string): void {
    this.#parts.log.warn(what);
  }

  ended(end: CallEnd, nowMs: number): void {
    this.#over = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    void this.#close(end, nowMs);
  }

  async #close(end: CallEnd, nowMs: number): Promise<void> {
    const { id, call, from, user, plan, log, done } = this.#parts;
    let media: LegReport | null = null;
    try {
      media = (await this.#leg?.stop()) ?? null;
    } catch (error) {
      log.error(`The media did not end in order: ${messageOf(error)}`);
    }
    const codec = this.#media?.codec;
    done({
      id,
      sipCallId: call.dialog.callId,
      from,
      user,
      source: call.flow.remote.address,
      transport: call.flow.transport,
      plan,
      codec: codec === undefined ? null : `${codec.name}/${codec.clockRateHz}`,
      ringingMs: this.#ringingMs,
      answeredMs: this.#answeredMs,
      establishedMs: this.#establishedMs,
      endedMs: nowMs - this.#invitedMs,
      end,
      digits: this.#digits,
      media,
    });
  }
}

function refused({ status, warning }: Refusal): Reoffer {
  return { status, headers: [['Warning', warning]] };
}

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
