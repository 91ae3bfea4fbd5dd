/** RTP streams with known faults, as frames for captures: what is drawn is drawn from a seed. */
import { SeededRandom } from '../../src/core/probe/random.ts';
import { frame, rtp } from './pcap.ts';
import type { Datagram, Link, Packet } from './pcap.ts';

/** 2026-11-18, with all nine digits behind the second. */
const START_NS = 1_795_000_000_123_456_789n;

export interface Scene {
  readonly seed?: number;
  readonly packets?: number;
  readonly link?: Link;
  readonly from?: Datagram['from'];
  readonly to?: Datagram['to'];
  readonly ssrc?: number;
  readonly firstSequence?: number;
  readonly firstTimestamp?: number;
  readonly payloadType?: number;
  /** Timestamp units of a packet; 20 ms. */
  readonly ticks?: number;
  /** Shares of packets that never come, come twice, and come after their successor. */
  readonly loss?: number;
  readonly duplicates?: number;
  readonly swaps?: number;
  /** Each packet comes up to so much later. */
  readonly jitterNs?: number;
  /** A pause of a second before every so many packets; the next has the marker. */
  readonly talkspurt?: number;
  /** Begins so much later. */
  readonly delayNs?: number;
  /** Round trip of the echo: each packet that comes comes back after it, with the same share of loss. */
  readonly echoNs?: number;
}

export function scene(options: Scene = {}): readonly Packet[] {
  const { packets = 400, link = 'ethernet', from = ['192.0.2.1', 4000], to = ['198.51.100.2', 5004], ssrc = 0xdead_beef } = options;
  const { loss = 0, duplicates = 0, swaps = 0, jitterNs = 0, talkspurt, ticks = 160, payloadType = 0, echoNs } = options;
  const random = new SeededRandom(options.seed ?? 1);
  const chance = (share: number): boolean => random.uint32() / 2 ** 32 < share;
  const made: { atNs: number; frame: Buffer }[] = [];
  let dueNs = options.delayNs ?? 0;
  let timestamp = options.firstTimestamp ?? 0;
  for (let i = 0; i < packets; i++) {
    const paused = talkspurt !== undefined && i > 0 && i % talkspurt === 0;
    if (paused) {
      dueNs += 1e9;
      timestamp += 50 * ticks;
    }
    const payload = rtp({
      sequence: ((options.firstSequence ?? 0) + i) & 0xffff,
      timestamp: timestamp >>> 0,
      ssrc,
      payloadType,
      marker: i === 0 || paused,
    });
    let atNs = dueNs + Math.floor((random.uint32() / 2 ** 32) * jitterNs);
    if (chance(swaps)) atNs += 25_000_000;
    const lost = i >= 5 && chance(loss);
    if (!lost) {
      made.push({ atNs, frame: frame(link, { from, to, payload }) });
      if (chance(duplicates)) made.push({ atNs: atNs + 100_000, frame: frame(link, { from, to, payload }) });
      if (echoNs !== undefined && !(i >= 5 && chance(loss))) {
        made.push({ atNs: atNs + echoNs, frame: frame(link, { from: to, to: from, payload }) });
      }
    }
    dueNs += 20_000_000;
    timestamp += ticks;
  }
  return made.toSorted((a, b) => a.atNs - b.atNs).map((packet) => ({ atNs: START_NS + BigInt(packet.atNs), frame: packet.frame }));
}

/** Several scenes in one capture, by time. */
export function together(...scenes: readonly (readonly Packet[])[]): readonly Packet[] {
  return scenes.flat().toSorted((a, b) => (a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : 0));
}
