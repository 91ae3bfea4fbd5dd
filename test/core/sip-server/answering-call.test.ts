/** A call that is answered by itself, with a scripted caller and media that only takes note. */
import { describe, expect, test } from 'vitest';
import { RtplatError } from '../../../src/core/errors.ts';
import { AnsweringCall } from '../../../src/core/sip-server/answering-call.ts';
import type { AnsweringParts, AnsweringSettings, CallSummary } from '../../../src/core/sip-server/answering-call.ts';
import type { LegReport, LegRequest, MediaLeg } from '../../../src/core/sip-server/leg.ts';
import type { NegotiatedMedia } from '../../../src/core/sip/sdp-offer.ts';
import { MemoryLog } from '../../kit/memory-log.ts';
import { AgentBench } from '../sip/agent-bench.ts';

function offer(address = '192.0.2.20', port = 30_000, formats = '0 101', direction = 'sendrecv'): string {
  return [
    ...['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', `m=audio ${port} RTP/AVP ${formats}`],
    ...['a=rtpmap:101 telephone-event/8000', `a=${direction}`, ''],
  ].join('\r\n');
}

class Leg implements MediaLeg {
  readonly port = 10_000;
  readonly agreements: NegotiatedMedia[] = [];
  started = 0;
  stopped = 0;

  agreed(media: NegotiatedMedia): void {
    this.agreements.push(media);
  }

  start(): void {
    this.started += 1;
  }

  report(): LegReport {
    return { sent: 20 };
  }

  async stop(): Promise<LegReport> {
    this.stopped += 1;
    return { sent: 50 };
  }
}

interface Options {
  readonly parts?: Partial<AnsweringParts>;
  /** Instead of a leg. */
  readonly fails?: Error;
}

class Setting {
  readonly bench: AgentBench;
  readonly leg = new Leg();
  readonly asked: LegRequest[] = [];
  readonly digits: string[] = [];
  readonly done: CallSummary[] = [];
  readonly confirmed: string[] = [];
  readonly log = new MemoryLog().logger;
  call: AnsweringCall | undefined;
  touched = 0;

  constructor({ parts = {}, fails }: Options = {}) {
    this.bench = new AgentBench({
      invited: ({ call }, request, nowMs) => {
        const host = {
          legs: {
            open: async (wanted: LegRequest) => {
              this.asked.push(wanted);
              if (fails !== undefined) throw fails;
              return this.leg;
            },
          },
          ...{ scheduler: this.bench.agent.scheduler, log: this.log },
          nowMs: () => this.bench.nowMs,
          touched: () => void (this.touched += 1),
          digit: (_id: string, digit: string, how: string) => void this.digits.push(`${digit} ${how}`),
          confirmed: (id: string) => void this.confirmed.push(id),
          done: (summary: CallSummary) => void this.done.push(summary),
        };
        const settings: AnsweringSettings = {
          local: { codecs: [{ name: 'PCMU', clockRateHz: 8000 }], telephoneEvent: true, ptimeMs: 20, direction: 'sendrecv', version: 1 },
          destinations: { thirdParties: false, symmetric: 'never' },
          ...{ ringTimeoutMs: 60_000, callTimeoutMs: 300_000, retryAfterSeconds: 10 },
        };
        this.call = new AnsweringCall(host, settings, {
          ...{ id: 'call-7', call, request, user: '600', from: 'sip:alice@192.0.2.20', sessionId: '1' },
          plan: { action: { kind: 'silence' }, answerDelayMs: 1000, match: '6??' },
          ...parts,
        });
        this.call.begin(nowMs);
      },
    });
  }

  /** Lets what is promised come true, and time pass. */
  async advance(ms: number): Promise<void> {
    for (const part of [1, 4, 5]) {
      this.bench.advance((ms * part) / 10);
      for (let i = 0; i < 8; i++) await Promise.resolve();
    }
  }

  statuses(of: { readonly responses: readonly { readonly status: number }[] }): number[] {
    return of.responses.map(({ status }) => status);
  }

  get summary(): CallSummary {
    const [summary, second] = this.done;
    if (summary === undefined || second !== undefined) throw new Error(`${this.done.length} summaries`);
    return summary;
  }
}

