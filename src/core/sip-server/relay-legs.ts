/** Media that goes to the echo server and back, measured packet by packet: the relay of `ari-serve` behind our own signalling. */
import { messageOf } from '../errors.ts';
import { toMs } from '../report/latency-summary.ts';
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

  async open({ callId, caller, events }: LegRequest): Promise<MediaLeg> {
    const call = this.#fleet.open(callId, caller);
    try {
      return new RelayLeg(call, await call.bind(), (what) => events.trouble(what));
    } catch (error) {
      call.close('refused', messageOf(error));
      throw error;
    }
  }
}

class RelayLeg implements MediaLeg {
  readonly port: number;
  readonly #call: RelayCall;
  readonly #trouble: (what: string) => void;
  /** Nothing is sent to the caller before its ACK, so it is nobody's port until then. */
  #remote: Endpoint | undefined;
  #up = false;

  constructor(call: RelayCall, port: number, trouble: (what: string) => void) {
    this.#call = call;
    this.#trouble = trouble;
    this.port = port;
  }

  agreed({ remote }: NegotiatedMedia): void {
    this.#remote = remote;
    if (this.#up) void this.#pin(remote);
  }

  start(): void {
    this.#up = true;
    this.#call.record.state = 'up';
    if (this.#remote !== undefined) void this.#pin(this.#remote);
  }

  /** A relay that has failed meanwhile ends its calls by itself. */
  async #pin(remote: Endpoint): Promise<void> {
    try {
      await this.#call.pin(remote);
    } catch (error) {
      this.#trouble(`The relay was not told where the caller is: ${messageOf(error)}`);
    }
  }

  report(): LegReport {
    const { media } = this.#call.record;
    return { ...media?.counters(), p99_latency: toMs(media?.histogram.quantileNs(0.99) ?? null) };
  }

  async stop(): Promise<LegReport> {
    await this.#call.release();
    const report = this.report();
    this.#call.close(this.#up ? 'completed' : 'failed', 'the call ended');
    return report;
  }
}
