import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSdes } from '../../../src/core/srtp/sdes.ts';
import { masterBytes } from '../../../src/core/srtp/suites.ts';
import type { SrtpSuiteName } from '../../../src/core/srtp/suites.ts';
import { parseSdp } from '../../../src/core/sip/sdp.ts';
import {
  type Answer,
  answerOffer,
  type AudioCodec,
  createOffer,
  type LocalMedia,
  type NegotiatedMedia,
  readAnswer,
  type Refusal,
} from '../../../src/core/sip/sdp-offer.ts';

const PCMU: AudioCodec = { name: 'PCMU', clockRateHz: 8_000 };
const PCMA: AudioCodec = { name: 'PCMA', clockRateHz: 8_000 };
const L16: AudioCodec = { name: 'L16', clockRateHz: 8_000 };
const L16_WIDE: AudioCodec = { name: 'L16', clockRateHz: 16_000 };

const OURS: LocalMedia = {
  address: '198.51.100.7',
  port: 10_000,
  codecs: [PCMU, PCMA],
  telephoneEvent: true,
  ptimeMs: 20,
  direction: 'sendrecv',
  sessionId: '4711',
  version: 1,
};

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function description(...lines: readonly string[]): Uint8Array {
  return bytes(['v=0', 'o=alice 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', ...lines, ''].join('\r\n'));
}

/** Fails the test when the offer is refused. */
function answered(offer: Uint8Array, ours: Partial<LocalMedia> = {}, previous?: Answer): Answer {
  const answer = answerOffer(offer, { ...OURS, ...ours }, previous);
  if ('status' in answer) throw new Error(answer.reason);
  return answer;
}

function agreed(lines: readonly string[], ours: Partial<LocalMedia> = {}): NegotiatedMedia {
  return answered(description(...lines), ours).media;
}

function refused(lines: readonly string[], ours: Partial<LocalMedia> = {}): Refusal | 'accepted' {
  const answer = answerOffer(description(...lines), { ...OURS, ...ours });
  return 'status' in answer ? answer : 'accepted';
}

/** The lines from the first m= on. */
function mediaLines(text: string): readonly string[] {
  const lines = text.split('\r\n');
  expect(lines.at(-1)).toBe('');
  return lines.slice(
    lines.findIndex((line) => line.startsWith('m=')),
    -1,
  );
}

describe('answers', () => {
  test('a telephone that calls', () => {
    const { text, media } = answered(
      description(
        'm=audio 49170 RTP/AVP 8 0 101',
        'a=rtpmap:8 PCMA/8000',
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-16',
        'a=ptime:30',
        'a=sendrecv',
      ),
    );
    expect(text).toBe(
      [
        'v=0',
        'o=- 4711 1 IN IP4 198.51.100.7',
        's=-',
        'c=IN IP4 198.51.100.7',
        't=0 0',
        'm=audio 10000 RTP/AVP 0 101',
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-15',
        'a=ptime:30',
        'a=sendrecv',
        '',
      ].join('\r\n'),
    );
    expect(media).toEqual({
      codec: { name: 'PCMU', payloadType: 0, clockRateHz: 8_000 },
      dtmf: 101,
      receive: { payloadType: 0, dtmf: 101 },
      ptimeMs: 30,
      remote: { address: '192.0.2.1', port: 49_170 },
      rtcp: { address: '192.0.2.1', port: 49_171 },
      rtcpMux: false,
      direction: 'sendrecv',
    });
  });

  test('RFC 3264 §10.1: audio and two videos; the videos are refused in their places', () => {
    const lines = ['m=audio 49170 RTP/AVP 0', 'a=rtpmap:0 PCMU/8000', 'm=video 51372 RTP/AVP 31', 'm=video 53000 RTP/AVP 32 34'];
    expect(mediaLines(answered(description(...lines)).text).filter((line) => line.startsWith('m='))).toEqual([
      'm=audio 10000 RTP/AVP 0',
      'm=video 0 RTP/AVP 31',
      'm=video 0 RTP/AVP 32',
    ]);
  });

  test('over IPv6', () => {
    const { text } = answered(description('c=IN IP6 2001:db8::1', 'm=audio 1000 RTP/AVP 0'), { address: '2001:db8::7' });
    expect(text).toContain('\r\nc=IN IP6 2001:db8::7\r\n');
    expect(text).toContain(' IN IP6 2001:db8::7\r\ns=');
  });

  test('the first line that fits is taken, whatever stands before it', () => {
    const lines = [
      'm=audio 1000 RTP/SAVP 0',
      'm=audio 1002 RTP/AVPF 0',
      'm=audio 0 RTP/AVP 0',
      'm=audio 1004 RTP/AVP 18',
      'm=audio 1006 RTP/AVP 8',
      'm=audio 1008 RTP/AVP 0',
    ];
    const { text, media } = answered(description(...lines));
    expect(media.remote.port).toBe(1_006);
    expect(mediaLines(text).filter((line) => line.startsWith('m='))).toEqual([
      'm=audio 0 RTP/SAVP 0',
      'm=audio 0 RTP/AVPF 0',
      'm=audio 0 RTP/AVP 0',
      'm=audio 0 RTP/AVP 18',
      'm=audio 10000 RTP/AVP 8',
      'm=audio 0 RTP/AVP 0',
    ]);
  });
});

