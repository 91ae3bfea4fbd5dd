/**
 * How long each packet of a call took, by captures on both sides of the path, and nothing of what rtplat knows about audio. Along a path
 * packets keep their SSRC and sequence number. Asterisk makes one of one, and keeps the steps of their timestamps.
 */
import { quantile } from '../lib/rounds.ts';
import type { Datagram } from '../../test/asterisk/kit/capture.ts';

export interface Seen {
  /** At the caller's side of the path. */
  readonly near: readonly Datagram[];
  /** At Asterisk's side, and between Asterisk and the echo. */
  readonly far: readonly Datagram[];
}

export interface Truth {
  /** Packets that the caller sent, those that came to Asterisk, and those that came back to the caller. */
  readonly sent: number;
  readonly there: number;
  readonly came: number;
  /** Of those that came back, ms: from the caller and back to it. */
  readonly delaysMs: readonly number[];
  /** Median of what of it is Asterisk and echo. */
  readonly beyondMs: number;
}

const HEADER_HEX = 24;

/**
 * @param port the caller's.
 * @param echoPort the echo's.
 * @throws Error when fewer than 99 in a hundred of what came back can be told apart: the captures then prove nothing.
 */
export function truthOf({ near, far }: Seen, port: number, echoPort: number): Truth {
  const sent = byHeader(near.filter(({ srcPort, payload }) => srcPort === port && isAudio(payload)));
  const there = far.filter(({ srcPort, payload }) => srcPort === port && isAudio(payload));
  const onward = far.filter(({ dstPort }) => dstPort === echoPort);
  const returned = far.filter(({ srcPort }) => srcPort === echoPort);
  const leaving = far.filter(({ dstPort, payload }) => dstPort === port && isAudio(payload));
  const came = near.filter(({ dstPort, payload }) => dstPort === port && isAudio(payload));

  const fromThere = causes(there, onward);
  const byOnward = byHeader(onward);
  const fromReturned = causes(returned, leaving);
  const byLeaving = byHeader(leaving);
  const whole: number[] = [];
  const beyond: number[] = [];
  for (const back of came) {
    const left = byLeaving.get(headerOf(back));
    const returnedHere = left === undefined ? undefined : fromReturned.get(left);
    const sentOn = returnedHere === undefined ? undefined : byOnward.get(headerOf(returnedHere));
    const arrived = sentOn === undefined ? undefined : fromThere.get(sentOn);
    const first = arrived === undefined ? undefined : sent.get(headerOf(arrived));
    if (left === undefined || arrived === undefined || first === undefined) continue;
    whole.push((back.timeS - first.timeS) * 1000);
    beyond.push((left.timeS - arrived.timeS) * 1000);
  }
  if (!(whole.length >= 0.99 * came.length) || came.length === 0)
    throw new Error(`of ${came.length} packets that came back, the captures tell of ${whole.length} alone which they were`);
  return { sent: sent.size, there: there.length, came: came.length, delaysMs: whole, beyondMs: quantile(beyond, 0.5) };
}

/** RTP of a static payload type: not RTCP, nor a telephone event. */
function isAudio(payload: string): boolean {
  return payload.startsWith('80') && (Number.parseInt(payload.slice(2, 4), 16) & 0x7f) < 35;
}

function headerOf({ payload }: Datagram): string {
  return payload.slice(4, HEADER_HEX);
}

function byHeader(packets: readonly Datagram[]): ReadonlyMap<string, Datagram> {
  return new Map(packets.map((packet) => [headerOf(packet), packet]));
}

/**
 * Which packet of `from` each of `made` was made of. Asterisk keeps the timestamps but for a constant, which is what most packets differ by from
 * the last one that came before them.
 */
function causes(from: readonly Datagram[], made: readonly Datagram[]): ReadonlyMap<Datagram, Datagram> {
  const differences = new Map<number, number>();
  let next = 0;
  for (const packet of made) {
    while (next < from.length && (from[next]?.timeS ?? 0) <= packet.timeS) next += 1;
    const last = from[next - 1];
    if (last === undefined) continue;
    const difference = (timestampOf(packet) - timestampOf(last)) >>> 0;
    differences.set(difference, (differences.get(difference) ?? 0) + 1);
  }
  const [constant = 0] = [...differences].toSorted(([, a], [, b]) => b - a)[0] ?? [];
  const byTimestamp = new Map(from.map((packet) => [timestampOf(packet), packet]));
  const found = new Map<Datagram, Datagram>();
  for (const packet of made) {
    const cause = byTimestamp.get((timestampOf(packet) - constant) >>> 0);
    if (cause !== undefined && cause.timeS <= packet.timeS) found.set(packet, cause);
  }
  return found;
}

function timestampOf({ payload }: Datagram): number {
  return Number.parseInt(payload.slice(8, 16), 16);
}
