import { describe, expect, it } from 'vitest';
import type { ChannelView } from '../../../src/core/ari/api.ts';
import { legIds } from '../../../src/core/ari/ids.ts';
import { findDiscrepancies } from '../../../src/core/ari/reconcile.ts';
import type { Discrepancies, KnownCall } from '../../../src/core/ari/reconcile.ts';

const APP = 'rtplat';
const OTHER_APP = 'rtplat-test';

function known(serial: number, confirmed = true): KnownCall {
  return { callerId: `caller${serial}`, ...legIds(APP, 'now', serial), confirmed };
}

function channel(id: string, inApplication = true): ChannelView {
  return { id, name: `PJSIP/${id}`, state: 'Up', inApplication };
}

interface Case {
  readonly what: string;
  readonly before?: readonly KnownCall[];
  readonly after?: readonly KnownCall[];
  readonly channels?: readonly ChannelView[];
  readonly bridges?: readonly string[];
  readonly found?: Partial<Discrepancies>;
}

const [one, two] = [known(1), known(2)];
const whole = (call: KnownCall): ChannelView[] => [channel(call.callerId), channel(call.externalId)];

const CASES: readonly Case[] = [
  { what: 'nothing on either side' },
  {
    what: 'two calls that are whole',
    before: [one, two],
    channels: [...whole(one), ...whole(two)],
    bridges: [one.bridgeId, two.bridgeId],
  },
  { what: 'Asterisk was killed', before: [one, two], found: { callersGone: ['caller1', 'caller2'] } },
  {
    what: 'a caller that is gone is told once, whatever else is gone with it',
    before: [one],
    bridges: [one.bridgeId],
    found: { callersGone: ['caller1'] },
  },
  {
    what: 'an external channel that died alone',
    before: [one],
    channels: [channel(one.callerId)],
    bridges: [one.bridgeId],
    found: { externalsGone: ['caller1'] },
  },
  { what: 'a bridge that is gone', before: [one], channels: whole(one), found: { bridgesGone: ['caller1'] } },
  { what: 'a call that is still being set up has neither yet', before: [known(1, false)], channels: [channel('caller1')] },
  {
    what: 'a caller that came while Asterisk was asked is not missed',
    before: [],
    after: [one],
    channels: [],
  },
  {
    what: 'a call that came while Asterisk was asked is no orphan',
    before: [],
    after: [one],
    channels: whole(one),
    bridges: [one.bridgeId],
  },
  {
    what: 'a call that ended while Asterisk was asked is no discrepancy',
    before: [one],
    after: [],
    channels: [],
  },
  {
    what: 'what a killed instance of ours left',
    channels: [channel('caller9'), channel(legIds(APP, 'killed', 9).externalId)],
    bridges: [legIds(APP, 'killed', 9).bridgeId],
    found: {
      orphanCallers: ['caller9'],
      orphanExternals: [legIds(APP, 'killed', 9).externalId],
      orphanBridges: [legIds(APP, 'killed', 9).bridgeId],
    },
  },
  {
    what: 'an external channel of ours that never reached the application',
    channels: [channel(legIds(APP, 'killed', 9).externalId, false)],
    found: { orphanExternals: [legIds(APP, 'killed', 9).externalId] },
  },
  {
    what: 'an external channel of another program in our application',
    channels: [{ ...channel('other.1'), name: 'UnicastRTP/192.0.2.1:5000-0x7f' }],
  },
  {
    what: 'what is other people’s',
    channels: [channel('1756544841.212', false), channel(legIds(OTHER_APP, 'x', 1).externalId, false), channel('rtplat.rtplat', false)],
    bridges: ['0c2f', legIds(OTHER_APP, 'x', 1).bridgeId, 'rtplat'],
  },
];

describe('findDiscrepancies', () => {
  it.each(CASES)('$what', ({ before = [], after = before, channels = [], bridges = [], found = {} }) => {
    expect(findDiscrepancies({ app: APP, before, after, channels, bridgeIds: bridges })).toEqual({
      callersGone: [],
      externalsGone: [],
      bridgesGone: [],
      orphanExternals: [],
      orphanCallers: [],
      orphanBridges: [],
      ...found,
    });
  });
});
