/**
 * Has an echo of its own answer some thousands of datagrams on loopback, so that the code is compiled by the time that the first
 * caller comes. At 50 packets/s it would else be interpreted for minutes, which doubles the time that a packet spends here.
 */
import { BatchEngine, createBatchEngine } from '../udp/batch/engine.ts';
import type { UdpEngine } from '../udp/engine.ts';
import { EchoService } from './echo.ts';

/** Enough for the optimizing compiler; some tens of milliseconds. */
const DATAGRAMS = 6_000;
const LOOPBACK = '127.0.0.1';
/** A packet of PCMU of 20 ms. */
const BYTES = 172;

/** Nothing happens with an engine that is not compiled code, or on a host without an IPv4 loopback. */
export async function warmUp(engine: UdpEngine): Promise<void> {
  if (!(engine instanceof BatchEngine)) return;
  const options = { ownThread: true, clock: engine.clock };
  const [near, far] = [createBatchEngine(options), createBatchEngine(options)];
  try {
    const echo = new EchoService({ engine: far, addresses: [LOOPBACK], port: 0, bufferBytes: 1 << 16 });
    const { local } = await echo.start();
    const caller = near.bindNow({ address: LOOPBACK, port: 0, connect: local });
    const packet = new Uint8Array(BYTES);
    let sent = 0;
    far.run({
      goOn: () => {
        if (sent === DATAGRAMS) return false;
        sent += 1;
        caller.send(packet, 0, BYTES);
        return true;
      },
    });
  } catch {
    // It is only about speed.
  } finally {
    near.close();
    far.close();
  }
}
