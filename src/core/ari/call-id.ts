/** The name by which the caller of a SIP call knows it: Asterisk tells the Call-ID of a channel by a dialplan function. */
import { escapeControl } from '../values/terminal.ts';
import { AriFailure } from './api.ts';
import type { AriApi, ChannelView } from './api.ts';

/** Of `res_pjsip`; other technologies have no such function. */
const TECHNOLOGY = 'PJSIP/';
const EXPRESSION = 'CHANNEL(pjsip,call-id)';
/** Those that are longer are cut: nobody makes them so. */
const MOST_CHARACTERS = 256;

/** @returns null where the channel is no SIP call, is gone, or Asterisk does not say. Escaped, and of bounded length: it is a peer's text. */
export async function callIdOf(api: AriApi, { id, name }: ChannelView): Promise<string | null> {
  if (!name.startsWith(TECHNOLOGY)) return null;
  try {
    const value = await api.channelVariable(id, EXPRESSION);
    return value === undefined || value === '' ? null : knownAs(value);
  } catch (error) {
    if (error instanceof AriFailure) return null;
    throw error;
  }
}

/** A Call-ID as services show it. */
export function knownAs(callId: string): string {
  return escapeControl(callId.slice(0, MOST_CHARACTERS));
}
