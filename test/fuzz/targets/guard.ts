import { ANSWER, EchoGuard, LOCAL, REFUSALS, STRANGER } from '../../../src/core/guard/guard.ts';
import { createRtpPacket, parseRtp } from '../../../src/core/rtp/packet.ts';
import { ADDRESS_WORDS, parseNetwork } from '../../../src/core/values/networks.ts';
import { must } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const PORT = 4_000;
const HEAD_BYTES = 5;
const MOST_COPIES = 3;
const SOURCE_CAP = 100;
const KEY = Int32Array.of(0x1234567, 0x89abcde, 0x7654321, 0x3c6ef372);
const allowed = parseNetwork('198.51.100.0/24');
const guard = new EchoGuard({
  rules: { any: false, caps: { perSource: SOURCE_CAP, total: 1_000 }, allowed: allowed === undefined ? [] : [allowed], onlyAllowed: false },
  port: PORT,
  own: [],
  key: KEY,
});
const source = new Int32Array(ADDRESS_WORDS);
const parsed = createRtpPacket();
/** One guard for all inputs, as an echo has one for all packets: its memory must not grow, and a second of silence forgets nothing of note. */
let nowNs = 1e9;

export const target: FuzzTarget = {
  name: 'guard',
  what: 'datagrams to an echo on the open Internet, from any address and port: strangers get answers for RTP alone, within the cap, and no copy more than three times',
  code: ['guard/'],
  mostBytes: 600,
  inputs: 1_000_000,
  seeds: () => [
    Uint8Array.of(192, 0x1f, 0x90, 1, 12, ...header(1), 192, 0x1f, 0x90, 1, 12, ...header(2)),
    Uint8Array.from(Array.from({ length: 4 }, () => [192, 0x1f, 0x90, 0, 12, ...header(1)]).flat()),
    Uint8Array.of(198, 0x1f, 0x90, 1, 2, 1, 2, 127, 0, 7, 0, 1, 0, 192, 0, 53, 9, 1, 1),
  ],
  check(input) {
    let answered = 0;
    const from = nowNs;
    const copies = new Map<string, number>();
    for (let at = 0; at + HEAD_BYTES <= input.length;) {
      const [first = 0, high = 0, low = 0, waitMs = 0, size = 0] = input.subarray(at, at + HEAD_BYTES);
      const port = (high << 8) | low;
      at += HEAD_BYTES;
      const length = Math.min(size, input.length - at);
      source.set([0, 0, 0xffff, (first << 24) | (first === 198 ? 0x336407 : 7)]);
      nowNs += waitMs * 1e5;
      const standing = guard.standingOf(source);
      must(standing === LOCAL ? first === 127 : true, 'local is', first);
      const verdict = guard.judge(input, at, length, source, port, standing, nowNs);
      must(verdict === ANSWER || REFUSALS[verdict] !== undefined, 'verdict', verdict);
      if (verdict === ANSWER) {
        must(port !== 0 && port !== PORT, 'answers port', port);
        if (standing === STRANGER) {
          must(port >= 1_024 && parseRtp(input, at, length, parsed) === undefined, 'answers a stranger', port, length);
          answered += 1;
        }
        const copy = `${first} ${port} ${Buffer.from(input.buffer, input.byteOffset + at, length).toString('latin1')}`;
        copies.set(copy, (copies.get(copy) ?? 0) + 1);
        must(standing === LOCAL || (copies.get(copy) ?? 0) <= MOST_COPIES, 'answers the same packet', copies.get(copy));
      }
      at += length;
    }
    // The bursts that sources may have, and what the rates allow in the time.
    const most = ((nowNs - from) / 1e9 + 1) * 1_000 + 256 * 20;
    must(answered <= most, 'answers', answered, most);
    nowNs += 20e6;
  },
};

function header(sequence: number): readonly number[] {
  return [0x80, 0, 0, sequence, 0, 0, 0, 160, 1, 2, 3, 4];
}
