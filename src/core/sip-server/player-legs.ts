/** Media that is made and taken here: tones, files, silence, recordings, and the caller's own packets back. */
import { randomBytes, randomInt } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
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
import { formatHostPort } from '../values/address.ts';
import { formatPortRange } from '../values/ports.ts';
import type { PortRange } from '../values/ports.ts';
import type { ToneAction } from './call-plan.ts';
import type { LegEvents, LegReport, LegRequest, MediaLeg, MediaLegs } from './leg.ts';
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
}

/** A recording ends at this size: a day of 8 kHz. */
const MAX_RECORDING_BYTES = 86_400 * 16_000;
const RTP_AND_RTCP = 2;

interface OpenPort {
  readonly call: MediaCall;
  close(): Promise<void>;
}

export class PlayerLegs implements MediaLegs {
  readonly fleet: MediaFleet;
  readonly #options: PlayerLegsOptions;
  readonly #allocator: PortAllocator<OpenPort>;
  readonly #events: Map<number, LegEvents>;
  readonly #sounds = new Sounds();

  private constructor(fleet: MediaFleet, events: Map<number, LegEvents>, options: PlayerLegsOptions) {
    this.fleet = fleet;
    this.#events = events;
    this.#options = options;
    const { first, last } = options.range;
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
    const fleet = await MediaFleet.start({
      engine: options.engine,
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
    return new PlayerLegs(fleet, calls, options);
  }

  async open(request: LegRequest): Promise<MediaLeg> {
    const { range, nowNs, dtmf, inBandDtmf, symmetric } = this.#options;
    // Before a port is taken: a file that is not there fails the call.
    const action = await this.#prepare(request);
    const lease = await this.#allocator.allocate(nowNs());
    if (lease === 'exhausted') throw new RtplatError('no-ports', `no ports available in range ${formatPortRange(range)}`);
    if (lease === 'stopped') throw new RtplatError('no-ports', 'the service is stopping');
    const { call } = lease.socket;
    this.#events.set(call.id, request.events);
    return new PlayerLeg({
      call,
      action,
      usual: { inBandDtmf: dtmf && inBandDtmf, symmetric, signallingAddress: request.signallingAddress },
      release: () => this.#release(lease),
    });
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
        await mkdir(action.directory, { recursive: true });
        const file = path.join(action.directory, `${callId}.wav`);
        return () => ({ kind: 'record', file, maxBytes: MAX_RECORDING_BYTES });
      }
      case 'echo':
        return () => ({ kind: 'echo' });
      default:
        return () => ({ kind: 'silence' });
    }
  }

  async #bind(port: number): Promise<OpenPort | 'in-use'> {
    const { bindAddress, cname } = this.#options;
    const call = await this.fleet.open({
      ...{ port, bindAddress, cname, rtcp: 'next-port', remoteRtcp: undefined },
      // Nobody yet.
      remote: { address: '0.0.0.0', port: 0 },
      ...{ symmetric: 'never', signallingAddress: '0.0.0.0', direction: 'inactive' },
      ...{ codec: { name: 'PCMU', payloadType: 0, clockRateHz: 8000 }, dtmfPayloadType: undefined, inBandDtmf: false, ptimeMs: 20 },
      action: { kind: 'silence' },
      ssrc: randomBytes(4).readUInt32BE(),
      sequence: randomInt(65_536),
      timestamp: randomBytes(4).readUInt32BE(),
    });
    return call === 'in-use' ? call : { call, close: () => call.released };
  }

  async #release(lease: PortLease<OpenPort>): Promise<LegReport> {
    const { call } = lease.socket;
    const report = await call.stop();
    this.#events.delete(call.id);
    this.#allocator.drain(lease);
    void this.#allocator.release(lease);
    const [recording] = report.recordings;
    return { ...report.counters, recording: recording?.file ?? null, recordingProblem: recording?.problem ?? null };
  }

  /** Pairs of ports. */
  ports(): PortCounts {
    return this.#allocator.counts();
  }

  async stop(): Promise<void> {
    this.#allocator.stop();
    await this.fleet.close();
  }
}

/** What to do, once it is known at how many samples a second. */
type ActionAtRate = (rateHz: number) => MediaAction;

interface PlayerLegParts {
  readonly call: MediaCall;
  readonly action: ActionAtRate;
  readonly usual: Pick<MediaUpdate, 'inBandDtmf' | 'symmetric' | 'signallingAddress'>;
  readonly release: () => Promise<LegReport>;
}

class PlayerLeg implements MediaLeg {
  readonly port: number;
  readonly #parts: PlayerLegParts;
  #rateHz: number | undefined;

  constructor(parts: PlayerLegParts) {
    this.#parts = parts;
    this.port = parts.call.port;
  }

  agreed({ codec, dtmf, ptimeMs, direction, remote, rtcp }: NegotiatedMedia): void {
    const { call, action, usual } = this.#parts;
    // A file at another rate is another file, and begins anew.
    const begins = this.#rateHz !== codec.clockRateHz;
    this.#rateHz = codec.clockRateHz;
    call.update({
      ...{ codec, dtmfPayloadType: dtmf, ptimeMs, direction, remote, remoteRtcp: rtcp },
      ...usual,
      ...(begins ? { action: action(codec.clockRateHz) } : {}),
    });
  }

  start(): void {
    this.#parts.call.start();
  }

  stop(): Promise<LegReport> {
    return this.#parts.release();
  }
}

function toneOf({ frequenciesHz, cadenceMs, amplitude }: ToneAction): ToneSpec {
  // What repeats is encoded once for all calls; its parts are one tone without a seam.
  if (cadenceMs.length === 0) return { parts: [{ frequenciesHz, ms: 1000 }], amplitude, repeat: true };
  const parts = cadenceMs.map((ms, i) => ({ frequenciesHz: i % 2 === 0 ? frequenciesHz : [], ms }));
  return { parts, amplitude, repeat: true };
}
