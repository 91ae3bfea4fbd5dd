/** What is private in the sources, as it is called once they are loaded by hooks.ts. */
import type { CallMachine } from '../../src/core/ari/call.ts';
import type { LegIds } from '../../src/core/ari/ids.ts';
import type { AriSession } from '../../src/core/ari/session.ts';
import type { RelayCall, RelayFleet } from '../../src/core/relay/fleet.ts';
import type { CallMemory } from '../../src/core/relay/numbers.ts';

export interface Call {
  readonly callerId: string;
  readonly ids: LegIds;
  readonly machine: CallMachine;
  readonly relay: RelayCall;
}

interface SessionInside {
  readonly _byCaller: ReadonlyMap<string, Call>;
  readonly _byExternal: ReadonlyMap<string, Call>;
  readonly _byBridge: ReadonlyMap<string, Call>;
}

function inside(session: AriSession): SessionInside {
  return session as unknown as SessionInside;
}

export function callsOf(session: AriSession): readonly Call[] {
  return [...inside(session)._byCaller.values()];
}

/** How many calls each of its three indexes holds. */
export function indexSizes(session: AriSession): readonly number[] {
  const { _byCaller, _byExternal, _byBridge } = inside(session);
  return [_byCaller.size, _byExternal.size, _byBridge.size];
}

interface FleetInside {
  readonly _pool: { readonly _spare: CallMemory[] };
}

/** The memory that no call is counted in. */
export function spareMemory(fleet: RelayFleet): CallMemory[] {
  return (fleet as unknown as FleetInside)._pool._spare;
}
