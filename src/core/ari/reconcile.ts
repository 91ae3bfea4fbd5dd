/**
 * Brings what we believe and what Asterisk has together again, after a connection that was away: a killed Asterisk sends no
 * StasisEnd for the calls it lost, and the calls of a killed instance of ours live on with nobody to end them.
 */
import type { ChannelView } from './api.ts';
import { bridgePrefix, externalPrefix } from './ids.ts';

/** How Asterisk names external media channels; one that is not ours by its id is another program's, and no caller. */
export const EXTERNAL_TECHNOLOGY = 'UnicastRTP/';

export interface KnownCall {
  readonly callerId: string;
  readonly externalId: string;
  readonly bridgeId: string;
  /** Whether external channel and bridge had been confirmed, so that their absence means something. */
  readonly confirmed: boolean;
}

export interface Snapshot {
  readonly app: string;
  /** The calls that were known before Asterisk was asked: only of these can absence be judged. */
  readonly before: readonly KnownCall[];
  /** The calls that are known now: what belongs to one of these is no orphan. */
  readonly after: readonly KnownCall[];
  readonly channels: readonly ChannelView[];
  readonly bridgeIds: readonly string[];
}

export interface Discrepancies {
  /** Callers of ours that Asterisk no longer has. */
  readonly callersGone: readonly string[];
  /** Callers whose external media channel Asterisk no longer has. */
  readonly externalsGone: readonly string[];
  readonly bridgesGone: readonly string[];
  /** External media channels that belong to no call of ours. */
  readonly orphanExternals: readonly string[];
  /** Callers in our application that we know nothing of. Their StasisStart may still be on its way: look twice. */
  readonly orphanCallers: readonly string[];
  readonly orphanBridges: readonly string[];
}

export function findDiscrepancies(snapshot: Snapshot): Discrepancies {
  const channels = new Set(snapshot.channels.map((channel) => channel.id));
  const bridges = new Set(snapshot.bridgeIds);
  const callers = new Set(snapshot.after.map((call) => call.callerId));
  const externals = new Set(snapshot.after.map((call) => call.externalId));
  const ownBridges = new Set(snapshot.after.map((call) => call.bridgeId));
  const isExternal = (id: string): boolean => id.startsWith(externalPrefix(snapshot.app));

  // What ended while Asterisk was asked is no discrepancy.
  const judged = snapshot.before.filter((call) => callers.has(call.callerId));
  const present = judged.filter((call) => channels.has(call.callerId));
  return {
    callersGone: judged.filter((call) => !channels.has(call.callerId)).map((call) => call.callerId),
    externalsGone: present.filter((call) => call.confirmed && !channels.has(call.externalId)).map((call) => call.callerId),
    bridgesGone: present.filter((call) => call.confirmed && !bridges.has(call.bridgeId)).map((call) => call.callerId),
    orphanExternals: snapshot.channels.filter(({ id }) => isExternal(id) && !externals.has(id)).map(({ id }) => id),
    orphanCallers: snapshot.channels
      .filter(
        ({ id, name, inApplication }) => inApplication && !name.startsWith(EXTERNAL_TECHNOLOGY) && !isExternal(id) && !callers.has(id),
      )
      .map(({ id }) => id),
    orphanBridges: snapshot.bridgeIds.filter((id) => id.startsWith(bridgePrefix(snapshot.app)) && !ownBridges.has(id)),
  };
}
