/** Media that is made and taken here: tones, files, silence, recordings, and the caller's own packets back. */
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { resample } from '../audio/resample.ts';
import type { ToneSpec } from '../audio/tone.ts';
import { RtplatError } from '../errors.ts';
import { MediaFleet } from '../media/fleet.ts';
import type { MediaCall, MediaFleetOptions } from '../media/fleet.ts';
import type { MediaAction, MediaUpdate } from '../media/types.ts';
import { PortAllocator } from '../ports/allocator.ts';
import type { PortLease } from '../ports/allocator.ts';
import type { PortCounts } from '../report/metrics.ts';
import type { NegotiatedMedia } from '../sip/sdp-offer.ts';
import { makeFolder } from '../service/folder.ts';
import { formatHostPort } from '../values/address.ts';
import { formatPortRange } from '../values/ports.ts';
import type { PortRange } from '../values/ports.ts';
import type { ToneAction } from './call-plan.ts';
import type { LegEvents, LegReport, LegRequest, MediaLeg, MediaLegs } from './leg.ts';
import { mediaDocument } from './media-document.ts';
import { Sounds } from './sounds.ts';

export interface PlayerLegsOptions {
  readonly engine: MediaFleetOptions['engine'];
  readonly bindAddress: string;
  /** Calls take an even port for RTP and the next one for RTCP (RFC 3550 §11). */
  readonly range: PortRange;
  readonly nowNs: () => number;
  readonly inBandDtmf: boolean;
  readonly dtmf: boolean;
  readonly symmetric: 'never' | 'when-private';
  /** RFC 3550 §6.5.1, such as `rtplat@192.0.2.1`. */
  readonly cname: string;
  /** Write times into the packets that ask for them, where the caller's own go back. */
  readonly stamp: boolean;
}

/** A recording ends at this size: a day of 8 kHz. */
const MAX_RECORDING_BYTES = 86_400 * 16_000;
const RTP_AND_RTCP = 2;

class OpenPort {
  readonly call: MediaCall;

  constructor(call: MediaCall) {
    this.call = call;
  }

  async close(): Promise<void> {
    await this.call.released;
  }
}

export class PlayerLegs implements MediaLegs {
  #fleet: MediaFleet;
  /** The thread has ended, and is not there again. */
  #down = false;
  readonly #options: PlayerLegsOptions;
  readonly #allocator: PortAllocator<OpenPort>;
  readonly #events: Map<number, LegEvents>;
  readonly #sounds = new Sounds();
  readonly #host: LegHost;

  private constructor(fleet: MediaFleet, events: Map<number, LegEvents>, options: PlayerLegsOptions) {
    this.#fleet = fleet;
    void this.#watch(fleet);
    this.#events = events;
    this.#options = options;
    const { dtmf, inBandDtmf, symmetric, range } = options;
    this.#host = { inBandDtmf: dtmf && inBandDtmf, symmetric, release: (lease) => this.#release(lease) };
    const { first, last } = range;
    // Pairs, numbered: the allocator hands out numbers.
    const even = first + (first % RTP_AND_RTCP);
    const pairs = Math.floor((last + 1 - even) / RTP_AND_RTCP);
    this.#allocator = new PortAllocator<OpenPort>({
      range: { first: 0, last: pairs - 1 },
      bind: (pair) => this.#bind(even + RTP_AND_RTCP * pair),
    });
  }

  /** @throws RtplatError `usage` when the engine that was asked for cannot be had. */
  static async start(options: PlayerLegsOptions): Promise<PlayerLegs> {
    const calls = new Map<number, LegEvents>();
    return new PlayerLegs(await startFleet(options, calls), calls, options);
  }

  get fleet(): MediaFleet {
    return this.#fleet;
  }

  async #watch(fleet: MediaFleet): Promise<void> {
    await fleet.failed;
    if (fleet === this.#fleet) this.#down = true;
  }

  /** Starts the thread again after it has failed. Sums and ports go on; the calls of before are their owners' to end. */
  async restart(): Promise<void> {
    this.#fleet = await startFleet(this.#options, this.#events, this.#fleet);
    this.#down = false;
    void this.#watch(this.#fleet);
  }

  async open(request: LegRequest): Promise<MediaLeg> {
    const { range, nowNs } = this.#options;
    if (this.#down) throw new RtplatError('network', 'the media thread is being started again');
    // Before a port is taken: a file that is not there fails the call.
    const action = await this.#prepare(request);
    const lease = await this.#allocator.allocate(nowNs());
    if (lease === 'exhausted') throw new RtplatError('no-ports', `no ports available in range ${formatPortRange(range)}`);
    if (lease === 'stopped') throw new RtplatError('no-ports', 'the service is stopping');
    this.#events.set(lease.socket.call.id, request.events);
    return new PlayerLeg(this.#host, lease, action, request.signallingAddress);
  }

  async #prepare({ callId, action, media }: LegRequest): Promise<ActionAtRate> {
    switch (action.kind) {
      case 'tone':
        return () => ({ kind: 'tone', tone: toneOf(action), durationMs: action.durationMs });
      case 'play': {
        const { file, repeat } = action;
        const knownHz = media?.codec.clockRateHz ?? 8000;
        const samples = await this.#sounds.at(file, knownHz);
        return (rateHz) => ({ kind: 'play', samples: resample(samples, knownHz, rateHz), repeat });
      }
      case 'record': {
        await makeFolder(action.directory);
        const file = path.join(action.directory, `${callId}.wav`);
        return () => ({ kind: 'record', file, maxBytes: MAX_RECORDING_BYTES });
      }
      case 'echo':
        return echoes;
      default:
        return isSilent;
    }
  }

  async #bind(port: number): Promise<OpenPort | 'in-use'> {
    const { bindAddress, cname } = this.#options;
    const call = await this.#fleet.open({
      ...{ port, bindAddress, cname, rtcp: 'next-port', remoteRtcp: undefined },
      // Nobody yet.
      remote: { address: '0.0.0.0', port: 0 },
      ...{ symmetric: 'never', signallingAddress: '0.0.0.0', direction: 'inactive' },
      ...{ codec: { name: 'PCMU', payloadType: 0, clockRateHz: 8000 }, dtmfPayloadType: undefined, inBandDtmf: false, ptimeMs: 20 },
      action: { kind: 'silence' },
      ssrc: randomInt(2 ** 32),
      sequence: randomInt(2 ** 16),
      timestamp: randomInt(2 ** 32),
    });
    return call === 'in-use' ? call : new OpenPort(call);
  }

  async #release(lease: PortLease<OpenPort>): Promise<LegReport> {
    const { call } = lease.socket;
    const report = await call.stop();
    this.#events.delete(call.id);
    this.#allocator.drain(lease);
    void this.#allocator.release(lease);
    const [recording] = report.recordings;
    return { ...mediaDocument(report.counters), recording: recording?.file ?? null, recording_problem: recording?.problem ?? null };
  }

  /** Pairs of ports. */
  ports(): PortCounts {
    return this.#allocator.counts();
  }

  async stop(): Promise<void> {
    this.#allocator.stop();
    await this.#fleet.close();
  }
}

