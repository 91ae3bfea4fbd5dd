import { RtplatError } from '../../../src/core/errors.ts';
import { EventStreamParser } from '../../../src/core/watch/event-stream.ts';
import type { StreamEvent } from '../../../src/core/watch/event-stream.ts';
import { bytesOf, must, mustEqual } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const MOST_CHARS = 500;

export const target: FuzzTarget = {
  name: 'event-stream',
  what: 'server-sent events, the first byte saying how they are chopped: the same events however they come, none longer than the limit',
  code: ['watch/event-stream.ts'],
  mostBytes: 1_200,
  inputs: 400_000,
  seeds: () =>
    bytesOf(
      '\u0003event: metrics\ndata: {"a":1}\n\nevent: x\r\ndata: é\r\ndata:y\r\rid: 3\n: c\n\n',
      '\u0001\uFEFFdata\n\ndata: \n\n',
      `\u0009data: ${'x'.repeat(400)}\ndata: ${'y'.repeat(99)}\n\n`,
    ),
  check(input) {
    const bytes = input.subarray(1);
    const whole = collect(bytes, bytes.length + 1);
    mustEqual(collect(bytes, 1 + ((input[0] ?? 0) % 32)), whole, 'in pieces');
    for (const { data, name } of whole.events) must(name !== '' && data.length <= MOST_CHARS, 'an event of', data.length);
  },
};

function collect(bytes: Uint8Array, step: number): { readonly events: readonly StreamEvent[]; readonly failed: boolean } {
  const parser = new EventStreamParser('x', MOST_CHARS);
  const events: StreamEvent[] = [];
  try {
    for (let at = 0; at < bytes.length; at += step) events.push(...parser.push(bytes.subarray(at, at + step)));
    return { events, failed: false };
  } catch (error) {
    if (!(error instanceof RtplatError)) throw error;
    // What was complete before comes with the piece, or not.
    return { events: [], failed: true };
  }
}
