import { SipStream } from '../../../src/core/sip/framing.ts';
import type { SipLimits, StreamItem } from '../../../src/core/sip/framing.ts';
import { bytesOf, must, mustEqual } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const LIMITS: SipLimits = { messageBytes: 600, headerBytes: 400, headerCount: 32, lineLength: 200 };

export const target: FuzzTarget = {
  name: 'sip-stream',
  what: 'SIP over TCP, the first byte saying how it is chopped: the same messages however it comes, none beyond the limits, nothing after an error',
  code: ['sip/framing.ts'],
  mostBytes: 1_500,
  inputs: 200_000,
  seeds: () =>
    bytesOf(
      '\u0005OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc\r\n\r\nBYE sip:a SIP/2.0\r\nl:0\r\n\r\n\r\n',
      '\u0001\r\n\r\n\r\nX\r\nL :\r\n 2\r\n \r\n\r\nab',
      '\u0003A b SIP/2.0\r\nContent-Length: 4294967297\r\n\r\n',
      '\u0002A b SIP/2.0\r\nVia: x\r\nl: 1\r\nl: 1\r\n\r\n1',
    ),
  check(input) {
    const bytes = input.subarray(1);
    const whole = new SipStream(LIMITS).push(bytes);
    const chopped = new SipStream(LIMITS);
    const step = 1 + ((input[0] ?? 0) % 64);
    const items: StreamItem[] = [];
    const scratch = new Uint8Array(step);
    for (let at = 0; at < bytes.length; at += step) {
      const piece = bytes.subarray(at, at + step);
      scratch.set(piece);
      items.push(...chopped.push(scratch.subarray(0, piece.length)));
      // What came is a buffer that is used again.
      scratch.fill(0x55);
    }
    mustEqual(lasting(items), lasting(whole), `in pieces of ${step}`);
    for (const [i, item] of whole.entries()) {
      if (item.kind === 'message') must(item.bytes.length <= LIMITS.messageBytes, 'a message of', item.bytes.length);
      if (item.kind === 'error') must(i === whole.length - 1, 'something follows an error');
    }
  },
};

/** A CRLF that comes alone is answered at once, so pings and pongs do depend on the pieces. */
function lasting(items: readonly StreamItem[]): readonly StreamItem[] {
  return items.filter(({ kind }) => kind === 'message' || kind === 'error');
}