describe('the codec', () => {
  const offer = ['m=audio 1000 RTP/AVP 8 0 96 97', 'a=rtpmap:96 L16/16000', 'a=rtpmap:97 L16/8000'];

  test.each([
    [[PCMU, PCMA], { name: 'PCMU', payloadType: 0, clockRateHz: 8_000 }],
    [[PCMA, PCMU], { name: 'PCMA', payloadType: 8, clockRateHz: 8_000 }],
    [[L16, PCMA], { name: 'L16', payloadType: 97, clockRateHz: 8_000 }],
    [[L16_WIDE, PCMA], { name: 'L16', payloadType: 96, clockRateHz: 16_000 }],
  ])('is that which we prefer, under the number of the offer', (codecs, expected) => {
    expect(agreed(offer, { codecs }).codec).toEqual(expected);
  });

  test('is not what only looks like one of ours', () => {
    const others = ['m=audio 1000 RTP/AVP 96 97 10', 'a=rtpmap:96 L16/8000/2', 'a=rtpmap:97 PCMU/16000'];
    expect(refused(others, { codecs: [PCMU, L16] })).toMatchObject({ status: 488 });
  });
});

describe('telephone events (RFC 4733)', () => {
  const offer = [
    'm=audio 1000 RTP/AVP 0 96 100 101',
    'a=rtpmap:96 L16/16000',
    'a=rtpmap:100 telephone-event/16000',
    'a=rtpmap:101 telephone-event/8000',
  ];

  test('are those of the clock rate of the codec', () => {
    expect(agreed(offer).dtmf).toBe(101);
    expect(agreed(offer, { codecs: [L16_WIDE] }).dtmf).toBe(100);
    expect(agreed(['m=audio 1000 RTP/AVP 0 100', 'a=rtpmap:100 telephone-event/16000']).dtmf).toBeUndefined();
  });

  test('are not answered when they are not offered, or not wanted', () => {
    expect(mediaLines(answered(description('m=audio 1000 RTP/AVP 0')).text)[0]).toBe('m=audio 10000 RTP/AVP 0');
    const { text, media } = answered(description(...offer), { telephoneEvent: false });
    expect(text).not.toContain('telephone-event');
    expect(media.dtmf).toBeUndefined();
  });
});

describe('ptime', () => {
  test.each([
    [[], 20],
    [['a=ptime:10'], 10],
    [['a=ptime:60'], 60],
    [['a=ptime:70'], 20],
    [['a=ptime:5'], 20],
    [['a=ptime:25'], 20],
    [['a=ptime:40', 'a=maxptime:30'], 30],
    [['a=maxptime:15'], 10],
    [['a=ptime:30', 'a=maxptime:30'], 30],
    [['a=maxptime:5'], 10],
  ])('%j: %i ms', (lines, ptimeMs) => {
    expect(agreed(['m=audio 1000 RTP/AVP 0', ...lines]).ptimeMs).toBe(ptimeMs);
  });

  test('no packet of L16 has to be fragmented', () => {
    const wide = ['m=audio 1000 RTP/AVP 96', 'a=rtpmap:96 L16/16000'];
    expect(agreed([...wide, 'a=ptime:60'], { codecs: [L16_WIDE] }).ptimeMs).toBe(40);
    expect(agreed(wide, { codecs: [L16_WIDE], ptimeMs: 60 }).ptimeMs).toBe(40);
    expect(agreed(['m=audio 1000 RTP/AVP 96', 'a=rtpmap:96 L16/8000', 'a=ptime:60'], { codecs: [L16] }).ptimeMs).toBe(60);
  });
});

