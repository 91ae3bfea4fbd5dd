import { describe, expect, it, test } from 'vitest';
import { createResponse, serialize, type SipMessage, type SipRequest } from '../../../src/core/sip/message.ts';
import { parseNameAddr, parseVia } from '../../../src/core/sip/headers-values.ts';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import { SipStream } from '../../../src/core/sip/framing.ts';
import { parseUri } from '../../../src/core/sip/uri.ts';
import { TORTURE_MESSAGES, tortureMessage } from '../../corpus/rfc4475/index.ts';

const ascii = new TextDecoder('latin1');

function message(name: string): SipMessage {
  const parsed = parseMessage(tortureMessage(name).bytes);
  if (!('message' in parsed)) throw new Error(`${name}: ${parsed.problem}`);
  return parsed.message;
}

function request(name: string): SipRequest {
  const made = message(name);
  if (made.kind !== 'request') throw new Error(`${name} is a response`);
  return made;
}

test('the corpus is whole: 49 messages, none twice', () => {
  expect(TORTURE_MESSAGES).toHaveLength(49);
  expect(new Set(TORTURE_MESSAGES.map(({ name }) => name)).size).toBe(49);
  // A checkout that had turned CRLF into LF would make all of them invalid.
  for (const { name, bytes } of TORTURE_MESSAGES) expect(ascii.decode(bytes), name).toContain('\r\n\r\n');
});

describe('what the parser says', () => {
  it.each(TORTURE_MESSAGES)('$section $name: $title', ({ bytes, parsed: expected, answer }) => {
    const parsed = parseMessage(bytes);
    if ('message' in parsed) expect(parsed.message.kind).toBe(expected);
    else {
      expect(parsed.status).toBe(expected);
      // What is to be answered can be: to the one who sent it, who knows it by these.
      expect(parsed.request !== undefined).toBe(answer !== 'none');
      if (parsed.request !== undefined) {
        const text = ascii.decode(serialize(createResponse(parsed.request, parsed.status, { toTag: 'a1' })));
        expect(text.startsWith(`SIP/2.0 ${parsed.status} `)).toBe(true);
        expect(text).toContain('\r\nVia: ');
        expect(text).toContain('\r\nCSeq: ');
        expect(text.endsWith('\r\nContent-Length: 0\r\n\r\n')).toBe(true);
      }
    }
  });

  it.each(TORTURE_MESSAGES.filter(({ valid }) => valid))('$name is the same when it is written out and read again', ({ name }) => {
    const first = message(name);
    const again = parseMessage(serialize(first));
    if (!('message' in again)) throw new Error(again.problem);
    expect([...again.message.headers.entries()].filter(([header]) => header !== 'Content-Length')).toEqual(
      [...first.headers.entries()].filter(([header]) => header !== 'Content-Length'),
    );
    expect(again.message.body).toEqual(first.body);
  });
});

