import { describe, expect, it, test } from 'vitest';
import { readAriEvent } from '../../../src/core/ari/event.ts';

const channel = { id: '1.2', name: 'PJSIP/alice-1', state: 'Ring' };

describe('an event of Asterisk', () => {
  it('of a caller of our application is one', () => {
    expect(readAriEvent({ type: 'StasisStart', application: 'rtplat', channel }, 'rtplat')).toEqual({
      type: 'StasisStart',
      channel: { ...channel, inApplication: true },
    });
  });

  it('of a channel that ended has its cause, where Asterisk gives one', () => {
    const ended = { ...channel, inApplication: false };
    expect(readAriEvent({ type: 'ChannelDestroyed', channel, cause: 17, cause_txt: 'User busy' }, 'rtplat')).toEqual({
      type: 'ChannelDestroyed',
      channel: ended,
      cause: { number: 17, text: 'User busy' },
    });
    expect(readAriEvent({ type: 'StasisEnd', channel }, 'rtplat')).toEqual({ type: 'StasisEnd', channel: ended });
  });

  it('of a bridge names it', () => {
    expect(readAriEvent({ type: 'BridgeDestroyed', bridge: { id: 'b' } }, 'rtplat')).toEqual({ type: 'BridgeDestroyed', bridgeId: 'b' });
  });

  it('of another application is none', () => {
    expect(readAriEvent({ type: 'StasisStart', application: 'other', channel }, 'rtplat')).toBeUndefined();
  });
});

// What would have thrown in the session, and ended the service with it.
test.each([
  ['nothing', null],
  ['a list', []],
  ['a text', 'StasisStart'],
  ['a type that nobody knows', { type: 'ChannelVarset', channel }],
  ['a channel without an id', { type: 'StasisEnd', channel: { name: 'x' } }],
  ['a channel whose id is a number', { type: 'ChannelDestroyed', channel: { ...channel, id: 5 } }],
  ['a channel whose id is empty', { type: 'ChannelDestroyed', channel: { ...channel, id: '' } }],
  ['a channel that is a text', { type: 'StasisEnd', channel: 'x' }],
  ['a bridge without an id', { type: 'BridgeDestroyed', bridge: {} }],
  ['no bridge', { type: 'BridgeDestroyed' }],
])('%s is no event', (_, raw) => {
  expect(readAriEvent(raw, 'rtplat')).toBeUndefined();
});

test('a name and a state that are no texts are empty', () => {
  expect(readAriEvent({ type: 'StasisEnd', channel: { id: '1', name: 7, state: null } }, 'rtplat')).toEqual({
    type: 'StasisEnd',
    channel: { id: '1', name: '', state: '', inApplication: false },
  });
});
