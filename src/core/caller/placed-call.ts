/** One call from its INVITE to its end: the ports, the offer and its answer, the media that are measured, the line that says what went wrong. */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtplatError } from '../errors.ts';
import type { ProbeProgress, ProbeResult } from '../probe/result.ts';
import type { ClientCall, ClientCallEnd, ClientCallListener } from '../sip/client-call.ts';
import { answerOffer, createOffer, readAnswer } from '../sip/sdp-offer.ts';
import type { LocalMedia, NegotiatedMedia, Offer, SentDescription } from '../sip/sdp-offer.ts';
import type { Reoffer } from '../sip/server-call.ts';
import type { SdesKey } from '../srtp/sdes.ts';
import { masterBytes } from '../srtp/suites.ts';
import type { SrtpKeys, SrtpSuiteName } from '../srtp/suites.ts';
import type { Timer } from '../sip/scheduler.ts';
import type { SipFlow } from '../sip/transactions.ts';
import { formatHostPort } from '../values/address.ts';
import { formatDurationNs } from '../values/duration.ts';
import { escapeControl } from '../values/terminal.ts';
import { codecNamed } from './audio.ts';
import { measureMedia } from './call-media.ts';
import type { CallMeasurement, MediaHost } from './call-media.ts';
import type { OngoingCall } from './line.ts';
import type { CallerOptions } from './options.ts';
import { causeLine, mediaProblemOf, problemOf } from './outcome.ts';
import type { CallOutcome } from './outcome.ts';
import { bindPorts } from './ports.ts';
import type { CallPorts } from './ports.ts';
import { contactOf, nowMs } from './signalling.ts';
import type { Signalling } from './signalling.ts';

/** What a call shares with the others. */
export interface CallingHost extends MediaHost {
  readonly signalling: Signalling;
  readonly options: CallerOptions;
}

const NS_PER_MS = 1e6;
const BYE_PATIENCE_MS = 500;
const encoder = new TextEncoder();

export class PlacedCall implements ClientCallListener, OngoingCall {
  readonly #host: CallingHost;
  readonly #number: number;
  readonly #ended = Promise.withResolvers<ClientCallEnd>();
  #ports: CallPorts | undefined;
  #call: ClientCall | undefined;
  #startMs = 0;
  #startedAt = '';
  #offer: Offer | undefined;
  #sent: SentDescription | undefined;
  #agreed: NegotiatedMedia | undefined;
  #ring: Timer | undefined;
  #measurement: CallMeasurement | undefined;
  #measuring: Promise<void> | undefined;
  #result: ProbeResult | null = null;
  #peer: string | null = null;
  #mediaProblem: string | null = null;
  #unreachable: string | null = null;
  #noAnswer = false;
  #stopped = false;
  #requestDelayMs: number | null = null;
  #earlyMediaMs: number | null = null;
  #answeredMs: number | null = null;
  #endingMs: number | null = null;
  #endedMs: number | null = null;

  /** @param number from 1. */
  constructor(host: CallingHost, number: number) {
    this.#host = host;
    this.#number = number;
  }

  /** Places the call, and lets it come to its end. Once only; never rejects for what a far end does. */
  async run(): Promise<CallOutcome> {
    const { engine, signalling, bindAddress } = this.#host;
    this.#startedAt = new Date().toISOString();
    this.#startMs = nowMs();
    try {
      const flow = await signalling.flow();
      const ports = await bindPorts(engine, bindAddress);
      this.#ports = ports;
      const callId = this.#place(flow, ports);
      const end = await this.#ended.promise;
      await this.#measuring;
      return this.#outcome(callId, ports.rtp.local.port, end);
    } catch (error) {
      if (!(error instanceof RtplatError)) throw error;
      return this.#notPlaced(error);
    } finally {
      await this.#ports?.rtp.close();
      await this.#ports?.rtcp.close();
    }
  }

  /** Hangs up, or gives the call up. */
  stop(): void {
    this.#stopped = true;
    this.#hangUp(null);
  }

  /** What it waits for does not come: it is over as it is. */
  abandon(): void {
    const up = this.#answeredMs !== null;
    this.#ended.resolve(up ? { kind: 'hung-up', why: null, answered: false, disconnectMs: null } : { kind: 'cancelled', rang: false });
    this.#measurement?.abort();
  }

  /** It is known that nothing listens there. */
  refused(why: string): void {
    this.#unreachable = why;
    this.#call?.unreachable(nowMs());
    this.#host.signalling.touched();
  }

  /** Whether it is up. */
  get up(): boolean {
    return this.#answeredMs !== null && this.#endingMs === null;
  }

