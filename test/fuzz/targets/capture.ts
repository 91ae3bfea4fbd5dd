import * as v from 'valibot';
import { RtplatError } from '../../../src/core/errors.ts';
import { looksLikeCapture } from '../../../src/core/capture/reader.ts';
import type { CaptureDocument } from '../../../src/core/capture/document.ts';
import { CaptureSchema } from '../../../src/core/capture/schema.ts';
import { measure } from '../../core/capture/measure.ts';
import { frame, pcap, pcapng, rtp } from '../../kit/pcap.ts';
import type { Link } from '../../kit/pcap.ts';
import { must, mustBeOneCleanLine, mustEqual } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const LINKS: readonly Link[] = ['ethernet', 'vlan', 'qinq', 'cooked', 'cooked2', 'raw', 'null'];

export const target: FuzzTarget = {
  name: 'capture',
  what: 'pcap and pcapng files, whole and in pieces: the same numbers, none of them negative or not finite, or one line with the offset of what is wrong',
  code: ['capture/'],
  mostBytes: 4_096,
  inputs: 8_000,
  seeds: () =>
    LINKS.flatMap((link, i) => [
      pcap(scene(link), { link, bigEndian: i % 2 === 1, nanoseconds: i % 3 === 0 }),
      pcapng(scene(link), { link, bigEndian: i % 2 === 0 }),
    ]),
  check(input) {
    const whole = outcome(input, 65_536);
    mustEqual(outcome(input, 64 + (input.length % 977)), whole, 'in pieces');
    if (typeof whole === 'string') {
      mustBeOneCleanLine(whole, 'the message');
      return;
    }
    must(looksLikeCapture(input), 'a capture does not look like one');
    mustBeFinite(whole);
    must(v.is(CaptureSchema, whole), 'the document is not as its schema says');
    const { frames } = whole;
    const {
      rtp: rtpFrames,
      rtcp,
      rtp_untracked: untracked,
      other_udp: other,
      not_udp: notUdp,
      not_ip: notIp,
      fragments,
      broken,
      foreign,
    } = frames;
    const sum = rtpFrames + rtcp + untracked + other + notUdp + notIp + fragments + broken + foreign;
    must(sum === frames.total, 'frames are not counted once', frames);
  },
};

function outcome(input: Uint8Array, piece: number): CaptureDocument | string {
  try {
    return measure(input, piece);
  } catch (error) {
    if (error instanceof RtplatError && error.code === 'format') return error.message;
    throw error;
  }
}

/** Numbers that no file can justify. A stream can begin before the first frame of the file. */
function mustBeFinite(value: unknown, path = ''): void {
  if (typeof value === 'number') must(Number.isFinite(value) && (value >= 0 || path.endsWith('.start_seconds')), path, value);
  else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) mustBeFinite(member, `${path}.${name}`);
}

/** A stream and its echo. */
function scene(link: Link) {
  const [a, b] =
    link === 'cooked'
      ? ([
          ['2001:db8:0:0:0:0:0:1', 4_000],
          ['2001:db8:0:0:0:0:0:2', 4_002],
        ] as const)
      : ([
          ['192.0.2.1', 4_000],
          ['192.0.2.2', 4_002],
        ] as const);
  return Array.from({ length: 12 }, (_, i) => {
    const payload = rtp({ sequence: i >> 1, timestamp: (i >> 1) * 160, ssrc: 7, bytes: 20 });
    const [from, to] = i % 2 === 0 ? [a, b] : [b, a];
    return { atNs: 1_700_000_000_000_000_000n + BigInt(i) * 10_000_000n, frame: frame(link, { from, to, payload }) };
  });
}
