/** A large capture of calls and their echoes, written piece by piece. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { SeededRandom } from '../../src/core/probe/random.ts';
import { frame, pcap, rtp } from '../../test/kit/pcap.ts';

export interface CaptureOptions {
  /** All together, echoes included. */
  readonly packets: number;
  readonly calls: number;
  /** Of the first call; the others have those above. */
  readonly firstPort: number;
}

const START_SECONDS = 1_795_000_000;
const RECORD_HEADER = 16;
const ETHERNET_AND_IP = 14 + 20;
const RTP_AT = RECORD_HEADER + ETHERNET_AND_IP + 8;
const BUFFER_RECORDS = 20_000;
const PACKET_NS = 20_000_000;

/** PCMU of 20 ms. Every packet comes back half a millisecond to a millisecond later, one in a thousand never. */
export function writeCapture(file: string, { packets, calls, firstPort }: CaptureOptions): void {
  const random = new SeededRandom(1);
  const header = pcap([], { nanoseconds: true });
  const payload = rtp({ sequence: 0, timestamp: 0, ssrc: 0 });
  const there = recordOf(frame('ethernet', { from: ['192.0.2.1', 0], to: ['192.0.2.2', 5004], payload }));
  const back = recordOf(frame('ethernet', { from: ['192.0.2.2', 5004], to: ['192.0.2.1', 0], payload }));
  const buffer = Buffer.alloc(BUFFER_RECORDS * there.length);
  const output = openSync(file, 'w');
  try {
    writeSync(output, header);
    let filled = 0;
    let written = 0;
    for (let i = 0; written < packets; i++) {
      for (let call = 0; call < calls && written < packets; call++) {
        const atNs = i * PACKET_NS + Math.floor((call * PACKET_NS) / calls);
        for (const echo of [false, true]) {
          const noise = random.uint32();
          if (echo && noise % 1_000 === 0) continue;
          const template = echo ? back : there;
          template.copy(buffer, filled);
          const time = atNs + (echo ? 500_000 + (noise % 500_000) : noise % 100_000);
          buffer.writeUInt32LE(START_SECONDS + Math.floor(time / 1e9), filled);
          buffer.writeUInt32LE(time % 1e9, filled + 4);
          buffer.writeUInt16BE(firstPort + call, filled + RECORD_HEADER + ETHERNET_AND_IP + (echo ? 2 : 0));
          buffer.writeUInt16BE(i & 0xffff, filled + RTP_AT + 2);
          buffer.writeUInt32BE((i * 160) >>> 0, filled + RTP_AT + 4);
          buffer.writeUInt32BE(call + 1, filled + RTP_AT + 8);
          filled += template.length;
          written += 1;
          if (filled === buffer.length) filled = flush(output, buffer);
        }
      }
    }
    writeSync(output, buffer, 0, filled);
  } finally {
    closeSync(output);
  }
}

function recordOf(frame: Buffer): Buffer {
  return pcap([{ atNs: 0n, frame }], { nanoseconds: true }).subarray(24);
}

/** @returns how much of the buffer is filled after it. */
function flush(output: number, buffer: Buffer): number {
  writeSync(output, buffer);
  return 0;
}
