import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseSdp, type SdpMedia } from '../../../src/core/sip/sdp.ts';

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The media of a description made of these lines; fails the test when it has a problem. */
function media(...lines: readonly string[]): readonly SdpMedia[] {
  const parsed = parseSdp(bytes(`${lines.join('\r\n')}\r\n`));
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.media;
}

function problem(body: string | Uint8Array): string {
  const parsed = parseSdp(typeof body === 'string' ? bytes(body) : body);
  return 'problem' in parsed ? parsed.problem : 'no problem';
}

const HEAD = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0'] as const;

describe('RFC 3264 §10.1: the offer of the example', () => {
  const lines = [
    'v=0',
    'o=alice 2890844526 2890844526 IN IP4 host.anywhere.com',
    's=',
    'c=IN IP4 host.anywhere.com',
    't=0 0',
    'm=audio 49170 RTP/AVP 0',
    'a=rtpmap:0 PCMU/8000',
    'm=video 51372 RTP/AVP 31',
    'a=rtpmap:31 H261/90000',
    'm=video 53000 RTP/AVP 32',
    'a=rtpmap:32 MPV/90000',
  ];

  it('is read', () => {
    const rest = {
      address: 'host.anywhere.com',
      rtcp: undefined,
      rtcpMux: false,
      direction: 'sendrecv',
      ptimeMs: undefined,
      maxPtimeMs: undefined,
    };
    expect(media(...lines)).toEqual([
      {
        type: 'audio',
        port: 49_170,
        protocol: 'RTP/AVP',
        formats: ['0'],
        codecs: [{ payloadType: 0, name: 'PCMU', clockRateHz: 8_000, channels: 1 }],
        ...rest,
      },
      { type: 'video', port: 51_372, protocol: 'RTP/AVP', formats: ['31'], codecs: [], ...rest },
      { type: 'video', port: 53_000, protocol: 'RTP/AVP', formats: ['32'], codecs: [], ...rest },
    ]);
  });

  it('may have line ends without CR, and none at the end (RFC 8866 §5)', () => {
    expect(parseSdp(bytes(lines.join('\n')))).toEqual({ media: media(...lines) });
    expect(parseSdp(bytes(`${lines.join('\r\n')}\r\n\r\n`))).toEqual({ media: media(...lines) });
  });
});

