import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createResponse, serialize, type SipMessage, type SipRequest } from '../../../src/core/sip/message.ts';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import { TORTURE_MESSAGES } from '../../corpus/rfc4475/index.ts';
import { contents, messages, requests } from './message-arbitrary.ts';

const encoder = new TextEncoder();

const HEADERS = [
  'Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds',
  'To: Bob <sip:bob@biloxi.com>',
  'From: Alice <sip:alice@atlanta.com>;tag=1928301774',
  'Call-ID: a84b4c76e66710',
  'CSeq: 314159 INVITE',
];

/** An INVITE with these lines behind the usual ones. */
function invite(lines: readonly string[] = [], body = '', start = 'INVITE sip:bob@biloxi.com SIP/2.0'): Uint8Array {
  return encoder.encode([start, ...HEADERS, ...lines, '', body].join('\r\n'));
}

function message(bytes: Uint8Array): SipMessage {
  const parsed = parseMessage(bytes);
  if (!('message' in parsed)) throw new Error(parsed.problem);
  return parsed.message;
}

function problem(bytes: Uint8Array): { readonly problem: string; readonly status: number; readonly request: SipRequest | undefined } {
  const parsed = parseMessage(bytes);
  if ('message' in parsed) throw new Error('is a message');
  return parsed;
}

describe('start lines', () => {
  it.each(['SIP/2.0', 'sip/2.0', 'Sip/2.0'])('takes the version %s', (version) => {
    expect(message(invite([], '', `INVITE sip:bob@biloxi.com ${version}`))).toMatchObject({ method: 'INVITE', uri: 'sip:bob@biloxi.com' });
    expect(message(invite([], '', `${version} 183 Session Progress`))).toMatchObject({ status: 183, reason: 'Session Progress' });
  });

  it.each([
    ['SIP/2.0 200 OK', 200, 'OK'],
    ['SIP/2.0 200 ', 200, ''],
    ['SIP/2.0 200', 200, ''],
    ['SIP/2.0 699 a  b ', 699, 'a  b '],
  ])('reads %j', (line, status, reason) => {
    expect(message(invite([], '', line))).toMatchObject({ status, reason });
  });

  it.each([
    'SIP/2.0 099 x',
    'SIP/2.0 700 x',
    'SIP/2.0 20 x',
    'SIP/2.0 2000 x',
    'SIP/2.0  200 x',
    'SIP/2.0 200x',
    'SIP/2.0',
    'SIP/3.0 200 OK',
    'SIP/2.0 200 a\0',
  ])('drops the response %j', (line) => {
    expect(problem(invite([], '', line))).toMatchObject({ status: 400, request: undefined });
  });

  it.each<[string, number]>([
    ['INVITE sip:bob@biloxi.com SIP/7.0', 505],
    ['INVITE sip:bob@biloxi.com SIP/1.0', 505],
    ['INVITE  sip:bob@biloxi.com SIP/2.0', 400],
    ['INVITE sip:bob@biloxi.com SIP/2.0 ', 400],
    [' INVITE sip:bob@biloxi.com SIP/2.0', 400],
    ['INVITE\tsip:bob@biloxi.com SIP/2.0', 400],
    ['INVITE  SIP/2.0', 400],
    ['INVITE <sip:bob@biloxi.com> SIP/2.0', 400],
    ['INVITE sip:bob@biloxi.com?subject=x SIP/2.0', 400],
    ['INVITE sip:bob@ SIP/2.0', 400],
    ['INVITE sip:2001:db8::10 SIP/2.0', 400],
    ['INVITE bob SIP/2.0', 400],
  ])('answers %j', (line, status) => {
    const wrong = problem(invite([], '', line));
    expect([wrong.status, wrong.request?.method, wrong.request?.fromTag]).toEqual([status, 'INVITE', '1928301774']);
  });

  it.each([
    '',
    'hello',
    'GET / HTTP/1.1',
    'INVITE sip:a@b',
    'IN/VITE sip:a@b SIP/2.0',
    '<xml/> sip:a@b SIP/2.0',
    '\u{feff}INVITE sip:a@b SIP/2.0',
  ])('is not SIP: %j', (line) => {
    expect(problem(invite([], '', line))).toMatchObject({ request: undefined });
  });

  it('leaves a URI of another scheme to who may know it', () => {
    expect(message(invite([], '', 'INVITE tel:+358-555-1234567 SIP/2.0'))).toMatchObject({ uri: 'tel:+358-555-1234567' });
  });

  it.each(['', '\r\n', '\r\n\r\n', '\0\0\0\0', '\r', '\n'])('there is no message in %j', (text) => {
    expect(problem(encoder.encode(text))).toMatchObject({ status: 400, request: undefined });
  });

  it('skips line ends before the message (§7.5)', () => {
    expect(message(encoder.encode(`\r\n\r\n${new TextDecoder().decode(invite([], 'x'))}`)).body).toEqual(encoder.encode('x'));
  });
});

