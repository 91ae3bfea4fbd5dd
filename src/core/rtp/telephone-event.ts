/**
 * Telephone events: DTMF as RTP payload (RFC 4733 §2.3).
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     event     |E|R| volume    |          duration             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * The RTP timestamp is the beginning of the event and the same in all its packets; the duration grows, in ticks of the media clock;
 * the last packet has E and is sent three times.
 */
import { sequenceDelta, timestampDelta } from './sequence.ts';

export const TELEPHONE_EVENT_BYTES = 4;

const END_BIT = 0x80;
const VOLUME_MASK = 0x3f;
const DURATION_MAXIMUM = 0xffff;
/** A segment that has become this long may be followed by another of the same event (§2.5.1.3). */
const SEGMENT_MINIMUM = 0x8000;
/** By event code: RFC 4733 §3.2, and the flash of its predecessor, RFC 2833 §3.10. */
const EVENT_NAMES: readonly string[] = '0 1 2 3 4 5 6 7 8 9 * # A B C D flash'.split(' ');
/** Packets at the end of an event (§2.5.1.4). */
const END_PACKETS = 3;
const DEFAULT_VOLUME = 10;
/** Some senders give an event an update every 50 ms: this many are lost before it is taken for ended. */
const DEFAULT_SILENCE_NS = 200_000_000;
/**
 * What is older than the last event by less than this, a segment and some more, has been overtaken by it; by more, or after seconds without
 * an event, the sender has started over.
 */
const REORDER_S = 10;
const REORDER_NS = 5_000_000_000;

/** One payload. Reused from call to call by {@link parseTelephoneEvent}. */
export interface TelephoneEvent {
  /** Event code, 0 … 255; see {@link telephoneEventName}. */
  event: number;
  end: boolean;
  /** Level of the tone, −dBm0, 0 … 63. */
  volume: number;
  /** Ticks since the event (or this segment of it) began, 0 … 65535. */
  duration: number;
}

export function createTelephoneEvent(): TelephoneEvent {
  return { event: 0, end: false, volume: 0, duration: 0 };
}

/** `0` … `9`, `*`, `#`, `A` … `D` or `flash`; undefined for the events that are not of DTMF. */
export function telephoneEventName(event: number): string | undefined {
  return EVENT_NAMES[event];
}

/** The code of `0` … `9`, `*`, `#`, `A` … `D` or `flash`. */
export function telephoneEventCode(name: string): number | undefined {
  const code = EVENT_NAMES.indexOf(name);
  return code < 0 ? undefined : code;
}

/** Reads the payload `buffer[offset … offset+length)` into `out`; bytes after the first four are ignored. @returns whether there were four. */
export function parseTelephoneEvent(buffer: Uint8Array, offset: number, length: number, out: TelephoneEvent): boolean {
  if (length < TELEPHONE_EVENT_BYTES || offset + length > buffer.length) return false;
  const flags = buffer[offset + 1] as number;
  out.event = buffer[offset] as number;
  out.end = (flags & END_BIT) !== 0;
  out.volume = flags & VOLUME_MASK;
  out.duration = ((buffer[offset + 2] as number) << 8) | (buffer[offset + 3] as number);
  return true;
}

/** Writes four bytes at `offset`; every field is taken modulo its width. @returns the offset behind them. */
export function writeTelephoneEvent(buffer: Uint8Array, offset: number, event: Readonly<TelephoneEvent>): number {
  buffer[offset] = event.event;
  buffer[offset + 1] = (event.end ? END_BIT : 0) | (event.volume & VOLUME_MASK);
  buffer[offset + 2] = event.duration >>> 8;
  buffer[offset + 3] = event.duration;
  return offset + TELEPHONE_EVENT_BYTES;
}

/** A key that was pressed. */
export interface ReceivedDigit {
  /** `0` … `9`, `*`, `#`, `A` … `D` or `flash`. */
  readonly digit: string;
  readonly durationTicks: number;
  /** Whether its end was seen; else it was taken for ended, and lasted at least as long as `durationTicks`. */
  readonly ended: boolean;
}

export interface TelephoneEventReceiverOptions {
  readonly clockRateHz: number;
  /** Called once for every event, when it has ended. */
  readonly onDigit: (digit: ReceivedDigit, atNs: number) => void;
  /** How long without a packet an event lasts. */
  readonly silenceNs?: number;
}

/**
 * Every key once, however many of its packets were lost, doubled or overtaken. An event is told from another by its RTP timestamp, and by
 * its code, for senders that forget to change the timestamp. It ends with its E bit, with the first packet of the next, or when nothing is heard of it any longer ({@link TelephoneEventReceiver.tick}).
 */
export class TelephoneEventReceiver {
  readonly #onDigit: (digit: ReceivedDigit, atNs: number) => void;
  readonly #silenceNs: number;
  readonly #reorderTicks: number;
  #ssrc = Number.NaN;
  /** The event that is on, or else that was last. */
  #event = 0;
  #open = false;
  /** Of its present segment. */
  #timestamp = 0;
  #segmentTicks = 0;
  /** Of all segments. */
  #ticks = 0;
  #lastAtNs = 0;

  constructor(options: TelephoneEventReceiverOptions) {
    this.#onDigit = options.onDigit;
    this.#silenceNs = options.silenceNs ?? DEFAULT_SILENCE_NS;
    this.#reorderTicks = REORDER_S * options.clockRateHz;
  }