describe('RFC 3264 §6.1: direction', () => {
  test.each([
    ['sendrecv', 'sendrecv', 'sendrecv'],
    ['sendonly', 'sendrecv', 'recvonly'],
    ['recvonly', 'sendrecv', 'sendonly'],
    ['inactive', 'sendrecv', 'inactive'],
    ['sendrecv', 'sendonly', 'sendonly'],
    ['sendonly', 'sendonly', 'inactive'],
    ['recvonly', 'sendonly', 'sendonly'],
    ['sendrecv', 'recvonly', 'recvonly'],
    ['recvonly', 'recvonly', 'inactive'],
  ] as const)('they %s, we %s: %s', (theirs, direction, expected) => {
    const { text, media } = answered(description('m=audio 1000 RTP/AVP 0', `a=${theirs}`), { direction });
    expect(media.direction).toBe(expected);
    expect(mediaLines(text)).toContain(`a=${expected}`);
  });

  test.each(['c=IN IP4 0.0.0.0', 'c=IN IP6 ::'])('%s is a hold of old (§8.4)', (line) => {
    expect(agreed(['m=audio 1000 RTP/AVP 0', line]).direction).toBe('recvonly');
    expect(agreed(['m=audio 1000 RTP/AVP 0', line, 'a=recvonly']).direction).toBe('inactive');
  });
});

describe('RTCP', () => {
  test('goes to the next port, or where a=rtcp says', () => {
    expect(agreed(['m=audio 1000 RTP/AVP 0']).rtcp).toEqual({ address: '192.0.2.1', port: 1_001 });
    expect(agreed(['m=audio 65535 RTP/AVP 0']).rtcp).toBeUndefined();
    expect(agreed(['m=audio 1000 RTP/AVP 0', 'a=rtcp:2000 IN IP4 192.0.2.9']).rtcp).toEqual({ address: '192.0.2.9', port: 2_000 });
  });

  test('shares the port of RTP when that is offered (RFC 5761 §5.1.1)', () => {
    const { text, media } = answered(description('m=audio 1000 RTP/AVP 0', 'a=rtcp-mux', 'a=rtcp:2000'));
    expect(media).toMatchObject({ rtcpMux: true, rtcp: { address: '192.0.2.1', port: 1_000 } });
    expect(mediaLines(text)).toContain('a=rtcp-mux');
    expect(mediaLines(answered(description('m=audio 1000 RTP/AVP 0')).text)).not.toContain('a=rtcp-mux');
  });
});

describe('RFC 3264 §8: the session goes on', () => {
  const plain = description('m=audio 1000 RTP/AVP 0');
  const held = description('m=audio 1000 RTP/AVP 0', 'a=sendonly');

  test('the version stays when nothing changes, and grows by 1 when something does', () => {
    const first = answered(plain);
    const again = answered(plain, {}, first);
    expect(again.text).toBe(first.text);
    const onHold = answered(held, {}, again);
    expect(onHold.text).toContain('o=- 4711 2 IN IP4');
    expect(onHold.media.direction).toBe('recvonly');
    const resumed = answered(plain, {}, onHold);
    expect(resumed.version).toBe(3);
    expect(resumed.text).toContain('o=- 4711 3 IN IP4');
    expect(resumed.media).toEqual(first.media);
  });

  test('another codec', () => {
    const first = answered(description('m=audio 1000 RTP/AVP 0 8'));
    const second = answered(description('m=audio 1000 RTP/AVP 8'), {}, first);
    expect([first.media.codec.name, second.media.codec.name, second.version]).toEqual(['PCMU', 'PCMA', 2]);
  });

  test('an offer of ours counts on from an answer', () => {
    const first = answered(plain, { telephoneEvent: false, codecs: [PCMU] });
    const offer = createOffer({ ...OURS, telephoneEvent: false, codecs: [PCMU] }, first);
    expect(offer.version).toBe(1);
    expect(createOffer({ ...OURS, port: 10_002 }, offer).version).toBe(2);
  });
});

