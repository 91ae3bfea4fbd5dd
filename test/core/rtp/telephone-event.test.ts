import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  TELEPHONE_EVENT_BYTES,
  TelephoneEventReceiver,
  TelephoneEventSender,
  createTelephoneEvent,
  parseTelephoneEvent,
  telephoneEventCode,
  telephoneEventName,
  writeTelephoneEvent,
} from '../../../src/core/rtp/telephone-event.ts';
import type { TelephoneEvent } from '../../../src/core/rtp/telephone-event.ts';

const MS = 1_000_000;
const SSRC = 0x1234_5678;

/** A packet as a receiver sees it. */
interface Packet extends TelephoneEvent {
  timestamp: number;
  marker: boolean;
}

function packet(event: number, timestamp: number, duration: number, end = false): Packet {
  return { event, timestamp, duration, end, volume: 10, marker: false };
}

/** All packets of one event. */
function packetsOf(event: number, timestamp: number, durationTicks: number, intervalTicks = 160): Packet[] {
  const sender = new TelephoneEventSender({ intervalTicks });
  sender.start(event, timestamp, durationTicks);
  const packets: Packet[] = [];
  const payload = new Uint8Array(TELEPHONE_EVENT_BYTES);
  while (sender.next(payload, 0)) {
    const parsed = createTelephoneEvent();
    expect(parseTelephoneEvent(payload, 0, 4, parsed)).toBe(true);
    packets.push({ ...parsed, timestamp: sender.timestamp, marker: sender.marker });
  }
  return packets;
}

/** A receiver that gets a packet every 20 ms; what it reports as `digit:ticks`, with a + when the end was not seen. */
class Ear {
  readonly heard: string[] = [];
  readonly receiver: TelephoneEventReceiver = new TelephoneEventReceiver({
    clockRateHz: 8_000,
    onDigit: ({ digit, durationTicks, ended }) => this.heard.push(`${digit}:${durationTicks}${ended ? '' : '+'}`),
  });
  atNs = 0;

  hear(packets: readonly Packet[], ssrc = SSRC): this {
    for (const each of packets) {
      this.atNs += 20 * MS;
      this.receiver.tick(this.atNs);
      this.receiver.receive(this.atNs, ssrc, each.timestamp, each);
    }
    return this;
  }
}

describe('the payload (§2.3)', () => {
  test('golden bytes: event 11 (#), end, −10 dBm0, 1600 ticks', () => {
    const bytes = Uint8Array.of(0x99, 0x0b, 0x8a, 0x06, 0x40);
    const event = createTelephoneEvent();
    expect(parseTelephoneEvent(bytes, 1, 4, event)).toBe(true);
    expect(event).toEqual({ event: 11, end: true, volume: 10, duration: 1_600 });
    const written = new Uint8Array(5).fill(0x99);
    expect(writeTelephoneEvent(written, 1, event)).toBe(5);
    expect(written).toEqual(bytes);
  });

  test('the reserved bit is ignored, and so are bytes behind', () => {
    const event = createTelephoneEvent();
    expect(parseTelephoneEvent(Uint8Array.of(1, 0x7f, 0, 80, 9, 9), 0, 6, event)).toBe(true);
    expect(event).toEqual({ event: 1, end: false, volume: 63, duration: 80 });
  });

  it.each([
    [0, 3],
    [0, 0],
    [5, 4],
  ])('%i, %i: too short', (offset, length) => {
    expect(parseTelephoneEvent(new Uint8Array(8), offset, length, createTelephoneEvent())).toBe(false);
  });

  test('everything survives', () => {
    const any = fc.record({ event: fc.nat(255), end: fc.boolean(), volume: fc.nat(63), duration: fc.nat(65_535) });
    fc.assert(
      fc.property(any, (event) => {
        const bytes = new Uint8Array(4);
        writeTelephoneEvent(bytes, 0, event);
        const parsed = createTelephoneEvent();
        parseTelephoneEvent(bytes, 0, 4, parsed);
        expect(parsed).toEqual(event);
      }),
    );
  });

  test('names and codes (§3.2)', () => {
    expect(Array.from({ length: 18 }, (_, code) => telephoneEventName(code)).join(' ')).toBe('0 1 2 3 4 5 6 7 8 9 * # A B C D flash ');
    expect(['0', '9', '*', '#', 'A', 'D', 'flash', 'E', ''].map(telephoneEventCode)).toEqual([
      0,
      9,
      10,
      11,
      12,
      15,
      16,
      undefined,
      undefined,
    ]);
  });
});

