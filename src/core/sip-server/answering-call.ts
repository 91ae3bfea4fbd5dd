/** One call that is answered by itself: it rings, is answered after a while, has its media, and ends. */
import { parseDtmfInfo } from '../audio/dtmf-info.ts';
import { messageOf, RtplatError } from '../errors.ts';
import type { Logger } from '../service/log.ts';
import type { SipRequest } from '../sip/message.ts';
import type { Scheduler, Timer } from '../sip/scheduler.ts';
import { acceptOffer, answerOffer, createOffer, describeAnswer, readAnswer } from '../sip/sdp-offer.ts';
import type { Acceptance, LocalMedia, NegotiatedMedia, Offer, Refusal, SentDescription, UnboundMedia } from '../sip/sdp-offer.ts';
import type { CallEnd, CallListener, Reoffer, ServerCall } from '../sip/server-call.ts';
import type { CallProgress } from './call-documents.ts';
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
  /** Of our RTP; null when it got none. */
  readonly port: number | null;
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

/** What holds for all calls that began under one configuration. */
export interface AnsweringSettings {
  readonly local: Omit<LocalMedia, 'port' | 'address' | 'sessionId'>;
  /** Where media may go. */
  readonly destinations: DestinationRules;
  readonly ringTimeoutMs: number;
  readonly callTimeoutMs: number;
  readonly retryAfterSeconds: number;
}

/** Whom all calls belong to. */
export interface AnsweringHost {
  readonly legs: MediaLegs;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  nowMs(): number;
  /** Timers have changed outside of a message. */
  touched(): void;
  digit(id: string, digit: string, how: DigitWay, durationMs: number | null): void;
  /** The first ACK of its 200 came. */
  confirmed(id: string): void;
  /** @param hops Via fields of the INVITE. */
  done(summary: CallSummary, hops: number): void;
}

/** What a call is made of. */
export interface AnsweringParts {
  readonly id: string;
  readonly call: ServerCall;
  /** The INVITE. It is not kept: calls may be many, and last. */
  readonly request: SipRequest;
  /** User part of the Request-URI. */
  readonly user: string;
  readonly from: string;
  readonly plan: CallPlan;
  /** Of our session description: digits. */
  readonly sessionId: string;
}

/** The same digit by another way within this time is the same press of a key. */
const SAME_PRESS_MS = 1000;
const NO_OFFER = new Uint8Array(0);
const encoder = new TextEncoder();

export class AnsweringCall implements CallListener, LegEvents {
  readonly #host: AnsweringHost;
  readonly #settings: AnsweringSettings;
  readonly #id: string;
  readonly #call: ServerCall;
  readonly #user: string;
  readonly #from: string;
  readonly #plan: CallPlan;
  readonly #sessionId: string;
  readonly #hops: number;
  /** Description in the INVITE; empty where there is none. And what came of it, until it is answered. */
  #offer: Uint8Array;
  #acceptance: Acceptance | undefined;
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
  /** Until it is answered, or to the end of the longest call. */
  #timer: Timer | undefined;
  #digits = '';
  #lastDigit: { readonly digit: string; readonly how: DigitWay; readonly atMs: number } | undefined;

  constructor(host: AnsweringHost, settings: AnsweringSettings, parts: AnsweringParts) {
    const { id, call, request, user, from, plan, sessionId } = parts;
    this.#host = host;
    this.#settings = settings;
    this.#id = id;
    this.#call = call;
    this.#user = user;
    this.#from = from;
    this.#plan = plan;
    this.#sessionId = sessionId;
    this.#hops = request.headers.values('Via').length;
    this.#offer = request.body;
  }