  /** How far its media have come; undefined before there are any. */
  measured(): ProbeProgress | undefined {
    return this.#measurement?.progress();
  }

  #place(flow: SipFlow, ports: CallPorts): string {
    const { signalling, options } = this.#host;
    const { target, codecs, ptimeMs, credentials, ringTimeoutNs, srtp } = options;
    const { agent } = signalling;
    const ours: LocalMedia = {
      address: flow.local.address,
      port: ports.rtp.local.port,
      codecs: codecs.map(codecNamed),
      telephoneEvent: true,
      ptimeMs,
      direction: 'sendrecv',
      ...(srtp.length === 0 ? {} : { crypto: srtp.map(newKey) }),
      sessionId: String(Number.parseInt(agent.tools.random(4), 16)),
      version: 1,
    };
    this.#offer = createOffer(ours);
    this.#sent = this.#offer;
    const callId = `${agent.tools.random(16)}@${flow.local.address}`;
    const secure = target.uri.startsWith('sips:');
    const order = {
      uri: target.uri,
      from: target.from ?? `sip:rtplat@${formatHostPort(flow.local.address, flow.local.port)}`,
      to: target.uri,
      callId,
      contact: contactOf(flow, 'rtplat', secure),
      routes: target.routes,
      offer: encoder.encode(this.#offer.text),
      credentials,
    };
    this.#call = agent.place(order, flow, this);
    this.#startMs = nowMs();
    this.#ring = agent.scheduler.at(this.#startMs + ringTimeoutNs / NS_PER_MS, () => {
      this.#noAnswer = true;
      this.#hangUp(null);
    });
    this.#call.start(this.#startMs);
    signalling.ask();
    signalling.touched();
    if (this.#stopped) this.#hangUp(null);
    return callId;
  }

  progress(_status: number, body: Uint8Array, atMs: number): void {
    this.#requestDelayMs ??= atMs - this.#startMs;
    if (body.length > 0) this.#earlyMediaMs ??= atMs - this.#startMs;
  }

  answered(body: Uint8Array, atMs: number): void {
    this.#requestDelayMs ??= atMs - this.#startMs;
    this.#answeredMs = atMs - this.#startMs;
    this.#ring?.cancel();
    const read = readAnswer(this.#offer as Offer, body);
    if ('problem' in read)
      this.#failMedia(`${this.#host.options.srtp.length === 0 ? 'no codec' : 'no SRTP, or no codec,'} in common: ${read.problem}`);
    else if (isIP(read.media.remote.address) === 0)
      this.#failMedia('no media: the answer has a name for the address of its media, and none is resolved');
    else if (read.media.direction !== 'sendrecv')
      this.#failMedia(`no media: the far end answers with ${read.media.direction}, not both ways`);
    else {
      this.#agreed = read.media;
      this.#measuring = this.#measure(read.media);
    }
  }

  /** The media of a call that is measured stay as they are: a refresh is agreed to, anything else is not. */
  reoffered(body: Uint8Array): Reoffer {
    const { ours } = this.#offer as Offer;
    const agreed = this.#agreed;
    if (agreed === undefined) return { status: 491 };
    const { name, clockRateHz } = agreed.codec;
    const crypto = ours.crypto?.filter(({ tag }) => tag === agreed.srtp?.tag);
    const local: LocalMedia = { ...ours, codecs: [{ name, clockRateHz }], ...(crypto === undefined ? {} : { crypto }) };
    if (body.length === 0) {
      this.#sent = createOffer(local, this.#sent);
      return { status: 200, body: encoder.encode(this.#sent.text) };
    }
    const answer = answerOffer(body, local, this.#sent);
    if ('status' in answer) return { status: answer.status, headers: [['Warning', answer.warning]] };
    const { remote, codec, direction, srtp } = answer.media;
    if (
      !isSameKey(srtp, agreed.srtp) ||
      remote.address !== agreed.remote.address ||
      remote.port !== agreed.remote.port ||
      codec.payloadType !== agreed.codec.payloadType
    ) {
      return { status: 488, headers: [['Warning', `399 rtplat "media that are measured do not move"`]] };
    }
    this.#sent = answer;
    if (direction !== 'sendrecv') this.#failMedia(`the far end put the call on hold`);
    return { status: 200, body: encoder.encode(answer.text) };
  }

  ending(atMs: number): void {
    this.#endingMs = atMs - this.#startMs;
    this.#measurement?.abort();
  }

  ended(end: ClientCallEnd, atMs: number): void {
    this.#ring?.cancel();
    this.#endedMs = atMs - this.#startMs;
    this.#ended.resolve(end);
  }

  #hangUp(why: string | null): void {
    this.#call?.hangUp(why, nowMs());
    this.#host.signalling.touched();
  }

  /** Ends the call for a reason of the media. Not from within a message: its answer goes first. */
  #failMedia(problem: string): void {
    this.#mediaProblem ??= problem;
    const { scheduler } = this.#host.signalling.agent;
    scheduler.at(nowMs(), () => this.#hangUp(problem));
  }

  async #measure(agreed: NegotiatedMedia): Promise<void> {
    try {
      this.#result = await this.#run(agreed);
      if (!this.#result.aborted) this.#mediaProblem ??= mediaProblemOf(this.#result);
      this.#hangUp(null);
    } catch (error) {
      if (!(error instanceof RtplatError)) throw error;
      const refused = error.message.includes('ECONNREFUSED');
      // A far end that hangs up closes its port as well, and its BYE may come after that.
      if (refused && this.#endingMs === null) await Promise.race([this.#ended.promise, sleep(BYE_PATIENCE_MS)]);
      if (this.#endingMs === null) this.#mediaProblem ??= `${refused ? 'media to a dead port: ' : 'no media: '}${error.message}`;
      this.#hangUp(this.#mediaProblem);
    }
  }

  async #run(agreed: NegotiatedMedia): Promise<ProbeResult> {
    this.#peer = formatHostPort(agreed.remote.address, agreed.remote.port);
    const measurement = await measureMedia(this.#host, this.#ports as CallPorts, agreed, this.#number);
    this.#measurement = measurement;
    if (this.#endingMs !== null) measurement.abort();
    return measurement.run();
  }

  #outcome(callId: string, port: number, end: ClientCallEnd): CallOutcome {
    const endedMs = this.#endedMs ?? nowMs() - this.#startMs;
    const failed = end.kind === 'refused' || end.kind === 'credentials';
    const complete = this.#result !== null && !this.#result.aborted;
    const ours = {
      noAnswerNs: this.#noAnswer ? this.#host.options.ringTimeoutNs : null,
      stopped: this.#stopped,
      complete,
      media: this.#mediaProblem,
    };
    return {
      ...this.#facts(endedMs),
      callId,
      port,
      requestDelayMs: this.#requestDelayMs ?? (failed ? endedMs : null),
      disconnectMs: end.kind === 'hung-up' ? end.disconnectMs : null,
      status: this.#answeredMs !== null ? 200 : failed ? end.status : null,
      cause: causeLine(end),
      end: end.kind,
      problem: escaped(this.#early(end, complete) ?? problemOf(end, ours, this.#unreachable)),
    };
  }

  /** How far a call came that the far end ended before its time. */
  #early(end: ClientCallEnd, complete: boolean): string | null {
    if (end.kind !== 'left' || complete || this.#mediaProblem !== null || this.#answeredMs === null || this.#endingMs === null) return null;
    const cause = causeLine(end);
    const lasted = ((this.#endingMs - this.#answeredMs) / 1000).toFixed(1);
    const wanted = formatDurationNs(this.#host.options.media.durationNs);
    return `the far end hung up early, ${lasted} s after its answer, of ${wanted}${cause === null ? '' : ` (${cause})`}`;
  }

  #notPlaced(error: RtplatError): CallOutcome {
    return {
      ...this.#facts(nowMs() - this.#startMs),
      ...{ callId: '', port: null, requestDelayMs: null, disconnectMs: null, status: null, cause: null },
      end: 'not placed',
      problem: escaped(error.message),
    };
  }

  #facts(endedMs: number) {
    return {
      number: this.#number,
      startedAt: this.#startedAt,
      endedAt: new Date().toISOString(),
      peer: this.#peer,
      codec: this.#agreed?.codec.name ?? null,
      ptimeMs: this.#agreed?.ptimeMs ?? null,
      earlyMediaMs: this.#earlyMediaMs,
      answeredMs: this.#answeredMs,
      endingMs: this.#endingMs,
      endedMs,
      stopped: this.#stopped,
      media: this.#result,
      rtcp: this.#result === null ? null : (this.#measurement?.rtcp() ?? null),
    };
  }
}

/** For one direction of one call: RFC 4568 §6.1 wants one of its own for each. */
function newKey(suite: SrtpSuiteName, index: number): SdesKey {
  return { tag: index + 1, key: { suite, master: randomBytes(masterBytes(suite)) } };
}

/** Whether the far end goes on with the key that it had. */
function isSameKey(one: SrtpKeys | undefined, other: SrtpKeys | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.receive.suite === other.receive.suite && one.receive.master.every((byte, i) => byte === other.receive.master[i]);
}

/** Parts of it may be the far end's words. */
function escaped(line: string | null): string | null {
  return line === null ? null : escapeControl(line);
}
