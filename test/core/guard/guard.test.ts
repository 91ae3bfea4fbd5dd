import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOWED, ANSWER, EchoGuard, LOCAL, REFUSALS, STRANGER } from '../../../src/core/guard/guard.ts';
import type { Refusal } from '../../../src/core/guard/guard.ts';
import { DEFAULT_RULES } from '../../../src/core/guard/rules.ts';
import type { GuardRules } from '../../../src/core/guard/rules.ts';
import { MOST_COPIES } from '../../../src/core/guard/loops.ts';
import { createRtpPacket, parseRtp, writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import { parseAddressWords, parseNetwork } from '../../../src/core/values/networks.ts';
import type { Network } from '../../../src/core/values/networks.ts';

const PORT = 4000;
const KEY = Int32Array.of(1, 2, 3, 4);

function network(text: string): Network {
  const parsed = parseNetwork(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function words(text: string): Int32Array {
  const out = new Int32Array(4);
  parseAddressWords(text, out);
  return out;
}

function packet(sequence: number, bytes = 172): Uint8Array {
  const made = new Uint8Array(bytes).fill(0xff);
  writeRtpHeader(made, 0, { marker: false, payloadType: 0, sequence, timestamp: sequence * 160, ssrc: 7 });
  return made;
}

const RTCP = Uint8Array.of(0x80, 201, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0);
const TEXT = new TextEncoder().encode('GET / HTTP/1.0\r\n');

class Scene {
  readonly guard: EchoGuard;
  nowNs = 1e9;

  constructor(rules: Partial<GuardRules> = {}, holdsToken?: (buffer: Uint8Array, offset: number, length: number) => boolean) {
    const own = [network('198.51.100.1')];
    this.guard = new EchoGuard({ rules: { ...DEFAULT_RULES, ...rules }, port: PORT, own, key: KEY, holdsToken });
  }

  ask(from: string, bytes: Uint8Array, port = 30_000): Refusal | 'answer' {
    const source = words(from);
    const verdict = this.guard.judge(bytes, 0, bytes.length, source, port, this.guard.standingOf(source), this.nowNs);
    return verdict === ANSWER ? 'answer' : (REFUSALS[verdict] as Refusal);
  }
}

const HOSTS = { loopback: '127.0.0.1', ours: '198.51.100.1', allowed: '10.1.2.3', stranger: '203.0.113.5', stranger6: '2001:db8::5' };
const allowed = [network('10.0.0.0/8')];

describe('what is answered', () => {
  it.each<[string, Partial<GuardRules>, Uint8Array, Record<keyof typeof HOSTS, Refusal | 'answer'>]>([
    ['RTP', {}, packet(1), { loopback: 'answer', ours: 'answer', allowed: 'answer', stranger: 'answer', stranger6: 'answer' }],
    ['RTCP', {}, RTCP, { loopback: 'answer', ours: 'answer', allowed: 'answer', stranger: 'rtcp', stranger6: 'rtcp' }],
    ['text', {}, TEXT, { loopback: 'answer', ours: 'answer', allowed: 'answer', stranger: 'not_rtp', stranger6: 'not_rtp' }],
    [
      'nothing',
      {},
      new Uint8Array(0),
      { loopback: 'answer', ours: 'answer', allowed: 'answer', stranger: 'not_rtp', stranger6: 'not_rtp' },
    ],
    [
      'text with --any',
      { any: true },
      TEXT,
      { loopback: 'answer', ours: 'answer', allowed: 'answer', stranger: 'answer', stranger6: 'answer' },
    ],
    [
      'RTP with --only-allowed',
      { onlyAllowed: true },
      packet(1),
      { loopback: 'answer', ours: 'answer', allowed: 'answer', stranger: 'not_allowed', stranger6: 'not_allowed' },
    ],
  ])('%s', (_name, rules, bytes, expected) => {
    for (const [host, address] of Object.entries(HOSTS)) {
      expect([host, new Scene({ allowed, ...rules }).ask(address, bytes)]).toEqual([host, expected[host as keyof typeof HOSTS]]);
    }
  });

  it('of strangers is RTP as the parser has it, whatever the bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 64 }).map((some) => (some.length > 0 ? some.with(0, 0x80 | ((some[0] ?? 0) & 0x3f)) : some));
    fc.assert(
      fc.property(bytes, (some) => {
        const form = parseRtp(some, 0, some.length, createRtpPacket());
        const expected = form === undefined ? 'answer' : form === 'rtcp' ? 'rtcp' : 'not_rtp';
        expect(new Scene().ask(HOSTS.stranger, some)).toBe(expected);
      }),
    );
  });

  it('knows who is who', () => {
    const { guard } = new Scene({ allowed: [...allowed, network('2001:db8:1::/48')] });
    const standing = (text: string): number => guard.standingOf(words(text));
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map(standing)).toEqual([LOCAL, LOCAL, LOCAL, LOCAL]);
    expect(['10.0.0.1', '::ffff:10.0.0.1', '198.51.100.1', '2001:db8:1:2::3'].map(standing)).toEqual([ALLOWED, ALLOWED, ALLOWED, ALLOWED]);
    expect(['11.0.0.1', '198.51.100.2', '2001:db8:2::3', '0.0.0.0', '::'].map(standing)).toEqual(Array.from({ length: 5 }, () => STRANGER));
  });
});

describe('ports that answer', () => {
  it('are never answered, whoever has them', () => {
    const scene = new Scene({ allowed });
    for (const from of Object.values(HOSTS)) for (const port of [0, PORT]) expect(scene.ask(from, packet(1), port)).toBe('port');
  });

  it('of servers are answered on this host alone: echo, chargen, DNS, TFTP, NTP', () => {
    for (const port of [7, 19, 53, 69, 123, 1023]) {
      expect(new Scene({ any: true }).ask(HOSTS.stranger, TEXT, port)).toBe('port');
      expect(new Scene({ allowed }).ask(HOSTS.allowed, packet(1), port)).toBe('port');
      expect(new Scene().ask(HOSTS.loopback, packet(1), port)).toBe('answer');
    }
    expect(new Scene().ask(HOSTS.stranger, packet(1), 1024)).toBe('answer');
  });
});

describe('a forged packet', () => {
  it.each([
    ['of a stranger', HOSTS.stranger, packet(1), {}],
    ['of somebody allowed', HOSTS.allowed, packet(1), {}],
    ['of this host', HOSTS.ours, packet(1), {}],
    ['with any bytes', HOSTS.stranger6, TEXT, { any: true }],
  ])('%s is sent to and fro a few times', (_name, from, bytes, rules) => {
    const scene = new Scene({ allowed, ...rules });
    const answers = Array.from({ length: 20 }, () => {
      scene.nowNs += 30e6;
      return scene.ask(from, bytes, 5004);
    });
    expect(answers.filter((answer) => answer === 'answer')).toHaveLength(MOST_COPIES);
    expect(answers.at(-1)).toBe('loop');
  });

  it('between two echoes ends at one of them, whatever their ports', () => {
    const [here, there] = ['203.0.113.5', '203.0.113.6'];
    const other = (port: number): EchoGuard => new EchoGuard({ rules: DEFAULT_RULES, port, own: [], key: KEY.map((word) => ~word) });
    fc.assert(
      fc.property(fc.integer({ min: 1024, max: 65_535 }), fc.uint8Array({ minLength: 160, maxLength: 160 }), (port, payload) => {
        const bytes = packet(1);
        bytes.set(payload, 12);
        const echoes = [new Scene().guard, other(port)] as const;
        let bounces = 0;
        for (let turn = 0; ; turn = 1 - turn) {
          const source = words(turn === 0 ? there : here);
          const from = turn === 0 ? port : PORT;
          const echo = echoes[turn] as EchoGuard;
          if (echo.judge(bytes, 0, bytes.length, source, from, echo.standingOf(source), 1e9 + bounces * 1e6) !== ANSWER) break;
          bounces += 1;
          if (bounces > 10) break;
        }
        expect(bounces).toBeLessThanOrEqual(2 * MOST_COPIES);
      }),
    );
  });
});

describe('caps', () => {
  it('are for strangers', () => {
    const scene = new Scene({ allowed, caps: { perSource: 10, total: 30 } });
    const asked = (from: string): readonly string[] => Array.from({ length: 40 }, (_, i) => scene.ask(from, packet(i)));
    for (const from of [HOSTS.loopback, HOSTS.allowed, HOSTS.ours]) expect(new Set(asked(from))).toEqual(new Set(['answer']));
    const first = asked(HOSTS.stranger);
    expect(first.slice(0, 17).lastIndexOf('answer')).toBe(15);
    expect(first.slice(16)).not.toContain('answer');
    expect(first[16]).toBe('source_rate');
    expect(asked(HOSTS.stranger6)).toContain('total_rate');
  });

  it('are not used up by what is refused for something else', () => {
    const scene = new Scene({ caps: { perSource: 10, total: 10 } }, (_buffer, _offset, length) => length === 172);
    for (let i = 0; i < 1_000; i++) {
      expect(scene.ask(HOSTS.stranger, TEXT)).toBe('not_rtp');
      expect(scene.ask(HOSTS.stranger, packet(i, 100))).toBe('token');
    }
    expect(scene.ask(HOSTS.stranger, packet(1))).toBe('answer');
  });
});

it('asks strangers alone for a token', () => {
  const scene = new Scene({ allowed }, () => false);
  expect(Object.values(HOSTS).map((from) => scene.ask(from, packet(1)))).toEqual(['answer', 'answer', 'answer', 'token', 'token']);
});
