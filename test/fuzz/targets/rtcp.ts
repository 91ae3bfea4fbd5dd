import { LONGEST_RTCP_BYTES, middleOf, parseRtcp, roundTripMs, writeRtcp } from '../../../src/core/rtp/rtcp.ts';
import type { RtcpReport } from '../../../src/core/rtp/rtcp.ts';
import { must, mustEqual } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const scratch = new Uint8Array(LONGEST_RTCP_BYTES);
const NTP = { seconds: 0xe8a1_2345, fraction: 0x8000_0000 };
const BLOCK = {
  ssrc: 7,
  fractionLost: 3,
  cumulativeLost: -2,
  highestSequence: 70_000,
  jitterTicks: 5,
  lastSr: 0x2345_8000,
  delaySinceLastSr: 65_536,
};
const SENDER = { ntp: NTP, rtpTimestamp: 160, packets: 10, octets: 1_600 };

export const target: FuzzTarget = {
  name: 'rtcp',
  what: 'compound RTCP packets: what is read of a report, written again and read again, is the same; a round trip is never negative',
  code: ['rtp/rtcp.ts'],
  mostBytes: 1_500,
  inputs: 500_000,
  seeds: () => [
    compound({ ssrc: 1, sender: SENDER, block: BLOCK, cname: 'rtplat@192.0.2.1', bye: true }),
    compound({ ssrc: 1, sender: undefined, block: BLOCK, cname: '', bye: false }),
    compound({ ssrc: 1, sender: SENDER, block: undefined, cname: 'é'.repeat(40), bye: false }),
    // An SR with two chunks of SDES, an APP and padding behind it.
    Uint8Array.from([
      ...[0x80, 201, 0, 1, 0, 0, 0, 1, 0x82, 202, 0, 5, 0, 0, 0, 1, 1, 1, 65, 0, 0, 0, 0, 2, 2, 2, 66, 66, 0, 0, 0, 0],
      ...[0xa0, 204, 0, 3, 0, 0, 0, 1, 65, 66, 67, 68, 0, 0, 0, 4],
    ]),
  ],
  check(input) {
    const parts = parseRtcp(input, 0, input.length);
    if (typeof parts === 'string') return;
    must(parts.length > 0 && parts[0]?.kind === 'report', 'a compound packet does not begin with a report');
    for (const part of parts) {
      if (part.kind !== 'report') continue;
      for (const block of part.blocks) {
        must(Math.abs(block.cumulativeLost) <= 2 ** 23, 'cumulative loss', block.cumulativeLost);
        const trip = roundTripMs(middleOf(NTP), block);
        must(trip === undefined || (trip >= 0 && trip < 2 ** 16 * 1_000), 'a round trip of', trip);
      }
      const report = { ssrc: part.ssrc, sender: part.sender, block: part.blocks[0], cname: 'c', bye: false };
      const again = parseRtcp(compound(report), 0, writeRtcp(scratch, report));
      must(typeof again !== 'string', 'a report of ours is none:', again);
      mustEqual(again[0], { ...part, blocks: part.blocks.slice(0, 1) }, 'a report written again');
    }
  },
};

function compound(report: RtcpReport): Uint8Array {
  return scratch.slice(0, writeRtcp(scratch, report));
}