describe('headers', () => {
  it('unfolds to one space (§7.3.1)', () => {
    const { headers } = message(
      invite(["Subject: I know you're there,", '\t pick up the phone', ' ', '   and talk to me!', 'Supported:', ' a']),
    );
    expect(headers.get('s')).toBe("I know you're there, pick up the phone and talk to me!");
    expect(headers.get('Supported')).toBe('a');
  });

  it('keeps names it does not know, and their order', () => {
    const { headers } = message(invite(['X-A: 1', 'x-b:2', 'X-A \t: 3', '__proto__: 4']));
    expect([...headers.entries()].slice(5)).toEqual([
      ['X-A', '1'],
      ['x-b', '2'],
      ['X-A', '3'],
      ['__proto__', '4'],
    ]);
    expect(headers.all('x-a')).toEqual(['1', '3']);
  });

  it('reads UTF-8, and takes what is not for Latin-1', () => {
    expect(message(invite(['Subject: \u{feff}大停電'])).headers.get('Subject')).toBe('\u{feff}大停電');
    const bytes = invite(['Subject: J?rgen']);
    bytes[bytes.lastIndexOf('?'.charCodeAt(0))] = 0xfc;
    expect(message(bytes).headers.get('Subject')).toBe('Jürgen');
  });

  it.each([
    ['no colon', 'Subject'],
    ['no name', ': x'],
    ['a blank in the name', 'Sub ject: x'],
    ['a name that is no token', 'Sübject: x'],
    ['a bare LF', 'Subject: a\nX: b'],
    ['a bare CR', 'Subject: a\rX: b'],
    ['a NUL', 'Subject: a\0b'],
    ['a second Call-ID', 'i: b'],
    ['a second From', 'From: <sip:a@b>;tag=2'],
    ['a second To', 't: <sip:a@b>'],
    ['a second CSeq', 'CSeq: 1 INVITE'],
  ])('answers 400 to %s', (_, line) => {
    const wrong = problem(invite([line]));
    expect([wrong.status, wrong.request?.callId]).toEqual([400, 'a84b4c76e66710']);
  });

  it('answers 400 to a fold under the start line, with what follows it', () => {
    const wrong = problem(invite([], '', 'INVITE sip:bob@biloxi.com SIP/2.0\r\n X: folded'));
    expect([wrong.status, wrong.request?.callId]).toEqual([400, 'a84b4c76e66710']);
  });

  it.each(['Via', 'To', 'From', 'Call-ID', 'CSeq'])('needs a %s', (name) => {
    const lines = HEADERS.filter((line) => !line.startsWith(`${name}:`));
    const wrong = problem(encoder.encode(['OPTIONS sip:a@b SIP/2.0', ...lines, '', ''].join('\r\n')));
    expect([wrong.status, wrong.problem]).toEqual([400, `Missing ${name}`]);
    // Without a Via nobody could tell what the answer is to.
    expect(wrong.request === undefined).toBe(name === 'Via');
  });

  it('needs neither Max-Forwards nor tags, which RFC 2543 did not know', () => {
    expect(message(invite()).headers.has('Max-Forwards')).toBe(false);
    const lines = HEADERS.map((line) => line.replace(';tag=1928301774', ''));
    expect(message(encoder.encode(['INVITE sip:a@b SIP/2.0', ...lines, '', ''].join('\r\n'))).fromTag).toBeUndefined();
  });

  it.each<[string, number]>([
    ['8 OPTIONS', 400],
    ['2147483648 INVITE', 400],
    ['-1 INVITE', 400],
    ['INVITE', 400],
  ])('answers the CSeq %j', (cseq, status) => {
    const lines = HEADERS.map((line) => (line.startsWith('CSeq') ? `CSeq: ${cseq}` : line));
    expect(problem(encoder.encode(['INVITE sip:a@b SIP/2.0', ...lines, '', ''].join('\r\n')))).toMatchObject({ status });
  });

  it('never answers an ACK', () => {
    expect(problem(invite([], '', 'ACK sip:bob@ SIP/2.0'))).toMatchObject({ status: 400, request: undefined });
  });

  it('writes nothing back that would be another header', () => {
    const wrong = problem(invite(['Subject: a\rX: b', 'Via: SIP/2.0/UDP a\0;branch=1']));
    if (wrong.request === undefined) throw new Error('not to be answered');
    const answer = new TextDecoder().decode(serialize(createResponse(wrong.request, 400)));
    expect(answer).not.toContain('\0');
    expect(answer.split('\r\n').every((line) => !line.includes('\r') && !line.includes('\n'))).toBe(true);
  });
});

