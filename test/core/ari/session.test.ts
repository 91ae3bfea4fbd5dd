import { afterEach, describe, expect, it, vi } from 'vitest';
import { AriFailure } from '../../../src/core/ari/api.ts';
import { legIds } from '../../../src/core/ari/ids.ts';
import { APP, bind, CALLER, closeAll, rtp, send, start, up } from './session-kit.ts';

afterEach(async () => {
  vi.useRealTimers();
  await closeAll();
});

describe('one call', () => {
  it('is relayed bit for bit to the echo and back, from the same port', async () => {
    const service = await start();
    const { asterisk, engine, peer, atPeer, fleet } = service;
    await up(service);
    const { externalId, bridgeId } = legIds(APP, 'now', 1);
    expect(asterisk.requests.filter((request) => !request.startsWith('list'))).toEqual([
      `createExternalMedia ${externalId} 127.0.0.1:10000 ulaw`,
      `createBridge ${bridgeId}`,
      `addToBridge ${bridgeId} ${CALLER} ${externalId}`,
      `answer ${CALLER}`,
    ]);
    const packets = Array.from({ length: 20 }, (_, i) => rtp(65_530 + i, i));
    for (const [i, packet] of packets.entries()) {
      send(peer, packet, engine.at(10_000));
      await atPeer.received(i + 1);
    }
    expect(atPeer.packets.map(({ bytes }) => bytes)).toEqual(packets);
    expect(new Set(atPeer.packets.map(({ from }) => from.port))).toEqual(new Set([engine.at(10_000).port]));
    const call = fleet.call(CALLER)!;
    expect(call.counters).toMatchObject({
      from_peer: 20,
      from_echo: 20,
      to_peer: 20,
      sent: 20,
      returned: 20,
      lost: 0,
      unmatched: 0,
      bytes_from_peer: 20 * 172,
    });
    expect(call).toMatchObject({ state: 'up', port: 10_000, peer: `127.0.0.1:${peer.local.port}`, total_latencies: 20, end_reason: null });
    expect(call.p50_latency).toBeGreaterThan(0);
    expect(call.setup_ms).toBeGreaterThan(0);
    expect(call.first_packet_ms).toBeGreaterThan(call.setup_ms!);
    expect(fleet.metrics()).toMatchObject({ total_channels: 1, active_channels: 1, peak_channels: 1, total_latencies: 20 });
  });

  it('is shown with the Call-ID of its caller, where Asterisk tells it: escaped, and of bounded length', async () => {
    const service = await start({ ports: 3 });
    const { asterisk, fleet } = service;
    asterisk.variables.set('a CHANNEL(pjsip,call-id)', 'abc@192.0.2.1');
    asterisk.variables.set('b CHANNEL(pjsip,call-id)', `\u001b[2J${'x'.repeat(1_000)}`);
    asterisk.variables.set('c CHANNEL(pjsip,call-id)', 'of no SIP call');
    await up(service, 'a');
    await up(service, 'b');
    asterisk.call('c', 'Ring', 'Local/600@callers-0;2');
    await service.log.said('Created channel c');
    expect(['a', 'b', 'c'].map((id) => fleet.call(id)?.sip_call_id)).toEqual(['abc@192.0.2.1', `\\x1b[2J${'x'.repeat(252)}`, null]);
  });

  it('logs the lines of the contract in their order, and frees its port', async () => {
    const service = await start({ ports: 1 });
    const { asterisk, log, fleet } = service;
    await up(service);
    expect(fleet.ports()).toMatchObject({ free: 0, bound: 1 });
    asterisk.end(CALLER, 'StasisEnd', 'ChannelDestroyed');
    await log.said(`Cleaned up channel ${CALLER}`);
    expect(log.lines).toEqual([
      `StasisStart event received for channel ${CALLER}`,
      '[PortManager] INFO: Allocated port 10000',
      `[${CALLER}] INFO: Creating new RTP worker on port 10000`,
      `Created channel ${CALLER} with RTP port 10000`,
      `StasisEnd event received for channel ${CALLER}`,
      `[${CALLER}] INFO: RTP worker stopped`,
      '[PortManager] INFO: Released port 10000',
      `Cleaned up channel ${CALLER}`,
    ]);
    expect(fleet.ports()).toMatchObject({ total: 1, free: 1 });
    expect([asterisk.channels.size, asterisk.bridges.size]).toEqual([0, 0]);
    expect(fleet.call(CALLER)).toMatchObject({ state: 'ended', end_reason: 'caller hung up' });
    await up(service, 'next.1');
    expect(fleet.call('next.1')?.port).toBe(10_000);
  });

  it('relays for nobody but its peer and the echo, counts the others, and says so once', async () => {
    const service = await start();
    const { engine, peer, atPeer, fleet, log } = service;
    await up(service);
    const stranger = await bind();
    for (let i = 0; i < 3; i++) send(stranger, rtp(i, 66), engine.at(10_000));
    // Behind the stranger's in the same queue.
    send(peer, new Uint8Array([1, 2, 3]), engine.at(10_000));
    send(peer, rtp(1, 1), engine.at(10_000));
    await atPeer.received(1);
    expect(atPeer.packets.map(({ bytes }) => bytes)).toEqual([rtp(1, 1)]);
    expect(fleet.call(CALLER)?.counters).toMatchObject({ rejected_source: 3, malformed: 1, from_peer: 1, to_peer: 1 });
    expect(log.lines.filter((line) => line.includes('not relayed'))).toEqual([
      `[${CALLER}] WARN: Datagrams from 127.0.0.1:${stranger.local.port} are not relayed: the peer is 127.0.0.1:${peer.local.port}`,
    ]);
  });

  it('still gets the echoes that are on their way when the caller hangs up', async () => {
    const service = await start();
    const { asterisk, engine, peer, atPeer, fleet, log } = service;
    await up(service);
    asterisk.end(CALLER);
    await asterisk.asked('destroyBridge');
    send(peer, rtp(1, 1), engine.at(10_000));
    await atPeer.received(1);
    await log.said('Cleaned up channel');
    expect(fleet.call(CALLER)?.counters).toMatchObject({ sent: 1, returned: 1, in_flight: 0 });
    expect(fleet.metrics().counters).toMatchObject({ sent: 1, returned: 1 });
  });

  it('is not answered again when the dialplan has answered it', async () => {
    const { asterisk, log } = await start();
    asterisk.call(CALLER, 'Up');
    await log.said('Created channel');
    expect(asterisk.requests.some((request) => request.startsWith('answer'))).toBe(false);
  });
});

