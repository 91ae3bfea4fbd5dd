/** What of a call through ARI is taken down when its set-up ends at any step; calls with media are tried against real Asterisks. */
import { describe, expect, it } from 'vitest';
import { AriFailure } from '../../../src/core/ari/api.ts';
import type { AriDialApi, AriEvent, Origination } from '../../../src/core/ari/api.ts';
import { AriCall } from '../../../src/core/caller/ari-call.ts';
import type { CallOutcome } from '../../../src/core/caller/outcome.ts';
import { AudioCorrelator } from '../../../src/core/match/audio-correlator.ts';
import { MarkerBoard } from '../../../src/core/verdict/marker-board.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { FakeAsterisk } from '../../kit/fake-asterisk.ts';

const IDS = { near: 'x.near', far: 'x.far', leg: 'x.leg', bridge: 'x.bridge' };

/** Dials what rings until it is told otherwise. */
class FakeDialling extends FakeAsterisk implements AriDialApi {
  readonly dialled = Promise.withResolvers<Origination>();
  refusal: AriFailure | undefined;

  async originate(call: Origination): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    this.put(call.channelId, 'Down', 'Local/600@callers-1;1');
    this.dialled.resolve(call);
    await Promise.resolve();
  }
}

interface Scene {
  readonly asterisk: FakeDialling;
  readonly call: AriCall;
  readonly outcome: Promise<CallOutcome>;
}

function scene(prepare: (asterisk: FakeDialling) => void = () => undefined, ringTimeoutNs = 60e9): Scene {
  const asterisk = new FakeDialling((event: AriEvent) => {
    if (event.type === 'StasisStart') call.started(event.channel.id);
    else if (event.type !== 'BridgeDestroyed') call.gone(event.channel.id, event.cause ?? null);
  });
  asterisk.media = { address: '127.0.0.1', port: 20_000 };
  prepare(asterisk);
  const options = {
    ...({ count: 1, forNs: null, concurrency: 1, cps: 10, ringTimeoutNs, ptimeMs: 20, match: 'header', codec: 'PCMA' } as const),
    media: { durationNs: 10e9, timeoutNs: 2e9, lateThresholdNs: 3e6, seed: 1, bufferBytes: 65_536 },
  };
  const correlator = new AudioCorrelator();
  const media = {
    ...{ engine: createPortableEngine(), bindAddress: '127.0.0.1', options, correlator, board: new MarkerBoard(correlator) },
    pacing: () => {
      throw new Error('nothing is sent');
    },
    tally: { sent: () => undefined, received: () => undefined },
  };
  const call = new AriCall({ media, api: asterisk, options, endpoint: 'Local/600@callers', advertise: '127.0.0.1' }, 1, IDS);
  return { asterisk, call, outcome: call.run() };
}

function expectNothingLeft({ channels, bridges }: FakeDialling): void {
  expect([[...channels.keys()], [...bridges.keys()]]).toEqual([[], []]);
}

describe('a call through ARI that is never answered', () => {
  it('asks for the right things, and is stopped while it rings', async () => {
    const { asterisk, call, outcome } = scene();
    const asked = await asterisk.dialled.promise;
    expect(asked).toMatchObject({
      ...{ endpoint: 'Local/600@callers', channelId: 'x.near', otherChannelId: 'x.far', timeoutSeconds: 62, format: 'alaw' },
      // Ringing, media, the wait for the last packet, and a minute.
      variables: { 'TIMEOUT(absolute)': '132' },
    });
    expect(call.up).toBe(false);
    call.stop();
    expect(await outcome).toMatchObject({ problem: null, stopped: true, answeredMs: null, media: null, ari: { cause: null } });
    expectNothingLeft(asterisk);
  });

  it('is given up when nobody answers', async () => {
    const { asterisk, outcome } = scene(undefined, 1e6);
    expect(await outcome).toMatchObject({ problem: 'no answer within 1ms (see --ring-timeout)', stopped: false });
    expectNothingLeft(asterisk);
  });

  it('is refused by an event, with its cause', async () => {
    const { asterisk, call, outcome } = scene();
    await asterisk.dialled.promise;
    asterisk.channels.delete('x.near');
    call.gone('x.near', { number: 17, text: 'User busy' });
    expect(await outcome).toMatchObject({ problem: 'busy (Q.850 cause 17 "User busy")', cause: 'Q.850 cause 17 "User busy"' });
    expectNothingLeft(asterisk);
  });

  it('is refused by the answer to the request', async () => {
    const { asterisk, outcome } = scene((fake) => {
      fake.refusal = new AriFailure('refused', 'Allocation failed', 500);
    });
    const problem = 'Asterisk does not call Local/600@callers: Allocation failed (HTTP 500): is there such an endpoint?';
    expect(await outcome).toMatchObject({ problem });
    expectNothingLeft(asterisk);
  });

  it.each(['createExternalMedia', 'createBridge'] as const)('has no %s', async (request) => {
    const { asterisk, outcome } = scene((fake) => fake.failing.set(request, new AriFailure('timeout', 'no answer from Asterisk')));
    expect(await outcome).toMatchObject({ problem: 'Asterisk does not make a channel for our RTP: no answer from Asterisk' });
    // A request without an answer may have been carried out.
    expect(asterisk.requests).toEqual(expect.arrayContaining(['hangUp x.leg normal', 'destroyBridge x.bridge']));
    expectNothingLeft(asterisk);
  });

  it('is stopped before the channel of its RTP was there', async () => {
    const { asterisk, call, outcome } = scene((fake) => {
      fake.startsExternals = false;
    });
    await asterisk.asked('createBridge');
    call.stop();
    expect(await outcome).toMatchObject({ problem: null, stopped: true });
    expectNothingLeft(asterisk);
  });

  it('loses that channel, or the connection', async () => {
    const leg = scene();
    await leg.asterisk.dialled.promise;
    leg.asterisk.end('x.leg', 'ChannelDestroyed');
    expect(await leg.outcome).toMatchObject({ problem: 'Asterisk hung up the channel that carries our RTP' });
    const lost = scene();
    await lost.asterisk.dialled.promise;
    lost.call.refused('the event connection was closed');
    expect(await lost.outcome).toMatchObject({ problem: 'the connection to Asterisk was lost: the event connection was closed' });
  });

  it('ends though nothing can be taken down, and though Asterisk says nothing to that', async () => {
    const deaf = scene((fake) => {
      fake.failing.set('hangUp', new AriFailure('timeout', 'no answer'));
      fake.failing.set('destroyBridge', new AriFailure('lost', 'closed'));
    });
    await deaf.asterisk.dialled.promise;
    deaf.call.stop();
    expect(await deaf.outcome).toMatchObject({ stopped: true, problem: null });

    const silent = scene((fake) => {
      fake.hangUp = () => new Promise(() => undefined);
    });
    await silent.asterisk.dialled.promise;
    silent.call.stop();
    silent.call.abandon();
    expect(await silent.outcome).toMatchObject({ stopped: true });
  });
});