describe('the body (§18.3)', () => {
  it.each<[string, readonly string[], string]>([
    ['all of the datagram without a Content-Length', [], 'four\r\n\r\n'],
    ['what Content-Length says, the rest dropped', ['Content-Length: 4'], 'four'],
    ['none', ['l: 0'], ''],
    ['leading zeros', ['Content-Length: 0004'], 'four'],
    ['a fold before the number', ['Content-Length:', ' 4'], 'four'],
  ])('%s', (_, lines, expected) => {
    expect(message(invite(lines, 'four\r\n\r\n')).body).toEqual(encoder.encode(expected));
  });

  it.each(['9999', '-1', 'five', '', '4 4', '4;x', '4.0', '99999999999999999999999', '0x4'])(
    'answers 400 to Content-Length: %s',
    (value) => {
      expect(problem(invite([`Content-Length: ${value}`], 'four'))).toMatchObject({ status: 400, problem: 'Malformed Content-Length' });
    },
  );

  it('answers 400 to two of them, the same or not', () => {
    expect(problem(invite(['Content-Length: 4', 'l: 4'], 'four'))).toMatchObject({ status: 400, problem: 'More Than One Content-Length' });
  });

  it('has memory of its own', () => {
    const bytes = invite([], 'four');
    const { body } = message(bytes);
    bytes.fill(0);
    expect(body).toEqual(encoder.encode('four'));
  });

  it('answers 400 when the headers do not end', () => {
    const bytes = invite();
    expect(problem(bytes.subarray(0, bytes.length - 2))).toMatchObject({ status: 400, problem: 'No Empty Line After Headers' });
  });
});

describe('limits', () => {
  const limits = { messageBytes: 1_000, headerBytes: 600, headerCount: 10, lineLength: 100 };

  it.each<[string, Uint8Array]>([
    ['messageBytes', invite([], 'x'.repeat(800))],
    ['headerBytes', invite(Array.from({ length: 4 }, () => `X: ${'y'.repeat(94)}`))],
    ['headerCount', invite(Array.from({ length: 6 }, (_, i) => `X-${i}: y`))],
    ['lineLength', invite([`X: ${'y'.repeat(98)}`])],
    ['lineLength, folded', invite([`X: ${'y'.repeat(50)}`, ` ${'y'.repeat(50)}`])],
    ['lineLength, the start line', invite([], '', `INVITE sip:${'a'.repeat(90)}@b SIP/2.0`)],
  ])('%s: 513 beyond', (_, bytes) => {
    expect(parseMessage(bytes, limits)).toMatchObject({ status: 513, request: { callId: 'a84b4c76e66710' } });
  });

  it('takes what is just within them', () => {
    const lines = [`X: ${'y'.repeat(97)}`, `X: ${'y'.repeat(97)}`, 'X: y', 'X: y', 'X: y'];
    const bytes = invite(lines, 'x'.repeat(400));
    expect('message' in parseMessage(bytes, limits)).toBe(true);
  });

  test('the defaults: 64 kB, 16 kB of headers, 128 of them, 8 kB each', () => {
    expect(problem(invite([], 'x'.repeat(65_536)))).toMatchObject({ status: 513 });
    expect(problem(invite([`X: ${'y'.repeat(8_200)}`]))).toMatchObject({ status: 513, problem: 'Header Too Long' });
    expect(problem(invite(Array.from({ length: 124 }, () => 'X: y')))).toMatchObject({ status: 513, problem: 'Too Many Headers' });
    expect(message(invite(Array.from({ length: 123 }, () => 'X: y'))).headers.all('X')).toHaveLength(123);
    expect(problem(invite(Array.from({ length: 3 }, () => `X: ${'y'.repeat(8_000)}`)))).toMatchObject({
      status: 513,
      problem: 'Headers Too Large',
    });
  });

  it('answers 513 to more than 64 parameters', () => {
    const many = Array.from({ length: 65 }, (_, i) => `;p${i}`).join('');
    const lines = HEADERS.map((line) => (line.startsWith('From') ? `From: <sip:a@b>${many}` : line));
    const wrong = problem(encoder.encode(['INVITE sip:a@b SIP/2.0', ...lines, '', ''].join('\r\n')));
    expect([wrong.status, wrong.problem]).toEqual([513, 'Too Many Parameters in From']);
  });
});

