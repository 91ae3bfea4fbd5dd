/** How the stream of a call is made: matched as the user wants it, and listened to for the verdict. */
import { sampleRateOf } from '../match/noise-payload.ts';
import { NoiseReference, REFERENCE_RATE_HZ } from '../match/reference.ts';
import type { ProbeOptions } from '../probe/result.ts';
import type { ProbeAudio, StreamSource } from '../probe/source.ts';
import { ProbeStream } from '../probe/stream.ts';
import type { EchoStream, StreamSample } from '../probe/stream.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import { CallWatch } from '../verdict/call-watch.ts';
import type { FarEndWords } from '../verdict/reports.ts';
import type { MediaHost } from './call-media.ts';
import { ListenedStream } from './listened-stream.ts';
import { MatchingStream } from './matching-stream.ts';

export interface ListeningParts {
  readonly host: MediaHost;
  /** Of the call, from 1. */
  readonly number: number;
  readonly options: ProbeOptions & { readonly audio: ProbeAudio };
  /** Payload type of the digits that may come. */
  readonly telephoneEvent: number | undefined;
  readonly answeredNs: number;
  readonly words: () => FarEndWords | null;
}

export interface Listening {
  readonly watch: CallWatch;
  readonly stream: (source: StreamSource, sample: StreamSample) => EchoStream;
}

export function listen(parts: ListeningParts, source: StreamSource): Listening {
  const { host, number, options, telephoneEvent, answeredNs, words } = parts;
  const { correlator, engine, board } = host;
  const mode = host.options.match;
  const { audio, ptimeNs } = options;
  const { noiseSeed, clockRateHz } = audio;
  const watch = new CallWatch({
    ...{ call: number, board, correlator, answeredNs, words, ssrc: source.ssrc, ptimeMs: ptimeNs / 1e6 },
    reference: noiseSeed === undefined ? undefined : new NoiseReference(noiseSeed),
    sampleRateHz: sampleRateOf(audio),
    clockRateHz: clockRateHz === 16_000 ? 16_000 : 8_000,
    samplesPerPacket: (ptimeNs * REFERENCE_RATE_HZ) / 1e9,
    exact: engine.clock === 'kernel',
  });
  const matched = (own: StreamSource, sample: StreamSample): EchoStream =>
    mode === 'header' || noiseSeed === undefined
      ? new ProbeStream(options, own, engine.clock, new LatencyHistogram())
      : new MatchingStream({ mode, options, audio: { ...audio, noiseSeed }, source: own, correlator, clock: engine.clock, sample });
  return {
    watch,
    stream: (own, sample) => new ListenedStream(matched(own, sample), watch, own, audio, telephoneEvent),
  };
}
