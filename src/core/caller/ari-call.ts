/**
 * One call through ARI: an external media channel that carries our RTP, the channel that Asterisk dials for us, a bridge for both, and the
 * media that are measured. Whatever happens, all three are taken down again.
 */
import { AriFailure } from '../ari/api.ts';
import type { AriDialApi, HangupCause } from '../ari/api.ts';
import { messageOf, RtplatError } from '../errors.ts';
import type { ProbeProgress, ProbeResult } from '../probe/result.ts';
import type { NegotiatedMedia } from '../sip/sdp-offer.ts';
import type { Endpoint } from '../udp/engine.ts';
import { formatHostPort } from '../values/address.ts';
import { escapeControl } from '../values/terminal.ts';
import { ariCodecOf, ariFormatOf } from './ari-audio.ts';
import { ariMediaProblem, breakProblem, causeText } from './ari-outcome.ts';
import type { AriBreak } from './ari-outcome.ts';
import { measureMedia } from './call-media.ts';
import type { CallMeasurement, MediaHost } from './call-media.ts';
import type { OngoingCall } from './line.ts';
import type { AriOptions } from './options.ts';
import type { CallOutcome } from './outcome.ts';
import { bindPorts } from './ports.ts';
import type { CallPorts } from './ports.ts';

/** Names of what the call has in Asterisk. */
export interface AriCallIds {
  /** Our half of what is dialled. */
  readonly near: string;
  /** The dialplan's half of a Local channel; undefined where there is none. */
  readonly far: string | undefined;
  readonly leg: string;
  readonly bridge: string;
}

/** What a call shares with the others. */
export interface AriCallHost {
  readonly media: MediaHost;
  readonly api: AriDialApi;
  readonly options: AriOptions;
  readonly endpoint: string;
  /** Where Asterisk is told to send RTP. */
  readonly advertise: string;
}

const NS_PER_MS = 1e6;
const NS_PER_S = 1e9;
/** Asterisk's own end of a call whose owner has died: so much after it should have ended. */
const OUTLIVED_S = 60;
/** Of Asterisk's ring timeout behind ours. */
const RING_MARGIN_S = 2;

/** Thrown by what was waited for. */
class Broken extends Error {
  readonly broken: AriBreak;

  constructor(broken: AriBreak) {
    super(broken.why);
    this.broken = broken;
  }
}

export class AriCall implements OngoingCall {
  readonly #host: AriCallHost;
  readonly #number: number;
  readonly #ids: AriCallIds;
  readonly #legStarted = Promise.withResolvers<void>();
  readonly #answered = Promise.withResolvers<void>();
  readonly #broken = Promise.withResolvers<never>();
  readonly #abandoned = Promise.withResolvers<void>();
  #break: AriBreak | undefined;
  #cause: HangupCause | null = null;
  /** What Asterisk was asked to make. */
  #made: ('near' | 'leg' | 'bridge')[] = [];
  #ports: CallPorts | undefined;
  #peer: Endpoint | undefined;
  #measurement: CallMeasurement | undefined;
  #result: ProbeResult | null = null;
  #problem: string | null = null;
  #startMs = 0;
  #startedAt = '';
  #answeredMs: number | null = null;
  #endingMs: number | null = null;

  constructor(host: AriCallHost, number: number, ids: AriCallIds) {
    this.#host = host;
    this.#number = number;
    this.#ids = ids;
    this.#broken.promise.catch(() => undefined);
  }

