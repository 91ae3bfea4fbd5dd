/** Media that goes to the echo server and back, measured packet by packet: the relay of `ari-serve` behind our own signalling. */
import { messageOf } from '../errors.ts';
import type { RelayFleet } from '../relay/fleet.ts';
import type { RelayCall } from '../relay/fleet.ts';
import type { NegotiatedMedia } from '../sip/sdp-offer.ts';
import type { Endpoint } from '../values/address.ts';
import type { LegReport, LegRequest, MediaLeg, MediaLegs } from './leg.ts';

export class RelayLegs implements MediaLegs {
  readonly #fleet: RelayFleet;

  constructor(fleet: RelayFleet) {
    this.#fleet = fleet;
  }

  async open({ callId, caller }: LegRequest): Promise<MediaLeg> {
    const call = this.#fleet.open(callId, caller);
    try {
      return new RelayLeg(call, await call.bind());
    } catch (error) {
      call.close('refused', messageOf(error));
      throw error;
    }
  }
}

class RelayLeg implements MediaLeg {
  readonly port: number;
  readonly #call: RelayCall;
  /** Nothing is sent to the caller before its ACK, so it is nobody's port until then. */
  #remote: Endpoint | undefined;
  #up = false;

  constructor(call: RelayCall, port: number) {
    this.#call = call;
    this.port = port;
  }

  agreed({ remote }: NegotiatedMedia): void {
    this.#remote = remote;
    if (this.#up) void this.#call.pin(remote);
  }

  start(): void {
    this.#up = true;
    this.#call.record.state = 'up';
    if (this.#remote !== undefined) void this.#call.pin(this.#remote);
  }

  async stop(): Promise<LegReport> {
    const { record } = this.#call;
    await this.#call.release();
    const counters = record.media?.counters();
    const p99Ns = record.media?.histogram.quantileNs(0.99) ?? null;
    this.#call.close(this.#up ? 'completed' : 'failed', 'the call ended');
    return { ...counters, p99_latency: p99Ns === null ? null : p99Ns / 1e6 };
  }
}