  get #log(): Logger {
    return this.#host.log.scoped(this.#id);
  }

  /** Takes the call. */
  begin(nowMs: number): void {
    const call = this.#call;
    call.serve(this);
    const { action, answerDelayMs } = this.#plan;
    if (action.kind === 'busy') return call.reject(486, nowMs, { reason: 'Busy Here' });
    if (action.kind === 'reject') return call.reject(action.status, nowMs, action.reason === undefined ? {} : { reason: action.reason });
    const refusal = this.#offer.length === 0 ? undefined : this.#accept();
    if (refusal !== undefined) return this.#refuse(refusal, nowMs);
    call.ring(nowMs);
    // By the clock: what it took to get there is what a caller waits for.
    this.#ringingMs = this.#sinceInvite();
    if (answerDelayMs === undefined) {
      this.#after(this.#settings.ringTimeoutMs, nowMs, (later) => call.reject(480, later, { reason: 'Nobody Answers' }));
    } else if (answerDelayMs === 0) this.#mayAnswer = true;
    else {
      this.#after(answerDelayMs, nowMs, (later) => {
        this.#mayAnswer = true;
        this.#answer(later);
      });
    }
    void this.#open();
    return undefined;
  }

  #after(ms: number, nowMs: number, run: (nowMs: number) => void): void {
    this.#timer = this.#host.scheduler.at(nowMs + ms, run);
  }

  async #open(): Promise<void> {
    const host = this.#host;
    const call = this.#call;
    try {
      const leg = await host.legs.open({
        callId: this.#id,
        caller: this.#from,
        action: this.#plan.action,
        media: this.#media,
        signallingAddress: call.flow.remote.address,
        events: this,
      });
      if (this.#over) await leg.stop();
      else {
        this.#leg = leg;
        this.#answer(host.nowMs());
      }
    } catch (error) {
      this.#log.error(`Failed to take the call: ${messageOf(error)}`);
      // No port, no socket, media that is being started again, an echo without an address: another time it may be there.
      const later = error instanceof RtplatError && ['no-ports', 'bind', 'network'].includes(error.code);
      const seconds = this.#settings.retryAfterSeconds;
      const headers: [string, string][] = later && seconds > 0 ? [['Retry-After', String(seconds)]] : [];
      call.reject(later ? 503 : 500, host.nowMs(), { headers });
    }
    host.touched();
  }

  /** 200, when the time has come and the port is there. */
  #answer(nowMs: number): void {
    const leg = this.#leg;
    if (leg === undefined || !this.#mayAnswer || this.#over) return;
    if (this.#acceptance === undefined) {
      this.#pending = createOffer(this.#local(leg.port));
      this.#sent = this.#pending;
    } else {
      this.#sent = describeAnswer(this.#acceptance, this.#local(leg.port));
      this.#acceptance = undefined;
    }
    // What the caller sends may come before its ACK; nothing is sent to it before that.
    if (this.#media !== undefined) leg.agreed(this.#media);
    this.#answeredMs = nowMs - this.#call.receivedMs;
    this.#call.answer(textBytes(this.#sent.text), nowMs);
  }

  /** Takes what the INVITE offers. */
  #accept(): Refusal | undefined {
    const acceptance = acceptOffer(this.#offer, this.#unbound());
    this.#offer = NO_OFFER;
    if ('status' in acceptance) return acceptance;
    const refusal = this.#misdirected(acceptance.media);
    if (refusal !== undefined) return refusal;
    this.#media = acceptance.media;
    this.#acceptance = acceptance;
    return undefined;
  }

  #misdirected({ remote, rtcp }: NegotiatedMedia): Refusal | undefined {
    const { destinations } = this.#settings;
    const { address } = this.#call.flow.remote;
    const reason =
      misdirected(remote, address, destinations) ?? (rtcp === undefined ? undefined : misdirected(rtcp, address, destinations));
    // RFC 3261 §20.43: 399 is for whatever else there is to tell.
    return reason === undefined ? undefined : { status: 488, reason, warning: `399 rtplat "${reason}"` };
  }

  #unbound(): UnboundMedia {
    return { ...this.#settings.local, sessionId: this.#sessionId, address: this.#call.flow.local.address };
  }

  #local(port: number): LocalMedia {
    return { ...this.#unbound(), port };
  }

  #refuse({ status, reason, warning }: Refusal, nowMs: number): void {
    this.#log.info(`Rejected: ${reason}`);
    this.#call.reject(status, nowMs, { headers: [['Warning', warning]] });
  }

  acked(body: Uint8Array, nowMs: number): void {
    const leg = this.#leg;
    if (leg === undefined) return;
    if (this.#pending !== undefined) {
      const answer = readAnswer(this.#pending, body);
      this.#pending = undefined;
      if ('problem' in answer) {
        this.#call.hangUp(`the ACK has no usable answer: ${answer.problem}`, nowMs);
        return;
      }
      const refusal = this.#misdirected(answer.media);
      if (refusal !== undefined) {
        this.#call.hangUp(refusal.reason, nowMs);
        return;
      }
      this.#media = answer.media;
      leg.agreed(answer.media);
    }
    if (this.#establishedMs !== null) return;
    this.#establishedMs = nowMs - this.#call.receivedMs;
    this.#host.confirmed(this.#id);
    leg.start();
    this.#after(this.#settings.callTimeoutMs, nowMs, (later) => this.#call.hangUp('the longest call is over', later));
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
    const atMs = this.#host.nowMs();
    const last = this.#lastDigit;
    if (last !== undefined && last.digit === digit && last.how !== how && atMs - last.atMs < SAME_PRESS_MS) return;
    this.#lastDigit = { digit, how, atMs };
    this.#digits += digit;
    this.#host.digit(this.#id, digit, how, durationMs);
  }

  finished(): void {
    this.#call.hangUp(`${this.#plan.action.kind} over`, this.#host.nowMs());
    this.#host.touched();
  }

  trouble(what: string): void {
    this.#log.warn(what);
  }

  ended(end: CallEnd): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    void this.#close(end);
  }

  /** How far it is. */
  progress(): CallProgress {
    return {
      state: this.#call.state,
      ringingMs: this.#ringingMs,
      answeredMs: this.#answeredMs,
      establishedMs: this.#establishedMs,
      codec: this.#codec(),
      port: this.#leg?.port ?? null,
      media: this.#leg?.report() ?? null,
    };
  }

  #codec(): string | null {
    const codec = this.#media?.codec;
    return codec === undefined ? null : `${codec.name}/${codec.clockRateHz}`;
  }

  #sinceInvite(): number {
    return this.#host.nowMs() - this.#call.receivedMs;
  }

  async #close(end: CallEnd): Promise<void> {
    const endedMs = this.#sinceInvite();
    const call = this.#call;
    let media: LegReport | null = null;
    try {
      media = (await this.#leg?.stop()) ?? null;
    } catch (error) {
      this.#log.error(`The media did not end in order: ${messageOf(error)}`);
    }
    const summary: CallSummary = {
      id: this.#id,
      sipCallId: call.dialog.callId,
      from: this.#from,
      user: this.#user,
      source: call.flow.remote.address,
      transport: call.flow.transport,
      plan: this.#plan,
      port: this.#leg?.port ?? null,
      codec: this.#codec(),
      ringingMs: this.#ringingMs,
      answeredMs: this.#answeredMs,
      establishedMs: this.#establishedMs,
      endedMs,
      end,
      digits: this.#digits,
      media,
    };
    this.#host.done(summary, this.#hops);
  }
}

function refused({ status, warning }: Refusal): Reoffer {
  return { status, headers: [['Warning', warning]] };
}

function textBytes(text: string): Uint8Array {
  return encoder.encode(text);
}
