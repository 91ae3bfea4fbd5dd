import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SentTimes } from '../../../src/core/match/sent-times.ts';

test('each position is in the packet that it was sent in, while that is remembered', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(sizes, (sizes) => {
      const times = new SentTimes(16);
      const packetOf: number[] = [];
      sizes.forEach((size, packet) => {
        times.sent(packet * 1_000, size);
        for (let i = 0; i < size; i++) packetOf.push(packet);
      });
      expect(times.end).toBe(packetOf.length);
      packetOf.forEach((packet, position) => {
        const remembered = packet >= sizes.length - 16;
        expect(times.packetAt(position)).toBe(remembered ? packet : -1);
        expect(times.packetAt(position + 0.5)).toBe(remembered ? packet : -1);
        if (remembered) expect([times.startOf(packet), times.leftNsOf(packet)]).toEqual([packetOf.indexOf(packet), packet * 1_000]);
      });
      expect([times.packetAt(-0.5), times.packetAt(packetOf.length)]).toEqual([-1, -1]);
    }),
  );
});

test('a time is corrected while it is remembered', () => {
  const times = new SentTimes(2);
  expect([times.packetAt(0), times.correct(0, 1)]).toEqual([-1, false]);
  for (let packet = 0; packet < 3; packet++) times.sent(packet, 10);
  expect([0, 1, 2, 3].map((packet) => times.correct(packet, 100 + packet))).toEqual([false, true, true, false]);
  expect([times.leftNsOf(1), times.leftNsOf(2)]).toEqual([101, 102]);
});
