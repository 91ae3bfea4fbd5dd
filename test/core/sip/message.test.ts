import { describe, expect, it, test } from 'vitest';
import { createRequest, createResponse, serialize, type SipRequest } from '../../../src/core/sip/message.ts';
import { reasonPhrase } from '../../../src/core/sip/message-reasons.ts';

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The INVITE of RFC 3261 §24.2, F1, through one more proxy. */
function invite(method = 'INVITE', extra: readonly (readonly [string, string])[] = []): SipRequest {
  return createRequest(method, 'sip:bob@biloxi.com', [
    ['Via', 'SIP/2.0/UDP bigbox3.site3.atlanta.com;branch=z9hG4bK77ef4c2312983.1'],
    ['Via', 'SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8;received=192.0.2.1'],
    ['Record-Route', '<sip:bigbox3.site3.atlanta.com;lr>'],
    ['Max-Forwards', '69'],
    ['To', 'Bob <sip:bob@biloxi.com>'],
    ['From', 'Alice <sip:alice@atlanta.com>;tag=1928301774'],
    ['Call-ID', 'a84b4c76e66710@pc33.atlanta.com'],
    ['CSeq', `314159 ${method}`],
    ['Timestamp', '54'],
    ...extra,
  ]);
}

describe('the structured headers', () => {
  it('reads those of RFC 3261 §24.2', () => {
    const request = invite();
    expect(request.via).toMatchObject({ transport: 'UDP', host: 'bigbox3.site3.atlanta.com', port: undefined });
    expect(request.branch).toBe('z9hG4bK77ef4c2312983.1');
    expect(request.from).toMatchObject({ display: 'Alice', uri: 'sip:alice@atlanta.com' });
    expect([request.fromTag, request.toTag]).toEqual(['1928301774', undefined]);
    expect(request.cseq).toEqual({ number: 314_159, method: 'INVITE' });
    expect(request.callId).toBe('a84b4c76e66710@pc33.atlanta.com');
  });

  it('reads them once, and again when the headers change', () => {
    const request = invite();
    const { via } = request;
    expect(request.via).toBe(via);
    request.headers.prepend('Via', 'SIP/2.0/TCP other.example.com;branch=z9hG4bK2');
    expect(request.branch).toBe('z9hG4bK2');
    request.headers.set('To', '<sip:bob@biloxi.com>;tag=a6c85cf');
    expect(request.toTag).toBe('a6c85cf');
    request.headers.delete('CSeq');
    expect(request.cseq).toBeUndefined();
  });

  it('is undefined where there is none, or no good one', () => {
    const empty = createRequest('INVITE', 'sip:a@b', []);
    expect([empty.via, empty.from, empty.to, empty.cseq, empty.callId, empty.fromTag, empty.branch]).toEqual(Array(7).fill(undefined));
    const bad = createRequest('INVITE', 'sip:a@b', [
      ['Via', 'SIP/2.0/UDP'],
      ['From', '"x'],
      ['To', ''],
      ['CSeq', 'x'],
      ['Call-ID', 'a b'],
    ]);
    expect([bad.via, bad.from, bad.to, bad.cseq, bad.callId]).toEqual(Array(5).fill(undefined));
  });
});

describe('createRequest', () => {
  it.each(['', 'IN VITE', 'INVITE\r\n', 'A/B'])('refuses the method %j', (method) => {
    expect(() => createRequest(method, 'sip:a@b', [])).toThrow(RangeError);
  });

  it('refuses a header that would be two', () => {
    expect(() => createRequest('INVITE', 'sip:a@b', [['Subject', 'x\r\nRoute: <sip:evil>']])).toThrow(RangeError);
  });
});

