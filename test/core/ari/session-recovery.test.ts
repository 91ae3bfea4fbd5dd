import { afterEach, describe, expect, it, vi } from 'vitest';
import { AriFailure } from '../../../src/core/ari/api.ts';
import { legIds } from '../../../src/core/ari/ids.ts';
import { FakeAsterisk } from '../../kit/fake-asterisk.ts';
import { APP, CALLER, closeAll, rtp, send, start, up } from './session-kit.ts';

afterEach(async () => {
  vi.useRealTimers();
  await closeAll();
});

describe('parts that break away', () => {
  it('end the call: the caller is not left in dead air', async () => {
    const service = await start();
    const { asterisk, log, fleet } = service;
    await up(service, 'one.1');
    await up(service, 'two.2');
    asterisk.end(legIds(APP, 'now', 1).externalId, 'StasisEnd', 'ChannelDestroyed');
    asterisk.loseBridge(legIds(APP, 'now', 2).bridgeId);
    await Promise.all([log.said('Cleaned up channel one.1'), log.said('Cleaned up channel two.2')]);
    expect(asterisk.requests).toContain('hangUp one.1 normal');
    expect(asterisk.requests).toContain('hangUp two.2 normal');
    expect([asterisk.channels.size, asterisk.bridges.size, fleet.ports().free]).toEqual([0, 0, 2]);
  });

  it('are none of ours when another program made them', async () => {
    const { asterisk, log, session } = await start();
    asterisk.call('other.1', 'Up', 'UnicastRTP/192.0.2.1:5000-0x7f');
    await log.said('left alone');
    expect(session.activeCalls).toBe(0);
    expect(asterisk.requests.some((request) => request.startsWith('hangUp'))).toBe(false);
  });

  it('are taken down when they come after their call has been given up', async () => {
    const { asterisk, session } = await start();
    const { externalId } = legIds(APP, 'now', 77);
    asterisk.put(externalId);
    session.event({ type: 'StasisStart', channel: asterisk.channels.get(externalId)! });
    await asterisk.asked(`hangUp ${externalId} normal`);
    expect(asterisk.channels.size).toBe(0);
  });
});

describe('after the connection was away', () => {
  it('calls that a killed Asterisk lost give their ports back, without any StasisEnd', async () => {
    const service = await start();
    const { session, log, fleet } = service;
    await up(service, 'one.1');
    await up(service, 'two.2');
    session.disconnected();
    const restarted = new FakeAsterisk((event) => session.event(event));
    restarted.media = service.asterisk.media;
    session.connected(restarted);
    await Promise.all([log.said('Cleaned up channel one.1'), log.said('Cleaned up channel two.2')]);
    expect(log.count('StasisEnd')).toBe(0);
    expect(fleet.ports()).toMatchObject({ total: 2, free: 2 });
    expect(log.lines.find((line) => line.startsWith('Reconciled'))).toContain('2 calls of ours');
    restarted.call('three.3');
    await log.said('Created channel three.3');
  });

  it('calls that Asterisk still has stay up, and their ports theirs', async () => {
    const service = await start();
    const { session, asterisk, engine, peer, atPeer, log } = service;
    await up(service);
    session.disconnected();
    send(peer, rtp(1, 1), engine.at(10_000));
    await atPeer.received(1);
    asterisk.requests.length = 0;
    session.connected(asterisk);
    await asterisk.asked('listBridgeIds');
    send(peer, rtp(2, 2), engine.at(10_000));
    await atPeer.received(2);
    expect(session.activeCalls).toBe(1);
    expect(log.count('Reconciled')).toBe(0);
  });

  it('a call that lost its external leg meanwhile is ended', async () => {
    const service = await start();
    const { session, asterisk, log } = service;
    await up(service);
    session.disconnected();
    asterisk.channels.delete(legIds(APP, 'now', 1).externalId);
    session.connected(asterisk);
    await log.said('Cleaned up channel');
    expect(asterisk.requests).toContain(`hangUp ${CALLER} normal`);
    expect(asterisk.bridges.size).toBe(0);
  });

  it('a call that ended while there was no connection leaves its parts to the next look', async () => {
    const service = await start();
    const { session, asterisk, log, fleet } = service;
    await up(service);
    session.disconnected();
    session.event({ type: 'StasisEnd', channel: { id: CALLER, name: '', state: 'Up', inApplication: false } });
    await log.said('Cleaned up channel');
    expect(fleet.ports().free).toBe(2);
    asterisk.channels.delete(CALLER);
    expect([asterisk.channels.size, asterisk.bridges.size]).toEqual([1, 1]);
    session.connected(asterisk);
    await asterisk.asked('destroyBridge');
    expect([asterisk.channels.size, asterisk.bridges.size]).toEqual([0, 0]);
  });

  it('a call that is ending anyway is not news', async () => {
    const service = await start();
    const { session, asterisk, log } = service;
    await up(service);
    asterisk.end(CALLER);
    await asterisk.asked('destroyBridge');
    session.disconnected();
    asterisk.requests.length = 0;
    session.connected(asterisk);
    await asterisk.asked('listBridgeIds');
    await log.said('Cleaned up channel');
    expect(log.count('Reconciled')).toBe(0);
  });

  it('what a killed instance left is taken down, its callers only at the second look', async () => {
    const { session, asterisk, log } = await start({ connected: false });
    const left = legIds(APP, 'killed', 5);
    asterisk.put('caller.9');
    asterisk.put(left.externalId);
    asterisk.bridges.set(left.bridgeId, []);
    asterisk.channels.set('other.1', { id: 'other.1', name: 'PJSIP/other', state: 'Up', inApplication: false });
    session.connected(asterisk);
    await asterisk.asked('hangUp caller.9');
    expect(asterisk.requests).toEqual([
      'listChannels',
      'listBridgeIds',
      `hangUp ${left.externalId} normal`,
      `destroyBridge ${left.bridgeId}`,
      'listChannels',
      'listBridgeIds',
      'hangUp caller.9 normal',
    ]);
    expect(log.count('left by an earlier instance')).toBe(2);
  });

  it('a caller whose StasisStart was on its way is no orphan', async () => {
    const { session, asterisk, log } = await start({ connected: false });
    asterisk.put('late.1', 'Ring');
    session.connected(asterisk);
    await asterisk.asked('listBridgeIds');
    asterisk.call('late.1');
    await log.said('Created channel late.1');
    const looks = asterisk.requests.filter((request) => request === 'listChannels').length;
    const another = Promise.withResolvers<void>();
    asterisk.listing = another.resolve;
    await another.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(asterisk.requests.filter((request) => request === 'listChannels').length).toBe(looks + 1);
    expect(asterisk.requests.some((request) => request.startsWith('hangUp'))).toBe(false);
    expect(session.activeCalls).toBe(1);
  });

  it('a look that fails is repeated, and said', async () => {
    const { session, asterisk, log } = await start({ connected: false });
    asterisk.failing.set('listChannels', new AriFailure('timeout', 'no answer'));
    session.connected(asterisk);
    await log.said('Cannot compare calls with Asterisk: no answer');
    asterisk.failing.clear();
    asterisk.bridges.set(legIds(APP, 'killed', 5).bridgeId, []);
    await asterisk.asked('destroyBridge');
  });

  it('a look that fails because its connection is gone keeps nothing waiting', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { session, asterisk, log } = await start({ connected: false });
    asterisk.failing.set('listChannels', new AriFailure('lost', 'connection lost'));
    session.connected(asterisk);
    session.disconnected();
    await new Promise((resolve) => setImmediate(resolve));
    expect(vi.getTimerCount()).toBe(0);
    expect(log.lines).toEqual([]);
  });
});

