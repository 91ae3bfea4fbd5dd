/** Proof that an echo answers: a packet of our own, there and back. */
import { randomBytes } from 'node:crypto';
import { createPortableEngine } from '../udp/portable.ts';
import type { Endpoint } from '../udp/engine.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../rtp/packet.ts';
import { formatHostPort, isUnspecified } from '../values/address.ts';
import type { EchoCounters } from './memory.ts';

const PACKET_BYTES = RTP_HEADER_BYTES + 20;
const PATIENCE_MS = 2_000;

export class EchoProof {
  readonly #to: Endpoint;
  #answered = 0;

  /** @param local what the echo is bound to. */
  constructor(local: Endpoint) {
    const { address, port } = local;
    this.#to = { address: isUnspecified(address) ? (address.includes(':') ? '::1' : '127.0.0.1') : address, port };
  }

  /** From a new port each time, so that every thread of an echo has its turn. @throws Error when nothing comes back in 2 s. */
  async prove(): Promise<void> {
    const packet = randomBytes(PACKET_BYTES);
    writeRtpHeader(packet, 0, { payloadType: 0, sequence: 0, timestamp: 0, ssrc: packet.readUInt32BE(RTP_HEADER_BYTES), marker: false });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { address, port } = this.#to;
    const where = formatHostPort(address, port);
    const socket = await createPortableEngine().bind({ address: address.includes(':') ? '::' : '0.0.0.0', port: 0 });
    const timer = setTimeout(() => reject(new Error(`no echo of our own packet from ${where} in ${PATIENCE_MS} ms`)), PATIENCE_MS);
    try {
      socket.receive({
        packet: (buffer, offset, length) => {
          if (packet.equals(buffer.subarray(offset, offset + length))) resolve();
        },
        error: (code) => reject(new Error(`no echo from ${where}: ${code}`)),
      });
      socket.send(packet, 0, PACKET_BYTES, socket.named(this.#to));
      await promise;
      this.#answered += 1;
    } finally {
      clearTimeout(timer);
      await socket.close();
    }
  }

  /** Counters of the echo without the packets that were ours. */
  without(counters: EchoCounters): EchoCounters {
    return {
      ...counters,
      packets: counters.packets - this.#answered,
      bytes: counters.bytes - this.#answered * PACKET_BYTES,
      sent: counters.sent - this.#answered,
    };
  }
}
