/** What a call's media is told to do, and what it tells: plain data, which crosses threads. */
import type { ToneSpec } from '../audio/tone.ts';
import type { Endpoint } from '../values/address.ts';
import type { MediaCounters } from './numbers.ts';

/** What a call does with its media. Time runs on while the peer has put us on hold. */
export type MediaAction =
  /** Plays tones for so long, then tells that it has finished and is silent. */
  | { readonly kind: 'tone'; readonly tone: ToneSpec; readonly durationMs: number }
  /** Plays samples, at the rate of the codec and in shared memory; after their end it has finished and is silent, unless it repeats. */
  | { readonly kind: 'play'; readonly samples: Int16Array; readonly repeat: boolean }
  /** Sends each packet of the peer back as it is; with times in it, where it asks for them and the fleet stamps. */
  | { readonly kind: 'echo' }
  | { readonly kind: 'silence' }
  /** Sends silence and writes what the peer says to a new WAV file; has finished when that has its `maxBytes`. */
  | { readonly kind: 'record'; readonly file: string; readonly maxBytes: number };

export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface MediaCodec {
  readonly name: 'PCMU' | 'PCMA' | 'G722' | 'L16';
  readonly payloadType: number;
  /** 8000 or 16000. */
  readonly clockRateHz: number;
}

export interface MediaSpec {
  /** Of RTP; 0 lets the kernel choose. */
  readonly port: number;
  /** Numeric; `0.0.0.0` and `::` mean all interfaces. */
  readonly bindAddress: string;
  /** RTCP on the RTP port (RFC 5761), on the one after it, or none. */
  readonly rtcp: 'mux' | 'next-port' | 'off';
  /** Where the session description says that RTP goes to, and is to come from. */
  readonly remote: Endpoint;
  /** Where RTCP goes to; by default what follows from `rtcp`. */
  readonly remoteRtcp: Endpoint | undefined;
  readonly codec: MediaCodec;
  /** Of telephone events (RFC 4733), where they were negotiated. */
  readonly dtmfPayloadType: number | undefined;
  /** Listen for DTMF tones in the audio, until an event shows that the peer does not send them so. */
  readonly inBandDtmf: boolean;
  readonly ptimeMs: number;
  /** As seen from here. */
  readonly direction: MediaDirection;
  readonly action: MediaAction;
  /**
   * `when-private`: where the address of the description cannot be right (it is unspecified, or a private one while signalling came
   * from a public one), RTP is taken from wherever on the signalling peer's address it comes first. Nothing is ever sent to a third.
   */
  readonly symmetric: 'never' | 'when-private';
  /** Where signalling came from. */
  readonly signallingAddress: string;
  /** RFC 3550 §6.5.1. */
  readonly cname: string;
  /** Random (RFC 3550 §5.1), like the next two, which are those of the first packet. */
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
}

/** What a later offer may change. What is left out stays; an action that is given begins anew. */
export type MediaUpdate = Partial<
  Pick<
    MediaSpec,
    | 'rtcp'
    | 'remote'
    | 'remoteRtcp'
    | 'codec'
    | 'dtmfPayloadType'
    | 'inBandDtmf'
    | 'ptimeMs'
    | 'direction'
    | 'action'
    | 'symmetric'
    | 'signallingAddress'
  >
>;

export type DtmfWay = 'rfc4733' | 'in-band';

/** Told what happens in all calls; `id` is that of the {@link MediaCall}. Times are those of the engine's clock. */
export interface MediaEvents {
  /** A digit: 0–9, `*`, `#`, A–D. */
  dtmf(id: number, digit: string, how: DtmfWay, durationMs: number, atNs: number): void;
  /** The action has come to its end. */
  finished(id: number): void;
  firstPacket(id: number, atNs: number, from: Endpoint): void;
  /** A datagram came from somebody else. Once a call; all are counted. */
  refusedSource(id: number, from: Endpoint): void;
  /** No RTP for the media time-out, though some should come. Told again after a later packet. */
  silent(id: number): void;
  /** The recording has lost something, or ended too soon. Once a recording. */
  recordingFailed(id: number, problem: string): void;
}

/** Of a recording that has ended. */
export interface RecordingReport {
  readonly file: string;
  /** Of samples, in the file. */
  readonly bytes: number;
  /** Of samples that the disk was too slow for, or refused: silence in the file. */
  readonly droppedBytes: number;
  /** What went wrong; null when nothing did. */
  readonly problem: string | null;
}

/** What became of a call's media. */
export interface MediaReport {
  readonly counters: MediaCounters;
  /** In the order in which they began. */
  readonly recordings: readonly RecordingReport[];
}

/** The media of one call. */
export interface MediaCall {
  readonly id: number;
  /** Of RTP. */
  readonly port: number;
  /** From now on it sends. Nothing is sent before: to be called when the peer has acknowledged where it wants media. */
  start(): void;
  /**
   * For a later offer. The port and the SSRC stay as they are; `next-port` for RTCP can only be had by who opened the call with it. A `play` needs its samples at the new rate when that changes.
   *
   * @throws RtplatError `usage` when it asks for what there is not.
   */
  update(change: MediaUpdate): void;
  counters(): MediaCounters;
  /** Says goodbye and sends no more. Settles when the numbers are final and recordings complete; may be called twice. */
  stop(): Promise<MediaReport>;
  /** Settles some time after {@link stop}, when nothing is on its way to its ports any more and they are free. */
  readonly released: Promise<void>;
}
