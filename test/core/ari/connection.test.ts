import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AriApi, Disconnect } from '../../../src/core/ari/api.ts';
import { AriConnection } from '../../../src/core/ari/connection.ts';
import type { AriLink } from '../../../src/core/ari/connection.ts';
import { RtplatError } from '../../../src/core/errors.ts';
import { FakeAsterisk } from '../../kit/fake-asterisk.ts';
import { MemoryLog } from '../../kit/memory-log.ts';

const REFUSED = new RtplatError('network', 'cannot reach Asterisk at http://pbx:8088: ECONNREFUSED');
const STARTING = new RtplatError('ari', 'Asterisk at http://pbx:8088 is starting (HTTP 503)');

/** A link that ends when it is told to. */
class FakeLink implements AriLink {
  readonly api: AriApi = new FakeAsterisk(() => {});
  readonly version = '22.10.1';
  readonly #ended = Promise.withResolvers<Disconnect>();
  readonly closed: Promise<Disconnect> = this.#ended.promise;
  closes = 0;

  close(): void {
    this.closes += 1;
    this.end('lost', 'closed by us');
  }

  end(why: Disconnect['why'], message: string): void {
    this.#ended.resolve({ why, message });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A connection whose attempts have the outcomes given, in that order, and the last one for ever. */
function connection(...outcomes: (FakeLink | Error | Promise<AriLink>)[]) {
  const log = new MemoryLog();
  const said: string[] = [];
  let attempts = 0;
  const made = new AriConnection({
    connect: () => {
      const outcome = outcomes[Math.min(attempts++, outcomes.length - 1)]!;
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
    connected: () => said.push('connected'),
    disconnected: () => said.push('disconnected'),
    replaced: () => said.push('replaced'),
    log: log.logger,
    random: () => 1,
  });
  return { made, log, said, attempts: () => attempts };
}

/** Lets promises settle without time passing. */
async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

describe('start', () => {
  it('throws wrong credentials: trying again would not help', async () => {
    const { made, attempts, log } = connection(new RtplatError('credentials', 'refused'));
    await expect(made.start()).rejects.toMatchObject({ code: 'credentials' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attempts()).toBe(1);
    expect(log.lines).toEqual([]);
    await made.stop();
  });

  it('goes on when Asterisk is not there yet, and says so in its status', async () => {
    const { made } = connection(REFUSED);
    expect(made.status()).toEqual({ connected: false, asterisk: null, reason: 'not connected yet' });
    await made.start();
    expect(made.status()).toEqual({ connected: false, asterisk: null, reason: REFUSED.message });
    await made.stop();
  });

  it('reports a connection that stands', async () => {
    const { made, said, log } = connection(new FakeLink());
    await made.start();
    await settled();
    expect(made.status()).toEqual({ connected: true, asterisk: '22.10.1', reason: null });
    expect(said).toEqual(['connected']);
    expect(log.lines).toEqual(['Connected to Asterisk 22.10.1']);
    await made.stop();
    expect(said).toEqual(['connected', 'disconnected']);
  });
});

describe('attempts', () => {
  it('come with doubling pauses, for ever, up to the cap', async () => {
    const { made, attempts } = connection(REFUSED);
    await made.start();
    for (const [index, pauseMs] of [250, 500, 1_000, 2_000, 4_000, 4_000, 4_000].entries()) {
      await vi.advanceTimersByTimeAsync(pauseMs - 1);
      expect(attempts()).toBe(index + 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(attempts()).toBe(index + 2);
    }
    await vi.advanceTimersByTimeAsync(24 * 3_600_000);
    expect(attempts()).toBe(8 + (24 * 3_600) / 4);
    await made.stop();
  });

  it('say that it is away once, whatever becomes of the reason, and that it is back once', async () => {
    const link = new FakeLink();
    const { made, log } = connection(REFUSED, REFUSED, REFUSED, STARTING, STARTING, link);
    await made.start();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(log.lines).toEqual([
      `No connection to Asterisk: ${REFUSED.message}`,
      `Still no connection to Asterisk: ${STARTING.message}`,
      'Connected to Asterisk 22.10.1',
    ]);
    await made.stop();
  });

  it('go on when the credentials are refused later: somebody may be changing them', async () => {
    const { made, attempts, log } = connection(REFUSED, new RtplatError('credentials', 'refused'));
    await made.start();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(attempts()).toBeGreaterThan(3);
    expect(log.lines).toEqual([`No connection to Asterisk: ${REFUSED.message}`, 'No connection to Asterisk: refused']);
    await made.stop();
  });

  it('survive a rejection that is no RtplatError', async () => {
    const { made, log } = connection(new TypeError('x is not a function'), new FakeLink());
    await made.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(log.lines).toEqual(['No connection to Asterisk: x is not a function', 'Connected to Asterisk 22.10.1']);
    await made.stop();
  });
});

describe('a connection that ends', () => {
  it.each(['lost', 'frozen'] as const)('is closed and replaced by a new one (%s)', async (why) => {
    const [first, second] = [new FakeLink(), new FakeLink()];
    const { made, said, log } = connection(first, second);
    await made.start();
    await vi.advanceTimersByTimeAsync(60_000);
    first.end(why, 'no answer to pings for 8 s');
    await settled();
    expect(first.closes).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(said).toEqual(['connected', 'disconnected', 'connected']);
    expect(log.lines.slice(1)).toEqual(['No connection to Asterisk: no answer to pings for 8 s', 'Connected to Asterisk 22.10.1']);
    expect(made.status().connected).toBe(true);
    await made.stop();
    expect(second.closes).toBeGreaterThan(0);
  });

  it('at once, every time, is not tried again without a pause', async () => {
    const links: FakeLink[] = [];
    const { made, attempts } = connection(
      ...Array.from({ length: 1_000 }, () => {
        const link = new FakeLink();
        link.end('lost', 'the event connection was closed');
        links.push(link);
        return link;
      }),
    );
    await made.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attempts()).toBeLessThan(30);
    expect(attempts()).toBeGreaterThan(10);
    expect(links.slice(0, attempts() - 1).every((link) => link.closes > 0)).toBe(true);
    await made.stop();
  });

  it('because another program took the application over is the end: to come back would start a tug of war', async () => {
    const link = new FakeLink();
    const { made, attempts, said, log } = connection(link);
    await made.start();
    await settled();
    link.end('replaced', 'another program registered the application');
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(attempts()).toBe(1);
    expect(said).toEqual(['connected', 'disconnected', 'replaced']);
    expect(log.lines.at(-1)).toBe('No connection to Asterisk: another program registered the application');
    expect(made.status()).toEqual({ connected: false, asterisk: '22.10.1', reason: 'another program registered the application' });
    await made.stop();
  });
});

describe('stop', () => {
  it('settles before start', async () => {
    const { made, attempts } = connection(new FakeLink());
    await made.stop();
    expect(attempts()).toBe(0);
  });

  it('during the first attempt closes what it brings', async () => {
    const { promise, resolve } = Promise.withResolvers<AriLink>();
    const { made, said } = connection(promise);
    const started = made.start();
    await made.stop();
    const link = new FakeLink();
    resolve(link);
    await started;
    await settled();
    expect(link.closes).toBe(1);
    expect(said).toEqual([]);
  });

  it('during a pause ends the pause', async () => {
    const { made, attempts } = connection(REFUSED);
    await made.start();
    await made.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attempts()).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('during a later attempt closes what it brings', async () => {
    const { promise, resolve } = Promise.withResolvers<AriLink>();
    const { made, said } = connection(REFUSED, promise);
    await made.start();
    await vi.advanceTimersByTimeAsync(1_000);
    const stopped = made.stop();
    const link = new FakeLink();
    resolve(link);
    await stopped;
    expect(link.closes).toBe(1);
    expect(said).toEqual([]);
  });

  it('of a connection that stands closes it, and says nothing', async () => {
    const link = new FakeLink();
    const { made, log, attempts } = connection(link);
    await made.start();
    await settled();
    await made.stop();
    expect(link.closes).toBeGreaterThan(0);
    expect(log.lines).toEqual(['Connected to Asterisk 22.10.1']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attempts()).toBe(1);
  });
});