describe('an answering call', () => {
  test('rings at once, is answered after the delay, has media from the ACK on, and is recorded when it ends', async () => {
    const setting = new Setting();
    const invite = setting.bench.send('INVITE', {}, offer());
    await setting.advance(10);
    expect(setting.statuses(invite)).toEqual([100, 180]);
    expect(setting.asked).toMatchObject([{ callId: 'call-7', caller: 'sip:alice@192.0.2.20', signallingAddress: '192.0.2.20' }]);
    await setting.advance(900);
    expect([setting.statuses(invite), setting.leg.started]).toEqual([[100, 180], 0]);
    await setting.advance(200);
    expect(setting.statuses(invite)).toEqual([100, 180, 200]);
    const body = new TextDecoder().decode(invite.responses.at(-1)?.body);
    expect(body).toContain('m=audio 10000 RTP/AVP 0 101');
    expect(setting.leg.started).toBe(1);
    expect(setting.leg.agreements.at(-1)).toMatchObject({ remote: { address: '192.0.2.20', port: 30_000 }, dtmf: 101 });
    expect(setting.call?.progress()).toMatchObject({
      ...{ state: 'confirmed', ringingMs: 0, answeredMs: 1000, codec: 'PCMU/8000', port: 10_000, media: { sent: 20 } },
    });
    const bye = setting.bench.inDialog('BYE');
    await setting.advance(40_000);
    expect([bye.final, setting.leg.stopped]).toEqual([['200'], 1]);
    const { ringingMs, answeredMs, establishedMs, endedMs } = setting.summary;
    expect(ringingMs).toBe(0);
    expect(answeredMs).toBe(1000);
    expect(establishedMs ?? 0).toBeGreaterThan(1000);
    expect(setting.confirmed).toEqual(['call-7']);
    expect(endedMs).toBeGreaterThan(establishedMs ?? 0);
    expect(setting.summary).toMatchObject({ codec: 'PCMU/8000', end: { by: 'caller', status: 200 }, media: { sent: 50 }, digits: '' });
  });

  test('without an offer makes one, and takes the answer from the ACK', async () => {
    const setting = new Setting();
    setting.bench.acknowledges = false;
    const invite = setting.bench.send('INVITE');
    await setting.advance(1100);
    const answer = invite.responses.at(-1);
    expect(new TextDecoder().decode(answer?.body)).toContain('m=audio 10000 RTP/AVP 0');
    expect(setting.leg.agreements).toEqual([]);
    if (answer !== undefined) setting.bench.ack(answer, offer('192.0.2.20', 31_000));
    await setting.advance(10);
    expect(setting.leg.agreements).toMatchObject([{ remote: { port: 31_000 } }]);
    expect(setting.leg.started).toBe(1);
  });

  test.each([
    ['no answer in the ACK', '', 'the ACK has no usable answer'],
    ['media for somebody else', offer('203.0.113.9'), 'media for 203.0.113.9 is not sent'],
  ])('without an offer, and %s: BYE', async (_what, body, reason) => {
    const setting = new Setting();
    setting.bench.acknowledges = false;
    const invite = setting.bench.send('INVITE');
    await setting.advance(1100);
    const answer = invite.responses.at(-1);
    if (answer !== undefined) setting.bench.ack(answer, body);
    await setting.advance(1000);
    expect(setting.bench.byes).toHaveLength(1);
    expect([setting.leg.started, setting.leg.stopped]).toEqual([0, 1]);
    expect(setting.summary.end.reason).toContain(reason);
  });

  test.each([
    ['a codec that is not ours', offer('192.0.2.20', 30_000, '18'), /^30\d rtplat|^30\d /],
    ['media for somebody else', offer('203.0.113.9'), /media for 203.0.113.9 is not sent/],
    ['a name', offer('media.example.org'), /names are not resolved/],
  ])('refuses %s: 488 with a warning, and takes no port', async (_what, body, warning) => {
    const setting = new Setting();
    const invite = setting.bench.send('INVITE', {}, body);
    await setting.advance(10);
    expect(invite.final).toEqual(['488']);
    expect(invite.responses.at(-1)?.headers.get('Warning')).toMatch(warning);
    expect(setting.asked).toEqual([]);
    expect(setting.summary).toMatchObject({ end: { by: 'us', status: 488 }, answeredMs: null, media: null });
  });

  test('refuses RTCP for somebody else', async () => {
    const setting = new Setting();
    const invite = setting.bench.send('INVITE', {}, `${offer()}a=rtcp:5000 IN IP4 203.0.113.9\r\n`);
    await setting.advance(10);
    expect(invite.final).toEqual(['488']);
  });

  test.each([
    [{ kind: 'busy' }, '486'],
    [{ kind: 'reject', status: 604, reason: undefined }, '604'],
  ] as const)('may be refused by its plan: %o', async (action, status) => {
    const setting = new Setting({ parts: { plan: { action, answerDelayMs: 0, match: undefined } } });
    const invite = setting.bench.send('INVITE', {}, offer());
    await setting.advance(10);
    expect(invite.final).toEqual([status]);
    expect(setting.asked).toEqual([]);
  });

  test.each([
    [new RtplatError('no-ports', 'no ports available'), '503', '10'],
    [new RtplatError('bind', 'cannot bind 0.0.0.0:10000: EMFILE'), '503', '10'],
    [new RtplatError('network', 'the media thread is being started again'), '503', '10'],
    [new RtplatError('usage', 'cannot read hello.wav'), '500', undefined],
  ])('without media is refused: %s', async (fails, status, retryAfter) => {
    const setting = new Setting({ fails });
    const invite = setting.bench.send('INVITE', {}, offer());
    await setting.advance(10);
    expect(invite.final).toEqual([status]);
    expect(invite.responses.at(-1)?.headers.get('Retry-After')).toBe(retryAfter);
    expect(setting.touched).toBeGreaterThan(0);
  });

  test('that nobody answers rings out: 480', async () => {
    const setting = new Setting({ parts: { plan: { action: { kind: 'silence' }, answerDelayMs: undefined, match: undefined } } });
    const invite = setting.bench.send('INVITE', {}, offer());
    await setting.advance(59_000);
    expect(invite.final).toEqual([]);
    await setting.advance(2000);
    expect([invite.final, setting.leg.stopped]).toEqual([['480'], 1]);
  });

  test('that is cancelled before its port is there gives the port back', async () => {
    const setting = new Setting();
    const invite = setting.bench.send('INVITE', {}, offer());
    // No promise has come true yet.
    setting.bench.advance(10);
    invite.transaction.cancel(setting.bench.nowMs);
    setting.bench.advance(10);
    await setting.advance(1000);
    expect([invite.final, setting.leg.started, setting.leg.stopped]).toEqual([['487'], 0, 1]);
  });

  test('ends when its media is over, and when it lasts too long', async () => {
    const finished = new Setting();
    finished.bench.send('INVITE', {}, offer());
    await finished.advance(1100);
    finished.call?.finished();
    await finished.advance(100);
    expect(finished.bench.byes).toHaveLength(1);
    expect(finished.summary.end).toMatchObject({ by: 'us', reason: 'silence over' });
    const long = new Setting();
    long.bench.send('INVITE', {}, offer());
    await long.advance(1100);
    await long.advance(300_000);
    expect(long.summary.end).toMatchObject({ by: 'us', reason: 'the longest call is over' });
  });

  test('is put on hold and resumed, and refuses what it cannot do', async () => {
    const setting = new Setting();
    setting.bench.send('INVITE', {}, offer());
    await setting.advance(1100);
    const hold = setting.bench.inDialog('INVITE', {}, offer('192.0.2.20', 30_000, '0 101', 'sendonly'));
    await setting.advance(100);
    expect(hold.final).toEqual(['200']);
    expect(setting.leg.agreements.at(-1)?.direction).toBe('recvonly');
    const foreign = setting.bench.inDialog('INVITE', {}, offer('203.0.113.9'));
    await setting.advance(100);
    expect(foreign.final).toEqual(['488']);
    const strange = setting.bench.inDialog('INVITE', {}, offer('192.0.2.20', 30_000, '18'));
    await setting.advance(100);
    expect(strange.final).toEqual(['488']);
    setting.bench.acknowledges = false;
    const ours = setting.bench.inDialog('INVITE');
    await setting.advance(100);
    const answer = ours.responses.at(-1);
    expect(new TextDecoder().decode(answer?.body)).toContain('m=audio 10000');
    if (answer !== undefined) setting.bench.ack(answer, offer('192.0.2.20', 32_000));
    await setting.advance(100);
    expect(setting.leg.agreements.at(-1)).toMatchObject({ remote: { port: 32_000 }, direction: 'sendrecv' });
    expect(setting.leg.started).toBe(1);
  });

  test('takes each press of a key once, by whichever way it came first', async () => {
    const setting = new Setting();
    setting.bench.send('INVITE', {}, offer());
    await setting.advance(1100);
    const info = (body: string, type = 'application/dtmf-relay') => setting.bench.inDialog('INFO', { 'Content-Type': type }, body);
    setting.call?.digit('5', 'rfc4733', 100);
    const same = info('Signal=5\r\nDuration=160\r\n');
    await setting.advance(100);
    const flash = info('Signal=16\r\n');
    const other = info('<xml/>', 'application/xml');
    const empty = info('', 'application/dtmf-relay');
    await setting.advance(1500);
    const later = info('Signal=5\r\n');
    setting.call?.trouble('something');
    await setting.advance(100);
    expect([same, flash, other, empty, later].map(({ final }) => final)).toEqual([['200'], ['200'], ['415'], ['200'], ['200']]);
    setting.call?.digit('5', 'rfc4733', 100);
    setting.call?.digit('5', 'rfc4733', 100);
    // The first is the INFO's press again; the second is a press of its own by then.
    expect(setting.digits).toEqual(['5 rfc4733', '5 info', ...setting.digits.slice(2)]);
    setting.bench.inDialog('BYE');
    await setting.advance(1000);
    expect(setting.summary.digits).toBe(setting.digits.map(([digit]) => digit).join(''));
  });
});