describe('refusals: 488 with a Warning (RFC 3261 §20.43)', () => {
  test.each([
    [['m=video 1000 RTP/AVP 31'], '304 198.51.100.7 "the offer has no audio"'],
    [['m=audio 1000 RTP/SAVP 0'], '302 198.51.100.7 "the offer has no audio over RTP/AVP"'],
    [['m=audio 0 RTP/AVP 0'], '302 198.51.100.7 "the offer has no audio over RTP/AVP"'],
    [['m=audio 1000 RTP/AVP 0', 'c=IN IP4 224.2.1.1/127'], '301 198.51.100.7 "the offer has no address that media can be sent to"'],
    [['m=audio 1000 RTP/AVP 18'], '305 198.51.100.7 "the offer has none of the codecs PCMU/8000, PCMA/8000"'],
    [['m=audio 1000 RTP/AVP'], `307 198.51.100.7 "a media line is not 'm=type port protocol formats'"`],
  ])('%j', (lines, warning) => {
    expect(refused(lines)).toMatchObject({ status: 488, warning });
  });

  test('the agent of IPv6 is in brackets', () => {
    expect(refused(['m=video 1000 RTP/AVP 31'], { address: '2001:db8::7' })).toMatchObject({
      warning: '304 [2001:db8::7] "the offer has no audio"',
    });
  });
});

describe('offers of ours', () => {
  const ours = { ...OURS, codecs: [PCMA, L16_WIDE, PCMU, L16] };

  test('G.722 is 9, at the 8 kHz that RFC 3551 §4.5.2 gives it', () => {
    const g722 = { ...OURS, telephoneEvent: false, codecs: [{ name: 'G722', clockRateHz: 8_000 } as const] };
    const offer = createOffer(g722);
    expect(mediaLines(offer.text).slice(0, 2)).toEqual(['m=audio 10000 RTP/AVP 9', 'a=rtpmap:9 G722/8000']);
    // A static type may come without its name.
    expect(readAnswer(offer, description('m=audio 3000 RTP/AVP 9'))).toMatchObject({ media: { codec: { name: 'G722', payloadType: 9 } } });
  });

  test('have all codecs in order, and events for each clock rate', () => {
    expect(mediaLines(createOffer(ours).text)).toEqual([
      'm=audio 10000 RTP/AVP 8 96 0 97 101 102',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:96 L16/16000',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:97 L16/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      'a=rtpmap:102 telephone-event/16000',
      'a=fmtp:102 0-15',
      'a=ptime:20',
      'a=sendrecv',
    ]);
  });

  test('the first codec of the answer that we offered is it', () => {
    const answer = description('m=audio 3000 RTP/AVP 18 0 8 101', 'a=rtpmap:101 telephone-event/8000', 'a=ptime:40', 'a=recvonly');
    expect(readAnswer(createOffer(ours), answer)).toEqual({
      media: {
        codec: { name: 'PCMU', payloadType: 0, clockRateHz: 8_000 },
        dtmf: 101,
        receive: { payloadType: 0, dtmf: 101 },
        ptimeMs: 40,
        remote: { address: '192.0.2.1', port: 3_000 },
        rtcp: { address: '192.0.2.1', port: 3_001 },
        rtcpMux: false,
        direction: 'sendonly',
      },
    });
  });

  test('an answer under other numbers: theirs for what we send, ours for what we receive (RFC 3264 §6.1)', () => {
    const answer = description('m=audio 3000 RTP/AVP 110 111', 'a=rtpmap:110 L16/16000', 'a=rtpmap:111 telephone-event/16000');
    expect(readAnswer(createOffer(ours), answer)).toMatchObject({
      media: { codec: { name: 'L16', payloadType: 110 }, dtmf: 111, receive: { payloadType: 96, dtmf: 102 } },
    });
  });

  test('events that only one side has are none', () => {
    const withEvents = description('m=audio 3000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000');
    expect(readAnswer(createOffer({ ...ours, telephoneEvent: false }), withEvents)).toMatchObject({
      media: { dtmf: undefined, receive: { dtmf: undefined } },
    });
    expect(readAnswer(createOffer(ours), description('m=audio 3000 RTP/AVP 0'))).toMatchObject({
      media: { dtmf: undefined, receive: { dtmf: undefined } },
    });
  });

  test.each([
    [['m=audio 0 RTP/AVP 0'], 'the answer refuses the audio'],
    [['m=audio 1 RTP/AVP 0', 'm=audio 2 RTP/AVP 0'], 'the answer has 2 media lines, the offer has 1'],
    [['m=audio 1 RTP/SAVP 0'], 'the answer has audio over RTP/SAVP, the offer audio over RTP/AVP'],
    [['m=video 1 RTP/AVP 0'], 'the answer has video over RTP/AVP, the offer audio over RTP/AVP'],
    [['m=audio 1 RTP/AVP 0', 'c=IN IP4 224.2.1.1'], 'the answer has no address that media can be sent to'],
    [['m=audio 1 RTP/AVP 18'], 'the answer has no codec of the offer'],
    [['m=audio 70000 RTP/AVP 0'], 'a media line has no port from 0 to 65535'],
  ])('%j: %s', (lines, problem) => {
    expect(readAnswer(createOffer(ours), description(...lines))).toEqual({ problem });
  });
});

