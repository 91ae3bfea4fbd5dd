/** What a call sends: frames of its action as RTP packets, each when it is due. Nothing is allocated per packet. */
import type { AudioCodec } from '../audio/codec.ts';
import { ToneGenerator } from '../audio/tone.ts';
import type { ToneLoop } from '../audio/tone.ts';
import { RTP_HEADER_BYTES } from '../rtp/packet.ts';
import type { RtpSender } from '../rtp/sender.ts';
import type { PlaneAction } from './orders.ts';
import { LoopSource, PlaySource, SilenceSource, ToneSource } from './sources.ts';
import type { AudioSource } from './sources.ts';

export interface OutgoingFormat {
  readonly codec: AudioCodec;
  readonly payloadType: number;
  readonly ptimeMs: number;
}

/** Packets that are being made, by their length: a send is done with one when it returns, so that all calls share them. */
const packets = new Map<number, Uint8Array>();

function packetOf(length: number): Uint8Array {
  let packet = packets.get(length);
  if (packet === undefined) {
    packet = new Uint8Array(length);
    packets.set(length, packet);
  }
  return packet;
}

export class Outgoing {
  readonly #sender: RtpSender;
  #format: OutgoingFormat;
  #packet: Uint8Array;
  /** Samples in a packet. */
  #samples: number;
  #action: PlaneAction;
  /** None where nothing is paced: packets of an echo leave when they come. */
  #source: AudioSource | undefined;
  /** Of the action. */
  #elapsedMs = 0;
  #ended = false;

  constructor(sender: RtpSender, format: OutgoingFormat, action: PlaneAction) {
    this.#sender = sender;
    this.#format = format;
    this.#action = action;
    this.#samples = samplesOf(format);
    this.#packet = packetOf(bytesOf(format));
    this.#source = sourceOf(action, format.codec, 0);
  }

  /** Whether there are packets to pace. */
  get paces(): boolean {
    return this.#source !== undefined;
  }

  /** Another action, from its beginning. */
  begin(format: OutgoingFormat, action: PlaneAction): void {
    this.#use(format);
    this.#action = action;
    this.#elapsedMs = 0;
    this.#ended = false;
    this.#source = sourceOf(action, format.codec, 0);
  }

  /**
   * Another codec or ptime for what is being sent, which goes on where it is.
   *
   * @param loop the tone in the new codec, where it is one that repeats itself.
   */
  reformat(format: OutgoingFormat, loop: ToneLoop | undefined): void {
    const { codec } = this.#format;
    this.#use(format);
    if (codec === format.codec) return;
    if (this.#action.kind === 'loop' && loop !== undefined) this.#action = { ...this.#action, loop };
    const same = this.#source instanceof ToneSource ? this.#source.withCodec(format.codec) : undefined;
    this.#source = same ?? sourceOf(this.#action, format.codec, this.#elapsedMs);
  }

  #use(format: OutgoingFormat): void {
    this.#format = format;
    this.#samples = samplesOf(format);
    this.#packet = packetOf(bytesOf(format));
  }

  /** The packet that is due, complete; it lasts until the next one of any call is made. */
  make(): Uint8Array {
    this.#fill();
    this.#sender.write(this.#packet, this.#format.payloadType, this.#samples);
    return this.#packet;
  }

  /** The time of a packet goes by without it. */
  pass(): void {
    this.#fill();
    this.#sender.pause(this.#samples);
  }

  /** Whether the action has ended since this was asked last. */
  takeEnd(): boolean {
    const { kind } = this.#action;
    if (!this.#ended || kind === 'silence') return false;
    this.#ended = false;
    this.#action = { kind: 'silence' };
    this.#source = new SilenceSource(this.#format.codec);
    return true;
  }

  #fill(): void {
    this.#elapsedMs += this.#format.ptimeMs;
    if (this.#source?.next(this.#packet, RTP_HEADER_BYTES, this.#samples) === true) this.#ended = true;
  }
}

function samplesOf({ codec, ptimeMs }: OutgoingFormat): number {
  return (codec.clockRateHz * ptimeMs) / 1_000;
}

function bytesOf(format: OutgoingFormat): number {
  return RTP_HEADER_BYTES + samplesOf(format) * format.codec.bytesPerSample;
}

function sourceOf(action: PlaneAction, codec: AudioCodec, elapsedMs: number): AudioSource | undefined {
  const ticks = (ms: number): number => Math.round((ms * codec.clockRateHz) / 1_000);
  switch (action.kind) {
    case 'loop':
      return new LoopSource(codec, action.loop, ticks(action.durationMs), ticks(elapsedMs));
    case 'tone':
      return new ToneSource(codec, new ToneGenerator(action.tone, codec.clockRateHz), ticks(action.durationMs), ticks(elapsedMs));
    case 'play':
      return new PlaySource(codec, action.samples, action.repeat, ticks(elapsedMs));
    case 'record':
    case 'silence':
      return new SilenceSource(codec);
    case 'echo':
      return undefined;
  }
}
