/**
 * Times of a far end inside the payload of an RTP packet. A prober leaves a place at the beginning of the payload and marks it; a far end
 * that stamps writes into it, and sends the packet back as long as it was. All in network order.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                           "rtpl"                              |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |             "at"              |  version = 1  |D|    0    |K|CS |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |             receive time, NTP format (RFC 5905 §6)            |
 * |                                                               |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |             transmit time, NTP format                         |
 * |                                                               |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  error estimate of the clock  | error estimate of the reading |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |               how often the clock was seen to be set          |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |               identity of the clock, 64 bits                  |
 * |                                                               |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * D: done; 0 is the request, whose remaining bits and bytes are 0. K: the receive time is the kernel's. CS: the state of the clock.
 * The times and error estimates are those of a STAMP reflector (RFC 8762 §4.3.1); the packet cannot be, as it has to be RTP.
 */
import { encodeErrorEstimate, errorOfEstimate, isSynchronised } from './error-estimate.ts';
import { CLOCK_SYNCHRONISED } from './wall.ts';
import type { ClockState, WallTime } from './wall.ts';

export const STAMP_BYTES = 40;

const MAGIC_HIGH = 0x72_74_70_6c;
/** "at", the version, and no bit. */
const MAGIC_LOW = 0x61_74_01_00;
const FLAGS = 7;
const DONE = 0x80;
const KERNEL = 0x04;
const STATE = 0x03;
const RESERVED = 0x78;
const RECEIVED = 8;
const TRANSMITTED = 16;
const CLOCK_ERROR = 24;
const READING_ERROR = 26;
const STEPS = 28;
const IDENTITY = 32;

/** From 1900, where NTP begins, to 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800;
const NS_PER_SECOND = 1e9;
const TWO_TO_32 = 2 ** 32;

/** A stamp that was read. Reused. */
export interface Stamp {
  /** Nanoseconds after the second since 1970 that it was read against. */
  receivedNs: number;
  transmittedNs: number;
  byKernel: boolean;
  state: ClockState;
  clockErrorNs: number;
  readingErrorNs: number;
  steps: number;
  identityHigh: number;
  identityLow: number;
}

/** `asked`: it came back as it was sent; `changed`: this is not, or no more, such a place; `short`: its end is missing. */
export type StampProblem = 'asked' | 'changed' | 'short' | 'damaged';

export function createStamp(): Stamp {
  return {
    ...{ receivedNs: 0.5, transmittedNs: 0.5, byKernel: false, state: 0 },
    ...{ clockErrorNs: 0.5, readingErrorNs: 0.5, steps: 0, identityHigh: 0, identityLow: 0 },
  };
}

/** Writes the request into `bytes[at … at+STAMP_BYTES)`. */
export function askForStamp(bytes: Uint8Array, at: number): void {
  bytes.fill(0, at, at + STAMP_BYTES);
  writeWord(bytes, at, MAGIC_HIGH);
  writeWord(bytes, at + 4, MAGIC_LOW);
}

/** Whether a stamp is asked for at the beginning of a payload. */
export function asksForStamp(bytes: Uint8Array, at: number, payloadBytes: number): boolean {
  return payloadBytes >= STAMP_BYTES && word(bytes, at) === MAGIC_HIGH && word(bytes, at + 4) === MAGIC_LOW;
}

/**
 * Answers the request at `at`.
 *
 * @param receivedNs monotonic, on the clock that `wall` brings to wall time; as `transmittedNs`.
 */
export function writeStamp(
  bytes: Uint8Array,
  at: number,
  wall: WallTime,
  receivedNs: number,
  transmittedNs: number,
  byKernel: boolean,
): void {
  const good = wall.state === CLOCK_SYNCHRONISED;
  bytes[at + FLAGS] = DONE | (byKernel ? KERNEL : 0) | wall.state;
  writeTime(bytes, at + RECEIVED, wall.epochSeconds, receivedNs + wall.offsetNs);
  writeTime(bytes, at + TRANSMITTED, wall.epochSeconds, transmittedNs + wall.offsetNs);
  writeHalf(bytes, at + CLOCK_ERROR, encodeErrorEstimate(good ? wall.maxErrorNs : 0, good));
  writeHalf(bytes, at + READING_ERROR, encodeErrorEstimate(wall.readingErrorNs, good));
  writeWord(bytes, at + STEPS, wall.steps);
  writeWord(bytes, at + IDENTITY, wall.identityHigh);
  writeWord(bytes, at + IDENTITY + 4, wall.identityLow);
}

/**
 * Reads the stamp at the beginning of a payload.
 *
 * @param epochSeconds since 1970: what the times in `out` are counted from. It also tells the era of NTP, within 68 years.
 * @returns undefined when `out` holds it.
 */
export function readStamp(bytes: Uint8Array, at: number, payloadBytes: number, epochSeconds: number, out: Stamp): StampProblem | undefined {
  if (payloadBytes < 8) return 'short';
  if (word(bytes, at) !== MAGIC_HIGH || (word(bytes, at + 4) & ~0xff) >>> 0 !== MAGIC_LOW) return 'changed';
  if (payloadBytes < STAMP_BYTES) return 'short';
  const flags = bytes[at + FLAGS] as number;
  if (flags === 0) return 'asked';
  if ((flags & DONE) === 0 || (flags & RESERVED) !== 0) return 'damaged';
  const clock = half(bytes, at + CLOCK_ERROR);
  out.clockErrorNs = errorOfEstimate(clock);
  out.readingErrorNs = errorOfEstimate(half(bytes, at + READING_ERROR));
  out.state = (flags & STATE) as ClockState;
  if (Number.isNaN(out.clockErrorNs) || Number.isNaN(out.readingErrorNs)) return 'damaged';
  if (isSynchronised(clock) !== (out.state === CLOCK_SYNCHRONISED)) return 'damaged';
  out.byKernel = (flags & KERNEL) !== 0;
  out.receivedNs = readTime(bytes, at + RECEIVED, epochSeconds);
  out.transmittedNs = readTime(bytes, at + TRANSMITTED, epochSeconds);
  out.steps = word(bytes, at + STEPS);
  out.identityHigh = word(bytes, at + IDENTITY);
  out.identityLow = word(bytes, at + IDENTITY + 4);
  return undefined;
}

function writeTime(bytes: Uint8Array, at: number, epochSeconds: number, ns: number): void {
  let seconds = Math.floor(ns / NS_PER_SECOND);
  let fraction = Math.round(((ns - seconds * NS_PER_SECOND) * TWO_TO_32) / NS_PER_SECOND);
  if (fraction === TWO_TO_32) {
    seconds += 1;
    fraction = 0;
  }
  writeWord(bytes, at, (epochSeconds + seconds + NTP_EPOCH_SECONDS) % TWO_TO_32);
  writeWord(bytes, at + 4, fraction);
}

function readTime(bytes: Uint8Array, at: number, epochSeconds: number): number {
  // As a signed number: the nearest of all seconds with these 32 bits.
  const seconds = (word(bytes, at) - ((epochSeconds + NTP_EPOCH_SECONDS) % TWO_TO_32)) | 0;
  return seconds * NS_PER_SECOND + (word(bytes, at + 4) * NS_PER_SECOND) / TWO_TO_32;
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function writeHalf(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function word(bytes: Uint8Array, at: number): number {
  return ((half(bytes, at) << 16) | half(bytes, at + 2)) >>> 0;
}

function half(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