describe('createResponse: RFC 3261 §8.2.6.2', () => {
  it('takes Via, From, To, Call-ID and CSeq from the request, in order, and tags the To', () => {
    const response = createResponse(invite('OPTIONS'), 404, { toTag: 'a6c85cf' });
    expect([response.status, response.reason]).toEqual([404, 'Not Found']);
    expect([...response.headers.entries()]).toEqual([
      ['Via', 'SIP/2.0/UDP bigbox3.site3.atlanta.com;branch=z9hG4bK77ef4c2312983.1'],
      ['Via', 'SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8;received=192.0.2.1'],
      ['From', 'Alice <sip:alice@atlanta.com>;tag=1928301774'],
      ['To', 'Bob <sip:bob@biloxi.com>;tag=a6c85cf'],
      ['Call-ID', 'a84b4c76e66710@pc33.atlanta.com'],
      ['CSeq', '314159 OPTIONS'],
    ]);
  });

  it.each<[string, number, boolean]>([
    ['INVITE', 100, false],
    ['INVITE', 180, true],
    ['INVITE', 200, true],
    ['INVITE', 302, false],
    ['INVITE', 486, false],
    ['OPTIONS', 200, false],
  ])('%s %i: Record-Route only where a dialog begins (§12.1.1)', (method, status, expected) => {
    expect(createResponse(invite(method), status).headers.has('Record-Route')).toBe(expected);
  });

  it('gives the Timestamp back in 100 alone (§8.2.6.1)', () => {
    expect(createResponse(invite(), 100).headers.get('Timestamp')).toBe('54');
    expect(createResponse(invite(), 200).headers.has('Timestamp')).toBe(false);
  });

  it('leaves a tag of the To alone, and a To that cannot be read', () => {
    const tagged = createRequest('BYE', 'sip:a@b', [['To', '<sip:a@b>;tag=old']]);
    expect(createResponse(tagged, 200, { toTag: 'new' }).toTag).toBe('old');
    const broken = createRequest('BYE', 'sip:a@b', [['To', '"Mr. J. User <sip:j.user@example.com>']]);
    expect(createResponse(broken, 400, { toTag: 'new' }).headers.get('To')).toBe('"Mr. J. User <sip:j.user@example.com>');
  });

  it('answers a request that lacks everything', () => {
    expect(textOf(serialize(createResponse(createRequest('INVITE', 'sip:a@b', []), 400, { toTag: 't' })))).toBe(
      'SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n',
    );
  });

  it('does not change the request', () => {
    const request = invite();
    const before = [...request.headers.entries()];
    createResponse(request, 200, { toTag: 't' }).headers.delete('Via');
    expect([...request.headers.entries()]).toEqual(before);
  });

  it.each<[string, number, Parameters<typeof createResponse>[2]]>([
    ['a status below', 99, {}],
    ['a status above', 700, {}],
    ['a broken status', 200.5, {}],
    ['a broken reason', 200, { reason: 'OK\r\nX: y' }],
    ['a broken tag', 200, { toTag: 'a;b' }],
    ['a broken header', 200, { headers: [['X', 'a\nb']] }],
  ])('refuses %s', (_, status, options) => {
    expect(() => createResponse(invite(), status, options)).toThrow(RangeError);
  });

  test('a status without a phrase of its own says its class', () => {
    expect([299, 199, 499, 599, 699].map(reasonPhrase)).toEqual([
      'Success',
      'Provisional',
      'Request Failure',
      'Server Failure',
      'Global Failure',
    ]);
    expect([100, 486, 603].map(reasonPhrase)).toEqual(['Trying', 'Busy Here', 'Decline']);
  });
});

describe('serialize', () => {
  it('writes a request, Content-Length last when it has none', () => {
    const request = createRequest(
      'MESSAGE',
      'sip:a@b',
      [
        ['v', 'SIP/2.0/UDP h'],
        ['Subject', ''],
      ],
      new TextEncoder().encode('hällo'),
    );
    expect(textOf(serialize(request))).toBe('MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nSubject: \r\nContent-Length: 6\r\n\r\nhällo');
  });

  it('writes the true Content-Length, once, where the first was', () => {
    const request = createRequest('BYE', 'sip:a@b', [
      ['l', '99'],
      ['Subject', 'x'],
      ['Content-Length', '5'],
    ]);
    expect(textOf(serialize(request))).toBe('BYE sip:a@b SIP/2.0\r\nContent-Length: 0\r\nSubject: x\r\n\r\n');
  });

  it('writes UTF-8 headers before a binary body', () => {
    const body = Uint8Array.of(0, 255, 13, 10);
    const response = createResponse(createRequest('BYE', 'sip:a@b', []), 200, { reason: 'но сто', body });
    const bytes = serialize(response);
    const head = 'SIP/2.0 200 но сто\r\nContent-Length: 4\r\n\r\n';
    expect(textOf(bytes.subarray(0, bytes.length - 4))).toBe(head);
    expect([...bytes.subarray(-4)]).toEqual([...body]);
  });

  it.each(['', 'sip:a b', 'sip:a\r\nVia: x', '<sip:a>', 'a'])('refuses the Request-URI %j', (uri) => {
    const request = createRequest('BYE', 'sip:a@b', []);
    request.uri = uri;
    expect(() => serialize(request)).toThrow(RangeError);
  });
});
