/** Calls by SIP: what they share, and how one is made. */
import type { CallLine } from './line.ts';
import type { CallerOptions } from './options.ts';
import { PlacedCall } from './placed-call.ts';
import { Signalling } from './signalling.ts';
import type { SignallingOptions } from './signalling.ts';

/** @throws RtplatError `network` when the far end has no address, or takes no connection; `bind`. */
export async function openSipLine(parts: Omit<SignallingOptions, 'target'>, options: CallerOptions): Promise<CallLine> {
  const signalling = await Signalling.open({ ...parts, target: options.target });
  return {
    bindAddress: signalling.bindAddress,
    onRefused: (listener) => signalling.onRefused((why) => listener(why, false)),
    call: (media, number) => new PlacedCall({ ...media, signalling, options }, number),
    close: () => signalling.stop(),
  };
}
