import { LINEAR_OF_ULAW, ULAW_OF_LINEAR } from '../../../src/core/audio/g711.ts';
import { AudioCorrelator } from '../../../src/core/match/audio-correlator.ts';
import { AudioMatcher } from '../../../src/core/match/audio.ts';
import { NoiseReference } from '../../../src/core/match/reference.ts';
import { must } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const MS = 1e6;
const HEAD_BYTES = 6;
const PACKET = 160;
const correlator = new AudioCorrelator();
const REFERENCE = 7;
const samples = new Int16Array(4_096);

export const target: FuzzTarget = {
  name: 'match-audio',
  what: 'sound that comes back with any timestamps and in any pieces: each packet is in one state, each delay a number within the longest',
  code: [
    'match/audio.ts',
    'match/audio-timeline.ts',
    'match/audio-search.ts',
    'match/audio-packet.ts',
    'match/audio-blocks.ts',
    'match/audio-correlator.ts',
  ],
  mostBytes: 4_096,
  inputs: 10_000,
  seeds: () => [echo(16, 0, 0), echo(20, 1_000, 3), echo(8, 0xffff_ff00, 0)],
  check(input) {
    const reference = new NoiseReference(REFERENCE);
    let told = 0;
    const matcher = new AudioMatcher({
      correlator,
      reference,
      sampleRateHz: 8_000,
      clockRateHz: 8_000,
      longestNs: 500 * MS,
      onMatch: ({ delayNs, errorNs, score }) => {
        told += 1;
        must(Number.isFinite(delayNs) && delayNs >= -errorNs && delayNs <= 500 * MS, 'a delay of', delayNs, errorNs);
        must(score >= 0 && score <= 1 + 1e-9, 'a score of', score);
      },
    });
    for (let i = 0; i < 40; i += 1) matcher.sent(i * 20 * MS, PACKET);
    const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    let timestamp = 0;
    let packets = 0;
    let nowNs = 0;
    for (let at = 0; at + HEAD_BYTES <= input.length; packets += 1) {
      timestamp = (timestamp + view.getInt32(at)) >>> 0;
      const count = Math.min(view.getUint8(at + 4) * 4, input.length - at - HEAD_BYTES);
      nowNs += view.getUint8(at + 5) * MS;
      at += HEAD_BYTES;
      for (let i = 0; i < count; i += 1) samples[i] = LINEAR_OF_ULAW[input[at + i]!]!;
      matcher.receive(nowNs, timestamp, samples, 0, count);
      at += count;
    }
    matcher.end();
    const { received, windows, found, restarts, ...states } = matcher.counters();
    const sum = Object.values(states).reduce((total, count) => total + count, 0);
    must(received === packets && sum === packets && told === states.matched, 'packets are not in one state each', matcher.counters());
    must(found <= windows && restarts <= packets, 'windows', matcher.counters());
  },
};

/** Packets of the reference in µ-law, as they would come back. */
function echo(packets: number, timestamp: number, skip: number): Uint8Array {
  const noise = new NoiseReference(REFERENCE);
  const bytes = new Uint8Array(packets * (HEAD_BYTES + PACKET));
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < packets; i += 1) {
    const at = i * (HEAD_BYTES + PACKET);
    noise.read((i + skip) * PACKET, PACKET, samples, 0);
    view.setInt32(at, i === 0 ? timestamp : PACKET);
    view.setUint8(at + 4, PACKET / 4);
    view.setUint8(at + 5, 20);
    for (let s = 0; s < PACKET; s += 1) bytes[at + HEAD_BYTES + s] = ULAW_OF_LINEAR[samples[s]! & 0xffff]!;
  }
  return bytes;
}
