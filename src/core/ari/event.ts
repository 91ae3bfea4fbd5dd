/**
 * What Asterisk sends as an event, reduced to what is used of it. JSON from elsewhere: a member may be missing or of another type than
 * the API description says, and what is no event of ours is none at all.
 */
import type { AriEvent, ChannelView, HangupCause } from './api.ts';

/** @param raw one event, parsed. @param app our application. @returns undefined for what is not for us, or not to be understood. */
export function readAriEvent(raw: unknown, app: string): AriEvent | undefined {
  const type = memberOf(raw, 'type');
  switch (type) {
    case 'StasisStart': {
      const channel = channelOf(raw, true);
      return channel === undefined || memberOf(raw, 'application') !== app ? undefined : { type, channel };
    }
    case 'StasisEnd':
    case 'ChannelDestroyed': {
      const channel = channelOf(raw, false);
      return channel === undefined ? undefined : { type, channel, ...causeOf(raw) };
    }
    case 'BridgeDestroyed': {
      const bridgeId = memberOf(memberOf(raw, 'bridge'), 'id');
      return isId(bridgeId) ? { type, bridgeId } : undefined;
    }
    default:
      return undefined;
  }
}

/** Without an id it cannot be told from others; its name and state are only shown, and compared. */
function channelOf(raw: unknown, inApplication: boolean): ChannelView | undefined {
  const channel = memberOf(raw, 'channel');
  const id = memberOf(channel, 'id');
  return isId(id) ? { id, name: textOf(memberOf(channel, 'name')), state: textOf(memberOf(channel, 'state')), inApplication } : undefined;
}

function causeOf(raw: unknown): { readonly cause?: HangupCause } {
  const number = memberOf(raw, 'cause');
  return typeof number === 'number' ? { cause: { number, text: textOf(memberOf(raw, 'cause_txt')) } } : {};
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
