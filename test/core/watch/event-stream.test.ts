import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventStreamParser } from '../../../src/core/watch/event-stream.ts';
import type { StreamEvent } from '../../../src/core/watch/event-stream.ts';

function eventsOf(...chunks: readonly (string | Uint8Array)[]): StreamEvent[] {
  const parser = new EventStreamParser('http://x');
  return chunks.flatMap((chunk) => parser.push(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk));
}

describe('the examples of WHATWG HTML §9.2.6', () => {
  it.each<[string, string, readonly string[]]>([
    ['several lines of data', 'data: YHOO\ndata: +2\ndata: 10\n\n', ['YHOO\n+2\n10']],
    [
      'a comment, three events',
      ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n',
      ['first event', 'second event', ' third event'],
    ],
    ['empty data, and an end that never comes', 'data\n\ndata\ndata\n\ndata:', ['', '\n']],
    ['one space is taken away', 'data:test\n\ndata: test\n\n', ['test', 'test']],
  ])('%s', (_name, text, expected) => {
    expect(eventsOf(text)).toEqual(expected.map((data) => ({ name: 'message', data })));
  });
});

describe('an event stream', () => {
  it('has names, each for its own event', () => {
    expect(eventsOf('event: metrics\ndata: {}\n\ndata: x\n\n')).toEqual([
      { name: 'metrics', data: '{}' },
      { name: 'message', data: 'x' },
    ]);
  });

  it('forgets the name of an event without data', () => {
    expect(eventsOf('event: metrics\n\ndata: x\n\n')).toEqual([{ name: 'message', data: 'x' }]);
  });

  it('ends lines with LF, CR LF or CR, a CR LF cut in two among them', () => {
    expect(eventsOf('event: a\r\ndata: 1\r', '\n\r', '\ndata: 2\r\rdata: 3\n\n')).toEqual([
      { name: 'a', data: '1' },
      { name: 'message', data: '2' },
      { name: 'message', data: '3' },
    ]);
  });

  it('may begin with a byte order mark', () => {
    expect(eventsOf('\uFEFFdata: x\n\n')).toEqual([{ name: 'message', data: 'x' }]);
  });

  it('ignores fields that it does not know', () => {
    expect(eventsOf('retry: 5\nfoo: bar\ndataset: 1\ndata: x\nid: 7\n\n')).toEqual([{ name: 'message', data: 'x' }]);
  });

  it('is refused when an event has no end, and not when there are many, or many comments', () => {
    const parser = new EventStreamParser('http://x', 100);
    const push = (text: string): readonly StreamEvent[] => parser.push(new TextEncoder().encode(text));
    for (let i = 0; i < 20; i++) expect(push(`data: ${'x'.repeat(50)}\n\n`)).toHaveLength(1);
    for (let i = 0; i < 20; i++) expect(push(`: ${'x'.repeat(50)}\n`)).toEqual([]);
    push(`data: ${'x'.repeat(50)}`);
    expect(() => push('x'.repeat(50))).toThrow('http://x sent an event of more than 100 characters');
    expect(() => new EventStreamParser('http://x', 10).push(new TextEncoder().encode('data: 1\ndata: 2\n'))).toThrow('more than 10');
  });

  it('has the same events however its bytes are cut', () => {
    const line = fc.oneof(
      fc.constantFrom('', 'data', 'data:', 'event: calls', ':', 'id: 1', 'data: ü€😀', 'data: \u2028'),
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text}`),
      fc.string({ unit: 'binary', maxLength: 12 }),
    );
    const stream = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n'))).map((lines) => lines.flat().join(''));
    fc.assert(
      fc.property(stream, fc.array(fc.nat({ max: 200 })), (text, cuts) => {
        const bytes = new TextEncoder().encode(text);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(eventsOf(...chunks)).toEqual(eventsOf(bytes));
      }),
    );
  });

  it('brings any data through, its line ends as LF', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text)),
          { minLength: 1 },
        ),
        (lines) => {
          const text = `event: x\n${lines.map((line) => `data: ${line}\n`).join('')}\n`;
          expect(eventsOf(text)).toEqual([{ name: 'x', data: lines.join('\n') }]);
        },
      ),
    );
  });
});