describe('a call that cannot be taken', () => {
  it('is refused before its answer when the ports are exhausted, and disturbs nobody', async () => {
    const service = await start({ ports: 1 });
    const { asterisk, log, fleet } = service;
    await up(service);
    asterisk.call('1756544841.214');
    await log.said('Cleaned up channel 1756544841.214');
    await log.said('StasisEnd');
    expect(log.lines.slice(4)).toEqual([
      'StasisStart event received for channel 1756544841.214',
      '[PortManager] ERROR: No ports available in range 10000-10000',
      'Failed to create channel 1756544841.214: failed to get RTP port: no ports available',
      'Cleaned up channel 1756544841.214',
      'StasisEnd event received for channel 1756544841.214',
    ]);
    expect(asterisk.requests).toContain('hangUp 1756544841.214 congestion');
    expect(fleet.metrics()).toMatchObject({ total_channels: 1, active_channels: 1, calls_refused: 1, calls_failed: 0 });
    expect(fleet.call(CALLER)?.state).toBe('up');
  });

  it('passes over a port that another process has', async () => {
    const service = await start();
    service.engine.foreign.add(10_000);
    await up(service);
    expect(service.log.lines).toContain('[PortManager] WARN: Port 10000 is in use by another process; passed over');
    expect(service.fleet.call(CALLER)?.port).toBe(10_001);
    expect(service.fleet.ports()).toMatchObject({ foreign: 1, bound: 1 });
  });

  it.each([
    ['createExternalMedia', 'cannot create the external media channel: no answer'],
    ['createBridge', 'cannot create the bridge: no answer'],
    ['addToBridge', 'cannot put both channels into the bridge: no answer'],
    ['answer', 'cannot answer: no answer'],
  ] as const)('is refused when %s fails, and nothing is left', async (request, message) => {
    const { asterisk, log, fleet } = await start();
    asterisk.failing.set(request, new AriFailure('timeout', 'no answer'));
    asterisk.call(CALLER);
    await log.said('Cleaned up channel');
    expect(log.lines).toContain(`Failed to create channel ${CALLER}: ${message}`);
    expect(asterisk.requests).toContain(`hangUp ${CALLER} congestion`);
    expect([asterisk.channels.size, asterisk.bridges.size, fleet.ports().free]).toEqual([0, 0, 2]);
    expect(fleet.metrics()).toMatchObject({ calls_failed: 1, calls_refused: 0 });
  });

  it('is refused when Asterisk does not say where it sends from', async () => {
    const { asterisk, log } = await start();
    asterisk.media = undefined;
    asterisk.call(CALLER);
    await log.said('Cleaned up channel');
    expect(log.count('UNICASTRTP_LOCAL_ADDRESS')).toBe(1);
    expect(asterisk.channels.size).toBe(0);
  });

  it('is refused when its set-up takes too long', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { asterisk, log, fleet } = await start();
    asterisk.startsExternals = false;
    asterisk.call(CALLER);
    await asterisk.asked('createBridge');
    vi.advanceTimersByTime(9_999);
    expect(log.count('Failed')).toBe(0);
    vi.advanceTimersByTime(1);
    await log.said('Cleaned up channel');
    expect(log.lines).toContain(`Failed to create channel ${CALLER}: set-up timed out`);
    expect([asterisk.channels.size, asterisk.bridges.size, fleet.ports().free]).toEqual([0, 0, 2]);
  });

  it('may be cancelled at any time', async () => {
    const { asterisk, log, fleet } = await start();
    asterisk.call(CALLER);
    await asterisk.asked('createExternalMedia');
    asterisk.end(CALLER);
    await log.said('Cleaned up channel');
    expect([asterisk.channels.size, asterisk.bridges.size, fleet.ports().free]).toEqual([0, 0, 2]);
  });

  it('is refused while there is no connection to Asterisk', async () => {
    const { session, log, fleet } = await start({ connected: false });
    session.event({ type: 'StasisStart', channel: { id: CALLER, name: 'PJSIP/a', state: 'Ring', inApplication: true } });
    await log.said('Cleaned up channel');
    expect(log.count('not connected to Asterisk')).toBe(1);
    expect(fleet.ports().free).toBe(2);
  });
});
