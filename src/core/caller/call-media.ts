/**
 * What measures the media of one call: RTP that leaves by the call's own port, and what comes back to it; and RTCP beside it. Packets that may
 * come back changed carry noise that is known; what is heard of it is the verdict on the call.
 */
import { randomBytes } from 'node:crypto';
import { RtplatError } from '../errors.ts';
import type { AudioCorrelator } from '../match/audio-correlator.ts';
import type { OneWayDelays } from '../oneway/delays.ts';
import type { PacerOptions, Pacing } from '../probe/pacer.ts';
import type { ProbeOptions, ProbeProgress, ProbeResult } from '../probe/result.ts';
import { ProbeSession } from '../probe/session.ts';
import type { ProbeTally } from '../probe/session.ts';
import { PCMU_AUDIO, streamSources } from '../probe/source.ts';
import type { StreamSource } from '../probe/source.ts';
import type { NegotiatedMedia } from '../sip/sdp-offer.ts';
import { DROPPED } from '../srtp/receiver.ts';
import { SrtcpReceiver, SrtcpSender } from '../srtp/srtcp.ts';
import type { Endpoint, UdpEngine, UdpSocket } from '../udp/engine.ts';
import { sameEndpoint } from '../values/address.ts';
import type { MarkerBoard } from '../verdict/marker-board.ts';
import type { CallState, CallVerdict } from '../verdict/verdict.ts';
import { audioOf } from './audio.ts';
import { listen } from './listening.ts';
import type { CallerOptions } from './options.ts';
import type { CallPorts } from './ports.ts';
import { CallRtcp } from './rtcp-call.ts';
import type { RtcpFacts } from './rtcp-call.ts';

export interface CallMeasurement {
  /** Settles when all was sent and what is to come back has come, or {@link abort} was called. @throws RtplatError. */
  run(): Promise<ProbeResult>;
  abort(): void;
  progress(): ProbeProgress;
  /** What the far end has said by RTCP so far. */
  rtcp(): RtcpFacts;
  /** What the call is like now; undefined before the first verdict. */
  state(): CallState | undefined;
  /** What the whole call was like; null before the end. */
  verdict(): CallVerdict | null;
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
  /** Of all calls: by it they are told from one another. */
  readonly board: MarkerBoard;
}

const NS_PER_MS = 1e6;
/** Random enough for a name that nobody else has (RFC 7022 §4.2). */
const CNAME_BYTES = 12;
/** What a share of 1 is drawn in. */
const RANDOM_VALUES = 2 ** 32;

/**
 * @param number of the call, from 1: each has streams of its own.
 * @param sinceAnswerMs how long ago it was answered.
 */
export async function measureMedia(
  host: MediaHost,
  ports: CallPorts,
  { codec, ptimeMs, remote, rtcp: remoteRtcp, receive, srtp }: NegotiatedMedia,
  number: number,
  sinceAnswerMs = 0,
): Promise<CallMeasurement> {
  const { engine, bindAddress, options, pacing, tally, oneWay } = host;
  const answeredNs = engine.nowNs() - sinceAnswerMs * NS_PER_MS;
  // The same port again, by a socket that hears this peer alone, and what ICMP says of it.
  await ports.rtp.close();
  const ptimeNs = ptimeMs * NS_PER_MS;
  const seed = (options.media.seed + number) % 2 ** 32;
  const mode = options.match;
  const silent = audioOf(codec);
  const probe = {
    ...options.media,
    ...{ seed, streams: 1, intervalNs: ptimeNs, ptimeNs, srtp },
    audio: mode === 'header' ? silent : { ...silent, noiseSeed: seed },
  };
  const [source] = streamSources(probe) as [StreamSource];
  const rtcp = speakRtcp(engine, ports.rtcp, remoteRtcp, probe, source);
  const { watch, stream } = listen(
    { host, number, options: probe, telephoneEvent: receive.dtmf, answeredNs, words: () => rtcp.words() },
    source,
  );
  const session = new ProbeSession({
    ...{ engine, pacing, tally, options: probe, targets: [remote], companion: rtcp, oneWay },
    locals: [{ address: bindAddress, port: ports.rtp.local.port }],
    stream,
  });
  let verdict: CallVerdict | null = null;
  return {
    run: async () => {
      try {
        return await session.run();
      } catch (error) {
        if (error instanceof RtplatError && error.code === 'network') watch.refused();
        throw error;
      } finally {
        verdict = watch.finish(engine.nowNs());
        rtcp.bye(engine.nowNs());
      }
    },
    abort: () => session.abort(),
    progress: () => session.progress(),
    rtcp: () => rtcp.facts(),
    state: () => watch.current?.state,
    verdict: () => verdict,
  };
}

/** Reports from now on, to the far end that was agreed on, and hears that one alone; encrypted where RTP is (RFC 3711 §3.4). @param remote undefined where it has no port of RTCP. */
function speakRtcp(
  engine: UdpEngine,
  socket: UdpSocket,
  remote: Endpoint | undefined,
  options: ProbeOptions,
  source: StreamSource,
): CallRtcp {
  const { clockRateHz, bytesPerSecond } = options.audio ?? PCMU_AUDIO;
  const nowNs = engine.nowNs();
  const unixOffsetNs = Date.now() * NS_PER_MS - nowNs;
  const to = remote === undefined ? undefined : socket.named(remote);
  const sealer = options.srtp && new SrtcpSender(options.srtp.send);
  const opener = options.srtp && new SrtcpReceiver(options.srtp.receive);
  const rtcp = new CallRtcp({
    ...{ source, clockRateHz, payloadBytes: Math.round((options.ptimeNs * bytesPerSecond) / 1e9), ptimeNs: options.ptimeNs, nowNs },
    cname: randomBytes(CNAME_BYTES).toString('base64url'),
    // Begun once: the wall clock may step, and a report must not.
    unixNs: (atNs) => atNs + unixOffsetNs,
    random: () => randomBytes(4).readUInt32BE() / RANDOM_VALUES,
    send: (buffer, length) => {
      if (to === undefined) return false;
      const wire = sealer?.protect(buffer.subarray(0, length));
      socket.send(wire ?? buffer, 0, wire?.length ?? length, to);
      return true;
    },
  });
  socket.receive({
    packet: (buffer, offset, length, arrival) => {
      if (to === undefined || !sameEndpoint(arrival.from, to)) return;
      // What is not authentic was not said by the far end.
      const plainLength = opener === undefined ? length : opener.open(buffer, offset, length);
      if (plainLength !== DROPPED) rtcp.received(buffer, offset, plainLength, arrival.atNs);
    },
    departed: (_first, _count, atNs) => {
      if (!Number.isNaN(atNs)) rtcp.departed(atNs);
    },
    // That nothing listens for reports is no fault: many a far end sends none, and hears none.
    error: () => undefined,
  });
  return rtcp;
}
