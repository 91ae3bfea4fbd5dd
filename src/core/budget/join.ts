/** Which call of a service is which call of ours. Pure. */
import type { ServiceCall } from '../report/read-metrics.ts';
import type { CallBudget } from '../report/budget.ts';

/** A call that we placed. */
export interface PlacedName {
  /** Of its SIP dialog; null where it was not placed by SIP. */
  readonly callId: string | null;
  /** Of its channel in the service, where we chose that name; null where nobody did. */
  readonly channelId: string | null;
}

export interface Joined {
  readonly call: ServiceCall | null;
  readonly by: CallBudget['joined_by'];
  /** Why not, one phrase; null where it is joined. */
  readonly problem: string | null;
}

/**
 * @param calls of ours, those that were answered.
 * @param there calls that the service took during the run, whoever placed them.
 * @returns for each of ours, in order.
 */
export function joinCalls(calls: readonly PlacedName[], there: readonly ServiceCall[]): readonly Joined[] {
  const byChannel = new Map(there.map((call) => [call.id, call]));
  const byCallId = Map.groupBy(there, (call) => call.sip_call_id ?? null);
  return calls.map(({ callId, channelId }) => {
    const channel = channelId === null ? undefined : byChannel.get(channelId);
    if (channel !== undefined) return { call: channel, by: 'channel', problem: null };
    const [call, another] = callId === null ? [] : (byCallId.get(callId) ?? []);
    if (another !== undefined) return notJoined('several calls of the service have its Call-ID');
    if (call !== undefined) return { call, by: 'call-id', problem: null };
    const [only, ...more] = there;
    if (only === undefined) return notJoined('the service took no call');
    // A Call-ID that is another's: somebody else called, or something between made a call of its own.
    if (only.sip_call_id != null) return notJoined('the calls of the service have other Call-IDs');
    if (calls.length === 1 && more.length === 0) return { call: only, by: 'only', problem: null };
    return notJoined('the service does not know its Call-ID, and there was more than one call');
  });
}

function notJoined(problem: string): Joined {
  return { call: null, by: null, problem };
}
