import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import { SipRequest } from '../../../src/core/sip/message.ts';
import { StrangerGuard } from '../../../src/core/sip/stranger-guard.ts';
import type { StrangerRules } from '../../../src/core/sip/stranger-guard.ts';
import { parseNetwork } from '../../../src/core/values/networks.ts';
import type { Network } from '../../../src/core/values/networks.ts';

const KEY = Int32Array.of(1, 2, 3, 4);
const RULES: StrangerRules = { caps: { perSource: 100, total: 1000 }, trusted: [], ignoreScanners: true };

function networks(...texts: readonly string[]): readonly Network[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}

function guard(rules: Partial<StrangerRules> = {}, callers: readonly string[] = []): StrangerGuard {
  return new StrangerGuard({
    rules: { ...RULES, ...rules },
    own: networks('192.0.2.1'),
    key: KEY,
    hasCall: (address) => callers.includes(address),
  });
}

function request(agent: string | undefined): SipRequest {
  const lines = [
    'OPTIONS sip:100@192.0.2.1 SIP/2.0',
    'Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK1',
    'From: <sip:a@b>;tag=1',
    'To: <sip:a@b>',
  ];
  const all = [...lines, 'Call-ID: 1', 'CSeq: 1 OPTIONS', ...(agent === undefined ? [] : [`User-Agent: ${agent}`]), '', ''];
  const parsed = parseMessage(new TextEncoder().encode(all.join('\r\n')));
  if (!('message' in parsed) || !(parsed.message instanceof SipRequest)) throw new Error('not a request');
  return parsed.message;
}

/** How many of `count` messages within a second are looked at. */
function looked(one: StrangerGuard, count: number, address: (n: number) => string, fromMs = 0): number {
  let admitted = 0;
  for (let n = 0; n < count; n++) if (one.admits(address(n), fromMs + (n * 1000) / count)) admitted += 1;
  return admitted;
}

describe('strangers', () => {
  test('get the rate of a source and its burst, and what is left is counted', () => {
    const one = guard();
    const admitted = looked(one, 5000, () => '203.0.113.9');
    // A second, and a burst of 200 ms.
    expect(admitted).toBeGreaterThanOrEqual(100);
    expect(admitted).toBeLessThanOrEqual(121);
    expect(one.counts).toEqual({ sourceRate: 5000 - admitted, totalRate: 0, scanners: 0 });
  });

  test('that forge their addresses get the rate of all, and a caller loses nothing by them', () => {
    const one = guard({}, ['198.51.100.7']);
    let admitted = 0;
    let served = 0;
    for (let n = 0; n < 20_000; n++) {
      if (one.admits(`203.0.${n >> 8}.${n & 255}`, n / 20)) admitted += 1;
      if (n % 400 === 0 && one.admits('198.51.100.7', n / 20)) served += 1;
    }
    expect(served).toBe(50);
    expect(admitted).toBeLessThanOrEqual(1000 + 101);
    expect(one.counts.totalRate + one.counts.sourceRate).toBe(20_000 - admitted);
  });

  test('are not those on this host, nor who is trusted', () => {
    const one = guard({ trusted: networks('198.51.100.0/24', '2001:db8::/32'), caps: { perSource: 1, total: 1 } });
    for (const address of ['127.0.0.1', '::1', '127.8.8.8', '192.0.2.1', '198.51.100.200', '2001:db8:1::5']) {
      expect([address, looked(one, 1000, () => address), one.heeds(request('friendly-scanner'), address)]).toEqual([address, 1000, true]);
    }
    expect(one.counts).toEqual({ sourceRate: 0, totalRate: 0, scanners: 0 });
    expect(looked(one, 1000, () => '198.51.101.1')).toBeLessThan(50);
  });

  test('have new rules at once, and what was counted stays', () => {
    const one = guard();
    const before = looked(one, 5000, () => '203.0.113.9');
    one.renew({ ...RULES, trusted: networks('203.0.113.0/24') });
    expect(looked(one, 5000, () => '203.0.113.9', 1000)).toBe(5000);
    one.renew({ ...RULES, caps: { perSource: 0, total: 0 }, ignoreScanners: false });
    expect(looked(one, 5000, () => '203.0.113.9', 2000)).toBe(5000);
    expect(one.heeds(request('sipvicious'), '203.0.113.9')).toBe(true);
    expect(one.counts).toEqual({ sourceRate: 5000 - before, totalRate: 0, scanners: 0 });
  });

  test('never get more than the rates, whoever they are and however they send', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 15 })), { maxLength: 2000 }), (sent) => {
        const one = guard();
        let nowMs = 0;
        let admitted = 0;
        for (const [gapMs, source] of sent) {
          nowMs += gapMs;
          if (one.admits(`203.0.113.${source}`, nowMs)) admitted += 1;
        }
        // What is in a burst beside the rate: 100 ms of it.
        expect(admitted).toBeLessThanOrEqual(nowMs + 101);
      }),
      { numRuns: 50 },
    );
  });
});

describe('scanners', () => {
  test.each(['friendly-scanner', 'Friendly-Scanner/2', 'sipvicious', 'sipcli/v1.8', 'sundayddr', ' svwar'])(
    '%s gets no answer',
    (agent) => {
      const one = guard();
      expect(one.heeds(request(agent), '203.0.113.9')).toBe(false);
      expect(one.counts.scanners).toBe(1);
    },
  );

  test.each([undefined, '', 'Asterisk PBX 22.10', 'Linphone/5.2', 'sipsak 0.9.8', 'not a friendly-scanner'])('%s is none', (agent) => {
    const one = guard();
    expect(one.heeds(request(agent), '203.0.113.9')).toBe(true);
    expect(one.counts.scanners).toBe(0);
  });
});
