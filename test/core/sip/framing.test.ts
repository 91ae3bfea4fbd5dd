import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { DEFAULT_SIP_LIMITS, SipStream, type StreamItem } from '../../../src/core/sip/framing.ts';
import { serialize } from '../../../src/core/sip/message.ts';
import { messages } from './message-arbitrary.ts';

const encoder = new TextEncoder();
const PING = '\r\n\r\n';
const SHORT = 'X sip:a SIP/2.0\r\nl: 2\r\n\r\nhi';

/** The items of a stream in these chunks: the text of messages, else the kind or the problem. */
function items(stream: SipStream, ...chunks: readonly string[]): string[] {
  return chunks.flatMap((chunk) => stream.push(encoder.encode(chunk)).map(said));
}

function said(item: StreamItem): string {
  if (item.kind === 'message') return new TextDecoder().decode(item.bytes);
  return item.kind === 'error' ? `error: ${item.problem}` : item.kind;
}

function oneByOne(stream: SipStream, text: string): string[] {
  return [...encoder.encode(text)].flatMap((byte) => stream.push(Uint8Array.of(byte)).map(said));
}

describe('messages', () => {
  it('takes what comes at once, and what is left next time', () => {
    const stream = new SipStream();
    expect(items(stream, `${SHORT}${SHORT}X sip:b`, ' SIP/2.0\r\nl: 0\r', '\n\r\n')).toEqual([
      SHORT,
      SHORT,
      'X sip:b SIP/2.0\r\nl: 0\r\n\r\n',
    ]);
  });

  it('takes single bytes', () => {
    expect(oneByOne(new SipStream(), `${SHORT}${SHORT}`)).toEqual([SHORT, SHORT]);
  });

  it.each([
    'Content-Length: 2',
    'CONTENT-LENGTH:2',
    'l \t:  2 ',
    'L:\r\n 2',
    'l: 2\r\n ',
    'Content-Length: 0002',
    'X: y\r\nl: 2\r\nLx: 5\r\nContent-Length2: 5',
  ])('finds the length in %j', (line) => {
    const text = `X sip:a SIP/2.0\r\n${line}\r\n\r\nhi`;
    expect(items(new SipStream(), `${text}${SHORT}`)).toEqual([text, SHORT]);
  });

  it('does not take a body for headers', () => {
    const text = 'X sip:a SIP/2.0\r\nl: 16\r\n\r\nl: 5\r\n\r\nl: 6\r\n\r\n';
    expect(items(new SipStream(), text)).toEqual([text]);
  });

  it('gives each message memory of its own', () => {
    const stream = new SipStream();
    const chunk = encoder.encode(SHORT);
    const [whole] = stream.push(chunk);
    chunk.fill(0);
    const [first] = [...stream.push(encoder.encode(SHORT.slice(0, 5))), ...stream.push(encoder.encode(`${SHORT.slice(5)}more`))];
    stream.push(encoder.encode('x'.repeat(100)));
    expect([whole, first].map((item) => item && said(item))).toEqual([SHORT, SHORT]);
  });
});

describe('what cannot be framed', () => {
  it.each([
    ['no Content-Length', 'X sip:a SIP/2.0\r\nA: b\r\n\r\n', 'no Content-Length'],
    ['two, the same', 'X sip:a SIP/2.0\r\nl: 2\r\nContent-Length: 2\r\n\r\nhi', 'Content-Length twice'],
    ['no digits', 'X sip:a SIP/2.0\r\nl: \r\n\r\n', 'Content-Length is no number'],
    ['a sign', 'X sip:a SIP/2.0\r\nl: -2\r\n\r\n', 'Content-Length is no number'],
    ['more than digits', 'X sip:a SIP/2.0\r\nl: 2 2\r\n\r\nhi', 'Content-Length is no number'],
    ['too much', 'X sip:a SIP/2.0\r\nl: 65536\r\n\r\n', 'a message of more than 65536 bytes'],
    ['far too much', `X sip:a SIP/2.0\r\nl: ${'9'.repeat(400)}\r\n\r\n`, 'a message of more than 65536 bytes'],
    ['headers without end', `X sip:a SIP/2.0\r\nA: ${'b'.repeat(16_384)}`, 'headers of more than 16384 bytes'],
    ['headers too long', `X sip:a SIP/2.0\r\nl: 0\r\nA: ${'b'.repeat(16_384)}\r\n\r\n`, 'headers of more than 16384 bytes'],
    ['a bare LF before a message', `\n${SHORT}`, 'a line feed without a carriage return'],
    ['a bare CR before a message', `\r${SHORT}`, 'a carriage return without a line feed'],
  ])('%s', (_, text, problem) => {
    for (const chop of [items, (stream: SipStream, all: string) => oneByOne(stream, all)]) {
      const stream = new SipStream();
      expect(chop(stream, `${SHORT}${text}`)).toEqual([SHORT, `error: ${problem}`]);
      expect(items(stream, SHORT, PING)).toEqual([]);
    }
  });

  it('takes a message just within its limits', () => {
    const limits = { ...DEFAULT_SIP_LIMITS, headerBytes: 25, messageBytes: 27 };
    expect(items(new SipStream(limits), SHORT)).toEqual([SHORT]);
    expect(items(new SipStream({ ...limits, headerBytes: 24 }), SHORT)).toEqual(['error: headers of more than 24 bytes']);
    expect(items(new SipStream({ ...limits, messageBytes: 26 }), SHORT)).toEqual(['error: a message of more than 26 bytes']);
  });
});