describe('formats', () => {
  const names = (...lines: readonly string[]): readonly string[] =>
    media(...HEAD, ...lines)[0]?.codecs.map(
      ({ payloadType, name, clockRateHz, channels }) => `${payloadType} ${name}/${clockRateHz}/${channels}`,
    ) ?? [];

  test('static ones need no rtpmap (RFC 3551 §6), dynamic ones are nothing without', () => {
    expect(names('m=audio 1000 RTP/AVP 18 0 97 8')).toEqual(['18 G729/8000/1', '0 PCMU/8000/1', '8 PCMA/8000/1']);
  });

  test('names are the same in any case, and channels are one unless told', () => {
    const maps = ['a=rtpmap:97 l16/16000', 'a=rtpmap:98 L16/44100/2', 'a=rtpmap:101 telephone-event/8000', 'a=rtpmap:0 pcmu/8000/1'];
    expect(names('m=audio 1000 RTP/AVP 97 98 101 0', ...maps)).toEqual([
      '97 L16/16000/1',
      '98 L16/44100/2',
      '101 TELEPHONE-EVENT/8000/1',
      '0 PCMU/8000/1',
    ]);
  });

  test('a map for none of the formats, or that makes no sense, is passed over', () => {
    const maps = [
      'a=rtpmap:99 L16/8000',
      'a=rtpmap:97 L16',
      'a=rtpmap:97 L16/0',
      'a=rtpmap:97 L16/9999999',
      'a=rtpmap:128 L16/8000',
      'a=rtpmap: L16/8000',
    ];
    expect(names('m=audio 1000 RTP/AVP 8 97', ...maps)).toEqual(['8 PCMA/8000/1']);
  });

  test('are only looked into where audio is spoken', () => {
    expect(
      media(...HEAD, 'm=audio 1000 RTP/SAVPF 0', 'm=image 1000 udptl t38', 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel'),
    ).toMatchObject([
      { protocol: 'RTP/SAVPF', formats: ['0'], codecs: [] },
      { type: 'image', protocol: 'udptl', formats: ['t38'], codecs: [] },
      { protocol: 'UDP/DTLS/SCTP', formats: ['webrtc-datachannel'], codecs: [] },
    ]);
  });
});

describe('attributes', () => {
  const one = (...lines: readonly string[]): SdpMedia | undefined => media(...HEAD, 'm=audio 1000 RTP/AVP 0', ...lines)[0];

  test('ptime and maxptime', () => {
    expect(one('a=ptime:20', 'a=maxptime:60')).toMatchObject({ ptimeMs: 20, maxPtimeMs: 60 });
    expect(one('a=ptime:20.5', 'a=maxptime:0')).toMatchObject({ ptimeMs: undefined, maxPtimeMs: undefined });
    expect(one('a=ptime:', 'a=maxptime:99999')).toMatchObject({ ptimeMs: undefined, maxPtimeMs: undefined });
  });

  test('direction, of the line before that of the session', () => {
    expect(one('a=recvonly')?.direction).toBe('recvonly');
    expect(
      media(...HEAD, 'a=sendonly', 'm=audio 1 RTP/AVP 0', 'm=audio 2 RTP/AVP 0', 'a=inactive').map(({ direction }) => direction),
    ).toEqual(['sendonly', 'inactive']);
    expect(one('a=sendrecvish')?.direction).toBe('sendrecv');
  });

  test.each([
    // RFC 3605 §2.1, the examples.
    ['a=rtcp:53020', { address: '192.0.2.1', port: 53_020 }],
    ['a=rtcp:53020 IN IP4 126.16.64.4', { address: '126.16.64.4', port: 53_020 }],
    ['a=rtcp:53020 IN IP6 2001:2345:6789:ABCD:EF01:2345:6789:ABCD', { address: '2001:2345:6789:ABCD:EF01:2345:6789:ABCD', port: 53_020 }],
    ['a=rtcp:0', undefined],
    ['a=rtcp:65536', undefined],
    ['a=rtcp:53020 IN IP4 239.1.1.1', undefined],
    ['a=rtcp:x', undefined],
  ])('%s', (line, rtcp) => {
    expect(one(line)?.rtcp).toEqual(rtcp);
  });

  test('rtcp-mux, RFC 5761 §5.1.1', () => {
    expect(one()?.rtcpMux).toBe(false);
    expect(one('a=rtcp-mux')?.rtcpMux).toBe(true);
  });
});

describe('addresses', () => {
  const address = (session: string | undefined, line?: string): string | undefined => {
    const lines = ['v=0', ...(session === undefined ? [] : [session]), 'm=audio 1000 RTP/AVP 0', ...(line === undefined ? [] : [line])];
    return media(...lines)[0]?.address;
  };

  it.each([
    ['c=IN IP4 192.0.2.1', '192.0.2.1'],
    ['c=IN IP4 0.0.0.0', '0.0.0.0'],
    ['c=IN IP6 2001:db8::1', '2001:db8::1'],
    ['c=IN IP4 pc33.atlanta.com', 'pc33.atlanta.com'],
    ['c=IN IP6 pc33.atlanta.com', 'pc33.atlanta.com'],
    ['c=IN IP4 224.2.1.1/127', undefined],
    ['c=IN IP4 224.2.1.1', undefined],
    ['c=IN IP6 FF15::101', undefined],
    ['c=IN IP4 2001:db8::1', undefined],
    ['c=IN IP6 192.0.2.1', undefined],
    ['c=IN IP5 192.0.2.1', undefined],
    ['c=IN IP4 192.0.2.256', undefined],
    ['c=IN IP4 192.0.2', undefined],
    ['c=IN IP4', undefined],
    ['c=ATM NSAP 47', undefined],
    [undefined, undefined],
  ])('%s', (line, expected) => {
    expect(address(line)).toBe(expected);
  });

  test('that of the line counts before that of the session', () => {
    expect(address('c=IN IP4 192.0.2.1', 'c=IN IP4 192.0.2.2')).toBe('192.0.2.2');
  });
});

describe('what is refused', () => {
  const audio = (port: string): string => `${HEAD.join('\r\n')}\r\nm=audio ${port}\r\n`;

  it.each([
    ['', 'the session description is empty'],
    ['\r\n\r\n', 'the session description is empty'],
    ['o=- 1 1 IN IP4 192.0.2.1\r\n', 'the session description does not begin with v=0'],
    ['v=1\r\nm=audio 1 RTP/AVP 0\r\n', 'the session description does not begin with v=0'],
    ['v=0\r\nhello\r\n', 'line 2 of the session description is not "type=value"'],
    ['v=0\r\nv\r\n', 'line 2 of the session description is not "type=value"'],
    ['v=0\r\nc=IN IP4 192.0.2.1\u0000\r\n', 'line 2 of the session description has a control character'],
    ['v=0\r\nc=IN IP4 192.0.2.1\rm=audio 1 RTP/AVP 0\r\n', 'line 2 of the session description has a control character'],
    ['v=0\r\ns=-\r\n', 'the session description has no media line'],
    [audio('1000 RTP/AVP'), 'a media line is not "m=type port protocol formats"'],
    [audio('1000/2 RTP/AVP 0'), 'a media line is not "m=type port protocol formats"'],
    [audio('-1 RTP/AVP 0'), 'a media line is not "m=type port protocol formats"'],
    [audio(''), 'a media line is not "m=type port protocol formats"'],
    [audio('65536 RTP/AVP 0'), 'a media line has no port from 0 to 65535'],
    [audio('99999 RTP/AVP 0'), 'a media line has no port from 0 to 65535'],
    [audio(' RTP/AVP 0'), 'a media line has no port from 0 to 65535'],
    [audio('1000 RTP/AVP 128'), 'an audio line has a payload type that is not 0 to 127'],
    [audio('1000 RTP/AVP *'), 'an audio line has a payload type that is not 0 to 127'],
    [audio(`1000 RTP/AVP ${'0 '.repeat(129)}`), 'a media line has more than 128 formats'],
    [audio('1000 RTP/AVP 0').concat('m=video 0 RTP/AVP 31\r\n'.repeat(16)), 'the session description has more than 16 media lines'],
    [`v=0\r\n${'a=x\r\n'.repeat(4_000)}`, 'the session description has 20005 bytes, more than 16384'],
  ])('%j', (text, expected) => {
    expect(problem(text)).toBe(expected);
  });
});

test('no bytes make it throw, and what it accepts is within bounds', () => {
  const pieces = fc.constantFrom(
    ...[
      'v=0',
      'm=audio ',
      '1000 ',
      '70000',
      'RTP/AVP ',
      '0',
      ' 8 101',
      'c=IN IP4 ',
      '192.0.2.1',
      'a=rtpmap:',
      '101 ',
      'telephone-event/8000',
    ],
    ...['a=ptime:', '20', 'a=sendonly', 'a=rtcp:', '__proto__', ':', '=', '/', ' ', '\r', '\u0000', 'é', '-', 'a=rtcp-mux'],
    // Several times, so that there are lines.
    ...['\r\n', '\r\n', '\r\n', '\r\nm=audio 9 RTP/AVP 0\r\n', 'v=0\r\n'],
  );
  const described = fc.array(pieces, { maxLength: 60 }).map((parts) => bytes(`v=0\r\n${parts.join('')}`));
  fc.assert(
    fc.property(fc.oneof({ arbitrary: fc.uint8Array({ maxLength: 300 }), weight: 1 }, { arbitrary: described, weight: 4 }), (body) => {
      const parsed = parseSdp(body);
      if ('problem' in parsed) return;
      for (const line of parsed.media) {
        expect(line.port).toBeGreaterThanOrEqual(0);
        expect(line.port).toBeLessThanOrEqual(65_535);
        expect(line.formats.length).toBeGreaterThan(0);
        for (const { payloadType, clockRateHz, channels } of line.codecs) {
          expect(line.formats.map(Number)).toContain(payloadType);
          expect(clockRateHz).toBeGreaterThan(0);
          expect(channels).toBeGreaterThan(0);
        }
        expect([line.type, line.protocol, ...line.formats, line.address ?? ''].join(' ')).not.toMatch(/[\r\n\0]/);
      }
    }),
    { numRuns: 5_000 },
  );
});