describe('the sender', () => {
  test('the example of §5: "911", in packets of 50 ms', () => {
    const rows = [packetsOf(9, 0, 1_600, 400), packetsOf(1, 7_040, 2_000, 400), packetsOf(1, 11_200, 1_760, 400)]
      .flat()
      .map((each) => [each.event, each.marker ? 1 : 0, each.timestamp, each.duration, each.end ? 1 : 0].join(' '));
    expect(rows).toEqual([
      ...['9 1 0 400 0', '9 0 0 800 0', '9 0 0 1200 0', '9 0 0 1600 0', '9 0 0 1600 1', '9 0 0 1600 1', '9 0 0 1600 1'],
      ...['1 1 7040 400 0', '1 0 7040 800 0', '1 0 7040 1200 0', '1 0 7040 1600 0', '1 0 7040 2000 0'],
      ...['1 0 7040 2000 1', '1 0 7040 2000 1', '1 0 7040 2000 1'],
      ...['1 1 11200 400 0', '1 0 11200 800 0', '1 0 11200 1200 0', '1 0 11200 1600 0'],
      ...['1 0 11200 1760 1', '1 0 11200 1760 1', '1 0 11200 1760 1'],
    ]);
  });

  test('longer than 65535 ticks: segments (§2.5.1.3), each where the one before ends', () => {
    const packets = packetsOf(5, 0xffff_0000, 150_000, 400);
    const segments = Map.groupBy(packets, ({ timestamp }) => timestamp);
    expect([...segments.keys()]).toEqual([0xffff_0000, 0xffff_ffff, 0xfffe]);
    const last = [...segments.values()].map((segment) => segment.at(-1)!);
    expect(last.map(({ duration, end }) => [duration, end])).toEqual([
      [65_535, false],
      [65_535, false],
      [150_000 - 2 * 65_535, true],
    ]);
    expect(packets.filter(({ end }) => end)).toHaveLength(3);
    expect(packets.filter(({ marker }) => marker)).toEqual([packets[0]]);
  });

  test('one event at a time', () => {
    const sender = new TelephoneEventSender({ intervalTicks: 160, volume: 7 });
    const payload = new Uint8Array(6);
    expect([sender.busy, sender.next(payload, 0)]).toEqual([false, false]);
    sender.start(3, 100, 160);
    expect(() => sender.start(4, 200, 160)).toThrow(RangeError);
    expect([1, 2, 3, 4, 5].map(() => sender.next(payload, 1))).toEqual([true, true, true, true, false]);
    expect([...payload]).toEqual([0, 3, 0x87, 0, 160, 0]);
    sender.start(4, 200, 160);
    expect([sender.busy, sender.next(payload, 1), sender.marker, sender.timestamp]).toEqual([true, true, true, 200]);
    expect(payload[2]).toBe(7);
  });
});

describe('each key once', () => {
  test('three end packets are one end', () => {
    expect(new Ear().hear([...packetsOf(9, 0, 1_600), ...packetsOf(1, 7_040, 2_000), ...packetsOf(1, 11_200, 1_760)]).heard).toEqual([
      '9:1600',
      '1:2000',
      '1:1760',
    ]);
  });

  test('200 digits with a third of the packets lost, some doubled, some overtaken: each once, in order', () => {
    const digits = fc.array(fc.nat(16), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(digits, fc.nat(0xffff_ffff), fc.infiniteStream(fc.nat(99)), (codes, start, fates) => {
        const ear = new Ear();
        const expected: string[] = [];
        for (const [i, code] of codes.entries()) {
          const sent = packetsOf(code, (start + 1_600 * i) >>> 0, 800);
          const arrived: Packet[] = [];
          for (const each of sent) {
            const fate = fates.next().value;
            if (fate < 33) continue;
            arrived.push(each);
            if (fate < 50) arrived.push(each);
            if (fate > 90) [arrived[arrived.length - 1], arrived[0]] = [arrived[0]!, arrived.at(-1)!];
          }
          if (arrived.length > 0) expected.push(telephoneEventName(code)!);
          ear.hear(arrived);
        }
        ear.receiver.finish(ear.atNs);
        expect(ear.heard.map((each) => each.split(':')[0])).toEqual(expected);
      }),
    );
  });

  test('the first packet that arrives may be the last', () => {
    const ends = packetsOf(5, 0, 800).filter(({ end }) => end);
    expect(new Ear().hear(ends).heard).toEqual(['5:800']);
  });

  test('an event whose end is lost ends with the next', () => {
    const noEnd = packetsOf(5, 0, 800).filter(({ end }) => !end);
    expect(new Ear().hear([...noEnd, ...packetsOf(5, 2_000, 800)]).heard).toEqual(['5:800+', '5:800']);
  });

  test('or after 200 ms without a packet, and what comes after that is not another', () => {
    const [first, second, ...rest] = packetsOf(5, 0, 1_600);
    const ear = new Ear();
    expect(ear.receiver.dueNs).toBe(Number.POSITIVE_INFINITY);
    ear.hear([first!, second!]);
    expect(ear.receiver.dueNs).toBe(ear.atNs + 200 * MS);
    ear.receiver.tick(ear.atNs + 200 * MS - 1);
    expect(ear.heard).toEqual([]);
    ear.receiver.tick(ear.atNs + 200 * MS);
    expect(ear.heard).toEqual(['5:320+']);
    expect(ear.receiver.dueNs).toBe(Number.POSITIVE_INFINITY);
    expect(ear.hear(rest).heard).toEqual(['5:320+']);
  });

  test('or with the stream', () => {
    const ear = new Ear().hear(packetsOf(5, 0, 800).slice(0, 3));
    ear.receiver.finish(ear.atNs);
    ear.receiver.finish(ear.atNs);
    expect(ear.heard).toEqual(['5:480+']);
  });

  test('a packet of the event before, overtaken by the next, is neither', () => {
    const late = packet(5, 0, 800, true);
    expect(
      new Ear().hear([...packetsOf(5, 0, 800), ...packetsOf(6, 2_000, 800).slice(0, 2), late, packet(6, 2_000, 800, true)]).heard,
    ).toEqual(['5:800', '6:800']);
  });

  test('an older duration does not shorten the event', () => {
    expect(new Ear().hear([packet(5, 0, 480), packet(5, 0, 160), packet(5, 0, 320, true)]).heard).toEqual(['5:480']);
  });

  test('timestamps wrap, and the 32 bits may be signed', () => {
    expect(new Ear().hear([...packetsOf(1, 0xffff_ff00, 800), ...packetsOf(2, 0x0a00, 800)]).heard).toEqual(['1:800', '2:800']);
    const signed = [...packetsOf(1, 0x7fff_ff00, 800), ...packetsOf(2, 0x8000_0a00, 800)];
    for (const each of signed) each.timestamp |= 0;
    expect(new Ear().hear(signed).heard).toEqual(['1:800', '2:800']);
  });

  test('another SSRC is another event, and ends the one before', () => {
    const ear = new Ear().hear(packetsOf(5, 0, 800).slice(0, 3)).hear(packetsOf(5, 0, 800), SSRC + 1);
    expect(ear.heard).toEqual(['5:480+', '5:800']);
  });

  test('a sender that started over, its timestamps far behind or after a pause, is heard', () => {
    expect(new Ear().hear([...packetsOf(5, 900_000, 800), ...packetsOf(6, 700_000, 800)]).heard).toEqual(['5:800', '6:800']);
    const paused = new Ear().hear(packetsOf(5, 900_000, 800));
    paused.atNs += 6_000 * MS;
    expect(paused.hear(packetsOf(6, 890_000, 800)).heard).toEqual(['5:800', '6:800']);
  });

  test('a sender that does not change the timestamp is understood as long as the key changes', () => {
    expect(new Ear().hear([...packetsOf(5, 0, 800), ...packetsOf(6, 0, 800)]).heard).toEqual(['5:800', '6:800']);
  });

  test('events that are no keys are ignored', () => {
    const fax = packetsOf(36, 0, 800);
    expect(new Ear().hear([...fax, ...packetsOf(5, 2_000, 800), ...fax]).heard).toEqual(['5:800']);
  });
});