describe('shutdown', () => {
  it('ends every call, takes no new one, and leaves nothing', async () => {
    const service = await start();
    const { session, asterisk, fleet, log } = service;
    await up(service, 'one.1');
    asterisk.startsExternals = false;
    asterisk.call('two.2');
    await asterisk.asked(`createBridge ${legIds(APP, 'now', 2).bridgeId}`);
    await session.shutdown();
    expect(asterisk.requests).toContain('hangUp one.1 normal');
    expect(asterisk.requests).toContain('hangUp two.2 congestion');
    expect([asterisk.channels.size, asterisk.bridges.size, fleet.ports().free, session.activeCalls]).toEqual([0, 0, 2, 0]);
    asterisk.call('three.3');
    await log.said('Cleaned up channel three.3');
    expect(log.lines).toContain('Failed to create channel three.3: failed to get RTP port: the service is stopping');
    expect(asterisk.requests).toContain('hangUp three.3 congestion');
  });

  it('settles at once when there is no call', async () => {
    const { session } = await start();
    await session.shutdown();
    expect(session.activeCalls).toBe(0);
  });

  it.each(['unanswered', 'gone'])('settles, with every port free, when Asterisk is %s', async (how) => {
    const service = await start();
    const { session, asterisk, fleet, log } = service;
    await up(service, 'one.1');
    await up(service, 'two.2');
    if (how === 'gone') session.disconnected();
    for (const request of ['hangUp', 'destroyBridge'] as const)
      asterisk.failing.set(request, new AriFailure('timeout', 'no answer within 5 s'));
    await session.shutdown();
    expect(fleet.ports()).toMatchObject({ total: 2, free: 2 });
    expect(log.count('Cannot take down')).toBe(how === 'gone' ? 0 : 6);
  });

  it('gives the calls up without a request when another program took them over', async () => {
    const service = await start();
    const { session, asterisk, fleet, log } = service;
    await up(service);
    asterisk.requests.length = 0;
    session.disconnected();
    session.abandon('taken over');
    await log.said('Cleaned up channel');
    expect(asterisk.requests).toEqual([]);
    expect(fleet.ports().free).toBe(2);
    expect(fleet.call(CALLER)?.end_reason).toBe('taken over');
  });
});