async function startFleet(options: PlayerLegsOptions, calls: ReadonlyMap<number, LegEvents>, before?: MediaFleet): Promise<MediaFleet> {
  return MediaFleet.start({
    engine: options.engine,
    stamp: options.stamp,
    ...(before === undefined ? {} : { before }),
    events: {
      dtmf: (id, digit, how, durationMs) => {
        if (options.dtmf) calls.get(id)?.digit(digit, how, durationMs);
      },
      finished: (id) => calls.get(id)?.finished(),
      firstPacket: () => undefined,
      refusedSource: (id, from) =>
        calls.get(id)?.trouble(`RTP from ${formatHostPort(from.address, from.port)} is not taken: it is not from the caller`),
      silent: () => undefined,
      recordingFailed: (id, problem) => calls.get(id)?.trouble(`Recording: ${problem}`),
    },
  });
}

/** What to do, once it is known at how many samples a second. */
type ActionAtRate = (rateHz: number) => MediaAction;

const echoes: ActionAtRate = () => ({ kind: 'echo' });
const isSilent: ActionAtRate = () => ({ kind: 'silence' });

/** What the legs of all calls have in common. */
interface LegHost extends Required<Pick<MediaUpdate, 'inBandDtmf' | 'symmetric'>> {
  release(lease: PortLease<OpenPort>): Promise<LegReport>;
}

class PlayerLeg implements MediaLeg {
  readonly #host: LegHost;
  readonly #lease: PortLease<OpenPort>;
  readonly #action: ActionAtRate;
  readonly #signallingAddress: string;
  #rateHz: number | undefined;

  constructor(host: LegHost, lease: PortLease<OpenPort>, action: ActionAtRate, signallingAddress: string) {
    this.#host = host;
    this.#lease = lease;
    this.#action = action;
    this.#signallingAddress = signallingAddress;
  }

  get #call(): MediaCall {
    return this.#lease.socket.call;
  }

  get port(): number {
    return this.#call.port;
  }

  agreed({ codec, dtmf, ptimeMs, direction, remote, rtcp }: NegotiatedMedia): void {
    const { inBandDtmf, symmetric } = this.#host;
    // A file at another rate is another file, and begins anew.
    const begins = this.#rateHz !== codec.clockRateHz;
    this.#rateHz = codec.clockRateHz;
    this.#call.update({
      ...{ codec, dtmfPayloadType: dtmf, ptimeMs, direction, remote, remoteRtcp: rtcp },
      ...{ inBandDtmf, symmetric, signallingAddress: this.#signallingAddress },
      ...(begins ? { action: this.#action(codec.clockRateHz) } : {}),
    });
  }

  start(): void {
    this.#call.start();
  }

  report(): LegReport {
    return { ...mediaDocument(this.#call.counters()), recording: null, recording_problem: null };
  }

  stop(): Promise<LegReport> {
    return this.#host.release(this.#lease);
  }
}

function toneOf({ frequenciesHz, cadenceMs, amplitude }: ToneAction): ToneSpec {
  // What repeats is encoded once for all calls; its parts are one tone without a seam.
  if (cadenceMs.length === 0) return { parts: [{ frequenciesHz, ms: 1000 }], amplitude, repeat: true };
  const parts = cadenceMs.map((ms, i) => ({ frequenciesHz: i % 2 === 0 ? frequenciesHz : [], ms }));
  return { parts, amplitude, repeat: true };
}