describe('long events', () => {
  test.each([
    ['every packet', () => true],
    ['one in three', (_: Packet, i: number) => i % 3 === 0],
  ])('segments are one key: %s arrives', (_, arrives) => {
    const packets = packetsOf(5, 0xffff_0000, 150_000).filter(arrives);
    expect(new Ear().hear(packets).heard).toEqual(['5:150000']);
  });

  test('a segment may end before 65535 ticks, where the next begins', () => {
    const segment = (timestamp: number, packets: number): Packet[] =>
      Array.from({ length: packets }, (_, i) => packet(5, timestamp, 400 * (i + 1)));
    const packets = [...segment(0, 160), ...segment(64_000, 10), packet(5, 64_000, 4_000, true)];
    expect(new Ear().hear(packets).heard).toEqual(['5:68000']);
  });

  test('a packet of the segment before, overtaken by the next, is not another key', () => {
    const packets = packetsOf(5, 0, 70_000);
    const border = packets.findIndex(({ timestamp }) => timestamp !== 0);
    [packets[border - 1], packets[border]] = [packets[border]!, packets[border - 1]!];
    expect(new Ear().hear(packets).heard).toEqual(['5:70000']);
  });

  test('durations that wrap, in senders without segments', () => {
    const packets = Array.from({ length: 100 }, (_, i) => packet(5, 0, (1_600 * (i + 1)) & 0xffff, i >= 99));
    expect(new Ear().hear(packets).heard).toEqual(['5:160000']);
  });

  test('the same key again at the very end of a short one is another', () => {
    expect(new Ear().hear([...packetsOf(5, 0, 800).slice(0, 5), ...packetsOf(5, 800, 800)]).heard).toEqual(['5:800+', '5:800']);
  });
});

test('any packets: never more keys than packets, and each is a key', () => {
  const any = fc.record({
    event: fc.nat(20),
    end: fc.boolean(),
    volume: fc.nat(63),
    duration: fc.nat(65_535),
    timestamp: fc.nat(0xffff_ffff),
    marker: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 60 }), (packets) => {
      const ear = new Ear().hear(packets);
      ear.receiver.finish(ear.atNs);
      expect(ear.heard.length).toBeLessThanOrEqual(packets.length);
      for (const each of ear.heard) expect(each).toMatch(/^([0-9*#A-D]|flash):\d+\+?$/);
    }),
  );
});
