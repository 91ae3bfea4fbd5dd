/**
 * Watches whether the echo server answers: a small RTP packet every second, from a socket of its own, so that `/health` knows
 * even when no call is up. Resolves the server's name, again and again, since addresses move.
 */
import { lookup } from 'node:dns/promises';
import { messageOf } from '../errors.ts';
import { createRtpPacket, parseRtp, RTP_HEADER_BYTES, writeRtpHeader } from '../rtp/packet.ts';
import type { Logger } from '../service/log.ts';
import type { Arrival, Endpoint, PacketReceiver, UdpEngine, UdpSocket } from '../udp/engine.ts';
import { formatHostPort } from '../values/address.ts';

export interface EchoWatchOptions {
  readonly engine: UdpEngine;
  readonly host: string;
  readonly port: number;
  /** The address that the calls' ports are bound to: the way to the echo must be theirs. */
  readonly bindAddress: string;
  readonly log: Logger;
}

export interface EchoStatus {
  /** Numeric; null while the name does not resolve. */
  readonly address: string | null;
  readonly answering: boolean;
  /** Round trip of the last answer, ms; null when there is none. */
  readonly rtt_ms: number | null;
  /** Why it is not answering; null when it is. */
  readonly reason: string | null;
}

const PERIOD_MS = 1_000;
/** Without an answer for this long the echo does not answer. */
const SILENCE_NS = 2_500_000_000;
const RESOLVE_EVERY_NS = 30_000_000_000;
const PACKET_BYTES = RTP_HEADER_BYTES + 160;
/** Not the SSRC of a call: its echo is recognised by it. */
const WATCH_SSRC = 0x72_74_70_6c;

export class EchoWatch implements PacketReceiver {
  readonly #options: EchoWatchOptions;
  readonly #packet = new Uint8Array(PACKET_BYTES).fill(0xff);
  #socket: UdpSocket | undefined;
  #target: Endpoint | undefined;
  #resolvedNs = Number.NEGATIVE_INFINITY;
  #sequence = 0;
  #sentNs = 0;
  #answeredNs = Number.NEGATIVE_INFINITY;
  #rttNs: number | null = null;
  #trouble: string | null = null;
  #said: boolean | undefined;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #stopped = false;

  constructor(options: EchoWatchOptions) {
    this.#options = options;
  }

  /** Resolves the name and sends the first packet; failures show in {@link status}. */
  async start(): Promise<void> {
    await this.#beat();
    if (!this.#stopped) this.#timer = setInterval(() => void this.#beat(), PERIOD_MS);
  }

  /** Where calls are to be relayed to; undefined while the name does not resolve. */
  target(): Endpoint | undefined {
    return this.#target;
  }

  status(): EchoStatus {
    const { engine, host, port } = this.#options;
    const answering = engine.nowNs() - this.#answeredNs < SILENCE_NS;
    return {
      address: this.#target?.address ?? null,
      answering,
      rtt_ms: answering && this.#rttNs !== null ? this.#rttNs / 1e6 : null,
      reason: answering ? null : (this.#trouble ?? `no answer from ${formatHostPort(host, port)}`),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#socket?.close();
  }

  packet(buffer: Uint8Array, offset: number, length: number, { atNs }: Arrival): void {
    const packet = createRtpPacket();
    // An answer to an earlier packet would pair with the wrong time of sending.
    if (parseRtp(buffer, offset, length, packet) !== undefined || packet.sequence !== (this.#sequence & 0xffff)) return;
    this.#answeredNs = atNs;
    this.#rttNs = atNs - this.#sentNs;
    this.#trouble = null;
    this.#say();
  }

  error(code: string): void {
    const { host, port } = this.#options;
    this.#trouble = code === 'ECONNREFUSED' ? `nothing listens on ${formatHostPort(host, port)} (ICMP port unreachable)` : code;
  }

  async #beat(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const nowNs = this.#options.engine.nowNs();
      if (nowNs - this.#resolvedNs > (this.#target === undefined ? 0 : RESOLVE_EVERY_NS)) await this.#resolve(nowNs);
    } catch (error) {
      this.#trouble = messageOf(error);
    } finally {
      this.#busy = false;
    }
    // A name that cannot be resolved any more says nothing about the address that it stood for.
    this.#send();
    this.#say();
  }

  async #resolve(nowNs: number): Promise<void> {
    const { host, port, bindAddress, engine } = this.#options;
    const family = bindAddress.includes(':') ? 0 : 4;
    const { address } = await lookup(host, { family });
    this.#resolvedNs = nowNs;
    if (address === this.#target?.address || this.#stopped) return;
    const socket = await engine.bind({ address: bindAddress, port: 0, connect: { address, port } });
    await this.#socket?.close();
    this.#socket = socket;
    this.#target = { address, port };
    socket.receive(this);
    if (this.#stopped) await socket.close();
  }

  #send(): void {
    if (this.#socket === undefined || this.#stopped) return;
    this.#sequence += 1;
    writeRtpHeader(this.#packet, 0, {
      marker: false,
      payloadType: 0,
      sequence: this.#sequence,
      timestamp: this.#sequence * 8_000,
      ssrc: WATCH_SSRC,
    });
    this.#sentNs = this.#options.engine.nowNs();
    this.#socket.send(this.#packet, 0, PACKET_BYTES);
  }

  /** One line when the echo stops or starts to answer. */
  #say(): void {
    const { log, host, port } = this.#options;
    const { answering, reason } = this.status();
    // The first packet's answer is still on its way.
    if (answering === this.#said || (this.#said === undefined && !answering && this.#sequence <= 2 && this.#trouble === null)) return;
    this.#said = answering;
    if (answering) log.info(`Echo server ${formatHostPort(host, port)} answers`);
    else log.error(`Echo server ${formatHostPort(host, port)} does not answer: ${reason}`);
  }
}
