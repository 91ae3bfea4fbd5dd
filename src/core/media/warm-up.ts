/**
 * Has some calls of their own send each other tones on loopback, in a time that runs as fast as it can, so that the code is compiled by
 * the time that real ones come: interpreted, the packets of many calls that begin at once would be late for seconds.
 */
import { codecOf } from '../audio/codec.ts';
import { renderLoop } from '../audio/tone.ts';
import type { BatchEngine } from '../udp/batch/engine.ts';
import { MEDIA_TOTALS_BYTES, MediaMemoryPool, MediaTotals } from './numbers.ts';
import type { PlaneSpec } from './orders.ts';
import { MediaPlane } from './plane.ts';

const LOOPBACK = '127.0.0.1';
const CALLS = 20;
/** Simulated milliseconds: each call sends, and receives, a packet in twenty of them. Some tens of real ones. */
const DURATION_MS = 6_000;
const TONE = { parts: [{ frequenciesHz: [400], ms: Number.POSITIVE_INFINITY }], amplitude: 0.5, repeat: true };

/** @param engine one for this alone, which is closed; on a host without an IPv4 loopback nothing happens with it. */
export function warmUp(engine: BatchEngine): void {
  const codec = codecOf('PCMU', 8_000);
  const loop = codec === undefined ? undefined : renderLoop(TONE, codec);
  if (loop === undefined) return;
  const ports: number[] = [];
  let nowNs = engine.nowNs();
  const plane = new MediaPlane({
    settings: { silenceNs: null, lateThresholdNs: 1e9 },
    totals: new MediaTotals(new SharedArrayBuffer(MEDIA_TOTALS_BYTES)),
    bind: (options) => engine.bindNow(options),
    nowNs: () => nowNs,
    unixNs: (atNs) => atNs,
    random: () => 0.5,
    tell: (message) => {
      if (message.kind === 'done' && message.port !== null) ports.push(message.port);
    },
  });
  const spec: PlaneSpec = {
    port: 0,
    bindAddress: LOOPBACK,
    rtcp: 'off',
    remote: { address: LOOPBACK, port: 0 },
    remoteRtcp: undefined,
    codec: { name: 'PCMU', payloadType: 0, clockRateHz: 8_000 },
    dtmfPayloadType: undefined,
    inBandDtmf: false,
    ptimeMs: 20,
    direction: 'sendrecv',
    action: { kind: 'loop', loop, durationMs: Number.POSITIVE_INFINITY },
    symmetric: 'never',
    signallingAddress: LOOPBACK,
    cname: '',
    ssrc: 1,
    sequence: 0,
    timestamp: 0,
  };
  const pool = new MediaMemoryPool();
  try {
    for (let id = 0; id < CALLS; id++) plane.take({ serial: id, request: { kind: 'open', id, spec, block: pool.take() } });
    for (const [id, port] of ports.toReversed().entries()) {
      plane.take({ serial: id, request: { kind: 'update', id, change: { remote: { address: LOOPBACK, port } } } });
      plane.take({ serial: id, request: { kind: 'start', id } });
    }
    let ms = 0;
    engine.run({
      goOn: () => {
        ms += 1;
        nowNs += 1e6;
        plane.tick();
        return ms < DURATION_MS;
      },
      // Always: nothing is waited for.
      dueNs: () => 1,
    });
  } catch {
    // It is only about speed.
  } finally {
    engine.close();
  }
}