describe('with keys of SRTP', () => {
  const key = (suite: SrtpSuiteName, fill: number) => ({ suite, master: new Uint8Array(masterBytes(suite)).fill(fill) });
  const line = (tag: number, suite: SrtpSuiteName, fill: number): string => `a=crypto:${formatSdes({ tag, key: key(suite, fill) })}`;
  const ours: LocalMedia = {
    ...OURS,
    crypto: [
      { tag: 1, key: key('AES_CM_128_HMAC_SHA1_80', 1) },
      { tag: 2, key: key('AEAD_AES_128_GCM', 2) },
    ],
  };
  const THEIRS = line(2, 'AEAD_AES_128_GCM', 9);

  test('an offer is RTP/SAVP with all of them, and the answer says which one', () => {
    const offer = createOffer(ours);
    expect(mediaLines(offer.text)).toEqual(
      expect.arrayContaining(['m=audio 10000 RTP/SAVP 0 8 101', line(1, 'AES_CM_128_HMAC_SHA1_80', 1), line(2, 'AEAD_AES_128_GCM', 2)]),
    );
    const read = readAnswer(offer, description('m=audio 3000 RTP/SAVP 0', THEIRS));
    expect(read).toMatchObject({
      media: { codec: { name: 'PCMU' }, srtp: { tag: 2, send: key('AEAD_AES_128_GCM', 2), receive: key('AEAD_AES_128_GCM', 9) } },
    });
  });

  test.each([
    [['m=audio 1 RTP/AVP 0'], 'the answer has audio over RTP/AVP, the offer audio over RTP/SAVP'],
    [['m=audio 1 RTP/SAVP 0'], 'the answer has no key (a=crypto) for one that was offered'],
    [['m=audio 1 RTP/SAVP 0', line(3, 'AEAD_AES_128_GCM', 9)], 'the answer has no key (a=crypto) for one that was offered'],
    [['m=audio 1 RTP/SAVP 0', line(1, 'AEAD_AES_128_GCM', 9)], 'the answer has no key (a=crypto) for one that was offered'],
    [['m=audio 1 RTP/SAVP 0', THEIRS, THEIRS], 'the answer has no key (a=crypto) for one that was offered'],
    [['m=audio 1 RTP/SAVP 0', `${THEIRS} UNENCRYPTED_SRTP`], 'the answer has no key (a=crypto) for one that was offered'],
  ])('the answer %j: %s', (lines, problem) => {
    expect(readAnswer(createOffer(ours), description(...lines))).toEqual({ problem });
  });

  test('an offer to us, as a re-INVITE brings it, is answered with the key that we send with', () => {
    const answer = answered(
      description('m=audio 3000 RTP/SAVP 0', line(7, 'AES_CM_128_HMAC_SHA1_32', 3), line(8, 'AEAD_AES_128_GCM', 9)),
      ours,
    );
    expect(answer.media.srtp).toEqual({ tag: 8, send: key('AEAD_AES_128_GCM', 2), receive: key('AEAD_AES_128_GCM', 9) });
    expect(mediaLines(answer.text)).toEqual(expect.arrayContaining(['m=audio 10000 RTP/SAVP 0', line(8, 'AEAD_AES_128_GCM', 2)]));
    expect(mediaLines(answer.text).filter((each) => each.startsWith('a=crypto'))).toHaveLength(1);
  });

  test('nothing is answered in the clear, nor encrypted where there are no keys', () => {
    expect(refused(['m=audio 3000 RTP/AVP 0'], ours)).toMatchObject({ status: 488, reason: 'the offer has no audio over RTP/SAVP' });
    expect(refused(['m=audio 3000 RTP/SAVP 0', line(1, 'AES_CM_128_HMAC_SHA1_32', 3)], ours)).toMatchObject({
      reason: 'the offer has no key (a=crypto) of a suite that is spoken here',
    });
    expect(refused(['m=audio 3000 RTP/SAVP 0', THEIRS])).toMatchObject({ reason: 'the offer has no audio over RTP/AVP' });
  });
});

