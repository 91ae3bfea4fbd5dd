/** A media plane whose time, sockets and chances are a test's own. */
import { codecOf } from '../../../src/core/audio/codec.ts';
import { renderLoop } from '../../../src/core/audio/tone.ts';
import { MEDIA_TOTALS_BYTES, MediaMemoryPool, MediaTotals, numbersOf, readCounters } from '../../../src/core/media/numbers.ts';
import type { MediaBlock, MediaCounters } from '../../../src/core/media/numbers.ts';
import type { MediaMessage, MediaRequest, PlaneAction, PlaneSpec, PlaneUpdate } from '../../../src/core/media/orders.ts';
import { MediaPlane } from '../../../src/core/media/plane.ts';
import { createRtpPacket, parseRtp, writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import type { RtpPacket } from '../../../src/core/rtp/packet.ts';
import { FakeSocket } from '../relay/fake-socket.ts';

export const MS = 1e6;
/** When the rig begins: an engine's clock, and the wall's. */
export const START_NS = 1e12;
export const UNIX_OFFSET_NS = 1.7e18;
export const REMOTE = { address: '198.51.100.7', port: 4000 };
export const REMOTE_RTCP = { address: '198.51.100.7', port: 4001 };

export const SPEC: PlaneSpec = {
  port: 10_000,
  bindAddress: '0.0.0.0',
  rtcp: 'next-port',
  remote: REMOTE,
  remoteRtcp: undefined,
  codec: { name: 'PCMU', payloadType: 0, clockRateHz: 8000 },
  dtmfPayloadType: 101,
  inBandDtmf: false,
  ptimeMs: 20,
  direction: 'sendrecv',
  action: { kind: 'silence' },
  symmetric: 'never',
  signallingAddress: '203.0.113.9',
  cname: 'x@y',
  ssrc: 0xfeed_beef,
  sequence: 0xfffe,
  timestamp: 0xffff_ff00,
};

/** 440 Hz for so long. */
export function tone(durationMs: number, name: 'PCMU' | 'PCMA' = 'PCMU'): Extract<PlaneAction, { kind: 'loop' }> {
  const codec = codecOf(name, 8000);
  const spec = { parts: [{ frequenciesHz: [440], ms: Number.POSITIVE_INFINITY }], amplitude: 0.5, repeat: true };
  const loop = codec === undefined ? undefined : renderLoop(spec, codec);
  if (loop === undefined) throw new Error('no loop');
  return { kind: 'loop', loop, durationMs };
}

export class Rig {
  nowNs = START_NS;
  readonly told: MediaMessage[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly totals = new MediaTotals(new SharedArrayBuffer(MEDIA_TOTALS_BYTES));
  readonly plane: MediaPlane;
  readonly #blocks = new Map<number, MediaBlock>();
  readonly #pool = new MediaMemoryPool();
  #serial = 0;

  constructor(silenceNs: number | null = null) {
    this.plane = new MediaPlane({
      settings: { silenceNs, lateThresholdNs: 3 * MS },
      totals: this.totals,
      bind: () => {
        const socket = new FakeSocket();
        this.sockets.push(socket);
        return socket;
      },
      nowNs: () => this.nowNs,
      unixNs: (nowNs) => nowNs + UNIX_OFFSET_NS,
      random: () => 0.5,
      tell: (message) => this.told.push(message),
    });
  }

  ask(request: MediaRequest): MediaMessage | undefined {
    const serial = this.#serial++;
    this.plane.take({ serial, request });
    return this.told.find((message) => (message.kind === 'done' || message.kind === 'failed') && message.serial === serial);
  }

  /** @returns the RTP socket of the call, and that of RTCP where there is one. */
  open(spec: Partial<PlaneSpec> = {}, id = 0): { rtp: FakeSocket; rtcp: FakeSocket } {
    const first = this.sockets.length;
    const block = this.#pool.take();
    this.#blocks.set(id, block);
    this.ask({ kind: 'open', id, spec: { ...SPEC, ...spec }, block });
    return { rtp: this.sockets[first] as FakeSocket, rtcp: (this.sockets[first + 1] ?? this.sockets[first]) as FakeSocket };
  }

  start(id = 0): void {
    this.ask({ kind: 'start', id });
  }

  update(change: PlaneUpdate, id = 0): void {
    this.ask({ kind: 'update', id, change });
  }

  counters(id = 0): MediaCounters {
    const block = this.#blocks.get(id);
    if (block === undefined) throw new Error(`no call ${id}`);
    return readCounters(numbersOf(block));
  }

  /** Time goes by, a millisecond at a time. */
  run(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.nowNs += MS;
      this.plane.tick();
    }
  }

  of<K extends MediaMessage['kind']>(kind: K): Extract<MediaMessage, { kind: K }>[] {
    return this.told.filter((message): message is Extract<MediaMessage, { kind: K }> => message.kind === kind);
  }
}

/** What was sent, parsed. */
export function sentRtp(socket: FakeSocket): RtpPacket[] {
  return socket.sent.flatMap(({ bytes }) => {
    const packet = createRtpPacket();
    return parseRtp(bytes, 0, bytes.length, packet) === undefined ? [packet] : [];
  });
}

/** A packet of the peer. */
export function rtp(
  sequence: number,
  options: { payloadType?: number; payload?: Uint8Array; timestamp?: number; ssrc?: number } = {},
): Uint8Array {
  const { payloadType = 0, payload = new Uint8Array(160).fill(0xff), timestamp = sequence * 160, ssrc = 99 } = options;
  const packet = new Uint8Array(12 + payload.length);
  writeRtpHeader(packet, 0, { marker: false, payloadType, sequence, timestamp, ssrc });
  packet.set(payload, 12);
  return packet;
}
