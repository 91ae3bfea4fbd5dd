/**
 * What measures the media of one call: RTP that leaves by the call's own port, and what comes back to it. Packets that may come back changed
 * carry noise that is known, and are told apart by a {@link MatchingStream}.
 */
import type { AudioCorrelator } from '../match/audio-correlator.ts';
import type { OneWayDelays } from '../oneway/delays.ts';
import type { PacerOptions, Pacing } from '../probe/pacer.ts';
import type { ProbeOptions, ProbeProgress, ProbeResult } from '../probe/result.ts';
import { ProbeSession } from '../probe/session.ts';
import type { ProbeTally } from '../probe/session.ts';
import type { NegotiatedMedia } from '../sip/sdp-offer.ts';
import type { UdpEngine } from '../udp/engine.ts';
import { audioOf } from './audio.ts';
import { MatchingStream } from './matching-stream.ts';
import type { CallerOptions } from './options.ts';
import type { CallPorts } from './ports.ts';

export interface CallMeasurement {
  /** Settles when all was sent and what is to come back has come, or {@link abort} was called. @throws RtplatError. */
  run(): Promise<ProbeResult>;
  abort(): void;
  progress(): ProbeProgress;
}

/** What the media of all calls share. */
export interface MediaHost {
  readonly engine: UdpEngine;
  /** Unspecified, of the family of the far end. */
  readonly bindAddress: string;
  readonly options: Pick<CallerOptions, 'media' | 'match'>;
  /** Of all calls: it works for one after the other. */
  readonly correlator: AudioCorrelator;
  readonly pacing: (options: PacerOptions) => Pacing;
  readonly tally: ProbeTally;
  /** Of all calls together; only where calls are matched by header, since times take the place of noise. */
  readonly oneWay?: OneWayDelays | undefined;
}

const NS_PER_MS = 1e6;

/** @param number of the call, from 1: each has streams of its own. */
export async function measureMedia(
  host: MediaHost,
  { rtp }: CallPorts,
  { codec, ptimeMs, remote }: NegotiatedMedia,
  number: number,
): Promise<CallMeasurement> {
  const { engine, bindAddress, options, correlator, pacing, tally, oneWay } = host;
  // The same port again, by a socket that hears this peer alone, and what ICMP says of it.
  await rtp.close();
  const ptimeNs = ptimeMs * NS_PER_MS;
  const seed = (options.media.seed + number) % 2 ** 32;
  const mode = options.match;
  const silent = audioOf(codec);
  const noisy = { ...silent, noiseSeed: seed };
  const probe: ProbeOptions = {
    ...options.media,
    ...{ seed, streams: 1, intervalNs: ptimeNs, ptimeNs },
    audio: mode === 'header' ? silent : noisy,
  };
  return new ProbeSession({
    ...{ engine, pacing, tally, oneWay, options: probe, targets: [remote] },
    locals: [{ address: bindAddress, port: rtp.local.port }],
    ...(mode === 'header'
      ? {}
      : {
          stream: (source, sample) =>
            new MatchingStream({ mode, options: probe, audio: noisy, source, correlator, clock: engine.clock, sample }),
        }),
  });
}
