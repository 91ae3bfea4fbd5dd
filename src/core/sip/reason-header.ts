/** The Reason header (RFC 3326): why a call ended, by the words of a network behind the SIP peer. Pure. */
import type { SipMessage } from './message.ts';
import { parseDecimal, Scanner } from './scanner.ts';

export interface Cause {
  /** `Q.850`, `SIP`, as the peer wrote it; a token. */
  readonly protocol: string;
  readonly cause: number | null;
  /** The peer's own words: to be escaped before they are shown. */
  readonly text: string | null;
}

const MOST_CAUSE = 999;

/** The first value that can be read, one of Q.850 rather than another; null without. */
export function causeOf(message: SipMessage): Cause | null {
  const causes = message.headers.values('Reason').flatMap((value) => parseCause(value) ?? []);
  return causes.find(({ protocol }) => protocol.toUpperCase() === 'Q.850') ?? causes[0] ?? null;
}

function parseCause(value: string): Cause | undefined {
  const scanner = new Scanner(value);
  const protocol = scanner.token();
  const params = scanner.parameters();
  if (protocol === '' || params === undefined) return undefined;
  return { protocol, cause: parseDecimal(params.get('cause') ?? '', MOST_CAUSE) ?? null, text: params.get('text') ?? null };
}
