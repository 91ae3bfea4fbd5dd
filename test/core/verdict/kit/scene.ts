/** One call in simulated time: what leaves every 20 ms goes through a far end of the test, and what that sends is listened to. */
import { LINEAR_OF_ULAW, ULAW_OF_LINEAR } from '../../../../src/core/audio/g711.ts';
import { AudioCorrelator } from '../../../../src/core/match/audio-correlator.ts';
import { NoiseReference } from '../../../../src/core/match/reference.ts';
import { CallWatch } from '../../../../src/core/verdict/call-watch.ts';
import type { FarEndWords } from '../../../../src/core/verdict/reports.ts';
import { MarkerBoard } from '../../../../src/core/verdict/marker-board.ts';
import type { CallState, CallVerdict } from '../../../../src/core/verdict/verdict.ts';

export const MS = 1e6;
export const SIZE = 160;
const PTIME_NS = 20 * MS;
const LOOK_NS = 50 * MS;
const ANSWERED_NS = 1_000e9;

export interface SentPiece {
  readonly index: number;
  readonly samples: Int16Array;
  /** ns since the answer. */
  readonly leftNs: number;
}

export interface FarPiece {
  /** After the piece left, ns. */
  readonly afterNs: number;
  /** null: comfort noise. */
  readonly samples: Int16Array | null;
  /** Sequence number and timestamp of its own; those that were sent without. */
  readonly own?: { readonly sequence: number; readonly timestamp: number; readonly ssrc?: number } | undefined;
}

export type Far = (piece: SentPiece) => readonly FarPiece[];

export interface SceneOptions {
  readonly seconds: number;
  readonly far: Far;
  readonly seed?: number;
  readonly board?: MarkerBoard;
  readonly call?: number;
  readonly words?: (sinceAnswerNs: number) => FarEndWords | null;
  /** false: silence is sent. */
  readonly marked?: boolean;
}

export interface Scene {
  readonly verdict: CallVerdict;
  /** What it was after so many ms, every 100. */
  readonly states: readonly (CallState | undefined)[];
}

export const SSRC = 0x1234;
export const correlator: AudioCorrelator = new AudioCorrelator();

export function scene({
  seconds,
  far,
  seed = 1,
  board = new MarkerBoard(correlator),
  call = 1,
  words,
  marked = true,
}: SceneOptions): Scene {
  const reference = new NoiseReference(seed);
  let nowNs = ANSWERED_NS;
  const watch = new CallWatch({
    ...{ call, board, correlator, ssrc: SSRC + call, answeredNs: ANSWERED_NS, ptimeMs: 20, reference: marked ? reference : undefined },
    ...{ sampleRateHz: 8_000, clockRateHz: 8_000, samplesPerPacket: SIZE, exact: true },
    words: () => words?.(nowNs - ANSWERED_NS) ?? null,
  });
  const coming: { readonly atNs: number; readonly index: number; readonly piece: FarPiece }[] = [];
  const states: (CallState | undefined)[] = [];
  const packets = seconds * 50;
  // Events in order of time: a packet leaves, packets come, a look.
  for (let tick = 0; tick * 10 * MS <= packets * PTIME_NS + 500 * MS; tick++) {
    nowNs = ANSWERED_NS + tick * 10 * MS;
    const index = tick / 2;
    if (Number.isInteger(index) && index < packets) {
      const samples = new Int16Array(SIZE);
      if (marked) reference.read(index * SIZE, SIZE, samples, 0);
      const leftNs = nowNs - ANSWERED_NS;
      watch.sent(nowNs);
      for (const piece of far({ index, samples: throughUlaw(samples), leftNs })) {
        coming.push({ atNs: nowNs + piece.afterNs, index, piece });
      }
    }
    coming.sort((a, b) => a.atNs - b.atNs);
    while (coming.length > 0 && (coming[0]?.atNs ?? Infinity) <= nowNs) {
      const next = coming.shift();
      if (next === undefined) break;
      const { samples, own } = next.piece;
      const ssrc = own === undefined ? SSRC + call : (own.ssrc ?? 0x9999);
      const header = {
        ...{ marker: false, payloadType: 0, csrcCount: 0, extension: false, ssrc, sequence: (own?.sequence ?? next.index) & 0xffff },
        timestamp: (own?.timestamp ?? next.index * SIZE) % 2 ** 32,
        ...{ payloadOffset: 12, payloadLength: SIZE },
      };
      watch.came(header, own === undefined ? next.index : -1, samples ?? new Int16Array(0), samples?.length ?? 0, next.atNs);
    }
    if ((tick * 10 * MS) % LOOK_NS === 0) watch.look(nowNs);
    if (tick % 10 === 0) states.push(watch.current?.state);
  }
  return { verdict: watch.finish(nowNs), states };
}

/** As it is after μ-law. */
export function throughUlaw(samples: Int16Array): Int16Array {
  return samples.map((sample) => LINEAR_OF_ULAW[ULAW_OF_LINEAR[sample & 0xffff] as number] as number);
}

/** Sends on what it gets, in packets that it numbers itself, `afterNs` later. */
export function renumbering(change: (piece: SentPiece) => Int16Array | null | undefined, afterNs = 40 * MS): Far {
  let sequence = 5_000;
  return (piece) => {
    const samples = change(piece);
    if (samples === undefined) return [];
    sequence += 1;
    return [{ afterNs, samples, own: { sequence, timestamp: 777 + piece.index * SIZE } }];
  };
}

/** Numbers of a seed, 0 … 1. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