const anyCodecs = fc.uniqueArray(fc.constantFrom(PCMU, PCMA, L16, L16_WIDE), { minLength: 1 });
const anyOurs = fc.record({
  codecs: anyCodecs,
  telephoneEvent: fc.boolean(),
  ptimeMs: fc.constantFrom(10, 20, 30, 40, 50, 60),
  direction: fc.constantFrom('sendrecv', 'sendonly', 'recvonly', 'inactive'),
});

/** A media line with what may belong to it. */
const anyMediaLine = fc
  .record({
    type: fc.constantFrom('audio', 'audio', 'audio', 'video', 'image', 'application'),
    port: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 65_535 })),
    protocol: fc.constantFrom('RTP/AVP', 'RTP/AVP', 'RTP/AVP', 'RTP/SAVP', 'RTP/AVPF', 'udptl'),
    formats: fc.uniqueArray(fc.constantFrom(0, 8, 9, 18, 96, 97, 98, 101, 127), { minLength: 1 }),
    attributes: fc.subarray([
      'a=rtpmap:96 L16/8000',
      'a=rtpmap:97 L16/16000',
      'a=rtpmap:98 telephone-event/16000',
      'a=rtpmap:101 telephone-event/8000',
      'a=rtpmap:127 opus/48000/2',
      'a=ptime:30',
      'a=maxptime:20',
      'a=sendonly',
      'a=inactive',
      'a=rtcp-mux',
      'a=rtcp:5000',
      'a=candidate:0 1 UDP 1 203.0.113.1 54400 typ host',
      'c=IN IP4 203.0.113.5',
    ]),
  })
  .map(({ type, port, protocol, formats, attributes }) => [`m=${type} ${port} ${protocol} ${formats.join(' ')}`].concat(attributes));

describe('for any offer', () => {
  test('the answer has its lines, only its formats, and is what it says it is', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(anyMediaLine, { minLength: 1, maxLength: 6 }), anyOurs, (lines, some) => {
        const ours = { ...OURS, ...some };
        const offer = description(...lines.flat());
        const answer = answerOffer(offer, ours);
        if ('status' in answer) return;
        accepted += 1;
        const offered = parseSdp(offer);
        const parsed = parseSdp(bytes(answer.text));
        if ('problem' in offered || 'problem' in parsed) throw new Error('one of the two cannot be read');
        expect(parsed.media.map(({ type, protocol }) => [type, protocol])).toEqual(
          offered.media.map(({ type, protocol }) => [type, protocol]),
        );
        for (const [index, line] of parsed.media.entries()) {
          for (const format of line.formats) expect(offered.media[index]?.formats).toContain(format);
        }
        const open = parsed.media.filter(({ port }) => port !== 0);
        expect(open).toHaveLength(1);
        const { codec, dtmf, ptimeMs, direction, rtcpMux } = answer.media;
        expect(open[0]).toMatchObject({ port: ours.port, address: ours.address, direction, ptimeMs, rtcpMux });
        expect(open[0]?.formats).toEqual([codec.payloadType, ...(dtmf === undefined ? [] : [dtmf])].map(String));
        expect(ours.codecs).toContainEqual({ name: codec.name, clockRateHz: codec.clockRateHz });
        expect(ptimeMs % 10).toBe(0);
      }),
      { numRuns: 2_000 },
    );
    // The property is about something.
    expect(accepted).toBeGreaterThan(200);
  });

  test('of ours, two of us agree about everything', () => {
    fc.assert(
      fc.property(anyOurs, anyOurs, (one, other) => {
        const offer = createOffer({ ...OURS, ...one });
        const answer = answerOffer(bytes(offer.text), { ...OURS, ...other, address: '203.0.113.9', port: 20_000 });
        const common = one.codecs.some((codec) => other.codecs.includes(codec));
        expect('status' in answer).toBe(!common);
        if ('status' in answer) return;
        const read = readAnswer(offer, bytes(answer.text));
        if ('problem' in read) throw new Error(read.problem);
        const { codec, dtmf, receive, ptimeMs } = answer.media;
        expect(read.media).toMatchObject({ codec, dtmf, receive, ptimeMs, remote: { address: '203.0.113.9', port: 20_000 } });
        const mirrored = { sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' };
        expect(read.media.direction).toBe(mirrored[answer.media.direction]);
      }),
    );
  });

  test('no bytes make offer or answer throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map((text) => bytes(`v=0\r\n${text}`)),
        ),
        (body) => {
          expect(answerOffer(body, OURS)).toBeDefined();
          expect(readAnswer(createOffer(OURS), body)).toBeDefined();
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
