/**
 * Hears that nothing listens on a SIP port over UDP. A socket that talks to many peers is told nothing of ICMP; one that is connected
 * is. So one more sends what any SIP element takes for a keep-alive (RFC 5626 §3.5.1) to the same port, and listens for the report.
 */
import type { Endpoint, UdpEngine, UdpSocket } from '../udp/engine.ts';
import { formatHostPort } from '../values/address.ts';

const KEEP_ALIVE = new Uint8Array([13, 10, 13, 10]);
/** What says that nothing arrives there. */
const FATAL: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EACCES', 'EPERM']);

export class Scout {
  readonly #socket: UdpSocket;

  private constructor(socket: UdpSocket) {
    this.#socket = socket;
  }

  /** @param refused told one line, as often as a report comes. @throws RtplatError `bind` when there is no way there. */
  static async start(engine: UdpEngine, to: Endpoint, refused: (why: string) => void): Promise<Scout> {
    const socket = await engine.bind({ address: to.address.includes(':') ? '::' : '0.0.0.0', port: 0, connect: to });
    const where = formatHostPort(to.address, to.port);
    socket.receive({
      packet: () => undefined,
      error: (code) => {
        if (code === 'ECONNREFUSED') refused(`nothing listens on ${where}/udp: ECONNREFUSED (ICMP port unreachable)`);
        else if (FATAL.has(code)) refused(`nothing can be sent to ${where}/udp: ${code}`);
      },
    });
    return new Scout(socket);
  }

  ask(): void {
    this.#socket.send(KEEP_ALIVE, 0, KEEP_ALIVE.length);
  }

  async close(): Promise<void> {
    await this.#socket.close();
  }
}