  /** A packet with this SSRC and RTP timestamp arrived. Codes that are not of DTMF are ignored. Does not allocate but for a digit's end. */
  receive(atNs: number, ssrc: number, timestamp: number, packet: Readonly<TelephoneEvent>): void {
    if (packet.event >= EVENT_NAMES.length) return;
    if (ssrc !== this.#ssrc) {
      this.#close(atNs, false);
      this.#ssrc = ssrc;
      this.#begin(timestamp, packet);
    } else {
      const ahead = timestampDelta(timestamp, this.#timestamp);
      if (ahead < 0 && ahead > -this.#reorderTicks && atNs - this.#lastAtNs < REORDER_NS) return;
      if (ahead !== 0 || packet.event !== this.#event) {
        if (this.#continues(ahead, packet.event)) {
          this.#ticks += ahead - this.#segmentTicks + packet.duration;
          this.#segmentTicks = packet.duration;
          this.#timestamp = timestamp;
        } else {
          this.#close(atNs, false);
          this.#begin(timestamp, packet);
        }
      } else if (!this.#open) {
        return;
      } else {
        this.#update(packet.duration);
      }
    }
    this.#lastAtNs = atNs;
    if (packet.end) this.#close(atNs, true);
  }

  /** When {@link tick} is needed, ns; Infinity while no event is on. */
  get dueNs(): number {
    return this.#open ? this.#lastAtNs + this.#silenceNs : Number.POSITIVE_INFINITY;
  }

  /** Ends an event of which nothing was heard for long. */
  tick(nowNs: number): void {
    if (nowNs >= this.dueNs) this.#close(nowNs, false);
  }

  /** The stream has ended, and with it an event that is on. */
  finish(nowNs: number): void {
    this.#close(nowNs, false);
  }

  #begin(timestamp: number, packet: Readonly<TelephoneEvent>): void {
    this.#event = packet.event;
    this.#open = true;
    this.#timestamp = timestamp;
    this.#segmentTicks = packet.duration;
    this.#ticks = packet.duration;
  }

  /** Whether a packet `ahead` of the segment begins the next segment of the same event: where the one before ends (§2.5.1.3). */
  #continues(ahead: number, event: number): boolean {
    if (!this.#open || event !== this.#event) return false;
    return ahead === DURATION_MAXIMUM || (ahead === this.#segmentTicks && ahead >= SEGMENT_MINIMUM);
  }

  /** Durations only grow; one that falls by half their range has wrapped, as in senders that know no segments. */
  #update(duration: number): void {
    const grown = sequenceDelta(duration, this.#segmentTicks);
    if (grown <= 0) return;
    this.#ticks += grown;
    this.#segmentTicks = duration;
  }

  #close(atNs: number, ended: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    this.#onDigit({ digit: EVENT_NAMES[this.#event] as string, durationTicks: this.#ticks, ended }, atNs);
  }
}

export interface TelephoneEventSenderOptions {
  /** Ticks between two packets. */
  readonly intervalTicks: number;
  /** −dBm0; 10 when absent. */
  readonly volume?: number;
}

/** The packets of one event after the other: call {@link next} once an interval. */
export class TelephoneEventSender {
  readonly #intervalTicks: number;
  readonly #packet: TelephoneEvent;
  #startTimestamp = 0;
  #totalTicks = 0;
  #elapsedTicks = 0;
  /** Where the present segment begins, in ticks since the start. */
  #segmentAt = 0;
  #ends = END_PACKETS;
  #first = false;
  #timestamp = 0;
  #marker = false;

  constructor(options: TelephoneEventSenderOptions) {
    this.#intervalTicks = options.intervalTicks;
    this.#packet = { ...createTelephoneEvent(), volume: options.volume ?? DEFAULT_VOLUME };
  }

  /** Begins the event of this code at `timestamp`; the first packet is due an interval later. A RangeError while another is on. */
  start(event: number, timestamp: number, durationTicks: number): void {
    if (this.busy) throw new RangeError('the event before has not ended');
    this.#packet.event = event;
    this.#packet.end = false;
    this.#startTimestamp = timestamp;
    this.#totalTicks = durationTicks;
    this.#elapsedTicks = 0;
    this.#segmentAt = 0;
    this.#ends = 0;
    this.#first = true;
  }

  /** Whether {@link next} has a packet. */
  get busy(): boolean {
    return this.#ends < END_PACKETS;
  }

  /** Writes the payload of the packet that is due now, for the header's {@link timestamp} and {@link marker}. @returns false when there is none. */
  next(payload: Uint8Array, offset: number): boolean {
    if (!this.busy) return false;
    this.#marker = this.#first;
    this.#first = false;
    this.#timestamp = (this.#startTimestamp + this.#segmentAt) >>> 0;
    // After the end the duration stays: the packet is the same three times.
    const due = this.#packet.end ? this.#totalTicks : this.#elapsedTicks + this.#intervalTicks;
    this.#elapsedTicks = Math.min(due, this.#totalTicks);
    const ticks = this.#elapsedTicks - this.#segmentAt;
    if (ticks > DURATION_MAXIMUM) {
      this.#packet.duration = DURATION_MAXIMUM;
      this.#segmentAt += DURATION_MAXIMUM;
    } else {
      this.#packet.duration = ticks;
      // An update that falls on the very end is not the last packet yet (the example of §5 sends it so).
      if (due > this.#totalTicks) this.#packet.end = true;
      if (this.#packet.end) this.#ends += 1;
    }
    writeTelephoneEvent(payload, offset, this.#packet);
    return true;
  }

  /** Of the last packet. */
  get timestamp(): number {
    return this.#timestamp;
  }

  /** Of the last packet: set in the first of an event. */
  get marker(): boolean {
    return this.#marker;
  }
}