describe('3.1.1: what is in the valid messages', () => {
  test('wsinv: folding, blanks, compact forms and quotes', () => {
    const { headers, uri, body, via, from, to, cseq, callId } = request('wsinv');
    expect(parseUri(uri)).toMatchObject({ user: 'vivekg', host: 'chair-dnrc.example.com', params: new Map([['unknownparam', undefined]]) });
    expect(to).toEqual({ display: '', uri: 'sip:vivekg@chair-dnrc.example.com', params: new Map([['tag', '1918181833n']]) });
    expect(from).toEqual({ display: 'J Rosenberg \\"', uri: 'sip:jdrosen@example.com', params: new Map([['tag', '98asjd8']]) });
    expect(cseq).toEqual({ number: 9, method: 'INVITE' });
    expect(callId).toBe('wsinv.ndaksdj@192.0.2.1');
    expect(via).toEqual({ transport: 'UDP', host: '192.0.2.2', port: undefined, params: new Map([['branch', '390skdjuw']]) });
    expect(headers.values('v').map(parseVia)).toEqual([
      via,
      { transport: 'TCP', host: 'spindle.example.com', port: undefined, params: new Map([['branch', 'z9hG4bK9ikj8']]) },
      { transport: 'UDP', host: '192.168.255.111', port: undefined, params: new Map([['branch', 'z9hG4bK30239']]) },
    ]);
    expect(headers.get('Subject')).toBe('');
    expect(headers.get('newfangledheader')).toBe('newfangled value continued newfangled value');
    expect(headers.get('UnknownHeaderWithUnusualValue')).toBe(';;,,;;,;');
    expect(headers.values('Contact').map(parseNameAddr)).toEqual([
      {
        display: 'Quoted string ""',
        uri: 'sip:jdrosen@example.com',
        params: new Map([
          ['newparam', 'newvalue'],
          ['secondparam', undefined],
          ['q', '0.33'],
        ]),
      },
    ]);
    expect(parseNameAddr(headers.get('Route') ?? '')?.uri).toBe('sip:services.example.com;lr;unknownwith=value;unknown-no-value');
    expect(body).toHaveLength(150);
  });

  test('intmeth: every character that a token, a user and a quoted string may have', () => {
    const { method, uri, headers, from, to, callId, branch } = request('intmeth');
    expect(method).toBe("!interesting-Method0123456789_*+`.%indeed'~");
    expect(parseUri(uri)).toMatchObject({
      user: "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
      password: "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
      host: 'example.com',
    });
    expect(branch).toBe("z9hG4bK-.!%66*_+`'~");
    expect(to?.display).toBe('BEL:\u{7} NUL:\0 DEL:\u{7f}');
    expect(from?.display).toBe("token1~` token2'+_ token3*%!.-");
    expect(from?.params.get("fromparam''~+*_!.-%")).toBe('работающий');
    expect(from?.params.get('tag')).toBe("_token~1'+`*%!-.");
    expect(callId).toBe('intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
    expect(headers.get("extensionHeader-!.%*+_`'~")).toBe('\u{feff}大停電');
  });

  test('esc01: escapes are resolved in URIs, once', () => {
    const { uri, headers, to, from } = request('esc01');
    expect(parseUri(uri)).toMatchObject({ user: 'sips:user@example.com', host: 'example.net' });
    expect(parseUri(to?.uri ?? '')?.user).toBe('user');
    expect(parseUri(from?.uri ?? '')?.user).toBe('I have spaces');
    const contact = parseUri(parseNameAddr(headers.get('Contact') ?? '')?.uri ?? '');
    expect(contact?.user).toBe('caller');
    expect(contact?.params).toEqual(
      new Map([
        ['lr', undefined],
        ['name', 'value%41'],
      ]),
    );
  });

  test('escnull: an escaped NUL does not end a user', () => {
    const { to, headers } = request('escnull');
    expect(parseUri(to?.uri ?? '')?.user).toBe('null-\0-null');
    expect(headers.values('m').map((value) => parseUri(parseNameAddr(value)?.uri ?? '')?.user)).toEqual(['\0', '\0\0']);
  });

  test('esc02: a % elsewhere is a %', () => {
    const { method, headers, to } = request('esc02');
    expect(method).toBe('RE%47IST%45R');
    expect(to?.display).toBe('%Z%45');
    expect(headers.all('Contact')).toEqual(['<sip:alias1@host1.example.com>', '<sip:alias3@host3.example.com>']);
  });

  test('lwsdisp, longreq, dblreq, semiuri, transports', () => {
    expect(request('lwsdisp').from?.display).toBe('caller');
    expect(request('longreq').headers.all('Via')).toHaveLength(34);
    expect(request('longreq').fromTag).toBe(`12${'982'.repeat(50)}424`);
    const twice = request('dblreq');
    expect([twice.method, twice.body.length]).toEqual(['REGISTER', 0]);
    expect(parseUri(request('semiuri').uri)?.user).toBe('user;par=u@example.net');
    expect(request('semiuri').headers.values('Accept')).toHaveLength(6);
    expect(
      request('transports')
        .headers.all('Via')
        .map((via) => parseVia(via)?.transport),
    ).toEqual(['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP']);
  });

  test('mpart01: a binary body, NULs and all', () => {
    const { body } = request('mpart01');
    expect(body).toHaveLength(553);
    expect(body).toContain(0);
    expect(ascii.decode(body).endsWith('\r\n--7a9cbec02ceef655--\r\n')).toBe(true);
  });

  test('unreason, noreason: a reason in UTF-8, and none', () => {
    expect(message('unreason')).toMatchObject({ status: 200, reason: '= 2**3 * 5**2 но сто девяносто девять - простое' });
    expect(message('noreason')).toMatchObject({ status: 100, reason: '' });
  });
});

describe('what the invalid ones leave', () => {
  test('regbadct, badinv01: a Contact with escaped headers needs brackets, and empty parameters are none', () => {
    expect(parseNameAddr(request('regbadct').headers.get('Contact') ?? '')).toBeUndefined();
    expect(parseNameAddr(request('regescrt').headers.get('Contact') ?? '')?.uri).toBe(
      'sip:user@example.com?Route=%3Csip:sip.example.com%3E',
    );
    expect(parseNameAddr('"Joe" <sip:joe@example.org>;;;;')).toBeUndefined();
  });

  test('cparam01, cparam02: a parameter belongs to the URI only inside of brackets', () => {
    const [header, uri] = ['cparam01', 'cparam02'].map((name) => parseNameAddr(request(name).headers.get('Contact') ?? ''));
    expect(header).toEqual({ display: '', uri: 'sip:+19725552222@gw1.example.net', params: new Map([['unknownparam', undefined]]) });
    expect(uri).toEqual({ display: '', uri: 'sip:+19725552222@gw1.example.net;unknownparam', params: new Map() });
  });

  test('baddn as the archive of the RFC has it, without the empty line, is no better', () => {
    const { bytes } = tortureMessage('baddn');
    expect(parseMessage(bytes.subarray(0, bytes.length - 2))).toMatchObject({ status: 400 });
  });

  test('mismatch02: the method decides, not the CSeq', () => {
    expect(request('mismatch02').cseq).toEqual({ number: 8, method: 'INVITE' });
  });
});

describe('on a stream', () => {
  const broken = new Map([
    ['ncl', 'Content-Length is no number'],
    ['mcl01', 'Content-Length twice'],
    ['inv2543', 'no Content-Length'],
  ]);

  it.each(TORTURE_MESSAGES.filter(({ name }) => name !== 'dblreq' && name !== 'clerr'))(
    '$name is framed by its Content-Length alone',
    ({ name, bytes }) => {
      const items = new SipStream().push(bytes);
      const problem = broken.get(name);
      expect(items).toEqual([problem === undefined ? { kind: 'message', bytes } : { kind: 'error', problem }]);
    },
  );

  test('clerr: more is waited for', () => {
    expect(new SipStream().push(tortureMessage('clerr').bytes)).toEqual([]);
  });

  test('dblreq: here the second request counts, and the CRLF before and behind it does not', () => {
    const items = new SipStream().push(tortureMessage('dblreq').bytes);
    expect(items.map(({ kind }) => kind)).toEqual(['message', 'pong', 'message', 'error']);
  });
});
