/** The ports of one call: an even one for RTP, and the odd one behind it for RTCP (RFC 3550 §11). */
import { RtplatError } from '../errors.ts';
import type { UdpEngine, UdpSocket } from '../udp/engine.ts';

/** The kernel chooses at random: a pair is found in a few tries. */
const MOST_TRIES = 64;
/** A report takes some hundred bytes, and one comes every few seconds. */
const RTCP_BUFFER_BYTES = 16_384;

export interface CallPorts {
  readonly rtp: UdpSocket;
  readonly rtcp: UdpSocket;
}

/** @param address unspecified, of the family that is wanted. @throws RtplatError `no-ports`. */
export async function bindPorts(engine: UdpEngine, address: string): Promise<CallPorts> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const rtp = await engine.bind({ address, port: 0 });
    const { port } = rtp.local;
    if (port % 2 === 0) {
      try {
        return { rtp, rtcp: await engine.bind({ address, port: port + 1, bufferBytes: RTCP_BUFFER_BYTES, departures: true }) };
      } catch (error) {
        if (!(error instanceof RtplatError)) throw error;
      }
    }
    await rtp.close();
  }
  throw new RtplatError('no-ports', 'no two UDP ports in a row are free for a call', { hint: 'lower --concurrency' });
}
