import { ReceiverStatistics } from '../../../src/core/rtp/receiver.ts';
import { must, mustEqual } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const RECORD_BYTES = 7;

export const target: FuzzTarget = {
  name: 'rtp-stream',
  what: 'streams of any sequence numbers, timestamps and arrivals: each packet is counted once, no count is negative or not finite',
  code: ['rtp/receiver.ts', 'rtp/sequence.ts'],
  mostBytes: 1_024,
  inputs: 500_000,
  seeds: () => [
    records([1, 160, 20], [1, 160, 20], [1, 160, 20], [2, 320, 40], [-1, -160, 1], [0, 0, 1]),
    records([1, 160, 20], [1, 160, 20], [30_000, 5, 20], [1, 160, 20], [-32_768, 1 << 30, 9_000]),
    records([65_535, -1, 0], [1, 160, 20], [1, 160, 20], [17, 2_720, 340]),
  ],
  check(input) {
    const statistics = new ReceiverStatistics({ clockRateHz: 8_000 });
    const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    let [sequence, timestamp, atNs, packets] = [65_530, 0xffff_fe00, 1e9, 0];
    const counted = { duplicate: 0, reordered: 0, invalid: 0, resync: 0, ok: 0, probation: 0 };
    for (let at = 0; at + RECORD_BYTES <= input.length; at += RECORD_BYTES) {
      sequence = (sequence + view.getInt16(at)) & 0xffff;
      timestamp = (timestamp + view.getInt32(at + 2)) >>> 0;
      atNs += view.getUint8(at + 6) * 1e6;
      packets += 1;
      counted[statistics.receive(atNs, sequence, timestamp)] += 1;
      must(statistics.lost >= 0 && statistics.expected >= 0, 'a count is negative', statistics.lost, statistics.expected);
    }
    const { received, duplicates, reordered, invalid, resyncs, jitterMs, jitterTicks } = statistics;
    must(received === packets && invalid >= 0 && invalid + duplicates + reordered <= packets, 'packets are counted twice', {
      received,
      duplicates,
      reordered,
      invalid,
    });
    mustEqual([duplicates, reordered, resyncs], [counted.duplicate, counted.reordered, counted.resync], 'duplicates, reordered, resyncs');
    for (const number of [jitterMs, jitterTicks])
      must(number === null || (Number.isFinite(number) && number >= 0), 'the jitter is', number);
    const fraction = statistics.takeFractionLost();
    must(Number.isInteger(fraction) && fraction >= 0 && fraction <= 255, 'the fraction lost is', fraction);
  },
};

function records(...steps: readonly (readonly [sequence: number, timestamp: number, ms: number])[]): Uint8Array {
  const bytes = new Uint8Array(steps.length * RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, [sequence, timestamp, ms]] of steps.entries()) {
    view.setInt16(i * RECORD_BYTES, sequence);
    view.setInt32(i * RECORD_BYTES + 2, timestamp);
    view.setUint8(i * RECORD_BYTES + 6, ms);
  }
  return bytes;
}