describe('keep-alive (RFC 5626 §3.5.1, §4.4.1)', () => {
  it('knows a ping from a pong', () => {
    expect(items(new SipStream(), PING, SHORT, `\r\n${SHORT}`, `${PING}${PING}${SHORT}\r\n`)).toEqual([
      'ping',
      SHORT,
      'pong',
      SHORT,
      'ping',
      'ping',
      SHORT,
      'pong',
    ]);
  });

  test('a CRLF alone is a pong at once, and with another one behind it a ping as well', () => {
    const stream = new SipStream();
    expect(items(stream, '\r\n')).toEqual(['pong']);
    expect(items(stream, '\r\n')).toEqual(['ping']);
    expect(items(stream, '\r')).toEqual([]);
    expect(items(stream, '\n')).toEqual(['pong']);
    expect(items(stream, SHORT, '\r\n')).toEqual([SHORT, 'pong']);
  });

  it.each(['\r\n\r', '\r\n\r\n\r'])('waits for the rest of %j', (text) => {
    const stream = new SipStream();
    const before = items(stream, text);
    expect([...before, ...items(stream, '\n')].filter((item) => item === 'ping')).toHaveLength(1);
  });
});

describe('chopping', () => {
  const part = fc.oneof(
    { weight: 3, arbitrary: messages.map((made) => serialize(made)) },
    { weight: 1, arbitrary: fc.constantFrom('\r\n', PING).map((text) => encoder.encode(text)) },
  );
  const stream = fc.array(part, { maxLength: 8 });

  it('does not change the messages and pings', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(400), { maxLength: 40 }), (parts, sizes) => {
        const all = Uint8Array.from(parts.flatMap((bytes) => [...bytes]));
        const whole = new SipStream().push(all);
        const chopped: StreamItem[] = [];
        const receiver = new SipStream();
        let at = 0;
        for (const size of [...sizes, all.length]) {
          // One buffer for every chunk, as a socket may have.
          chopped.push(...receiver.push(all.slice(at, at + size)));
          at += size;
        }
        const counted = (items: readonly StreamItem[]): string[] => items.filter(({ kind }) => kind !== 'pong').map(said);
        expect(counted(chopped)).toEqual(counted(whole));
        expect(whole.filter(({ kind }) => kind === 'message')).toEqual(
          parts.filter((bytes) => bytes.length > 4).map((bytes) => ({ kind: 'message', bytes })),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('survives any bytes, and says nothing after an error', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.constantFrom(SHORT, 'l: 5\r\n', PING, '\r', '\n').map((text) => encoder.encode(text)),
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 12 }), (chunks) => {
        const receiver = new SipStream();
        const got = chunks.flatMap((chunk) => [...receiver.push(chunk)]);
        const error = got.findIndex(({ kind }) => kind === 'error');
        expect(error === -1 || error === got.length - 1).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a large message in single bytes', () => {
    const text = `X sip:a SIP/2.0\r\nA: ${'b'.repeat(8_000)}\r\nl: 50000\r\n\r\n${'c'.repeat(50_000)}`;
    expect(oneByOne(new SipStream(), text)).toEqual([text]);
  });
});
