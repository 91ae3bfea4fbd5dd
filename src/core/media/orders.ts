/** What a {@link MediaPlane} is told and what it tells: plain data, so that it can run in a thread of its own. */
import type { ToneLoop } from '../audio/tone.ts';
import type { Endpoint } from '../udp/engine.ts';
import type { Failure } from '../values/failure.ts';
import type { MediaBlock } from './numbers.ts';
import type { DtmfWay, MediaAction, MediaSpec, MediaUpdate } from './types.ts';

/** An action as the plane carries it out: tones that repeat themselves come encoded, files are somebody else's. */
export type PlaneAction =
  | { readonly kind: 'loop'; readonly loop: ToneLoop; readonly durationMs: number }
  | Extract<MediaAction, { readonly kind: 'tone' | 'play' | 'echo' | 'silence' }>
  /** `recording` is a number by which the samples find their file. */
  | { readonly kind: 'record'; readonly recording: number; readonly maxBytes: number };

export type PlaneSpec = Omit<MediaSpec, 'action'> & { readonly action: PlaneAction };
export type PlaneUpdate = Omit<MediaUpdate, 'action'> & {
  readonly action?: PlaneAction;
  /** Another encoding of the tone that is playing, which goes on: not a new action. */
  readonly reencoded?: ToneLoop | undefined;
};

export type MediaRequest =
  | { readonly kind: 'open'; readonly id: number; readonly spec: PlaneSpec; readonly block: MediaBlock }
  | { readonly kind: 'start'; readonly id: number }
  | { readonly kind: 'update'; readonly id: number; readonly change: PlaneUpdate }
  /** Sends no more. The numbers are final when it is answered. */
  | { readonly kind: 'stop'; readonly id: number }
  /** Answered when the ports are free. After `stop`. */
  | { readonly kind: 'release'; readonly id: number }
  /** Nothing: that it is answered is what is asked for. */
  | { readonly kind: 'ping' };

export interface MediaOrder {
  /** What the answer is known by; null for an order that nobody waits for, which has none. */
  readonly serial: number | null;
  readonly request: MediaRequest;
}

export type MediaMessage =
  /** The RTP port for `open`, else null. */
  | { readonly kind: 'done'; readonly serial: number; readonly port: number | null }
  | { readonly kind: 'failed'; readonly serial: number; readonly failure: Failure }
  | { readonly kind: 'first-packet'; readonly id: number; readonly atNs: number; readonly from: Endpoint }
  | { readonly kind: 'refused-source'; readonly id: number; readonly from: Endpoint }
  | {
      readonly kind: 'dtmf';
      readonly id: number;
      readonly digit: string;
      readonly how: DtmfWay;
      readonly durationMs: number;
      readonly atNs: number;
    }
  | { readonly kind: 'finished'; readonly id: number }
  | { readonly kind: 'silent'; readonly id: number }
  /** Samples for their place in the recording; they are in {@link MediaTotals.pendingBytes} until they are written. */
  | { readonly kind: 'recorded'; readonly recording: number; readonly at: number; readonly samples: Int16Array }
  /** The disk is behind: samples were left out, from now on or again. */
  | { readonly kind: 'recording-behind'; readonly recording: number; readonly bytes: number };
