import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { RtcpTimer } from '../../../src/core/rtp/rtcp-timer.ts';
import type { Members } from '../../../src/core/rtp/rtcp-timer.ts';

const BOTH: Members = { members: 2, senders: 2, weSend: true };
const S = 1e9;
/** e − 3/2 (RFC 3550 §6.3.1). */
const COMPENSATION = Math.E - 1.5;

/** When packets are sent by a timer that is looked at every 10 ms. */
function sendings(random: () => number, seconds: number, members = BOTH, bytesPerSecond = 500, bytes = 100): number[] {
  const timer = new RtcpTimer({ nowNs: 0, bytesPerSecond, random });
  const sent: number[] = [];
  for (let nowNs = 0; nowNs < seconds * S; nowNs += S / 100) {
    if (!timer.expired(nowNs, members)) continue;
    sent.push(nowNs);
    timer.sent(nowNs, bytes, members);
  }
  return sent;
}

function gaps(sent: readonly number[]): number[] {
  return sent.slice(1).map((at, i) => at - (sent[i] as number));
}

describe('RFC 3550 §6.2, A.7: the interval of reports', () => {
  it('is 5 s, drawn from half to one and a half of it, and compensated; half of that at first', () => {
    for (const [random, factor] of [
      [0, 0.5],
      [0.5, 1],
      [0.999_999, 1.5],
    ] as const) {
      const sent = sendings(() => random, 60);
      expect((sent[0] as number) / S).toBeCloseTo((2.5 * factor) / COMPENSATION, 1);
      for (const gap of gaps(sent)) expect(gap / S).toBeCloseTo((5 * factor) / COMPENSATION, 1);
    }
  });

  it('has a mean of about 5 s: reconsideration takes back what compensation adds', () => {
    const random = new SeededRandom(7);
    const sent = sendings(() => random.uint32() / 2 ** 32, 20_000);
    const mean = (sent.at(-1) as number) / sent.length / S;
    expect(mean).toBeGreaterThan(4.5);
    expect(mean).toBeLessThan(5.5);
    // Never in step.
    expect(new Set(gaps(sent)).size).toBeGreaterThan(100);
  });

  it('grows with what the members send, where the bandwidth is too small for 5 s', () => {
    // 128 bytes with their headers, of two members, at 10 bytes a second.
    const sent = sendings(() => 0.5, 3000, BOTH, 10);
    expect((gaps(sent).at(-1) as number) / S).toBeCloseTo((128 * 2) / 10 / COMPENSATION, 0);
    // Receivers have three quarters of it to themselves.
    const listening = sendings(() => 0.5, 5000, { members: 5, senders: 1, weSend: false }, 10);
    expect((gaps(listening).at(-1) as number) / S).toBeCloseTo((128 * 4) / 7.5 / COMPENSATION, 0);
  });

  it('draws once more when it has expired, for those who take part by then (§6.3.6)', () => {
    const draws = [0, 1, 0.5];
    const timer = new RtcpTimer({ nowNs: 0, bytesPerSecond: 500, random: () => draws.shift() ?? 0.5 });
    const first = (2.5 * 0.5 * S) / COMPENSATION;
    expect(timer.dueNs).toBeCloseTo(first, -3);
    expect(timer.expired(first - 1, BOTH)).toBe(false);
    expect(timer.expired(first + 1, BOTH)).toBe(false);
    expect(timer.dueNs).toBeCloseTo(3 * first, -3);
  });
});