describe('properties', () => {
  it('reads what serialize writes', () => {
    fc.assert(
      fc.property(messages, (made) => {
        expect(contents(message(serialize(made)))).toEqual(contents(made));
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads a response to what it read', () => {
    fc.assert(
      fc.property(requests, fc.integer({ min: 100, max: 699 }), (made, status) => {
        const response = message(serialize(createResponse(message(serialize(made)) as SipRequest, status, { toTag: 'x' })));
        expect(response.headers.all('Via')).toEqual(made.headers.all('Via'));
        expect([response.callId, response.fromTag, response.toTag]).toEqual([made.callId, made.fromTag, made.toTag ?? 'x']);
      }),
    );
  });

  /** Whatever it is, it is a message or a named problem, and what can be answered can be written out. */
  function survives(bytes: Uint8Array): void {
    const parsed = parseMessage(bytes);
    const made = 'message' in parsed ? parsed.message : parsed.request;
    if (made?.kind === 'request') {
      const answer = serialize(createResponse(made, 'message' in parsed ? 200 : parsed.status, { toTag: 'x' }));
      expect(answer.length).toBeGreaterThan(0);
    }
    if ('message' in parsed) {
      for (const [name] of parsed.message.headers.entries()) parsed.message.headers.values(name);
      expect([parsed.message.via, parsed.message.from, parsed.message.to, parsed.message.cseq, parsed.message.callId]).not.toContain(
        undefined,
      );
    }
  }

  it('survives any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), survives), { numRuns: 2_000 });
  });

  it('survives 10,000 mutations of real messages', () => {
    const seeds = [invite(['Content-Length: 4', 'Supported: a, b'], 'four'), ...TORTURE_MESSAGES.map(({ bytes }) => bytes)];
    const odd = fc.oneof(fc.constantFrom(...encoder.encode('\r\n\0 \t:;,<>"\\%@=/')), fc.integer({ min: 0, max: 255 }));
    const change = fc.record({ at: fc.nat(4_000), remove: fc.nat(3), insert: fc.array(odd, { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 4 }), (seed, changes) => {
        let bytes = [...seed];
        for (const { at, remove, insert } of changes) {
          const index = at % bytes.length;
          bytes = [...bytes.slice(0, index), ...insert, ...bytes.slice(index + remove)];
          if (bytes.length === 0) return;
        }
        survives(Uint8Array.from(bytes));
      }),
      { numRuns: 10_000 },
    );
  });

  // Each would take minutes if any step looked back over what was read.
  it.each<[string, (size: number) => string]>([
    ['quotes', (size) => `From: ${'"'.repeat(size)}`],
    ['escapes', (size) => `From: "${'\\'.repeat(size)}`],
    ['semicolons', (size) => `Via: SIP/2.0/UDP h${';'.repeat(size)}`],
    ['parameters', (size) => `From: <sip:a@b>${';a'.repeat(size / 2)}`],
    ['commas', (size) => `Contact: ${','.repeat(size)}`],
    ['angles', (size) => `To: ${'<'.repeat(size)}`],
    ['blanks', (size) => `CSeq: 1${' '.repeat(size)}INVITE`],
    ['folds', (size) => `Subject: ${'a\r\n '.repeat(size / 4)}`],
    ['lines without a colon', (size) => 'a\r\n'.repeat(size / 3)],
    ['percents', (size) => `To: <sip:${'%41'.repeat(size / 3)}@b>`],
    ['line ends', (size) => '\r\n'.repeat(size / 2)],
    ['carriage returns', (size) => '\r'.repeat(size)],
  ])('reads 64 kB of %s in one pass', (_, line) => {
    const wide = { messageBytes: 1e6, headerBytes: 1e6, headerCount: 1e6, lineLength: 1e6 };
    const bytes = encoder.encode(`INVITE sip:a@b SIP/2.0\r\n${line(65_536)}\r\n${HEADERS.join('\r\n')}\r\n\r\n`);
    survives(bytes);
    expect(parseMessage(bytes, wide)).toBeDefined();
  });
});
