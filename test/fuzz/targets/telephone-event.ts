import {
  createTelephoneEvent,
  parseTelephoneEvent,
  telephoneEventCode,
  TelephoneEventReceiver,
  TELEPHONE_EVENT_BYTES,
  writeTelephoneEvent,
} from '../../../src/core/rtp/telephone-event.ts';
import { must } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const RECORD_BYTES = 8;
const event = createTelephoneEvent();
const written = new Uint8Array(TELEPHONE_EVENT_BYTES);

export const target: FuzzTarget = {
  name: 'telephone-event',
  what: 'DTMF in RTP, packets in any order: a payload written again is the same, every digit has a name and a length, and in the end none is on',
  code: ['rtp/telephone-event.ts'],
  mostBytes: 1_024,
  inputs: 250_000,
  seeds: () => [
    Uint8Array.of(5, 0x0a, 0, 160, 0, 0, 20, 0, 5, 0x0a, 1, 64, 0, 0, 20, 0, 5, 0x8a, 1, 224, 0, 0, 20, 0, 5, 0x8a, 1, 224, 0, 0, 20, 0),
    Uint8Array.of(1, 0x0a, 0x80, 0, 0, 0, 20, 0, 1, 0x0a, 0x80, 0, 0x80, 0, 20, 0, 2, 0x8a, 0, 80, 0x10, 0, 255, 1),
  ],
  check(input) {
    let packets = 0;
    let digits = 0;
    const receiver = new TelephoneEventReceiver({
      clockRateHz: 8_000,
      onDigit: ({ digit, durationTicks }) => {
        digits += 1;
        must(telephoneEventCode(digit) !== undefined, 'a digit without a name', digit);
        must(Number.isInteger(durationTicks) && durationTicks >= 0, 'a digit lasts', durationTicks);
      },
    });
    let [timestamp, atNs] = [0, 1e9];
    for (let at = 0; at < input.length; at += RECORD_BYTES) {
      const length = Math.min(RECORD_BYTES, input.length - at);
      const isOne = parseTelephoneEvent(input, at, length, event);
      must(isOne === length >= TELEPHONE_EVENT_BYTES, 'a payload of', length, isOne);
      if (!isOne) break;
      writeTelephoneEvent(written, 0, event);
      const reserved = input[at + 1]! & 0x40;
      must(
        written[0] === input[at] &&
          written[1]! + reserved === input[at + 1] &&
          written[2] === input[at + 2] &&
          written[3] === input[at + 3],
        'written again',
        [...written],
      );
      timestamp = (timestamp + ((input[at + 4] ?? 0) << 24) + ((input[at + 5] ?? 0) << 4)) >>> 0;
      atNs += (input[at + 6] ?? 0) * 1e6;
      receiver.tick(atNs);
      receiver.receive(atNs, input[at + 7] ?? 0, timestamp, event);
      packets += 1;
    }
    receiver.tick(receiver.dueNs === Number.POSITIVE_INFINITY ? atNs : receiver.dueNs);
    must(receiver.dueNs === Number.POSITIVE_INFINITY, 'an event does not end', receiver.dueNs);
    must(digits <= packets, 'more digits than packets', digits, packets);
  },
};
