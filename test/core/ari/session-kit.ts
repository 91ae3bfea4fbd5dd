/** An AriSession with a fake Asterisk, a real fleet, and a real echo server on loopback. */
import { AriSession } from '../../../src/core/ari/session.ts';
import { EchoService } from '../../../src/core/echo/echo.ts';
import { RelayFleet } from '../../../src/core/relay/fleet.ts';
import { LocalMedia } from '../../../src/core/relay/media.ts';
import { nowNs } from '../../../src/core/udp/clock.ts';
import { writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import type { Endpoint, UdpSocket } from '../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { FakeAsterisk } from '../../kit/fake-asterisk.ts';
import { MappedEngine } from '../../kit/mapped-engine.ts';
import { MemoryLog } from '../../kit/memory-log.ts';
import { collect } from '../udp/collector.ts';
import type { Collector } from '../udp/collector.ts';

const MS = 1_000_000;
export const APP: string = 'rtplat';
export const CALLER: string = '1756544841.212';
const portable = createPortableEngine();
const closing: (() => Promise<unknown>)[] = [];

/** Ends what {@link start} and {@link bind} have started. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).toReversed()) await close();
}

export async function bind(): Promise<UdpSocket> {
  const socket = await portable.bind({ address: '127.0.0.1', port: 0 });
  closing.push(() => socket.close());
  return socket;
}

export interface Service {
  readonly session: AriSession;
  readonly fleet: RelayFleet;
  readonly asterisk: FakeAsterisk;
  readonly log: MemoryLog;
  readonly engine: MappedEngine;
  /** Asterisk's side of the external legs. */
  readonly peer: UdpSocket;
  readonly atPeer: Collector;
}

export async function start(options: { ports?: number; connected?: boolean } = {}): Promise<Service> {
  const log = new MemoryLog();
  const engine = new MappedEngine(portable);
  const echo = new EchoService({ engine: portable, addresses: ['127.0.0.1'], port: 0, bufferBytes: 1 << 20 });
  closing.push(() => echo.stop());
  const echoAt = (await echo.start()).local;
  const media = new LocalMedia(engine, {
    bindAddress: '127.0.0.1',
    bufferBytes: null,
    echoSocket: 'per-call',
    lossTimeoutNs: 300 * MS,
    lateThresholdNs: 3 * MS,
  });
  const fleet = new RelayFleet({
    media,
    range: { first: 10_000, last: 9_999 + (options.ports ?? 2) },
    echo: () => echoAt,
    log: log.logger,
    nowNs,
  });
  const session = new AriSession({
    app: APP,
    instance: 'now',
    format: 'ulaw',
    advertise: () => '127.0.0.1',
    fleet,
    log: log.logger,
    nowNs: engine.nowNs,
  });
  const asterisk = new FakeAsterisk((event) => session.event(event));
  const peer = await bind();
  asterisk.media = peer.local;
  if (options.connected !== false) session.connected(asterisk);
  closing.push(async () => {
    session.disconnected();
    await session.shutdown();
    await media.stop();
  });
  return { session, fleet, asterisk, log, engine, peer, atPeer: collect(peer) };
}

export function rtp(sequence: number, payload: number): Uint8Array {
  const packet = new Uint8Array(172).fill(payload);
  writeRtpHeader(packet, 0, { marker: false, payloadType: 0, sequence, timestamp: sequence * 160, ssrc: 0x1234_5678 });
  return packet;
}

export function send(socket: UdpSocket, bytes: Uint8Array, to: Endpoint): void {
  socket.send(bytes, 0, bytes.length, to);
}

/** A call that is up. */
export async function up(service: Service, id = CALLER): Promise<void> {
  service.asterisk.call(id);
  await service.log.said(`Created channel ${id}`);
}
