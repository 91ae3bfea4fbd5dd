import { lookup } from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RtplatError } from '../../../src/core/errors.ts';
import { EchoWatch } from '../../../src/core/relay/echo-watch.ts';
import type { UdpEngine } from '../../../src/core/udp/engine.ts';
import { MemoryLog } from '../../kit/memory-log.ts';
import { FakeSocket } from './fake-socket.ts';

vi.mock(import('node:dns/promises'), { spy: true });

const ECHO = { address: '127.0.0.1', port: 4_000 };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.mocked(lookup).mockReset();
});

/** A watch whose echo answers after `delayMs`, or not at all while that is undefined. */
function setUp(delayMs: number | undefined) {
  const log = new MemoryLog();
  const echo = { delayMs, ports: [] as number[], sockets: [] as FakeSocket[], failure: undefined as Error | undefined };
  const nowNs = (): number => performance.now() * 1e6;
  const engine: UdpEngine = {
    name: 'portable',
    clock: 'user',
    nowNs,
    bind: (options) => {
      if (echo.failure !== undefined) return Promise.reject(echo.failure);
      const socket = new FakeSocket();
      const { send } = FakeSocket.prototype;
      socket.send = (buffer, offset, length, to) => {
        const number = send.call(socket, buffer, offset, length, to);
        const bytes = buffer.slice(offset, offset + length);
        if (echo.delayMs !== undefined) setTimeout(() => socket.deliver(bytes, ECHO, nowNs()), echo.delayMs);
        return number;
      };
      echo.ports.push(options.connect?.port ?? 0);
      echo.sockets.push(socket);
      return Promise.resolve(socket);
    },
  };
  const watch = new EchoWatch({ engine, host: '127.0.0.1', port: 4_000, bindAddress: '127.0.0.1', log: log.logger });
  return { watch, echo, log };
}

describe('EchoWatch', () => {
  it('knows that the echo answers, how fast, and says so once', async () => {
    const { watch, log, echo } = setUp(5);
    await watch.start();
    expect(watch.target()).toEqual(ECHO);
    expect(watch.status()).toMatchObject({ answering: false, rtt_ms: null });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(watch.status()).toEqual({ address: '127.0.0.1', answering: true, rtt_ms: expect.closeTo(5, 3) as number, reason: null });
    expect(log.lines).toEqual(['Echo server 127.0.0.1:4000 answers']);
    expect(echo.ports).toEqual([4_000]);
    await watch.stop();
    expect(echo.sockets[0]?.closed).toBe(true);
  });

  it('says when the echo stops and when it answers again, once each', async () => {
    const { watch, echo, log } = setUp(1);
    await watch.start();
    await vi.advanceTimersByTimeAsync(3_000);
    echo.delayMs = undefined;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(watch.status()).toMatchObject({ answering: false, rtt_ms: null, reason: 'no answer from 127.0.0.1:4000' });
    echo.delayMs = 1;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(watch.status().answering).toBe(true);
    expect(log.lines).toEqual([
      'Echo server 127.0.0.1:4000 answers',
      'Echo server 127.0.0.1:4000 does not answer: no answer from 127.0.0.1:4000',
      'Echo server 127.0.0.1:4000 answers',
    ]);
    await watch.stop();
  });

  it('tells an echo that is not there from one that is silent', async () => {
    const { watch, echo, log } = setUp(undefined);
    await watch.start();
    echo.sockets[0]?.fail('ECONNREFUSED');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(watch.status().reason).toBe('nothing listens on 127.0.0.1:4000 (ICMP port unreachable)');
    expect(log.lines).toEqual(['Echo server 127.0.0.1:4000 does not answer: nothing listens on 127.0.0.1:4000 (ICMP port unreachable)']);
    await watch.stop();
  });

  it('does not take an old answer for a new one', async () => {
    const { watch, echo } = setUp(1_500);
    await watch.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(watch.status().answering).toBe(false);
    echo.sockets[0]?.deliver(new Uint8Array(3), ECHO, 0);
    expect(watch.status().answering).toBe(false);
    await watch.stop();
  });

  it('has no target while it cannot reach the network, and tries again every second', async () => {
    const { watch, echo, log } = setUp(1);
    echo.failure = new RtplatError('bind', 'cannot bind 127.0.0.1:0: EMFILE');
    await watch.start();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(watch.target()).toBeUndefined();
    expect(watch.status()).toMatchObject({ address: null, answering: false, reason: 'cannot bind 127.0.0.1:0: EMFILE' });
    echo.failure = undefined;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(watch.status()).toMatchObject({ address: '127.0.0.1', answering: true });
    expect(log.count('does not answer')).toBe(1);
    await watch.stop();
  });

  it('goes on with the address it has when there is no other to be had', async () => {
    const { watch, echo, log } = setUp(1);
    await watch.start();
    vi.mocked(lookup).mockRejectedValue(new Error('getaddrinfo EMFILE 127.0.0.1'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(vi.mocked(lookup).mock.calls.length).toBeGreaterThan(20);
    expect(watch.status()).toMatchObject({ answering: true, reason: null });
    expect(echo.sockets).toHaveLength(1);
    expect(log.count('does not answer')).toBe(0);
    await watch.stop();
  });

  it('leaves no timer and no socket when it is stopped while it starts', async () => {
    const { watch, echo } = setUp(1);
    const started = watch.start();
    await watch.stop();
    await started;
    await vi.advanceTimersByTimeAsync(100);
    expect(vi.getTimerCount()).toBe(0);
    expect(echo.sockets.every((socket) => socket.closed)).toBe(true);
  });
});
