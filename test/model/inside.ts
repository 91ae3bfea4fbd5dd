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
  readonly $byCaller: ReadonlyMap<string, Call>;
  readonly $byExternal: ReadonlyMap<string, Call>;
  readonly $byBridge: ReadonlyMap<string, Call>;
}

function inside(session: AriSession): SessionInside {
  return session as unknown as SessionInside;
}

export function callsOf(session: AriSession): readonly Call[] {
  return [...inside(session).$byCaller.values()];
}

/** How many calls each of its three indexes holds. */
export function indexSizes(session: AriSession): readonly number[] {
  const { $byCaller, $byExternal, $byBridge } = inside(session);
  return [$byCaller.size, $byExternal.size, $byBridge.size];
}

interface FleetInside {
  readonly $pool: { readonly $spare: CallMemory[] };
}

/** The memory that no call is counted in. */
export function spareMemory(fleet: RelayFleet): CallMemory[] {
  return (fleet as unknown as FleetInside).$pool.$spare;
}
