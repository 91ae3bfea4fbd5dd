import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { LineQueue } from '../../../../src/core/service/log/line-queue.ts';

describe('a queue of lines', () => {
  it('takes lines up to its bytes of UTF-8, and says when one does not fit', () => {
    const queue = new LineQueue(8);
    expect(queue.push('äöü')).toBe(true);
    expect(queue.push('abc')).toBe(false);
    expect(queue.push('ab')).toBe(true);
    expect(queue.length).toBe(2);
    expect(queue.firstBytes).toBe(6);
  });

  it('gives one line at least, however long', () => {
    const queue = new LineQueue(100);
    queue.push('a long one');
    queue.push('b');
    expect(queue.take(1)).toEqual({ text: 'a long one', lines: 1 });
    expect(queue.peek()).toBe('b');
  });
});

test('lines come out once, in order, and never more bytes than fit', () => {
  const step = fc.oneof(
    fc.record({ push: fc.string({ minLength: 1, unit: 'grapheme' }) }),
    fc.record({ take: fc.integer({ min: 0, max: 60 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new LineQueue(200);
      const model: string[] = [];
      const bytes = (lines: readonly string[]): number => Buffer.byteLength(lines.join(''));
      for (const one of steps) {
        if ('push' in one) {
          const fits = bytes(model) + Buffer.byteLength(one.push) <= 200;
          expect(queue.push(one.push)).toBe(fits);
          if (fits) model.push(one.push);
        } else if (model.length > 0) {
          const { text, lines } = queue.take(one.take);
          const taken = model.splice(0, lines);
          expect(text).toBe(taken.join(''));
          expect(lines === 1 || bytes(taken) <= one.take).toBe(true);
          // As many as fit.
          expect(model.length === 0 || bytes([...taken, model[0]!]) > one.take).toBe(true);
        }
        expect(queue.length).toBe(model.length);
        expect(queue.peek()).toBe(model[0]);
        expect(queue.firstBytes).toBe(bytes(model.slice(0, 1)));
      }
    }),
  );
});

test('thousands of lines that wait are given back without a gap', () => {
  const queue = new LineQueue(1e9);
  const lines = Array.from({ length: 5_000 }, (_, i) => `${i}\n`);
  for (const one of lines) queue.push(one);
  let out = '';
  while (queue.length > 0) out += queue.take(20).text;
  expect(out).toBe(lines.join(''));
});
