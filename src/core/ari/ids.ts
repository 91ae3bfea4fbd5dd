/**
 * Names of the channels and bridges that we create in Asterisk. They say whose they are (`rtplat.APP.`), so that the next
 * instance of the same application can tell the leavings of a dead one from everything else, and two applications on one
 * Asterisk leave each other alone.
 */

/** Application names that fit into such a name: a dot would make `a` and `a.b` the same prefix. */
export function isApplicationName(text: string): boolean {
  if (text.length === 0 || text.length > 64) return false;
  for (const c of text) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c === '-' || c === '_')) return false;
  }
  return true;
}

export interface LegIds {
  readonly externalId: string;
  readonly bridgeId: string;
}

/** The serial of no call: the channel that only asks Asterisk something (`rtp-range.ts`) and is taken down by whoever asked. */
export const QUESTION_SERIAL = 0;

/** @param instance differs from run to run; `serial` from call to call, from 1. */
export function legIds(app: string, instance: string, serial: number): LegIds {
  return {
    externalId: `${externalPrefix(app)}${instance}.${serial}`,
    bridgeId: `${bridgePrefix(app)}${instance}.${serial}`,
  };
}

export function externalPrefix(app: string): string {
  return `rtplat.${app}.ext.`;
}

export function bridgePrefix(app: string): string {
  return `rtplat.${app}.bridge.`;
}