  async run(): Promise<CallOutcome> {
    this.#startedAt = new Date().toISOString();
    this.#startMs = performance.now();
    try {
      await this.#prepare();
      await this.#dial();
      await this.#until(this.#host.api.addToBridge(this.#ids.bridge, [this.#ids.near, this.#ids.leg]));
      await this.#measure();
    } catch (error) {
      this.#problem ??= this.#problemOf(error);
    }
    this.#endingMs ??= this.#nowMs();
    await Promise.race([this.#takeDown(), this.#abandoned.promise]);
    await this.#ports?.rtp.close();
    await this.#ports?.rtcp.close();
    return this.#outcome();
  }

  stop(): void {
    this.#over({ why: 'stopped' });
  }

  abandon(): void {
    this.stop();
    this.#abandoned.resolve();
  }

  refused(message: string): void {
    this.#over({ why: 'lost', message });
  }

  get up(): boolean {
    return this.#answeredMs !== null && this.#endingMs === null;
  }

  measured(): ProbeProgress | undefined {
    return this.#measurement?.progress();
  }

  /** A channel of the call runs in our application. */
  started(id: string): void {
    if (id === this.#ids.leg) this.#legStarted.resolve();
    else this.#answered.resolve();
  }

  /** A channel of the call is gone. */
  gone(id: string, cause: HangupCause | null): void {
    if (id === this.#ids.leg) this.#over({ why: 'no-leg' });
    else this.#over({ why: 'gone', cause });
  }

  #over(broken: AriBreak): void {
    if (this.#break !== undefined || this.#endingMs !== null) return;
    if (broken.why === 'gone') this.#cause = broken.cause;
    this.#break = broken;
    if (this.#answeredMs !== null) this.#endingMs = this.#nowMs();
    this.#measurement?.abort();
    this.#broken.reject(new Broken(broken));
  }

  /** The step, unless the call is over before. */
  async #until<T>(step: Promise<T>): Promise<T> {
    // Nobody may be left to hear that it failed.
    step.catch(() => undefined);
    return Promise.race([step, this.#broken.promise]);
  }

  /** The port, the channel that carries its RTP, and the bridge: before the call, so that it has media as soon as it is answered. */
  async #prepare(): Promise<void> {
    const { api, media, advertise, options } = this.#host;
    this.#ports = await bindPorts(media.engine, media.bindAddress);
    const { leg, bridge } = this.#ids;
    this.#made.push('leg', 'bridge');
    const host = formatHostPort(advertise, this.#ports.rtp.local.port);
    const peer = await this.#until(api.createExternalMedia(leg, host, ariFormatOf(options.codec), this.#variables()));
    // Not before: a bridge of ours without that channel is the leaving of a dead run.
    await this.#until(Promise.all([this.#legStarted.promise, api.createBridge(bridge)]));
    if (peer === undefined) throw new RtplatError('ari', 'Asterisk did not say where it takes our RTP (UNICASTRTP_LOCAL_ADDRESS)');
    this.#peer = peer;
  }

  async #dial(): Promise<void> {
    const { api, endpoint, options } = this.#host;
    const { near, far } = this.#ids;
    this.#made.push('near');
    this.#startedAt = new Date().toISOString();
    this.#startMs = performance.now();
    const { ringTimeoutNs } = options;
    const ring = setTimeout(() => this.#over({ why: 'no-answer', afterNs: ringTimeoutNs }), ringTimeoutNs / NS_PER_MS);
    const request = api.originate({
      ...{ endpoint, channelId: near, otherChannelId: far, format: ariFormatOf(options.codec), variables: this.#variables() },
      timeoutSeconds: Math.ceil(ringTimeoutNs / NS_PER_S) + RING_MARGIN_S,
    });
    try {
      // The answer may overtake that of the request, and so may the end of a call that was refused, which says more.
      await this.#until(Promise.all([request, this.#answered.promise]));
    } finally {
      clearTimeout(ring);
    }
    this.#answeredMs = this.#nowMs();
  }

  /** Asterisk ends the channels by itself when we are not there to do it; where it lacks that function, nothing is lost. */
  #variables(): Readonly<Record<string, string>> {
    const { ringTimeoutNs, media } = this.#host.options;
    const seconds = Math.ceil((ringTimeoutNs + media.durationNs + media.timeoutNs) / NS_PER_S) + OUTLIVED_S;
    return { 'TIMEOUT(absolute)': String(seconds) };
  }

  async #measure(): Promise<void> {
    const { media, options } = this.#host;
    const codec = ariCodecOf(options.codec);
    const peer = this.#peer as Endpoint;
    const agreed: NegotiatedMedia = {
      codec,
      ...{ dtmf: undefined, receive: { payloadType: codec.payloadType, dtmf: undefined }, ptimeMs: options.ptimeMs },
      ...{ remote: peer, rtcp: { address: peer.address, port: peer.port + 1 }, rtcpMux: false, direction: 'sendrecv' },
    };
    const measurement = await measureMedia(media, this.#ports as CallPorts, agreed, this.#number);
    this.#measurement = measurement;
    if (this.#break !== undefined) measurement.abort();
    this.#result = await measurement.run();
    if (!this.#result.aborted) this.#problem = ariMediaProblem(this.#result);
    else if (this.#break !== undefined) throw new Broken(this.#break);
  }

  #problemOf(error: unknown): string | null {
    if (error instanceof Broken) {
      const up = this.#answeredMs === null ? undefined : (this.#endingMs ?? this.#nowMs()) - this.#answeredMs;
      const lasted = up === undefined ? undefined : { ms: up, wantedNs: this.#host.options.media.durationNs };
      return breakProblem(error.broken, lasted);
    }
    if (error instanceof AriFailure) {
      const dialled = this.#made.includes('near');
      const status = error.status === undefined ? '' : ` (HTTP ${error.status})`;
      const what = dialled ? `call ${this.#host.endpoint}` : 'make a channel for our RTP';
      const hint = dialled && error.kind === 'refused' ? ': is there such an endpoint?' : '';
      return `Asterisk does not ${what}: ${error.message}${status}${hint}`;
    }
    if (!(error instanceof RtplatError)) throw error;
    return error.message.includes('ECONNREFUSED') ? `media to a dead port: ${error.message}` : error.message;
  }

  /** What cannot be taken down now is left to the line's last look. */
  async #takeDown(): Promise<void> {
    const { api } = this.#host;
    const made = new Set(this.#made);
    const attempt = async (what: Promise<unknown>): Promise<void> => {
      try {
        await what;
      } catch (error) {
        if (!(error instanceof AriFailure)) throw error;
      }
    };
    await Promise.all([
      ...(made.has('near') ? [attempt(api.hangUp(this.#ids.near, 'normal'))] : []),
      ...(made.has('leg') ? [attempt(api.hangUp(this.#ids.leg, 'normal'))] : []),
    ]);
    if (made.has('bridge')) await attempt(api.destroyBridge(this.#ids.bridge));
  }

  #outcome(): CallOutcome {
    const stopped = this.#break?.why === 'stopped';
    const problem = this.#problem === null ? null : escapeControl(messageOf(this.#problem));
    return {
      number: this.#number,
      callId: this.#ids.near,
      startedAt: this.#startedAt,
      endedAt: new Date().toISOString(),
      port: this.#ports?.rtp.local.port ?? null,
      peer: this.#peer === undefined ? null : formatHostPort(this.#peer.address, this.#peer.port),
      ...(this.#peer === undefined
        ? { codec: null, ptimeMs: null }
        : { codec: this.#host.options.codec, ptimeMs: this.#host.options.ptimeMs }),
      ...{ requestDelayMs: null, earlyMediaMs: null, disconnectMs: null, status: null },
      answeredMs: this.#answeredMs,
      endingMs: this.#endingMs,
      endedMs: this.#nowMs(),
      cause: this.#cause === null ? null : causeText(this.#cause),
      end: this.#answeredMs === null ? 'not placed' : 'hung-up',
      problem,
      stopped,
      media: this.#result,
      rtcp: this.#result === null ? null : (this.#measurement?.rtcp() ?? null),
      ari: { beganMs: this.#startMs, channelId: this.#ids.near, farId: this.#ids.far ?? null, cause: this.#cause },
    };
  }

  /** ms since the call was asked for. */
  #nowMs(): number {
    return performance.now() - this.#startMs;
  }
}
