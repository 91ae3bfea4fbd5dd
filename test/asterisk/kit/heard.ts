/**
 * How long sound took, by captures of what was sent and of what came: every packet that came is held against all that was sent in the
 * 800 ms before, sum by sum. Nothing of src/core/match is in it.
 */
import { Buffer } from 'node:buffer';
import { LINEAR_OF_ALAW, LINEAR_OF_ULAW } from '../../../src/core/audio/g711.ts';
import { G722Decoder } from '../../../src/core/audio/g722.ts';
import type { Datagram } from './capture.ts';

const RTP_HEADER = 12;
const LONGEST_S = 0.8;
/** Root mean square below which a packet is silent: before the caller's first sound has come back, and behind its last. */
const SILENT = 8;
/** What is found by chance in 20 ms of noise stays below this. */
const SURE = 0.6;

interface SoundPacket {
  readonly timeS: number;
  /** In samples. */
  readonly start: number;
  readonly count: number;
  readonly bytes: Buffer;
}

/** One stream of a capture, decoded and laid out by its timestamps. */
export interface Sound {
  readonly rateHz: 8_000 | 16_000;
  readonly samples: Int16Array;
  readonly packets: readonly SoundPacket[];
}

/** @param packets of one stream, without a telephone event among them; those that came after later ones are put where they belong. */
export function soundOf(packets: readonly Datagram[]): Sound {
  const rtp = packets
    .map(({ payload, timeS }) => {
      const bytes = Buffer.from(payload, 'hex');
      return { timeS, type: bytes.readUInt8(1) & 0x7f, timestamp: bytes.readUInt32BE(4), bytes: bytes.subarray(RTP_HEADER) };
    })
    .toSorted((a, b) => (a.timestamp - b.timestamp) | 0);
  const first = rtp[0]?.timestamp ?? 0;
  const wide = rtp[0]?.type === 9;
  const perByte = wide ? 2 : 1;
  const last = rtp.at(-1);
  const samples = new Int16Array((((last?.timestamp ?? 0) - first) >>> 0) * perByte + (last?.bytes.length ?? 0) * perByte);
  const decoder = new G722Decoder();
  const laid = rtp.map(({ timeS, type, timestamp, bytes }) => {
    const start = ((timestamp - first) >>> 0) * perByte;
    if (wide) decoder.decode(bytes, 0, bytes.length, samples, start);
    else for (const [i, code] of bytes.entries()) samples[start + i] = (type === 8 ? LINEAR_OF_ALAW : LINEAR_OF_ULAW)[code] ?? 0;
    return { timeS, start, count: bytes.length * perByte, bytes };
  });
  return { rateHz: wide ? 16_000 : 8_000, samples, packets: laid };
}

export interface Heard {
  /** ms, of each packet that was found: from when the sample that it begins with was sent until it came. */
  readonly delaysMs: readonly number[];
  /** Packets that came and are not silent. */
  readonly audible: number;
}

/** Both are of one rate. */
export function delaysByEar(sent: Sound, came: Sound): Heard {
  const delaysMs: number[] = [];
  const energies = runningEnergy(sent.samples);
  const audible = audibleOf(came);
  for (const { timeS, start, count } of audible) {
    const [from, to] = [placeAt(sent, timeS - LONGEST_S), placeAt(sent, timeS)];
    const own = energyOf(came.samples, start, count);
    let best = SURE;
    let at: number | undefined;
    for (let place = from; place <= to; place++) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += (came.samples[start + i] ?? 0) * (sent.samples[place + i] ?? 0);
      const energy = (energies[Math.min(energies.length - 1, place + count)] ?? 0) - (energies[place] ?? 0);
      const correlation = sum / Math.sqrt(own * energy);
      if (correlation <= best) continue;
      best = correlation;
      at = place;
    }
    if (at !== undefined) delaysMs.push((timeS - timeOf(sent, at)) * 1000);
  }
  return { delaysMs, audible: audible.length };
}

/** Of the packets whose very bytes were sent, in one place: from when the packet was sent that the first of them was in. */
export function delaysByBytes(sent: Sound, came: Sound): Heard {
  const all = Buffer.concat(sent.packets.map(({ bytes }) => bytes));
  const starts: number[] = [];
  let total = 0;
  for (const { bytes } of sent.packets) {
    starts.push(total);
    total += bytes.length;
  }
  const delaysMs: number[] = [];
  const audible = audibleOf(came);
  for (const { timeS, bytes } of audible) {
    const at = all.indexOf(bytes);
    if (at < 0 || all.includes(bytes, at + 1)) continue;
    const index = starts.findLastIndex((start) => start <= at);
    delaysMs.push((timeS - (sent.packets[index]?.timeS ?? Number.NaN)) * 1000);
  }
  return { delaysMs, audible: audible.length };
}

function audibleOf({ packets, samples }: Sound): readonly SoundPacket[] {
  return packets.filter(({ start, count }) => energyOf(samples, start, count) > count * SILENT ** 2);
}

/** The sample of `sent` that was due at this time, within the stream. */
function placeAt({ packets, rateHz, samples }: Sound, timeS: number): number {
  const index = packets.findLastIndex((packet) => packet.timeS <= timeS);
  const packet = packets[index];
  if (packet === undefined) return 0;
  return Math.min(samples.length - 1, packet.start + Math.min(packet.count, Math.round((timeS - packet.timeS) * rateHz)));
}

function timeOf({ packets, rateHz }: Sound, place: number): number {
  const index = packets.findLastIndex(({ start }) => start <= place);
  const packet = packets[index];
  if (packet === undefined) return Number.NaN;
  // One that left late is followed early.
  return Math.min(packet.timeS + (place - packet.start) / rateHz, packets[index + 1]?.timeS ?? Number.POSITIVE_INFINITY);
}

function energyOf(samples: Int16Array, start: number, count: number): number {
  let energy = 0;
  for (let i = 0; i < count; i++) energy += (samples[start + i] ?? 0) ** 2;
  return energy;
}

/** Of all samples before each. */
function runningEnergy(samples: Int16Array): Float64Array {
  const sums = new Float64Array(samples.length + 1);
  for (let i = 0; i < samples.length; i++) sums[i + 1] = (sums[i] as number) + (samples[i] as number) ** 2;
  return sums;
}
